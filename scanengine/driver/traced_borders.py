"""Borders of regions on the planes of exact profiles, traced from where a coarse contour begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.arcs import Curve
from scanengine.driver.cells import Cells
from scanengine.driver.exact_profiles import Searched
from scanengine.driver.rings import rings_of
from scanengine.driver.tracing import Branches, Stuck, Surface, Tracer
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.profiles import Profiles

_POINTS_OF_TWO = 301

_CHORD = 5e-7
"""Of each axis: how far the chords of a ring may lie from its arcs."""

_NEAR = 2.5
"""Points of a coarse contour so many cells from a border that was traced are taken to belong to it."""

_ON_CURVE = 2e-5
"""A start so near to a border that was traced lies on it."""

_AROUND = 2
"""Cells to each side of a point whose minima searches begin from."""


@dataclass(frozen=True)
class Side:
    """An axis as one side of the unit square: even in its values, their logarithms or their roots, and scaled ones."""

    values: FloatArray
    centre: float
    half_width: float
    kind: str

    @classmethod
    def of(cls, axis: Axis, centre: float, half_width: float) -> Side:
        """Return the side of an axis; of one whose values are squares of even ones the roots are even."""
        kind = "log" if axis.is_log_spaced else "even"
        if kind == "even" and axis.values[0] >= 0.0 and axis.values.size > 2:
            steps, roots = np.diff(axis.values), np.diff(np.sqrt(axis.values))
            if np.ptp(roots) < 1e-9 * roots[0] and np.ptp(steps) > 1e-6 * steps[0]:
                kind = "root"
        return cls(axis.values, centre, half_width, kind)

    def _even(self, x: FloatArray) -> FloatArray:
        found: FloatArray = np.log(x) if self.kind == "log" else np.sqrt(x) if self.kind == "root" else x
        return found

    def u(self, x: FloatArray) -> FloatArray:
        """Return places along the side of axis values."""
        low, high = self._even(self.values[[0, -1]])
        return np.asarray((self._even(x) - low) / (high - low))

    def x(self, u: FloatArray) -> FloatArray:
        """Return axis values at places along the side; its ends are those of the axis."""
        low, high = self._even(self.values[[0, -1]])
        even = low + (high - low) * u
        found = np.exp(even) if self.kind == "log" else np.square(even) if self.kind == "root" else even
        return np.asarray(np.where(u == 0.0, self.values[0], np.where(u == 1.0, self.values[-1], found)))

    def scaled(self, u: float) -> tuple[float, float]:
        """Return the scaled value at a place, and its derivative."""
        low, high = self._even(self.values[[0, -1]])
        even = float(low + (high - low) * u)
        slope = float(high - low) / self.half_width
        if self.kind == "log":
            return (float(np.exp(even)) - self.centre) / self.half_width, slope * float(np.exp(even))
        if self.kind == "root":
            return (even * even - self.centre) / self.half_width, slope * 2.0 * even
        return (even - self.centre) / self.half_width, slope


def surface_of(cells: Cells, sides: Sequence[Side]) -> Surface:
    """Return the profile of a plane, whose branches are sought from those of the cells about a point as well."""
    from scanengine_kernels.branches import minima_at

    residuals, box = cells.hidden.residuals, cells.hidden.box
    shape = cells.shape
    grids = [(values * side.half_width + side.centre) for values, side in zip(cells.values, sides, strict=True)]
    places = [side.u(np.clip(grid, side.values[0], side.values[-1])) for grid, side in zip(grids, sides, strict=True)]

    def branches(u: FloatArray, where: FloatArray, *, only_lowest: bool) -> Branches:
        scaled, slopes = zip(*(side.scaled(float(x)) for side, x in zip(sides, u, strict=True)), strict=True)
        where = np.array(where, dtype=np.float64, order="C")
        chi2, gradient = np.zeros(len(where)), np.zeros((len(where), 2))
        minima_at(residuals, box, np.array(scaled), where, only_lowest, chi2, gradient)
        order = np.argsort(chi2, kind="stable")
        return Branches(chi2[order], gradient[order] * np.array(slopes), where[order])

    def near(u: FloatArray, where: FloatArray) -> Branches:
        around = []
        for axis, place in enumerate(places):
            k = int(np.clip(np.searchsorted(place, u[axis]), 1, shape[axis] - 1))
            around.append(range(max(0, k - _AROUND), min(shape[axis], k + _AROUND)))
        starts = [cells.where[i * shape[1] + j] for i, j in product(*around)]
        return branches(u, np.concatenate((where, np.array(starts))), only_lowest=True)

    return Surface(near, partial(branches, only_lowest=False))


def with_borders(
    polynomial: ChiSquaredPolynomial,
    found: Searched,
    profiles: Profiles,
    heights: Mapping[float, float],
    threads: int = 1,
) -> Profiles:
    """Return exact profiles with the borders of the regions of two parameters at confidence levels, in per cent, each
    with its height of Delta chi2.

    They are sought where contours of the cells run, and where tiles of proven profiles are undecided.
    """
    names = [axis.name for axis in found.axes]
    planes: dict[tuple[int, ...], Cells] = {shown: cells for shown, cells in found.cells.items() if len(shown) == 2}
    if len(names) == 2 and not planes:
        planes[0, 1] = _cells_of_two(polynomial, found)
    every = [(shown, level) for shown in sorted(planes) for level in heights]

    def trace(what: tuple[tuple[int, ...], float]) -> Border:
        shown, level = what
        sides = [Side.of(found.axes[i], float(polynomial.centre[i]), float(polynomial.half_width[i])) for i in shown]
        extra = _undecided(profiles, (names[shown[0]], names[shown[1]]), heights[level])
        return traced_border(planes[shown], sides, profiles.minimum, heights[level], level, extra)

    with ThreadPoolExecutor(threads) as pool:
        borders = list(pool.map(trace, every))
    by_plane: dict[tuple[str, str], tuple[Border, ...]] = {}
    for (shown, _), border in zip(every, borders, strict=True):
        pair = names[shown[0]], names[shown[1]]
        by_plane[pair] = (*by_plane.get(pair, ()), border)
    return replace(profiles, borders=by_plane)


def _cells_of_two(polynomial: ChiSquaredPolynomial, found: Searched) -> Cells:
    """Return cells of the plane of two axes, in which nothing is hidden, not finer than a contour needs."""
    hidden = HiddenVariables(quadratic_residuals(polynomial), *found.ends, (0, 1))
    values = polynomial.scaled([axis.values for axis in found.axes])
    cells = Cells(hidden, [v[np.unique(np.linspace(0, v.size - 1, _POINTS_OF_TWO).astype(np.intp))] for v in values])
    cells.minimise()
    return cells


def _undecided(profiles: Profiles, pair: tuple[str, str], height: float) -> FloatArray:
    """Return the middles (tiles, 2) of the tiles that are undecided at a height of Delta chi2."""
    tiles = profiles.bounds.tiles.get(pair) if profiles.bounds else None
    if tiles is None or profiles.bounds is None:
        return np.empty((0, 2))
    least, most = profiles.bounds.minimum
    undecided = ~((tiles.lower > most + height) | (tiles.upper <= least + height))
    return np.asarray(0.5 * (tiles.start + tiles.stop)[undecided])


def traced_border(
    cells: Cells, sides: Sequence[Side], minimum: float, height: float, confidence_level: float, extra: FloatArray
) -> Border:
    """Return the border of where chi2 is at most `height` above its minimum.

    It is sought where a contour of the cells begins, and at `extra` axis values (points, 2).
    """
    surface = surface_of(cells, sides)
    level = minimum + height
    tracer = Tracer(surface, level)
    points = [cells.values[k] * side.half_width + side.centre for k, side in enumerate(sides)]
    places = [side.u(np.clip(x, side.values[0], side.values[-1])) for side, x in zip(sides, points, strict=True)]
    width = max(float(np.diff(place).max()) for place in places)
    curves = list[Curve]()
    drawn = list[FloatArray]()
    begun = [*_coarse_contours(places, cells.chi2.reshape(cells.shape) - minimum, height)]
    if len(extra):
        begun.append(np.column_stack([side.u(x) for side, x in zip(sides, extra.T, strict=True)]))
    for contour in begun:
        is_first = True
        for u in contour:
            if np.any((u <= 1e-9) | (u >= 1.0 - 1e-9)):
                continue
            if not is_first and any(_distance(points, u) < _NEAR * width for points in drawn):
                continue
            start = tracer.onto(u, np.empty((0, len(cells.hidden.order))), _NEAR * width)
            if start is None or np.any((start.u <= 0.0) | (start.u >= 1.0)):
                continue
            is_first = False
            if any(_distance(points, start.u) < _ON_CURVE for points in drawn):
                continue
            try:
                curve = tracer.trace(start)
            except Stuck:
                return Border(confidence_level, (), math.inf)
            curves.append(curve)
            drawn.append(curve.dense(_CHORD))
    corner = surface.near(np.zeros(2), np.empty((0, len(cells.hidden.order))))
    rings = rings_of(drawn, corner_is_inside=bool(corner.chi2[0] <= level))
    error = max((curve.error for curve in curves), default=0.0) + _CHORD
    on_axes = [np.column_stack([side.x(u) for side, u in zip(sides, ring.T, strict=True)]) for ring in rings]
    return Border(confidence_level, tuple(on_axes), error)


def _coarse_contours(places: Sequence[FloatArray], delta_chi2: FloatArray, height: float) -> list[FloatArray]:
    """Return the lines (k, 2) on which a contour of the cells has a height."""
    from contourpy import contour_generator

    root = np.sqrt(np.maximum(delta_chi2, 0.0))
    lines = contour_generator(x=places[0], y=places[1], z=root.T).lines(float(np.sqrt(height)))
    return [np.asarray(line, dtype=np.float64) for line in lines]


def _distance(points: FloatArray, u: FloatArray) -> float:
    """Return how far a point is from a polygon."""
    a, way = points[:-1], np.diff(points, axis=0)
    size = np.maximum(np.einsum("ij,ij->i", way, way), 1e-300)
    share = np.clip(np.einsum("ij,ij->i", u - a, way) / size, 0.0, 1.0)
    return float(np.min(np.hypot(*(a + share[:, None] * way - u).T)))
