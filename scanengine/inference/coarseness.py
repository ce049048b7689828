"""How far a grid's own minima over its hidden axes miss chi2: by the parabola through the points beside each of them.

A valley that is narrow beside the grid's steps is met by some points and missed by others, and a profile taken from
these goes up and down where chi2 does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

import numpy as np

from scanengine.chi2.evaluator import Evaluator
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles

HIGHEST = 30.0
"""Delta chi2 up to which a profile is looked at: five standard deviations and some more."""

_MOST_CELLS = 48
_MOST_HIDDEN_POINTS = 200_000
_SAME_CHI2 = 1e-6
_STENCIL = 3


def grid_errors(
    evaluator: Evaluator, axes: Sequence[Axis], profiles: Profiles, most_points: float = np.inf
) -> dict[str, FloatArray]:
    """Return for each axis what the grid's own profile misses, at some cells with Delta chi2 up to `HIGHEST`.

    A row (3 + axes,) has the Delta chi2 from which on the cell matters to an interval, being in it or beside it; that
    of the cell; by how much it is too high, or too low; and for each axis the curvature of chi2 per squared step, in
    the cell or at the best fit. For two axes or more as many cells are looked at as `most_points` evaluations allow.
    """
    best = [int(np.argmin(np.abs(axis.values - x))) for axis, x in zip(axes, profiles.best_fit, strict=True)]
    n = len(axes)
    of_minimum, steepness = _missed(evaluator, axes, best, range(n))
    found = {}
    for a, axis in enumerate(axes):
        if axis.name not in profiles.lines:
            continue
        line = profiles.lines[axis.name]
        delta = line - profiles.minimum
        beside = np.pad(np.where(np.isnan(delta), np.inf, delta), 1, constant_values=np.inf)
        matters = np.minimum.reduce([beside[:-2], beside[1:-1], beside[2:]])
        cells = np.flatnonzero((matters <= HIGHEST) & np.isfinite(delta))
        most = int(max(4, min(_MOST_CELLS, most_points // max(1, prod(v.values.size for v in axes) // line.size))))
        if cells.size > most:
            cells = cells[np.linspace(0, cells.size - 1, most).round().astype(int)]
        rows = []
        for i in cells.tolist():
            place = _place(evaluator, axes, profiles, a, i) if n > 1 else [i]
            if place is None:
                continue
            missed, bends = _missed(evaluator, axes, place, [b for b in range(n) if b != a])
            rows.append([matters[i], max(delta[i], 0.0), abs(missed - of_minimum), *np.maximum(bends, steepness)])
        if rows:
            found[axis.name] = np.array(rows)
    return found


def _place(evaluator: Evaluator, axes: Sequence[Axis], profiles: Profiles, along: int, cell: int) -> list[int] | None:
    """Return the grid point that gives an axis' profile its value in a cell, if it is found.

    Its place on another axis is where the plane of the two is as low; on axes without planes all points are tried.
    """
    planes = _Planes(axes, profiles)
    place = {along: cell}
    for b in range(len(axes)):
        rows = [row for c, i in place.items() if c != b and (row := planes.row(c, i, b)) is not None]
        if b != along and rows:
            place[b] = int(np.argmin(np.maximum.reduce(rows)))
    left = [b for b in range(len(axes)) if b not in place]
    if prod(axes[b].values.size for b in left) > _MOST_HIDDEN_POINTS:
        return None
    values = [axis.values if b in left else axis.values[place[b] : place[b] + 1] for b, axis in enumerate(axes)]
    chi2 = np.empty([v.size for v in values])
    evaluator.fill(values, chi2)
    lowest = np.unravel_index(int(np.argmin(np.where(np.isnan(chi2), np.inf, chi2))), chi2.shape)
    line = float(profiles.lines[axes[along].name][cell])
    if not chi2[lowest] <= line + _SAME_CHI2 * (1.0 + abs(line)):
        return None  # several points are as low, and the planes tell of different ones
    return [place[b] if b in place else int(lowest[b]) for b in range(len(axes))]


class _Planes:
    """The planes that a scan has kept, by the numbers of their axes."""

    def __init__(self, axes: Sequence[Axis], profiles: Profiles) -> None:
        names = [axis.name for axis in axes]
        self._planes = {
            (a, b): plane
            for a, b in combinations(range(len(names)), 2)
            if (plane := profiles.planes.get((names[a], names[b]))) is not None
        }

    def row(self, c: int, i: int, b: int) -> FloatArray | None:
        """Return the plane's values along axis b where axis c has its value i."""
        if (c, b) in self._planes:
            row: FloatArray = self._planes[c, b][i]
            return row
        return self._planes[b, c][:, i] if (b, c) in self._planes else None


def _missed(
    evaluator: Evaluator, axes: Sequence[Axis], place: Sequence[int], over: Sequence[int]
) -> tuple[float, FloatArray]:
    """Return how much lower chi2 is beside a grid point than there, minimised over some axes, by the parabola through
    its neighbours; and for each axis the curvature per squared step.
    """
    n = len(axes)
    curvature = np.zeros(n)
    slopes: dict[int, FloatArray] = {}
    bends = {}
    values = [axis.values[i : i + 1] for axis, i in zip(axes, place, strict=True)]
    centre = [0] * n
    for b in over:
        axis, i = axes[b], place[b]
        size = axis.values.size
        if size < _STENCIL or (axis.even and axis.values[i] == 0.0):
            continue
        first = min(max(i - 1, 0), size - _STENCIL)
        values[b], centre[b] = axis.values[first : first + _STENCIL], i - first
        slopes[b] = np.array([[-1.5, 2.0, -0.5], [-0.5, 0.0, 0.5], [0.5, -2.0, 1.5]][centre[b]])
        bends[b] = np.array([1.0, -2.0, 1.0])
    free = list(slopes)
    if not free:
        return 0.0, curvature
    chi2 = np.empty([v.size for v in values])
    evaluator.fill(values, chi2)
    if not np.all(np.isfinite(chi2)):
        return 0.0, curvature

    def derivative(*along: tuple[int, FloatArray]) -> float:
        line = chi2
        weights = dict(along)
        for b in reversed(range(n)):
            line = line @ weights[b] if b in weights else line[..., centre[b]]
        return float(line)

    for b in free:
        curvature[b] = max(0.0, derivative((b, bends[b])))
    # beyond an end of an axis there is nothing to be missed
    inward = {0: 1.0, _STENCIL - 1: -1.0}
    free = [b for b in free if centre[b] == 1 or derivative((b, slopes[b])) * inward[centre[b]] < 0.0]
    if not free:
        return 0.0, curvature
    g = np.array([derivative((b, slopes[b])) for b in free])
    H = np.diag([derivative((b, bends[b])) for b in free])
    for k, m in combinations(range(len(free)), 2):
        H[k, m] = H[m, k] = derivative((free[k], slopes[free[k]]), (free[m], slopes[free[m]]))
    sizes, directions = np.linalg.eigh(H)
    # by one step at most, as far as the parabola holds
    down = np.abs(directions.T @ g)
    step = np.minimum(1.0, np.divide(down, sizes, out=np.ones(down.size), where=sizes > down))
    return float(np.sum(step * (down - 0.5 * np.maximum(sizes, 0.0) * step))), curvature
