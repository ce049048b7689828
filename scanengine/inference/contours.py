"""Allowed regions and intervals at a confidence level, from chi2 over two axes or one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.interpolation import MonotoneCubic

MIN_STEPS = 2.0
"""A band or an interval narrower than this many grid steps is not resolved."""

TIP_STEPS, _ADJOINING = 4.0, 1.5
"""The pointed end of a region may be this many grid steps short, or in pieces this far apart, without a warning."""

GRID_ERROR = 0.05
"""The share of a level by which the grid's own minima over hidden axes may miss Delta chi2 without a warning: the end
of an interval is then off by a fortieth of its distance from a parabola's minimum.
"""

LEAST_ROUNDING, MOST_ROUNDING = 1e-3, 0.1
"""Fractions of a level: rounding of chi2 above the first gives a warning, above the second there is no limit. The end
of an interval is then off by half that fraction of its distance from a parabola's minimum.
"""


def delta_chi2(cl: float, dof: int) -> float:
    """Height above the minimum that encloses the fraction `cl` of a chi2 distribution with `dof` degrees of freedom.

    2.706 for (0.90, 1) and 4.605 for (0.90, 2), as in the statistics review of the Particle Data Group. Raises
    `InputError` unless 0 < cl < 1 and dof >= 1.
    """
    cl = confidence_level(cl)
    if dof < 1:
        raise InputError(f"The number of degrees of freedom is at least 1, but {dof} was given.")
    if dof == 1:
        return NormalDist().inv_cdf(0.5 * (1.0 - cl)) ** 2
    if dof == 2:
        return -2.0 * math.log(1.0 - cl)
    from scipy.special import chdtri  # takes longer to import than a small scan to run

    return float(chdtri(dof, 1.0 - cl))


def percent(cl: float) -> str:
    """The confidence level as users write it: 0.9 -> "90%", 0.6827 -> "68.27%"."""
    return f"{100.0 * cl:.6g}%"


_SAME_CHI2 = 1e-9
"""Of 1 + chi2: values this close are the same but for rounding."""


def is_log_spaced(values: FloatArray) -> bool:
    """Whether an axis has equal ratios from point to point (and not equal steps)."""
    if values.size < 3 or values[0] <= 0.0:
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(np.ptp(ratios) < 1e-6 * ratios[0] and np.ptp(steps) > 1e-6 * steps[0])


def is_natural_end(axis: Axis, value: float) -> bool:
    """Whether there is nothing beyond an end of an axis: zero ends one of which only the square enters."""
    return axis.is_natural_end(value)


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected piece of a region: rings of shape (k, 2) in the axes' units, first point repeated at the end."""

    outer: FloatArray
    holes: tuple[FloatArray, ...] = ()

    @property
    def rings(self) -> tuple[FloatArray, ...]:
        """The outer ring, then the holes."""
        return (self.outer, *self.holes)

    @property
    def area(self) -> float:
        """Area without the holes, in the product of the axes' units."""
        return _area(self.rings)


@dataclass(frozen=True, eq=False)
class Region:
    """Where Delta chi2 <= `level` on a plane: closed pieces, possibly several, and warnings about them."""

    axes: tuple[str, str]
    cl: float
    dof: int
    level: float
    pieces: tuple[Piece, ...]
    warnings: tuple[str, ...] = ()

    @property
    def area(self) -> float:
        """Area of all pieces together, in the product of the axes' units."""
        return sum(piece.area for piece in self.pieces)

    def __repr__(self) -> str:
        return (
            f"Region({', '.join(self.axes)}: {percent(self.cl)} C.L., {self.dof} dof, delta chi2 <= {self.level:.3f}; "
            f"pieces: {len(self.pieces)}, warnings: {len(self.warnings)})"
        )


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

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)


