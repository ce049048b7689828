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
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import NamedTuple

import numpy as np

from scanengine.chi2.minima import global_minima
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver import final_checks
from scanengine.driver.cells import Cells
from scanengine.driver.final_checks import Checks
from scanengine.driver.fine_grid import COARSE_POINTS, FineGrid, Pair, refined, refined_plane
from scanengine.driver.grid_valleys import OnGrid, lowest_on_grid
from scanengine.driver.searches import MOST_MINIMA, search_each, search_line, search_planes, search_thoroughly
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine_kernels.cells import WORTHWHILE

_PASSES = 3.0
"""So many times as long as its lattice all searches of a cell take, about."""


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
    fine_axes, steps = zip(*(refined(axis) for axis in axes), strict=True)
    fine = FineGrid.of(polynomial, fine_axes)
    names = [axis.name for axis in axes]
    pairs = [(names.index(x), names.index(y)) for x, y in grid.planes] if len(axes) != 2 else refined_plane(fine, axes)
    pairs.sort(key=lambda pair: -fine.hiding_all_but(*pair).searched)  # the longest first, lest one thread wait
    given = np.array([grid.best_fit, *starts], dtype=np.float64).reshape(-1, len(axes))
    minima = global_minima(polynomial, axes, given)
    begin = np.concatenate((given, minima.places[:MOST_MINIMA]))
    begin = np.clip(np.column_stack(polynomial.scaled([*begin.T])), *fine.ends)
    on_grid = {
        (a, b): OnGrid(polynomial, axes, (a, b), grid.planes[names[a], names[b]], (steps[a], steps[b]))
        for a, b in pairs
        if (names[a], names[b]) in grid.planes
    }
    if any(fine.hiding_all_but(*pair).searched for pair in pairs):
        begin = np.concatenate((begin, lowest_on_grid(on_grid.values(), grid.minimum, begin)))

    def settled(pair: Pair) -> Checks:
        return final_checks.settle(found[pair], on_grid.get(pair), pair)

    with ThreadPoolExecutor(threads) as pool:
        found = dict(zip(pairs, search_planes(fine, pairs, begin, pool), strict=True))
        checks = dict(zip(pairs, pool.map(settled, pairs), strict=True))
    cells: dict[tuple[int, ...], Cells] = dict(found.items())
    lines, lowest = {}, [begin, *(plane.at_lowest for plane in found.values())]
    for axis, name in enumerate(names):
        if name not in grid.lines:
            continue
        line = search_line(fine, axis, found, begin)
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
            place = tuple(float(x) for x in polynomial.from_scaled(everywhere.scaled[0]))
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
            search_thoroughly(sample)  # the first time may compile
            search_each(sample)
        began = time.perf_counter()
        search_thoroughly(sample)
        thorough = (time.perf_counter() - began) / sample.chi2.size
        began = time.perf_counter()
        search_each(sample)
        each = (time.perf_counter() - began) / sample.chi2.size
        if sample.hidden.searched:
            total += COARSE_POINTS**2 * thorough + _PASSES * whole * each
        else:
            total += whole * thorough
    return total / threads


def coarse_cells(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], planes: Collection[tuple[int, int]]
) -> Iterator[tuple[Cells, int, tuple[FloatArray, FloatArray]]]:
    """Yield some cells of each plane, not searched yet, how many it has in all, and the ends of all variables."""
    fine = FineGrid.of(polynomial, [refined(axis)[0] for axis in axes])
    for pair in planes:
        whole = prod(fine.values[i].size for i in pair)
        yield fine.cells(*pair, nodes=[fine.nodes(i)[::4] for i in pair]), whole, fine.ends
