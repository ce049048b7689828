"""Posterior densities of a result: those that were kept, and that of a whole grid of two axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from scanengine.driver.marginals import Summing
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.marginals import Marginal, Marginals, trapezoid

if TYPE_CHECKING:
    from scanengine.store import StoredResult

_SAME, _SMALL = 1e-8, 1 << 20

_NEAR = 30.0
"""Delta chi2 up to which a density is not negligible."""


def marginal(
    axes: Sequence[Axis], found: Marginals | None, names: Sequence[str], plane: Callable[[], FloatArray]
) -> Marginal:
    """Return the posterior density over one axis or two, in the order of their names.

    Of two axes `plane` gives chi2. Raises InputError where none were asked for.
    """
    if found is None:
        raise InputError("this scan has no posterior densities: run it with output.marginals = true")
    by_name = {axis.name: axis for axis in axes}
    shown = tuple(by_name[name] for name in names)
    integrated = tuple(axis.name for axis in axes if axis.name not in names)
    if len(names) == 1:
        return Marginal(shown, found.lines[names[0]], found.half_lines[names[0]], integrated, found.omitted)
    ordered = (
        (names[0], names[1]) if list(by_name).index(names[0]) < list(by_name).index(names[1]) else tuple(names[::-1])
    )
    pair = ordered[0], ordered[1]
    if len(axes) == 2:  # of which none is integrated over
        volume = float(np.prod([trapezoid(axis.values).sum() for axis in axes]))
        density = half = np.exp(-0.5 * plane() - found.log_mean) / volume
    else:
        density, half = found.planes[pair], found.half_planes[pair]
    if pair != tuple(names):
        density, half = density.T, half.T
    return Marginal(shown, density, half, integrated, found.omitted)


class GridSums:
    """The marginals of a file taken again from its grid, part by part."""

    def __init__(self, stored: StoredResult) -> None:
        self._stored = stored
        self._summing = Summing(stored.axes, stored.profiles.minimum, compiled=prod(stored.shape) > _SMALL)
        self._sums = self._summing.running()
        self._points = 0

    def look(self, start: tuple[int, ...], values: FloatArray) -> None:
        """Add a part of the grid."""
        self._summing.add(self._sums, self._summing.of_tile(np.ascontiguousarray(values), start))
        self._points += values.size

    def differences(self) -> list[str]:
        """Return how the marginals of the file differ from those of its grid."""
        kept = self._stored.profiles.marginals
        assert kept is not None
        assert self._points == prod(self._stored.shape)
        # chi2 was rounded when it was stored: where a density is not negligible it lies near the minimum
        rounded = self._stored.relative_rounding * (abs(self._stored.profiles.minimum) + _NEAR)
        return differences(kept, self._summing.marginals(self._sums, self._sums.tiles), rounded)


def differences(kept: Marginals, found: Marginals, rounded: float = 0.0) -> list[str]:
    """Return how marginals differ from those found anew, of a chi2 that was rounded by so much."""
    pairs = [(name, kept.lines[name], found.lines[name]) for name in kept.lines]
    pairs += [(" and ".join(pair), kept.planes[pair], found.planes[pair]) for pair in kept.planes]
    pairs += [(f"half of {name}", kept.half_lines[name], found.half_lines[name]) for name in kept.half_lines]
    pairs += [(f"half of {' and '.join(p)}", kept.half_planes[p], found.half_planes[p]) for p in kept.half_planes]
    means = ("log_mean", np.array(kept.log_mean), np.array(found.log_mean))
    half_means = ("log_mean_half", np.array(kept.log_mean_half), np.array(found.log_mean_half))
    return [
        f"its marginal, {name}, is off by up to {np.max(np.abs(theirs - ours)):.3g}"
        for name, theirs, ours in (*pairs, means, half_means)
        if not np.array_equal(theirs, ours)
        and not np.max(np.abs(theirs - ours)) <= (_SAME + rounded) * np.max(np.abs(ours))
    ]
