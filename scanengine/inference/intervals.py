"""Allowed intervals of one parameter at a confidence level, from chi2 over one axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference import caveats, resolution
from scanengine.inference.interpolation import MonotoneCubic
from scanengine.inference.levels import delta_chi2, percent, root_delta_chi2

_SAME_CHI2 = 1e-9
"""Of 1 + chi2: values this close are the same but for rounding."""


class Interval(NamedTuple):
    """A connected range of allowed values; an end that leaves the axis is None."""

    lo: float | None
    hi: float | None


@dataclass(frozen=True)
class Intervals:
    """Where Delta chi2 <= `level` on a line: disjoint intervals in rising order, warnings about them, and notes on what
    they mean.
    """

    axis: str
    cl: float
    dof: int
    level: float
    intervals: tuple[Interval, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[Interval]: ...

    # for lo, hi in intervals: without an __iter__ pandas takes the fields, and not the ends, for columns
    def __getitem__(self, index: int) -> Interval:
        return self.intervals[index]

    def __len__(self) -> int:
        return len(self.intervals)


def intervals(grid: ReducedGrid, cl: float, dof: int = 1) -> Intervals:
    """Intervals of one parameter that are allowed at confidence level `cl`.

    `grid` has one axis; Delta chi2 counts from `grid.minimum`. The ends come from monotone cubic (PCHIP) interpolation
    of sqrt(Delta chi2), exact for a parabola that is four or more steps wide. Infinite chi2 counts as excluded, NaN is
    bridged. Raises `InputError` for a bad `cl` or `dof`, a level above what the scan looked for or lost in the rounding
    of chi2, or a grid that is not a line.
    """
    level = delta_chi2(cl, dof)
    caveats.check_shape(grid, 1)
    caveats.check_level(grid, cl, level)
    caveats.check_rounding(grid, f"{percent(cl)} interval", level)
    (axis,) = grid.axes
    root = root_delta_chi2(grid, level)
    known = ~np.isnan(root)
    index = np.arange(axis.values.size, dtype=np.float64)
    name = f"{percent(cl)} interval"
    warnings = caveats.unknown(grid) + caveats.rounded(grid, name, level)
    inside = np.where(known, root, np.inf) <= math.sqrt(level)
    if known.sum() < 2 or not inside.any():
        return Intervals(axis.name, cl, dof, level, (), (*warnings, caveats.empty(grid, name, level)))

    nodes, allowed = index[known], inside[known]
    # On a log-spaced axis the logarithm is the natural coordinate.
    log = axis.is_log_spaced
    places = np.log(axis.values[known]) if log else axis.values[known]
    above = MonotoneCubic(places, root[known] - math.sqrt(level))
    found, widths = [], []
    is_cut = False
    for first, last in _runs(allowed):
        is_cut = is_cut or _is_cut(grid, known, max(0, first - 2), first) or _is_cut(grid, known, last + 1, last + 3)
        lo = _crossing(above, places[first], places[first - 1]) if first > 0 else None
        hi = _crossing(above, places[last], places[last + 1]) if last + 1 < nodes.size else None
        start, stop = np.interp([places[0] if lo is None else lo, places[-1] if hi is None else hi], places, nodes)
        # An interval cut by the end of its axis is taken to go on as far beyond it.
        widths.append(float(stop - start) * (2.0 if None in (lo, hi) else 1.0))
        found.append(Interval(*(math.exp(end) if log and end is not None else end for end in (lo, hi))))
    warnings += caveats.edges(axis, inside, name) + resolution.coarse(grid, name, level)
    warnings += [caveats.cut(grid, name)] if is_cut else []
    warnings += resolution.narrow_interval(axis, min(widths), name)
    return Intervals(axis.name, cl, dof, level, tuple(found), tuple(warnings), tuple(_at_bound(grid)))


def _at_bound(grid: ReducedGrid) -> Iterator[str]:
    """Yield a note if a line is lowest where its parameter ends: there Delta chi2 is not distributed as chi2."""
    (axis,) = grid.axes
    lowest = float(np.nanmin(grid.chi2))
    bounds = [i for i, value in enumerate(axis.values.tolist()) if axis.is_natural_end(value)]
    reached = [i for i in bounds if grid.chi2[i] <= lowest + _SAME_CHI2 * (1.0 + abs(lowest))]
    if reached:
        where = f"{axis.name} = {axis.values[reached[0]]:g}"
        yield (
            f"The best fit lies at {where}, a bound of this parameter, where intervals from delta chi2 "
            "over-cover: they contain the true value more often than their C.L. says. `scanengine calibrate` finds "
            "intervals with correct coverage."
        )


def _is_cut(grid: ReducedGrid, known: NDArray[np.bool_], first: int, last: int) -> bool:
    """Whether chi2 was not looked for at some of these points of a line, from which the end of an interval follows."""
    return math.isfinite(grid.delta_chi2_max) and bool(np.any(grid.chi2[known][first:last] == np.inf))


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    steps = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return [(int(a), int(b) - 1) for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)]


def _crossing(above: Callable[[float], FloatArray], inside: float, outside: float) -> float:
    """Where a monotone function rises through zero between a point where it is <= 0 and one where it is > 0."""
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if float(above(middle)) <= 0.0 else (inside, middle)
    return float(0.5 * (inside + outside))
