"""Exact profiles: chi2 on every line and plane of a grid, minimised continuously over the hidden axes within their
ends.

A grid's own minima miss a valley that runs between its points; these do not. Hidden axes of which every residual has
only the square, and one more, are minimised in closed form, and two squares alone in eight cells at once. The others
are searched in each cell of a plane from the valleys of a coarse lattice and from its neighbours' minima, until no
neighbour offers a lower one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.polynomials import ChiSquaredPolynomial
from scanengine.quadratics import HiddenVariables, quadratic_residuals
from scanengine_kernels.cells import search_from, search_lattice
from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.minimise import Residuals

FINE_POINTS = 101
"""Points to which an axis is refined for exact profiles: contours through them are smooth on paper."""

_LATTICE_POINTS = 250
_LATTICE_POINTS_PER_AXIS = 3, 25
_MOST_STARTS = 4
_MOST_SWEEPS = 20
_WORTHWHILE = 1e-9
_SAME_PLACE = 0.01


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

    def shape(self, pair: tuple[int, int]) -> tuple[int, int]:
        return self.values[pair[0]].size, self.values[pair[1]].size

    def cells(self, pair: tuple[int, int]) -> FloatArray:
        """Return the scaled points (cells, 2) of the plane of two axes."""
        x, y = np.meshgrid(self.values[pair[0]], self.values[pair[1]], indexing="ij")
        return np.column_stack((x.ravel(), y.ravel()))


class _Minima:
    """chi2 (cells,) at scaled points (cells, shown), reached where (cells, hidden) the variables searched are."""

    def __init__(self, hidden: HiddenVariables, points: FloatArray) -> None:
        self.hidden = hidden
        self.points = points
        self.chi2 = np.full(points.shape[0], np.inf)
        self.where = np.empty((points.shape[0], len(hidden.order)))

    def search_from(self, starts: FloatArray, cells: NDArray[np.intp] | None = None) -> None:
        """Lower the minima by a search from starts (cells, hidden), in all cells or in these."""
        chosen = slice(None) if cells is None else cells
        chi2, where = self.chi2[chosen], self.where[chosen]
        search_from(self.hidden.residuals, self.hidden.box, self.points[chosen], starts, chi2, where)
        self.chi2[chosen], self.where[chosen] = chi2, where

    def search_lattice(self) -> None:
        """Find the minima in closed form, in the variables that have none from the valleys of a lattice."""
        hidden = self.hidden
        if not hidden.order:
            self.search_from(self.where)
            return
        if hidden.pair is not None:
            self._minimise_pair(hidden.pair)
            return
        fewest, most = _LATTICE_POINTS_PER_AXIS
        per_axis = max(fewest, min(most, int(_LATTICE_POINTS ** (1.0 / max(1, hidden.searched)))))
        ends = zip(*(end[: hidden.searched] for end in hidden.box), strict=True)
        lattice = np.array(list(product(*(np.linspace(lo, hi, per_axis) for lo, hi in ends))))
        search_lattice(
            hidden.residuals,
            hidden.linear,
            hidden.box,
            lattice.reshape(len(lattice), hidden.searched),
            per_axis,
            _MOST_STARTS,
            self.points,
            self.chi2,
            self.where,
        )

    def _minimise_pair(self, pair: LinearPart) -> None:
        # these import Numba, which a small scan does without
        from scanengine_kernels._simd import LANES
        from scanengine_kernels.linear_minima import minimise_linear

        cells, shown = self.points.shape
        padded = -(-cells // LANES) * LANES
        points, chi2, where = np.zeros((shown, padded)), np.empty(padded), np.empty((2, padded))
        points[:, :cells] = self.points.T
        minimise_linear(self.hidden.residuals, pair, points, chi2, where)
        self.chi2[:], self.where[:] = chi2[:cells], where[:, :cells].T

    def search_from_neighbours(self, shape: tuple[int, ...]) -> None:
        """Search every cell from each neighbour's minimum, and again while any cell gains from it."""
        cells = np.arange(self.points.shape[0]).reshape(shape)
        changed = np.ones(self.points.shape[0], dtype=bool)
        for _ in range(_MOST_SWEEPS):
            before = self.chi2.copy()
            for axis, step in product(range(len(shape)), (1, -1)):
                first, last = (slice(None, -1), slice(1, None)) if step == 1 else (slice(1, None), slice(None, -1))
                source = cells[(slice(None),) * axis + (first,)].ravel()
                target = cells[(slice(None),) * axis + (last,)].ravel()
                # a neighbour that has not moved has been tried from already, one at the same place has nothing new
                apart = np.abs(self.where[source] - self.where[target]) > _SAME_PLACE * np.subtract(
                    *self.hidden.box[::-1]
                )
                worth = changed[source] & apart.any(axis=1)
                self.search_from(self.where[source[worth]], target[worth])
            changed = self.chi2 < before - _WORTHWHILE * (1.0 + before)
            if not changed.any():
                break


