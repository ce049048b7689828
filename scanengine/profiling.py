"""Exact profiles: chi2 on every line and plane of a grid, minimised continuously over the hidden axes within their
ends.

A grid's own minima miss a valley that runs between its points; these do not. Each cell of a plane is searched from
several points of a coarse lattice of the hidden axes and from its neighbours' minima, until no neighbour offers a lower
one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.polynomials import ChiSquaredPolynomial
from scanengine_kernels.minimise import best_starts, profile_cells

FINE_POINTS = 101
"""Points to which an axis is refined for exact profiles: contours through them are smooth on paper."""

_LATTICE_POINTS = 250
_MOST_SWEEPS = 20
_WORTHWHILE = 1e-9


@dataclass(frozen=True, eq=False)
class _Problem:
    """chi2 = sum_k (c_k + b_k . t + t . A_k t)^2 in a box of scaled variables t, and the axes' scaled values."""

    c: FloatArray
    b: FloatArray
    A: FloatArray
    values: tuple[FloatArray, ...]
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(cls, polynomial: ChiSquaredPolynomial, axes: Sequence[Axis]) -> _Problem:
        n = len(axes)
        monomials, residuals = polynomial.monomials, polynomial.residuals
        c = residuals[:, monomials.column_of_product(0)]
        b = np.column_stack([residuals[:, monomials.column_of_product(1 + i)] for i in range(n)])
        A = np.empty((residuals.shape[0], n, n))
        for i, j in product(range(n), repeat=2):
            A[:, i, j] = residuals[:, monomials.column_of_product(1 + i, 1 + j)] * (1.0 if i == j else 0.5)
        values = tuple(polynomial.scaled([axis.values for axis in axes]))
        ends = np.array([[v[0], v[-1]] for v in values])
        return cls(np.ascontiguousarray(c), b, A, values, ends[:, 0].copy(), ends[:, 1].copy())

    def hidden(self, shown: Sequence[int]) -> list[int]:
        return [i for i in range(len(self.values)) if i not in shown]

    def search(self, shown: Sequence[int], starts: FloatArray, minima: _Minima) -> None:
        """Lower the minima by searching from starts (cells, hidden) in every cell."""
        indices = np.array(shown, dtype=np.int64), np.array(self.hidden(shown), dtype=np.int64)
        ends = self.lower, self.upper
        profile_cells(self.c, self.b, self.A, *indices, minima.points, starts, *ends, minima.chi2, minima.where)

    def lattice_starts(self, shown: Sequence[int], points: FloatArray) -> Iterator[FloatArray]:
        """Yield starts (cells, hidden): the best points of a coarse lattice in the lower and upper half of each hidden
        axis.
        """
        hidden = self.hidden(shown)
        indices = np.array(shown, dtype=np.int64), np.array(hidden, dtype=np.int64)
        per_axis = max(3, int(_LATTICE_POINTS ** (1.0 / len(hidden))))
        lattice = np.array(list(product(*(np.linspace(self.lower[i], self.upper[i], per_axis) for i in hidden))))
        for column, i in enumerate(hidden):
            middle = 0.5 * (self.lower[i] + self.upper[i])
            for half in (lattice[:, column] <= middle, lattice[:, column] >= middle):
                starts = np.empty((points.shape[0], len(hidden)))
                best_starts(self.c, self.b, self.A, *indices, points, lattice[half], starts)
                yield starts


@dataclass(frozen=True, eq=False)
class _Minima:
    """chi2 (cells,) at scaled points (cells, shown), and where (cells, hidden) in the hidden axes it is reached."""

    points: FloatArray
    chi2: FloatArray
    where: FloatArray