def region(grid: ReducedGrid, cl: float, dof: int = 2) -> Region:
    """Region of a plane that is allowed at confidence level `cl`, closed along the edges of the grid.

    `grid` has two axes; Delta chi2 counts from `grid.minimum`. The border is interpolated linearly in sqrt(Delta chi2),
    which is itself nearly linear beside a minimum or a band. Infinite chi2 counts as excluded; NaN as unknown: the
    cells around it are left out. Raises `InputError` for a bad `cl` or `dof`, a level
    above what the scan looked for or lost in the rounding of chi2, or a grid that is not a plane.
    """
    level = delta_chi2(cl, dof)
    _check(grid, 2)
    _check_level(grid, cl, level)
    _check_rounding(grid, f"{percent(cl)} region", level)
    root = _root_delta(grid, level)
    from contourpy import FillType, contour_generator

    generator = contour_generator(z=np.ma.masked_invalid(root.T), fill_type=FillType.OuterOffset)
    # One (points, offsets) pair per piece: points[offsets[i]:offsets[i + 1]] is ring i, and ring 0 the outer one.
    drawn = []
    for points, offsets in zip(*generator.filled(-1.0, math.sqrt(level)), strict=True):
        rings = tuple(np.asarray(points[a:b], dtype=np.float64) for a, b in pairwise(offsets))
        if _area(rings) > 0.0:
            drawn.append(rings)

    name = f"{percent(cl)} region"
    inside = root <= math.sqrt(level)
    warnings = _unknown(grid) + _rounded(grid, name, level)
    if not inside.any():
        warnings.append(_empty(grid, name, level))
    warnings += _edges(grid.axes[0], np.any(inside, axis=1), name) + _edges(grid.axes[1], np.any(inside, axis=0), name)
    if _borders_on_cut(grid, inside):
        warnings.append(_cut(grid, name))
    warnings += _narrow_pieces(drawn, grid.axes, name)
    placed = [
        [np.column_stack([_value(a, i) for a, i in zip(grid.axes, ring.T, strict=True)]) for ring in d] for d in drawn
    ]
    pieces = tuple(Piece(outer, tuple(holes)) for outer, *holes in placed)
    return Region((grid.axes[0].name, grid.axes[1].name), cl, dof, level, pieces, tuple(warnings))


def intervals(grid: ReducedGrid, cl: float, dof: int = 1) -> Intervals:
    """Intervals of one parameter that are allowed at confidence level `cl`.

    `grid` has one axis; Delta chi2 counts from `grid.minimum`. The ends come from monotone cubic (PCHIP) interpolation
    of sqrt(Delta chi2), exact for a parabola that is four or more steps wide. Infinite chi2 counts as excluded, NaN is
    bridged. Raises `InputError` for a bad `cl` or `dof`, a level above what the scan looked for or lost in the rounding
    of chi2, or a grid that is not a line.
    """
    level = delta_chi2(cl, dof)
    _check(grid, 1)
    _check_level(grid, cl, level)
    _check_rounding(grid, f"{percent(cl)} interval", level)
    (axis,) = grid.axes
    root = _root_delta(grid, level)
    known = ~np.isnan(root)
    index = np.arange(axis.values.size, dtype=np.float64)
    name = f"{percent(cl)} interval"
    warnings = _unknown(grid) + _rounded(grid, name, level)
    inside = np.where(known, root, np.inf) <= math.sqrt(level)
    if known.sum() < 2 or not inside.any():
        return Intervals(axis.name, cl, dof, level, (), (*warnings, _empty(grid, name, level)))

    nodes, allowed = index[known], inside[known]
    # On a log-spaced axis the logarithm is the natural coordinate.
    log = is_log_spaced(axis.values)
    places = np.log(axis.values[known]) if log else axis.values[known]
    above = MonotoneCubic(places, root[known] - math.sqrt(level))
    found, widths = [], []
    cut = False
    for first, last in _runs(allowed):
        cut = cut or _is_cut(grid, known, max(0, first - 2), first) or _is_cut(grid, known, last + 1, last + 3)
        lo = _crossing(above, places[first], places[first - 1]) if first > 0 else None
        hi = _crossing(above, places[last], places[last + 1]) if last + 1 < nodes.size else None
        start, stop = np.interp([places[0] if lo is None else lo, places[-1] if hi is None else hi], places, nodes)
        # An interval cut by the end of its axis is taken to go on as far beyond it.
        widths.append(float(stop - start) * (2.0 if None in (lo, hi) else 1.0))
        found.append(Interval(*(math.exp(end) if log and end is not None else end for end in (lo, hi))))
    warnings += _edges(axis, inside, name) + _coarse(grid, name, level) + ([_cut(grid, name)] if cut else [])
    narrow = min(widths)
    if narrow < MIN_STEPS:
        points = _points(axis, narrow)
        warnings.append(f"The {name} is only {narrow:.2g} grid steps of {axis.name} wide: use about {points} points.")
    return Intervals(axis.name, cl, dof, level, tuple(found), tuple(warnings), tuple(_at_bound(grid)))


