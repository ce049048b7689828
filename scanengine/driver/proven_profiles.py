"""Proven profiles: exact ones, and in each of their cells a lower bound of chi2 that branch and bound has proven.

What searches find is too high where they miss a minimum; a bound cannot be. Each cell is decided at some levels of
Delta chi2, or enclosed to a tolerance; where that takes too many boxes, the bounds reached are kept, and tell so. A
statement about a cell is one about its point, not about what lies between points: of that, tiles tell.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.enclosures import Enclosures, ProvenMinima
from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.cells import Cells
from scanengine.driver.exact_profiles import Searched, coarse_cells, searched_profiles
from scanengine.driver.proven_tiles import Known, proven_tiles
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Bounds, Profiles
from scanengine.grid.tiles import ProvenTiles

MOST_BOXES = 5_000
"""In a cell; some ten milliseconds."""

TIMES_LINES_ARE_HALVED = 24
"""Ends of intervals are proven to less than 1e-7 of an axis."""

_TOLERANCE, _MOST_BOXES_OF_ALL = 1e-6, 1_000_000
"""To which the lowest chi2 of all is enclosed, relative to 1 + chi2."""

_SAME = 1e-9
"""Of 1 + chi2: a minimum that is lower by less is the same."""

_LEVEL, _SAMPLE = 4.605, 24
"""What a sample of cells is decided at to see how long it takes: 90% C.L. of two parameters."""


class Undecided(NamedTuple):
    """Exact profiles with the lowest chi2 enclosed, none of whose cells is decided yet."""

    polynomial: ChiSquaredPolynomial
    found: Searched
    profiles: Profiles

    @property
    def ends(self) -> tuple[float, float]:
        """What the lowest chi2 lies between."""
        assert self.profiles.bounds is not None
        return self.profiles.bounds.minimum


class Asked(NamedTuple):
    """What cells are decided at: heights[2] of Delta chi2 in planes and heights[1] in lines, those of
    confidence_levels, in per cent; or, with an enclosure, upper and lower bound are brought so near to each other,
    relative to 1 + chi2. Planes are cut into tiles, up to so many along each axis; None of neither planes nor lines.
    """

    heights: Mapping[int, Sequence[float]]
    confidence_levels: Sequence[float]
    enclosure: float | None = None
    tiles: int | None = None


def proven_profiles(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    grid: Profiles,
    asked: Asked,
    threads: int = 1,
    starts: Sequence[Sequence[float]] = (),
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return exact profiles with their bounds, and the axes they lie on. The rest is as for `exact_profiles`."""
    undecided = undecided_profiles(polynomial, axes, grid, threads, starts)
    return decided_profiles(undecided, undecided.ends, asked, threads)


def undecided_profiles(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    grid: Profiles,
    threads: int = 1,
    starts: Sequence[Sequence[float]] = (),
) -> Undecided:
    """Return exact profiles, of which nothing is proven yet but what the lowest chi2 lies between."""
    found = searched_profiles(polynomial, axes, grid, threads, starts)
    return Undecided(polynomial, found, _with_lowest(polynomial, axes, found.profiles, found.ends))


