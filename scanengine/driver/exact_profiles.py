"""Exact profiles: chi2 on every line and plane of a grid, minimised continuously over the hidden axes within their
ends.

A grid's own minima miss a valley that runs between its points; these do not. Hidden axes of which every residual has
only the square, and one more, are minimised in closed form, and two squares alone in eight cells at once. The others
are searched: chi2 has many minima, and what decides is where searches begin. They begin in the valleys of a lattice, in
every cell; in what the grid has found; at the lowest minima of all, and at minimisers of other planes that lie nearby.
A cell that falls hands its minimiser on to the cells beside it, until none falls any more. Where valleys meet, a third
may be lowest in a single cell, which no neighbour knows of: these cells are searched from random places as well.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.minima import global_minima
from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.cells import Cells, lattice_points
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine_kernels.cells import WORTHWHILE
from scanengine_kernels.minimise import Residuals

Pair = tuple[int, int]

FINE_POINTS = 101
"""Points to which an axis is refined for exact profiles: contours through them are smooth on paper."""

_COARSE_POINTS = 15
"""Points of each axis, whatever it has in the scan, at which a plane is searched most thoroughly."""

_COARSE_LATTICE, _COARSE_STARTS = 11, 8
"""Points of a lattice along each hidden variable, and its valleys that are followed, in these cells."""

_FINE_LATTICE, _FINE_STARTS = 100, 4
"""Points of a lattice in all, and its valleys that are followed, in every cell."""

_MOST_MINIMA, _VALLEYS_OF_COLUMN = 12, 8
_SHARED_CELLS = 1 << 14
_SHARES = 3
_ASKED_AT_ONCE, _QUESTIONS = 16, 20
_MOST_ON_GRID, _VALLEYS_ON_GRID = 6, 2
_FAR, _FEWEST_RANDOM, _MOST_RANDOM, _RANDOM_PER_CELL, _BORDER_ROUNDS = 0.2, 3, 16, 0.6, 4
_OF_INTEREST, _RANDOM_OF_INTEREST = 30.0, 8
"""Where minima of neighbours lie such a share of the box apart, each cell is searched from random places: the more of
them, the fewer such cells a plane has, so that it takes about a quarter longer; and not so few where Delta chi2 is low.
"""

_POINTS_AT_ONCE = 1 << 22
_MOST_CELLS_OF_TWO = 1 << 22
_CHECKS, _CHECK_ROUNDS = 200, 4
_VISIBLE = 1e-3
"""A cell that is too high by less is not seen in any figure."""


@dataclass(frozen=True, eq=False)
class _Problem:
    """chi2 in a box of scaled variables t, and the axes' scaled values."""

    residuals: Residuals
    values: tuple[FloatArray, ...]
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(cls, polynomial: ChiSquaredPolynomial, axes: Sequence[Axis]) -> _Problem:
        values = tuple(polynomial.scaled([axis.values for axis in axes]))
        lower, upper = (np.array([v[end] for v in values]) for end in (0, -1))
        return cls(quadratic_residuals(polynomial), values, lower, upper)

    def hiding_all_but(self, *shown: int) -> HiddenVariables:
        return HiddenVariables(self.residuals, self.lower, self.upper, shown)

    def cells(self, *shown: int, nodes: Sequence[NDArray[np.intp]] | None = None) -> Cells:
        """Return the cells of a plane or line, all or those at the nodes of each axis, not searched yet."""
        values = [self.values[i] if nodes is None else self.values[i][nodes[k]] for k, i in enumerate(shown)]
        return Cells(self.hiding_all_but(*shown), values)

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """The lowest and the highest of all variables (n,)."""
        return self.lower, self.upper

    def nodes(self, axis: int) -> NDArray[np.intp]:
        """Return which values of an axis are the coarse ones."""
        return np.unique(np.linspace(0, self.values[axis].size - 1, _COARSE_POINTS).round().astype(np.intp))