def _at_bound(grid: ReducedGrid) -> Iterator[str]:
    """Yield a note if a line is lowest where its parameter ends: there Delta chi2 is not distributed as chi2."""
    (axis,) = grid.axes
    lowest = float(np.nanmin(grid.chi2))
    bounds = [i for i, value in enumerate(axis.values.tolist()) if is_natural_end(axis, value)]
    if any(grid.chi2[i] <= lowest + _SAME_CHI2 * (1.0 + abs(lowest)) for i in bounds):
        yield (
            f"The best fit lies at {axis.name} = 0, a bound of it, where intervals from delta chi2 over-cover: "
            "they contain the true value more often than their C.L. says. `scanengine calibrate` finds intervals with "
            "correct coverage."
        )


def _check(grid: ReducedGrid, dimensions: int) -> None:
    shape = tuple(axis.values.size for axis in grid.axes)
    if len(shape) != dimensions or grid.chi2.shape != shape or min(shape) < 2:
        wanted = "two axes" if dimensions == 2 else "one axis"
        raise InputError(
            f"Expected chi2 over {wanted} of 2 or more points, found shape {grid.chi2.shape} for axes {shape}."
        )


def _check_level(grid: ReducedGrid, cl: float, level: float) -> None:
    if level > grid.delta_chi2_max:
        raise InputError(
            f"{percent(cl)} C.L. is delta chi2 = {level:.4g}, but this scan went only up to output.delta_chi2_max = "
            f"{grid.delta_chi2_max:g}: scan again with a larger value, or without."
        )


def _check_rounding(grid: ReducedGrid, name: str, level: float) -> None:
    """Raise `InputError` where Delta chi2 at a level is lost in the rounding of chi2."""
    error = grid.rounding_error(level)
    if not error <= MOST_ROUNDING * level:
        names = " and ".join(axis.name for axis in grid.axes)
        raise InputError(
            f"No {name} of {names}: it ends at delta chi2 = {level:.4g}, and chi2, {grid.minimum:.4g} at its minimum, "
            f"is known to +-{error:.2g} in double precision. Reduce the exposure, or increase the errors of the data."
        )


def _rounded(grid: ReducedGrid, name: str, level: float) -> list[str]:
    error = grid.rounding_error(level)
    if error <= LEAST_ROUNDING * level:
        return []
    known = f"chi2, {grid.minimum:.4g} at its minimum, is not known more accurately in double precision."
    return [f"The {name} ends at delta chi2 = {level:.4g} +- {error:.1g}: {known}"]


def _is_cut(grid: ReducedGrid, known: NDArray[np.bool_], first: int, last: int) -> bool:
    """Whether chi2 was not looked for at some of these points of a line, from which the end of an interval follows."""
    return math.isfinite(grid.delta_chi2_max) and bool(np.any(grid.chi2[known][first:last] == np.inf))


def _borders_on_cut(grid: ReducedGrid, inside: NDArray[np.bool_]) -> bool:
    """Whether chi2 was not looked for at a point beside one that is allowed, also diagonally."""
    if not math.isfinite(grid.delta_chi2_max):
        return False
    near = inside
    for axis in (0, 1):
        padded = np.pad(near, [(int(axis == a),) * 2 for a in (0, 1)])
        n = near.shape[axis]
        near = np.logical_or.reduce([padded.take(range(i, i + n), axis) for i in range(3)])
    return bool(np.any(near & (grid.chi2 == np.inf)))


def _cut(grid: ReducedGrid, name: str) -> str:
    names = " and ".join(axis.name for axis in grid.axes)
    return (
        f"The {name} ends beside points of {names} that were not evaluated, being above output.delta_chi2_max = "
        f"{grid.delta_chi2_max:g}: its ends are uncertain by a grid step. Increase it, or leave it out."
    )