def decided_profiles(
    undecided: Undecided, ends: tuple[float, float], asked: Asked, threads: int = 1
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return exact profiles with their bounds, and the axes they lie on.

    Delta chi2 counts from the lowest chi2 of all, which lies between `ends`: these may be those of a scan of which the
    profiles are a part.
    """
    found, profiles = undecided.found, undecided.profiles
    names = [axis.name for axis in found.axes]
    lines, planes = dict(profiles.lines), dict(profiles.planes)
    lower: dict[tuple[str, ...], FloatArray] = {}
    tiles: dict[tuple[str, ...], ProvenTiles] = {}
    with ThreadPoolExecutor(threads) as pool:
        for shown, cells in found.cells.items():
            levels = [end + height for height in asked.heights[len(shown)] for end in ends]
            proven = ProvenMinima(cells.hidden, *found.ends)
            bounds = proven.enclose(
                cells.points, cells.where, tolerance=asked.enclosure, levels=levels, most_boxes=MOST_BOXES, pool=pool
            )
            of = tuple(names[i] for i in shown)
            values = lines[of[0]] if len(of) == 1 else planes[of[0], of[1]]
            chi2, lower[of] = _bounded(values, bounds)
            if len(of) == 1:
                lines[of[0]] = chi2
            else:
                planes[of[0], of[1]] = chi2
        if asked.tiles is not None:
            tiles = _tiles(undecided, ends, asked, pool)
    bounds_of_all = Bounds(
        undecided.ends,
        tuple(asked.confidence_levels),
        {of[0]: values for of, values in lower.items() if len(of) == 1},
        {(of[0], of[1]): values for of, values in lower.items() if len(of) == 2},
        tiles,
    )
    return found.axes, replace(profiles, lines=lines, planes=planes, bounds=bounds_of_all)


def _tiles(
    undecided: Undecided, ends: tuple[float, float], asked: Asked, pool: Executor | None
) -> dict[tuple[str, ...], ProvenTiles]:
    """Return tiles of all lines and planes that are kept, that of two axes included, in which nothing is hidden."""
    found, polynomial = undecided.found, undecided.polynomial
    names = [axis.name for axis in found.axes]
    assert asked.tiles is not None
    depths = {1: TIMES_LINES_ARE_HALVED, 2: asked.tiles.bit_length() - 1}
    tiles = {}
    for shown in sorted({*found.cells, *([(0, 1)] if len(names) == 2 else [])}):
        cells = found.cells.get(shown)
        hidden = cells.hidden if cells else HiddenVariables(quadratic_residuals(polynomial), *found.ends, shown)
        known = Known(cells.values, cells.where) if cells else Known((), np.empty((1, 0)))
        scaled = [(float(polynomial.centre[i]), float(polynomial.half_width[i])) for i in shown]
        levels = [(ends[0] + height, ends[1] + height) for height in asked.heights[len(shown)]]
        axes = [found.axes[i] for i in shown]
        proven = ProvenMinima(hidden, *found.ends)
        tiles[tuple(names[i] for i in shown)] = proven_tiles(
            proven, axes, scaled, known, levels, depths[len(shown)], pool
        )
    return tiles


def _bounded(chi2: FloatArray, bounds: Enclosures) -> tuple[FloatArray, FloatArray]:
    """Return a profile, lowered to what a proof has come upon, and its lower bounds."""
    lower, upper = (values.reshape(chi2.shape) for values in (bounds.lower, bounds.upper))
    chi2 = np.where(upper < chi2 - _SAME * (1.0 + np.abs(chi2)), upper, chi2)
    return chi2, np.minimum(lower, chi2)


def _with_lowest(
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], profiles: Profiles, ends: tuple[FloatArray, FloatArray]
) -> Profiles:
    """Return profiles with the lowest chi2 enclosed, and the best fit where a proof has found it lower."""
    variables = HiddenVariables(quadratic_residuals(polynomial), *ends, ())
    scaled = np.array(polynomial.scaled([np.array([x]) for x in profiles.best_fit])).T
    start = variables.from_scaled(np.clip(scaled, *ends))
    everywhere = ProvenMinima(variables, *ends)
    found = everywhere.enclose(np.empty((1, 0)), start, tolerance=_TOLERANCE, most_boxes=_MOST_BOXES_OF_ALL)
    lower, upper = float(found.lower[0]), float(found.upper[0])
    bounds = Bounds((min(lower, profiles.minimum), upper), (), {}, {})
    if upper < profiles.minimum - _SAME * (1.0 + profiles.minimum):
        (t,) = variables.to_scaled(np.empty((1, 0)), found.where)
        place = tuple(
            float(min(max(x, axis.values[0]), axis.values[-1]))
            for x, axis in zip(polynomial.from_scaled(t), axes, strict=True)
        )
        return replace(profiles, minimum=upper, best_fit=place, bounds=bounds)
    return replace(profiles, bounds=bounds)


def estimated_seconds(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    planes: Collection[tuple[int, int]],
    enclosure: float | None = None,
    threads: int = 1,
) -> float:
    """Return about how long the proof takes beside the searches, from some cells of each plane."""
    total = 0.0
    for number, (cells, whole, ends) in enumerate(coarse_cells(polynomial, axes, planes)):
        proven = ProvenMinima(cells.hidden, *ends)
        some = np.linspace(0, len(cells.points) - 1, min(_SAMPLE, len(cells.points))).astype(np.intp)
        if number == 0:
            _timed(proven, cells, some[:1], enclosure)  # the first time may compile
        total += whole * _timed(proven, cells, some, enclosure) / len(some)
    return total / threads


def _timed(proven: ProvenMinima, cells: Cells, some: NDArray[np.intp], enclosure: float | None) -> float:
    began = time.perf_counter()
    levels = [float(np.min(cells.chi2)) + _LEVEL]
    proven.enclose(cells.points[some], cells.where[some], tolerance=enclosure, levels=levels, most_boxes=MOST_BOXES)
    return time.perf_counter() - began