class Searched(NamedTuple):
    """Exact profiles, the axes they lie on, the cells of each plane and line by its axes, and the ends of variables."""

    axes: tuple[Axis, ...]
    profiles: Profiles
    cells: dict[tuple[int, ...], Cells]
    ends: tuple[FloatArray, FloatArray]


def exact_profiles(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    grid: Profiles,
    threads: int = 1,
    starts: Sequence[Sequence[float]] = (),
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return the profiles that `searched_profiles` finds, and the axes they lie on."""
    found = searched_profiles(polynomial, axes, grid, threads, starts)
    return found.axes, found.profiles


def searched_profiles(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    grid: Profiles,
    threads: int = 1,
    starts: Sequence[Sequence[float]] = (),
) -> Searched:
    """Return profiles with the hidden axes minimised continuously, and the axes they lie on.

    These are the scan's axes with points put between theirs until each has `FINE_POINTS` or more: a narrow band shows
    whole. `grid` are the profiles by the grid's points; the exact ones are the same planes and lines and nowhere above
    them. The plane of two axes, in which nothing is hidden, is left out where the grid is as fine, or it is very large.
    The best fit need not be a grid point. `starts` are points (axes,) from which every plane is searched as well, such
    as the Standard Model.
    """
    fine_axes, steps = zip(*(_refined(axis) for axis in axes), strict=True)
    fine = _Problem.of(polynomial, fine_axes)
    names = [axis.name for axis in axes]
    pairs = [(names.index(x), names.index(y)) for x, y in grid.planes] if len(axes) != 2 else _refined_plane(fine, axes)
    pairs.sort(key=lambda pair: -fine.hiding_all_but(*pair).searched)  # the longest first, lest one thread wait
    given = np.array([grid.best_fit, *starts], dtype=np.float64).reshape(-1, len(axes))
    minima = global_minima(polynomial, axes, given)
    begin = np.concatenate((given, minima.places[:_MOST_MINIMA]))
    begin = np.clip(np.column_stack(polynomial.scaled([*begin.T])), *fine.ends)
    on_grid = {
        (a, b): _OnGrid(polynomial, axes, (a, b), grid.planes[names[a], names[b]], (steps[a], steps[b]))
        for a, b in pairs
        if (names[a], names[b]) in grid.planes
    }
    if any(fine.hiding_all_but(*pair).searched for pair in pairs):
        begin = np.concatenate((begin, _lowest_on_grid(on_grid.values(), grid.minimum, begin)))
    with ThreadPoolExecutor(threads) as pool:
        found = dict(zip(pairs, _planes(fine, pairs, begin, pool), strict=True))
        checks = dict(zip(pairs, pool.map(lambda p: _settle(found[p], on_grid.get(p), p), pairs), strict=True))
    cells: dict[tuple[int, ...], Cells] = dict(found.items())
    lines, lowest = {}, [begin, *(plane.at_lowest for plane in found.values())]
    for axis, name in enumerate(names):
        if name not in grid.lines:
            continue
        line = _line(fine, axis, found, begin)
        lowest.append(line.at_lowest)
        cells[axis,] = line
        np.minimum(line.chi2[:: steps[axis]], grid.lines[name], out=line.chi2[:: steps[axis]])
        lines[name] = line.chi2
    minimum, place = grid.minimum, grid.best_fit
    # of equally good minima the one next to the grid's is taken, not the one that rounding favours
    for t in np.concatenate(lowest):
        everywhere = fine.cells()
        everywhere.search_everywhere(t[None])
        if everywhere.chi2[0] < minimum - WORTHWHILE * (1.0 + minimum):
            minimum = float(everywhere.chi2[0])
            place = tuple(float(x) for x in polynomial.centre + polynomial.half_width * everywhere.scaled[0])
    planes = {}
    doubtful, checked = {}, {}
    for a, b in sorted(pairs):
        planes[names[a], names[b]] = found[a, b].chi2.reshape(found[a, b].shape)
        if (a, b) in on_grid:
            on_grid[a, b].lower(found[a, b].chi2)
        if checks[a, b].cells:
            checked[names[a], names[b]] = checks[a, b].cells
        if checks[a, b].doubtful:
            doubtful[names[a], names[b]] = checks[a, b].doubtful
    return Searched(fine_axes, Profiles(minimum, place, lines, planes, doubtful, checked), cells, fine.ends)


def estimated_seconds(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], planes: Collection[tuple[int, int]], threads: int = 1
) -> float:
    """Return about how long `exact_profiles` of these planes takes, from timed searches of some cells of each."""
    total = 0.0
    for number, (sample, whole, _) in enumerate(coarse_cells(polynomial, axes, planes)):
        if number == 0:
            _search_thoroughly(sample)  # the first time may compile
            _search_each(sample)
        began = time.perf_counter()
        _search_thoroughly(sample)
        thorough = (time.perf_counter() - began) / sample.chi2.size
        began = time.perf_counter()
        _search_each(sample)
        each = (time.perf_counter() - began) / sample.chi2.size
        if sample.hidden.searched:
            total += _COARSE_POINTS**2 * thorough + _PASSES * whole * each
        else:
            total += whole * thorough
    return total / threads


def coarse_cells(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], planes: Collection[tuple[int, int]]
) -> Iterator[tuple[Cells, int, tuple[FloatArray, FloatArray]]]:
    """Yield some cells of each plane, not searched yet, how many it has in all, and the ends of all variables."""
    fine = _Problem.of(polynomial, [_refined(axis)[0] for axis in axes])
    for pair in planes:
        whole = prod(fine.values[i].size for i in pair)
        yield fine.cells(*pair, nodes=[fine.nodes(i)[::4] for i in pair]), whole, fine.ends


_PASSES = 3.0
"""So many times as long as its lattice all searches of a cell take, about."""


def _refined(axis: Axis) -> tuple[Axis, int]:
    """Return the axis with its steps cut into equal parts, and into how many."""
    last = axis.values.size - 1
    step = max(1, -(-(FINE_POINTS - 1) // last))
    values = np.interp(np.arange(last * step + 1) / step, np.arange(last + 1), axis.values)
    values[::step] = axis.values
    return replace(axis, values=values), step


def _refined_plane(fine: _Problem, axes: Sequence[Axis]) -> list[Pair]:
    """Return the plane of two axes if it is worth more than the grid."""
    cells, points = (prod(values.size for values in each) for each in (fine.values, [axis.values for axis in axes]))
    return [(0, 1)] if points < cells <= _MOST_CELLS_OF_TWO else []


def _search_thoroughly(cells: Cells) -> None:
    if not cells.minimise():
        searched = cells.hidden.searched
        cells.search_lattice(lattice_points(searched, 0, fewest=_COARSE_LATTICE), _COARSE_STARTS)


def _search_each(cells: Cells) -> None:
    if cells.hidden.searched:
        cells.search_lattice(lattice_points(cells.hidden.searched, _FINE_LATTICE), _FINE_STARTS)


def _planes(fine: _Problem, pairs: Sequence[Pair], begin: FloatArray, pool: ThreadPoolExecutor) -> list[Cells]:
    """Minimise over all axes but two, in each of some planes: on coarse points first, from which the others begin."""

    def on_coarse_points(pair: Pair) -> Cells:
        cells = fine.cells(*pair, nodes=[fine.nodes(i) for i in pair])
        _search_thoroughly(cells)
        if cells.hidden.searched:
            cells.search_everywhere(begin)
            cells.hand_on()
        return cells

    def on_all_points(pair: Pair, nodes_only: Cells) -> Cells:
        cells = fine.cells(*pair)
        if cells.minimise():
            return cells
        cells.take(nodes_only, [fine.nodes(i) for i in pair])
        cells.hand_on()
        _search_each(cells)
        cells.search_near(begin, np.full(len(begin), -np.inf), len(begin))
        cells.hand_on()
        return cells

    coarse = list(pool.map(on_coarse_points, pairs))
    _share(coarse, pool, each=3)
    planes = list(pool.map(on_all_points, pairs, coarse))
    _share(planes, pool, each=1)
    return planes


def _share(planes: Sequence[Cells], pool: ThreadPoolExecutor, each: int) -> None:
    """Let every plane begin at the minimisers of all others as well, so many in each cell, until none falls by it."""
    if not any(plane.hidden.searched for plane in planes):
        return
    for _ in range(_SHARES):
        minimisers = [plane.minimisers(_SHARED_CELLS) for plane in planes]
        chi2, t = (np.concatenate(parts) for parts in zip(*minimisers, strict=True))

        def begin_at_others(plane: Cells, chi2: FloatArray = chi2, t: FloatArray = t) -> bool:
            if not plane.hidden.searched:
                return False
            plane.search_near(t, chi2, each)
            return plane.hand_on()

        if not any(list(pool.map(begin_at_others, planes))):
            break


@dataclass(frozen=True, eq=False)
class _OnGrid:
    """What a grid knows of one plane: chi2 minimised over the grid's points, which are some of the fine ones."""

    polynomial: ChiSquaredPolynomial
    axes: Sequence[Axis]
    pair: Pair
    chi2: FloatArray
    steps: tuple[int, int]

    def _at_grid_points(self, plane: FloatArray) -> FloatArray:
        shape = [(n - 1) * step + 1 for n, step in zip(self.chi2.shape, self.steps, strict=True)]
        return plane.reshape(shape)[:: self.steps[0], :: self.steps[1]]

    def lower(self, plane: FloatArray) -> None:
        """Lower a plane (fine cells,) to what the grid has."""
        mine = self._at_grid_points(plane)
        np.minimum(mine, self.chi2, out=mine)

    def valleys(self, most: int) -> NDArray[np.intp]:
        """Return where (valleys, 2) the grid is no higher than beside, the lowest first, so many at most."""
        around = np.pad(self.chi2, 1, constant_values=np.inf)
        low = np.isfinite(self.chi2)
        for beside in (around[2:, 1:-1], around[:-2, 1:-1], around[1:-1, 2:], around[1:-1, :-2]):
            low &= self.chi2 <= beside
        found = np.argwhere(low)
        return found[np.argsort(self.chi2[tuple(found.T)], kind="stable")[:most]]

    def below(self, plane: FloatArray) -> NDArray[np.intp]:
        """Return where (points, 2) the grid is lower than a plane, the places where it is by most first."""
        above = self._at_grid_points(plane) - self.chi2
        lower = np.argwhere(above > WORTHWHILE * (1.0 + np.abs(self.chi2)))
        return lower[np.argsort(-above[tuple(lower.T)], kind="stable")]

    def place(self, point: NDArray[np.intp]) -> FloatArray:
        """Return the grid point, as scaled variables (n,), at which the grid's minimum of this plane's point is."""
        values = [axis.values for axis in self.axes]
        for axis, i in zip(self.pair, point, strict=True):
            values[axis] = values[axis][i : i + 1]
        lowest, place = np.inf, np.array([v[0] for v in values])
        outer = 0
        while prod(v.size for v in values[outer:]) > _POINTS_AT_ONCE:
            outer += 1
        for held in product(*values[:outer]):
            part = [np.array([x]) for x in held] + values[outer:]
            chi2 = np.empty([v.size for v in part])
            self.polynomial.fill(part, chi2)
            index = np.unravel_index(np.argmin(chi2), chi2.shape)
            if chi2[index] < lowest:
                lowest = float(chi2[index])
                place = np.array([v[i] for v, i in zip(part, index, strict=True)])
        return np.concatenate(self.polynomial.scaled(list(place[:, None])))


def _lowest_on_grid(planes: Collection[_OnGrid], minimum: float, known: FloatArray) -> FloatArray:
    """Return the lowest valleys of a grid above its minimum, as scaled variables (places, n), but for known ones."""
    above = minimum + WORTHWHILE * (1.0 + abs(minimum))
    found = [(plane, point) for plane in planes for point in plane.valleys(_VALLEYS_ON_GRID)]
    valleys = [(plane, point) for plane, point in found if plane.chi2[tuple(point)] > above]
    places: list[FloatArray] = []
    for plane, point in sorted(valleys, key=lambda valley: float(valley[0].chi2[tuple(valley[1])])):
        place = plane.place(point)
        if not any(np.allclose(place, other, rtol=0.0, atol=1e-9) for other in (*known, *places)):
            places.append(place)
        if len(places) == _MOST_ON_GRID:
            break
    return np.array(places).reshape(-1, known.shape[1])


class _Checks(NamedTuple):
    """How many cells of a plane were searched once more at the end, and in how many chi2 could still be lowered."""

    cells: int
    doubtful: int


def _settle(plane: Cells, grid: _OnGrid | None, pair: Pair) -> _Checks:
    """Bring a plane to where the grid and random starts find nothing lower; return what was checked at the end."""
    if not plane.hidden.searched:
        return _Checks(0, 0)
    random = np.random.default_rng(pair)
    tried, left = np.zeros(plane.chi2.size, dtype=np.bool_), 0
    for _ in range(_BORDER_ROUNDS):
        cells = np.flatnonzero(plane.is_border(_FAR))
        tried[cells] = True
        each = np.clip(_RANDOM_PER_CELL * tried.size / max(cells.size, 1), _FEWEST_RANDOM, _MOST_RANDOM)
        low = plane.chi2[cells] < plane.chi2.min() + _OF_INTEREST
        each = np.where(low, np.maximum(each, _RANDOM_OF_INTEREST), each).astype(np.intp)
        lowered = _search_at_random(plane, np.repeat(cells, each), random)
        if not lowered:
            break
    left += lowered
    if grid is not None:
        for _ in range(_QUESTIONS):
            lower = grid.below(plane.chi2)
            if not lower.size:
                break
            t = np.array([grid.place(point) for point in lower[:_ASKED_AT_ONCE]])
            plane.search_near(t, np.full(len(t), -np.inf), 1)
            plane.hand_on()
        left += len(grid.below(plane.chi2))
    for _ in range(_CHECK_ROUNDS):
        cells = np.sort(random.integers(0, plane.chi2.size, max(_CHECKS, plane.chi2.size // 50)))
        tried[cells] = True
        lowered = _search_at_random(plane, cells, random)
        if not lowered:
            break
    return _Checks(int(np.count_nonzero(tried)), left + lowered + plane.unsettled)


def _search_at_random(plane: Cells, cells: NDArray[np.intp], random: np.random.Generator) -> int:
    """Search from a random place in each of some cells; return how many fall visibly, before they hand it on."""
    before, box = plane.chi2.copy(), plane.hidden.box
    plane.search(cells, random.uniform(box.lower, box.upper, size=(cells.size, box.lower.size)))
    lowered = int(np.count_nonzero(plane.chi2 < before - _VISIBLE))
    plane.hand_on()
    return lowered


def _line(fine: _Problem, axis: int, planes: Mapping[Pair, Cells], begin: FloatArray) -> Cells:
    """Minimise over all axes but one, from every valley in the columns of the planes that the line lies in."""
    line = fine.cells(axis)
    if line.minimise():
        return line
    line.search_everywhere(begin)
    for pair, plane in planes.items():
        if axis in pair:
            valleys = np.flatnonzero(plane.is_valley_along(1 - pair.index(axis)))
            line.search_near(plane.scaled_at(valleys), plane.chi2[valleys], _VALLEYS_OF_COLUMN)
    line.hand_on()
    return line