def _root_delta(grid: ReducedGrid, level: float) -> FloatArray:
    """Square root of Delta chi2, infinity replaced by something well above the level and the unknown by NaN."""
    delta = np.array(grid.chi2, dtype=np.float64) - grid.minimum
    finite = delta[np.isfinite(delta)]
    delta[delta == np.inf] = max(4.0 * level, finite.max(initial=0.0))
    delta[delta == -np.inf] = np.nan
    root: FloatArray = np.sqrt(np.maximum(delta, 0.0))
    return root


def _value(axis: Axis, index: FloatArray) -> FloatArray:
    """Axis values at fractional grid indices."""
    nodes = np.arange(axis.values.size)
    if is_log_spaced(axis.values):
        values: FloatArray = np.exp(np.interp(index, nodes, np.log(axis.values)))
        # exp(log(x)) is not x, and a border along the grid's edge is known by lying on it
        on_edge = (index == 0.0) | (index == nodes[-1])
        return np.where(on_edge, axis.values[np.where(index == 0.0, 0, -1)], values)
    return np.interp(index, nodes, axis.values)


def _area(rings: Sequence[FloatArray]) -> float:
    def shoelace(ring: FloatArray) -> float:
        x, y = (ring - ring[0]).T
        return 0.5 * abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])))

    return shoelace(rings[0]) - sum(shoelace(hole) for hole in rings[1:])


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


def _unknown(grid: ReducedGrid) -> list[str]:
    count = int(np.isnan(grid.chi2).sum())
    names = ", ".join(axis.name for axis in grid.axes)
    return [f"chi2 is not a number (NaN) at {count} of the {grid.chi2.size} grid points over {names}."] if count else []


def _empty(grid: ReducedGrid, name: str, level: float) -> str:
    names = ", ".join(axis.name for axis in grid.axes)
    delta = grid.delta_chi2[np.isfinite(grid.chi2)]
    lowest = f"the smallest delta chi2 is {delta.min():.4g}, the level {level:.4g}" if delta.size else "none is finite"
    more = "more points would find one, if there is any"
    if grid.profiled and not grid.fixed:  # whose minimum is the global one, within the axes
        more = f"the best fit lies between the points, and more of them would show the {name}"
    return f"No grid point over {names} lies in the {name}: {lowest}; {more}."


def _edges(axis: Axis, inside: NDArray[np.bool_], name: str) -> list[str]:
    found = []
    for end, which in ((0, "lower"), (-1, "upper")):
        if inside[end] and not is_natural_end(axis, axis.values[end]):
            found.append(f"The {name} touches {axis.name} = {axis.values[end]:.6g}, the {which} end: extend the axis.")
    return found


def _coarse(grid: ReducedGrid, name: str, level: float) -> list[str]:
    """Warn about a line whose points are the grid's minima, if these miss the valleys of the hidden axes."""
    if grid.errors is None:
        return []
    matters, delta, error = grid.errors.rows[:, :3].T
    # beyond an interval's end the root of chi2 is what its place is taken from
    error = error * np.sqrt(level / np.maximum(delta, level))
    worst = float(error[matters <= level].max(initial=0.0))
    if worst <= GRID_ERROR * level:
        return []
    steepest = grid.errors.rows[matters <= level, 3:].max(axis=0)
    allowed = math.sqrt(8.0 * GRID_ERROR * level) / (1.1 * max(1, int(np.count_nonzero(steepest))))
    refined = [
        f"{_rounded_up((n - 1) * root / allowed + 1)} points on {axis}"
        for (axis, n), root in zip(grid.errors.points.items(), [math.sqrt(b) for b in steepest], strict=True)
        if root > allowed
    ]
    ways = ["output.profile=exact"] if grid.errors.exact else []
    ways += [f"about {' and '.join(refined)}"] if refined else []
    missed = f"is that of the grid's points, which miss the valley of chi2 by up to {worst:.2g}"
    return [f"The {name} of {grid.axes[0].name} {missed}: use {', or '.join(ways)}."]