def exact_profiles(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], grid: Profiles, threads: int = 1
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return profiles with the hidden axes minimised continuously, and the axes they lie on.

    These are the scan's axes with points put between theirs until each has `FINE_POINTS` or more: a narrow band shows
    whole. `grid` are the profiles by the grid's points; the exact ones are the same planes and lines and nowhere above
    them. The best fit need not be a grid point. The plane of a scan with two axes has no hidden axis and is left out.
    """
    problem = _Problem.of(polynomial, axes)
    fine_axes, steps = zip(*(_refined(axis) for axis in axes), strict=True)
    fine = _Problem.of(polynomial, fine_axes)
    names = [axis.name for axis in axes]
    pairs = [(names.index(x), names.index(y)) for x, y in grid.planes] if len(axes) > 2 else []
    pairs.sort(key=lambda pair: -problem.hiding_all_but(*pair).searched)  # the longest first, lest one thread wait
    with ThreadPoolExecutor(threads) as pool:
        found = dict(zip(pairs, pool.map(lambda pair: _plane(problem, fine, pair, steps), pairs), strict=True))
    planes = {}
    for a, b in combinations(range(len(axes)), 2):
        if (a, b) in found:
            plane = found[a, b].chi2.reshape(fine.shape((a, b)))
            on_grid = plane[:: steps[a], :: steps[b]]
            np.minimum(on_grid, grid.planes[names[a], names[b]], out=on_grid)
            planes[names[a], names[b]] = plane
    lines = {}
    starts = [np.concatenate(polynomial.scaled([np.array([x]) for x in grid.best_fit]))[None]]
    for axis, name in enumerate(names):
        if name not in grid.lines:
            continue
        minima = _line(fine, axis, found)
        on_grid = minima.chi2[:: steps[axis]]
        np.minimum(on_grid, grid.lines[name], out=on_grid)
        lines[name] = minima.chi2
        lowest = [int(np.argmin(minima.chi2))]
        starts.append(minima.hidden.to_scaled(minima.points[lowest], minima.where[lowest]))
    minimum, place = grid.minimum, grid.best_fit
    for t in starts:
        everywhere = _Minima(problem.hiding_all_but(), np.empty((1, 0)))
        everywhere.search_from(everywhere.hidden.from_scaled(t))
        # of equally good minima the one next to the grid's is taken, not the one that rounding favours
        if everywhere.chi2[0] < minimum - _WORTHWHILE * (1.0 + minimum):
            minimum = float(everywhere.chi2[0])
            (found_at,) = everywhere.hidden.to_scaled(everywhere.points, everywhere.where)
            place = tuple(float(x) for x in polynomial.centre + polynomial.half_width * found_at)
    return fine_axes, Profiles(minimum, place, lines, planes)


def estimated_seconds(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], planes: Collection[tuple[int, int]], threads: int = 1
) -> float:
    """Return about how long `exact_profiles` of these planes takes, from timed searches of some cells of each."""
    if len(axes) < 3:
        return 0.0
    problem = _Problem.of(polynomial, axes)
    fine = _Problem.of(polynomial, [_refined(axis)[0] for axis in axes])
    total = 0.0
    for pair in planes:
        hidden = problem.hiding_all_but(*pair)
        cells = problem.cells(pair)
        sample = cells[:: max(1, len(cells) // 20)]
        minima = _Minima(hidden, sample)
        if total == 0.0:
            minima.search_lattice()  # the first time may compile
            minima.search_from(minima.where)
        began = time.perf_counter()
        minima.search_lattice()
        thorough = (time.perf_counter() - began) / len(sample)
        began = time.perf_counter()
        minima.search_from(np.roll(minima.where, 1, axis=0))
        once = (time.perf_counter() - began) / len(sample)
        between = prod(fine.shape(pair)) - len(cells)
        total += len(cells) * thorough + between * (2.0 * once if hidden.searched else thorough)
        total += len(cells) * 4.0 * once if hidden.searched else 0.0
    return total / threads


def _refined(axis: Axis) -> tuple[Axis, int]:
    """Return the axis with its steps cut into equal parts, and into how many."""
    last = axis.values.size - 1
    step = max(1, -(-(FINE_POINTS - 1) // last))
    values = np.interp(np.arange(last * step + 1) / step, np.arange(last + 1), axis.values)
    values[::step] = axis.values
    return replace(axis, values=values), step


def _plane(problem: _Problem, fine: _Problem, pair: tuple[int, int], steps: Sequence[int]) -> _Minima:
    """Minimise over all axes but two: in the cells of the grid thoroughly, and from there in all cells between."""
    hidden = problem.hiding_all_but(*pair)
    minima = _Minima(hidden, fine.cells(pair))
    if not hidden.searched:
        minima.search_lattice()
        return minima
    coarse_shape = problem.shape(pair)
    coarse = _Minima(hidden, problem.cells(pair))
    coarse.search_lattice()
    coarse.search_from_neighbours(coarse_shape)
    if minima.points.shape == coarse.points.shape:
        return coarse
    index = np.meshgrid(*(np.arange(fine.values[i].size) for i in pair), indexing="ij")
    for towards in (0, 1):
        near = [
            np.minimum((k + towards * (steps[i] - 1)) // steps[i], n - 1)
            for k, i, n in zip(index, pair, coarse_shape, strict=True)
        ]
        minima.search_from(coarse.where[np.ravel_multi_index(near, coarse_shape).ravel()])
    minima.search_from_neighbours(fine.shape(pair))
    return minima


def _line(problem: _Problem, axis: int, planes: Mapping[tuple[int, int], _Minima]) -> _Minima:
    """Minimise over all axes but one, from the best cell of each plane that the line lies in, if there are any."""
    minima = _Minima(problem.hiding_all_but(axis), problem.values[axis][:, None])
    if not planes:
        minima.search_lattice()
    for pair, plane in planes.items():
        if axis in pair:
            along = pair.index(axis)
            cells = np.moveaxis(np.arange(plane.chi2.size).reshape(problem.shape(pair)), along, 0)
            best = cells[np.arange(len(cells)), np.argmin(plane.chi2[cells], axis=1)]
            minima.search_from(minima.hidden.from_scaled(plane.hidden.to_scaled(plane.points[best], plane.where[best])))
    return minima