def exact_profiles(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], grid: Profiles, threads: int = 1
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return profiles with the hidden axes minimised continuously, and the axes they lie on.

    These are the scan's axes with points put between theirs until each has `FINE_POINTS` or more: a narrow band shows
    whole. `grid` are the profiles by the grid's points; the exact ones are nowhere above them. The best fit need not be
    a grid point. The plane of a scan with two axes has no hidden axis and is left out.
    """
    problem = _Problem.of(polynomial, axes)
    fine_axes, steps = zip(*(_refined(axis) for axis in axes), strict=True)
    fine = _Problem.of(polynomial, fine_axes)
    names = [axis.name for axis in axes]
    pairs = list(combinations(range(len(axes)), 2)) if len(axes) > 2 else []
    with ThreadPoolExecutor(threads) as pool:
        found = dict(zip(pairs, pool.map(lambda pair: _plane(problem, fine, pair, steps), pairs), strict=True))
    planes = {}
    for (a, b), minima in found.items():
        plane = minima.chi2.reshape(fine.values[a].size, fine.values[b].size)
        on_grid = plane[:: steps[a], :: steps[b]]
        np.minimum(on_grid, grid.planes[names[a], names[b]], out=on_grid)
        planes[names[a], names[b]] = plane
    lines = {}
    starts = [np.concatenate(polynomial.scaled([np.array([x]) for x in grid.best_fit]))]
    for axis, name in enumerate(names):
        minima = _line(fine, axis, found)
        on_grid = minima.chi2[:: steps[axis]]
        np.minimum(on_grid, grid.lines[name], out=on_grid)
        lines[name] = minima.chi2
        lowest = int(np.argmin(minima.chi2))
        starts.append(np.insert(minima.where[lowest], axis, minima.points[lowest]))
    minimum, place = grid.minimum, grid.best_fit
    for t in starts:
        everywhere = _Minima(np.zeros((1, 0)), np.array([np.inf]), np.empty((1, t.size)))
        problem.search((), t[None], everywhere)
        # of equally good minima the one next to the grid's is taken, not the one that rounding favours
        if everywhere.chi2[0] < minimum - _WORTHWHILE * (1.0 + minimum):
            minimum = float(everywhere.chi2[0])
            place = tuple(float(x) for x in polynomial.centre + polynomial.half_width * everywhere.where[0])
    return fine_axes, Profiles(minimum, place, lines, planes)


def estimated_seconds(polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], threads: int = 1) -> float:
    """Return about how long `exact_profiles` takes, from a timed search of some cells of one plane."""
    if len(axes) < 3:
        return 0.0
    problem = _Problem.of(polynomial, axes)
    cells = _cells(problem, (0, 1))
    sample = cells[:: max(1, len(cells) // 100)]
    seconds = []
    for _ in range(2):  # the first time may compile
        began = time.perf_counter()
        _search_with_neighbours(problem, (0, 1), sample, (len(sample), 1))
        seconds.append((time.perf_counter() - began) / len(sample))
    starts = 2 * (len(axes) - 2)
    searches = 0.0
    for a, b in combinations(axes, 2):
        fine = _refined(a)[0].values.size * _refined(b)[0].values.size
        searches += a.values.size * b.values.size + fine * 2.0 / (starts + 4.0)
    return seconds[-1] * searches / threads


def _refined(axis: Axis) -> tuple[Axis, int]:
    """Return the axis with its steps cut into equal parts, and into how many."""
    last = axis.values.size - 1
    step = max(1, -(-(FINE_POINTS - 1) // last))
    values = np.interp(np.arange(last * step + 1) / step, np.arange(last + 1), axis.values)
    values[::step] = axis.values
    return replace(axis, values=values), step


def _plane(problem: _Problem, fine: _Problem, pair: tuple[int, int], steps: Sequence[int]) -> _Minima:
    """Minimise over all axes but two: in the cells of the grid thoroughly, and from there in all cells between."""
    coarse_shape = tuple(problem.values[i].size for i in pair)
    coarse = _search_with_neighbours(problem, pair, _cells(problem, pair), coarse_shape)
    points = _cells(fine, pair)
    minima = _Minima(points, np.full(points.shape[0], np.inf), np.empty((points.shape[0], coarse.where.shape[1])))
    index = np.meshgrid(*(np.arange(fine.values[i].size) for i in pair), indexing="ij")
    for towards in (0, 1):
        near = [
            np.minimum((k + towards * (steps[i] - 1)) // steps[i], n - 1)
            for k, i, n in zip(index, pair, coarse_shape, strict=True)
        ]
        fine.search(pair, coarse.where[np.ravel_multi_index(near, coarse_shape).ravel()], minima)
    return minima


def _cells(problem: _Problem, pair: tuple[int, int]) -> FloatArray:
    """Return the scaled points (cells, 2) of the plane of two axes."""
    x, y = np.meshgrid(problem.values[pair[0]], problem.values[pair[1]], indexing="ij")
    return np.column_stack((x.ravel(), y.ravel()))


def _line(problem: _Problem, axis: int, planes: Mapping[tuple[int, int], _Minima]) -> _Minima:
    """Minimise over all axes but one, from the best cell of each plane that the line lies in, if there are any."""
    points = problem.values[axis][:, None]
    if len(problem.values) == 1:
        none = _Minima(points, np.full(points.size, np.inf), np.empty((points.size, 0)))
        problem.search((axis,), none.where, none)
        return none
    if not planes:
        return _search_with_neighbours(problem, (axis,), points, (points.size,))
    hidden = problem.hidden((axis,))
    minima = _Minima(points, np.full(points.size, np.inf), np.empty((points.size, len(hidden))))
    for pair, plane in planes.items():
        if axis not in pair:
            continue
        along = pair.index(axis)
        shape = tuple(problem.values[i].size for i in pair)
        cells = np.moveaxis(np.arange(plane.chi2.size).reshape(shape), along, 0)
        best = cells[np.arange(points.size), np.argmin(plane.chi2[cells], axis=1)]
        starts = np.empty_like(minima.where)
        starts[:, hidden.index(pair[1 - along])] = plane.points[best, 1 - along]
        for column, i in enumerate(problem.hidden(pair)):
            starts[:, hidden.index(i)] = plane.where[best, column]
        problem.search((axis,), starts, minima)
    return minima


def _search_with_neighbours(
    problem: _Problem, shown: tuple[int, ...], points: FloatArray, shape: tuple[int, ...]
) -> _Minima:
    """Search every cell from the lattice, then again from each neighbour's minimum while any cell gains from it."""
    hidden = len(problem.values) - len(shown)
    minima = _Minima(points, np.full(points.shape[0], np.inf), np.empty((points.shape[0], hidden)))
    for starts in problem.lattice_starts(shown, points):
        problem.search(shown, starts, minima)
    cells = np.arange(points.shape[0]).reshape(shape)
    changed = np.ones(points.shape[0], dtype=bool)
    for _ in range(_MOST_SWEEPS):
        before = minima.chi2.copy()
        for axis, step in product(range(len(shape)), (1, -1)):
            first, last = (slice(None, -1), slice(1, None)) if step == 1 else (slice(1, None), slice(None, -1))
            source = cells[(slice(None),) * axis + (first,)].ravel()
            target = cells[(slice(None),) * axis + (last,)].ravel()
            worth = changed[source]  # a neighbour that has not moved has been tried from already
            source, target = source[worth], target[worth]
            trial = _Minima(points[target], minima.chi2[target], minima.where[target])
            problem.search(shown, minima.where[source], trial)
            minima.chi2[target], minima.where[target] = trial.chi2, trial.where
        changed = minima.chi2 < before - _WORTHWHILE * (1.0 + before)
        if not changed.any():
            break
    return minima
