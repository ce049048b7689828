"""How the minima of a grid over its planes and lines lie in memory while it is scanned, and as profiles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

import numpy as np

from scanengine.errors import RunError
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles, RunningMinima
from scanengine_kernels.grids import LANES, LineMinima, PlaneMinima


class GridMinima:
    """Where the minima over each plane and line of a grid lie in two flat arrays.

    Of two axes the one plane is the grid itself, and may be left out.
    """

    def __init__(self, axes: Sequence[Axis], *, keep_planes: bool) -> None:
        self._axes = tuple(axes)
        self.shape = tuple(axis.values.size for axis in axes)
        self._pairs = list(combinations(range(len(axes)), 2)) if keep_planes or len(axes) > 2 else []
        self._plane_offsets = np.zeros((len(axes), len(axes)), dtype=np.int64)
        self.plane_points = 0
        for a, b in self._pairs:
            self._plane_offsets[a, b] = self.plane_points
            self.plane_points += self.shape[a] * self.shape[b]
        self._line_offsets = np.concatenate(([0], np.cumsum(self.shape)))

    def planes(self) -> PlaneMinima:
        """Return planes over nothing yet."""
        return PlaneMinima(np.array(self.shape), self._plane_offsets, np.full(self.plane_points + LANES, np.inf))

    def lines(self) -> LineMinima:
        """Return lines over nothing yet."""
        return LineMinima(self._line_offsets, np.full(sum(self.shape), np.inf))

    def running(self) -> RunningMinima:
        """Return minima over nothing yet."""
        return RunningMinima(np.full(self.plane_points, np.inf), self.lines().values)

    def profiles(self, running: RunningMinima, *, of_squares: bool) -> Profiles:
        """Return minima of the whole grid as profiles; `of_squares`, those of a chi2 that is negative by rounding only.

        Raises RunError if no chi2 is a number.
        """
        if not np.isfinite(running.best):
            raise RunError("chi2 is not a number anywhere on the grid")
        lowest = np.maximum(running.planes, 0.0) if of_squares else running.planes
        names = [axis.name for axis in self._axes]
        planes = {}
        for a, b in self._pairs:
            first, shape = self._plane_offsets[a, b], (self.shape[a], self.shape[b])
            planes[names[a], names[b]] = lowest[first : first + prod(shape)].reshape(shape)
        lines = {}
        for a, name in enumerate(names):
            if len(names) < 3:
                lines[name] = running.lines[self._line_offsets[a] : self._line_offsets[a + 1]]
            elif a == 0:
                lines[name] = planes[name, names[1]].min(axis=1)
            else:
                lines[name] = planes[names[0], name].min(axis=0)
        return Profiles(
            minimum=running.best,
            best_fit=tuple(float(axis.values[i]) for axis, i in zip(self._axes, running.best_index, strict=True)),
            lines=lines,
            planes=planes,
        )
