"""Skipping for chi2 of counts, and with nuisances: the tiles of a grid that hold no point near the minimum.

Boxes of tiles are bounded from below, level by level, and halved where that does not rule them out: between tiles, and
then a few times within one. A tile that is left out is proven to lie above; one that is kept may do so as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.bounded import Bounded, Decided
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.driver.skipping import low_point
from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.grid.tiling import SomeTiles, Tiling

_MARGIN = 1e-8
"""Relative to 1 + chi2: what the evaluators promise of their own rounding, and of the minimum over nuisances."""

_TILE_POINTS = {Cost.POLYNOMIALS: 1 << 13, Cost.LINEAR_SYSTEM: 1 << 12, Cost.ITERATION: 1 << 7}
_FEWEST_POINTS, _NUMBERS = 1 << 6, 1 << 18
"""A tile takes as long as some bounds of it: the more numbers a point takes, the fewer points it has."""

_LOOK_POINTS, _FEWEST_LOOKS = 4096, 64
"""Points of the grid that are looked at for the lowest chi2, of each part some."""

_SHORTEST_LINE = 4
_MOST_HALVINGS = 4
"""A tile that is not ruled out in so many halves of halves is visited."""

_TOGETHER = 64
"""Boxes that a thread decides in one call."""


def bounded_tiles_of_each(
    delta_chi2_max: float,
    parts: Sequence[tuple[ScanEvaluator, Sequence[Axis]]],
    most_tiles: int,
    threads: int = 1,
) -> list[SomeTiles] | None:
    """Return the tiles of each part of a grid, of one shape but with a chi2 and axes of its own, that may hold a point
    with Delta chi2 <= delta_chi2_max; None if there were more tiles than that to be bounded.

    Delta chi2 counts from the lowest grid point of all parts, or from a higher one: what is found does not depend on
    the number of threads.
    """
    looks = max(_FEWEST_LOOKS, _LOOK_POINTS // len(parts))
    lowest = [low_point(evaluator, axes, looks) for evaluator, axes in parts]
    tiling = fitting_tiling(*parts[0], lowest[0][1])
    if tiling.number * len(parts) > most_tiles:
        return None
    cutoff = min(chi2 for chi2, _ in lowest) + delta_chi2_max
    cutoff += _MARGIN * (1.0 + cutoff)
    with ThreadPoolExecutor(threads) as pool:
        return [
            tiling.some(_Search(_bounded(evaluator), axes, tiling, cutoff, pool).tiles()) for evaluator, axes in parts
        ]


def fitting_tiling(evaluator: ScanEvaluator, axes: Sequence[Axis], place: Sequence[float]) -> Tiling:
    """Cut the grid over axes into tiles over which chi2 bends about equally along all axes, as it does at a place."""
    bounded = _bounded(evaluator)
    point = np.array([[v[0] for v in bounded.scaled([np.array([value]) for value in place])]])
    decided = bounded.decide(point, point, -np.inf, np.zeros((1, bounded.number_of_nuisances)))
    ends = bounded.scaled([axis.values[[0, -1]] for axis in axes])
    bend = decided.along[0] * np.array([(hi - lo) ** 2 for lo, hi in ends])
    shape = [axis.values.size for axis in axes]
    tile, least = list(shape), [1] * (len(shape) - 1) + [min(shape[-1], _SHORTEST_LINE)]
    most = _TILE_POINTS[evaluator.cost]
    if evaluator.cost == Cost.ITERATION:
        most = min(most, max(_FEWEST_POINTS, _NUMBERS // bounded.size))
    while prod(tile) > most:
        possible = [i for i, n in enumerate(tile) if n > least[i]]
        if not possible:
            break
        axis = max(possible, key=lambda i: (bend[i] * (tile[i] / shape[i]) ** 2, tile[i]))
        tile[axis] = max(least[axis], -(-tile[axis] // 2))
    return Tiling(tuple(shape), tuple(tile))


def _bounded(evaluator: ScanEvaluator) -> Bounded:
    bounded = evaluator.bounded
    if bounded is None:
        raise InputError("output.delta_chi2_max needs the polynomial: leave it out")
    return bounded


class _Search:
    """Boxes of grid points, from `first` to `last` (boxes, n), that are not ruled out yet, level by level."""

    def __init__(
        self, bounded: Bounded, axes: Sequence[Axis], tiling: Tiling, cutoff: float, pool: ThreadPoolExecutor
    ) -> None:
        self._bounded, self._cutoff, self._pool = bounded, cutoff, pool
        self._values = bounded.scaled([axis.values for axis in axes])
        self._tile = np.array(tiling.tile_shape)
        self._counts = tiling.counts
        self._first = np.zeros((1, len(axes)), dtype=np.int64)
        self._last = np.array([tiling.grid_shape]) - 1
        self._nuisances = np.zeros((1, bounded.number_of_nuisances))
        self._halvings = np.zeros(1, dtype=np.int64)
        self._kept: list[NDArray[np.int64]] = []

    def tiles(self) -> NDArray[np.int64]:
        """Return the numbers of the tiles that are not ruled out."""
        while len(self._first):
            self._go_on(self._decide())
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self._kept]))

    def _decide(self) -> Decided:
        lower = np.stack([v[i] for v, i in zip(self._values, self._first.T, strict=True)], axis=1)
        upper = np.stack([v[i] for v, i in zip(self._values, self._last.T, strict=True)], axis=1)
        parts = [slice(i, i + _TOGETHER) for i in range(0, len(lower), _TOGETHER)]
        decided = self._pool.map(
            lambda part: self._bounded.decide(lower[part], upper[part], self._cutoff, self._nuisances[part]), parts
        )
        return Decided(*map(np.concatenate, zip(*decided, strict=True)))

    def _go_on(self, decided: Decided) -> None:
        """Leave out boxes that lie above, keep tiles that need no further look, and halve the others."""
        open_ = ~decided.above
        first, last = self._first[open_], self._last[open_]
        halvings = self._halvings[open_]
        tile_of_first, tile_of_last = first // self._tile, last // self._tile
        in_one = np.all(tile_of_first == tile_of_last, axis=1)
        done = in_one & (decided.reached[open_] | (halvings >= _MOST_HALVINGS) | np.all(first == last, axis=1))
        numbers = np.ravel_multi_index(tuple(tile_of_first.T), self._counts)
        kept = np.unique(numbers[done])
        self._kept.append(kept)
        left = ~done & ~(in_one & np.isin(numbers, kept))
        several = np.where(in_one[:, None], first < last, tile_of_first < tile_of_last)[left]
        first, last, tile_of_first, tile_of_last = first[left], last[left], tile_of_first[left], tile_of_last[left]
        bends = np.where(several, decided.along[open_][left], -1.0)
        # of axes that bend chi2 by nothing, the longest
        axis = np.lexsort((last - first, bends), axis=1)[:, -1]
        axis = np.where(
            bends[np.arange(len(axis)), axis] > 0.0, axis, np.argmax(np.where(several, last - first, -1), axis=1)
        )
        rows = np.arange(len(axis))
        between = (tile_of_first[rows, axis] + tile_of_last[rows, axis] + 1) // 2 * self._tile[axis]
        within = (first[rows, axis] + last[rows, axis] + 1) // 2
        middle = np.where(in_one[left], within, between)
        ends, starts = last.copy(), first.copy()
        ends[rows, axis], starts[rows, axis] = middle - 1, middle
        self._first, self._last = np.concatenate((first, starts)), np.concatenate((ends, last))
        self._nuisances = np.tile(decided.nuisances[open_][left], (2, 1))
        self._halvings = np.tile(halvings[left] + in_one[left], 2)