def _narrow_pieces(drawn: Sequence[tuple[FloatArray, ...]], axes: tuple[Axis, ...], name: str) -> list[str]:
    """Warn about pieces whose rings, in grid indices, are narrower than `MIN_STEPS`."""
    shape = np.array([axis.values.size for axis in axes])
    measured = [_widths(rings, shape) for rings in drawn]
    tips = _tips(drawn, [width >= MIN_STEPS for width, _ in measured])
    narrow = [i for i, (width, _) in enumerate(measured) if width < MIN_STEPS and i not in tips]
    if not narrow:
        return []
    # A band that has fallen apart leaves specks of any size: the mean by area speaks for the band.
    areas = [_area(drawn[i]) for i in narrow]
    width = float(np.average([measured[i][0] for i in narrow], weights=areas))
    chords = np.min([measured[i][1] for i in narrow], axis=0)
    # For a band 1/width^2 is the sum of 1/chord^2: one chord at least is this short, and a long one needs no points.
    short = max(MIN_STEPS * math.sqrt(2.0), chords.min())
    refine = [axis for axis, chord in zip(axes, chords, strict=True) if chord <= short]
    wanted = " and ".join(f"{_points(axis, width)} points on {axis.name}" for axis in refine)
    what = f"The {name} is" if len(drawn) == 1 else f"{len(narrow)} of the {len(drawn)} pieces of the {name} are"
    return [f"{what} narrower than two grid steps (about {width:.2g}): use about {wanted}."]


def _tips(drawn: Sequence[tuple[FloatArray, ...]], resolved: Sequence[bool]) -> set[int]:
    """Return the narrow pieces that go on with the pointed end of a resolved one.

    However many the points, a tip has a place where it is as thin as a step, and falls apart beyond. Pieces count that
    follow each other from a resolved one on within a cell and a half, up to `TIP_STEPS` from it.
    """
    wide = [rings[0] for rings, whole in zip(drawn, resolved, strict=True) if whole]
    if not wide:
        return set()
    border = np.concatenate(wide)

    def apart(ring: FloatArray, others: FloatArray) -> FloatArray:
        return np.asarray([np.abs(others - vertex).max(axis=1).min() for vertex in ring])

    left = {i for i, whole in enumerate(resolved) if not whole and apart(drawn[i][0], border).max() <= TIP_STEPS}
    found: set[int] = set()
    reached = border
    while more := {i for i in left if apart(drawn[i][0], reached).min() <= _ADJOINING}:
        found |= more
        left -= more
        reached = np.concatenate([drawn[i][0] for i in more])
    return found


def _widths(rings: tuple[FloatArray, ...], shape: NDArray[np.int_]) -> tuple[float, FloatArray]:
    """Width of a piece and its mean chords along the two axes, in grid steps.

    The width is that of the rectangle with the piece's area and perimeter: exact for a straight band at any angle,
    about 0.8 of the minor axis for an ellipse, so that pointed tips do not count as narrow. Where the
    grid's edge cuts the piece, the cut is no border: the piece counts as mirrored there.
    """
    area = _area(rings)
    steps = np.zeros(2)
    perimeter = 0.0
    touched = np.zeros(2, dtype=bool)
    for ring in rings:
        on_edge = (ring == 0.0) | (ring == shape - 1)
        along_edge = on_edge[1:] & on_edge[:-1] & (ring[1:] == ring[:-1])
        touched |= along_edge.any(axis=0)
        border = np.diff(ring, axis=0)[~along_edge.any(axis=1)]
        steps += np.abs(border).sum(axis=0)
        perimeter += float(np.hypot(border[:, 0], border[:, 1]).sum())
    if perimeter == 0.0:
        return math.inf, np.full(2, math.inf)
    mirrors = 2 ** int(touched.sum())
    whole, half = mirrors * area, 0.5 * mirrors * perimeter
    # Sides w and l of a rectangle: w * l = whole, w + l = half; a rounder piece than a square counts as a square.
    under_root = half**2 - 4.0 * whole
    width = 0.5 * (half - math.sqrt(under_root)) if under_root > 0.0 else math.sqrt(whole)
    with np.errstate(divide="ignore"):
        chords: FloatArray = 2.0 * area / steps[::-1]
    return width, chords


def _points(axis: Axis, width: float) -> int:
    """Points that make `width` grid steps `MIN_STEPS` with a tenth to spare, rounded up to two digits."""
    return _rounded_up(1.1 * MIN_STEPS / max(width, 1e-3) * (axis.values.size - 1) + 1)


def _rounded_up(points: float) -> int:
    digit = 10 ** max(0, math.floor(math.log10(points)) - 1)
    return int(math.ceil(points / digit) * digit)
