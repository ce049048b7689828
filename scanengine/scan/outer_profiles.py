"""Exact profiles of scans with outer axes: at each outer value the other axes are minimised over continuously, and
where an outer axis is hidden, between its values as far as chi2 shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import inf

import numpy as np

from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.scan.outer import Inside

_VISIBLE = 0.01
"""So far chi2 between outer values may lie below what is found at them."""

_OF_INTEREST = 30.0
"""Delta chi2 up to which that matters."""

_ROUNDS = 5
"""Each halves the steps where chi2 is bent."""

_Point = tuple[float, ...]


class _Found:
    """The exact profiles of the inner axes at each outer point."""

    def __init__(self, definition: Definition, inside: Inside, threads: int) -> None:
        self._inside = inside
        self._threads = threads
        self.axes: tuple[Axis, ...] = ()
        self.at: dict[_Point, Profiles] = {}
        self.outer = definition.outer

    def add(self, point: _Point) -> Profiles:
        """Return the profiles at an outer point."""
        if point not in self.at:
            self.at[point] = self._exact(point)
        return self.at[point]

    def _exact(self, point: _Point) -> Profiles:
        problem = self._inside.at(point)
        if not problem.definition.axes:
            return Profiles(problem.chi2(np.empty(0)), (), {}, {})
        grid = problem.grid_profiles(self._threads)
        self.axes, exact = problem.exact(grid, self._threads)
        problem.forget()
        planes = {pair: plane for pair, plane in grid.planes.items() if plane.shape == self._shape(pair)}
        return replace(exact, planes=planes | exact.planes)

    def _shape(self, pair: tuple[str, str]) -> tuple[int, ...]:
        sizes = {axis.name: axis.values.size for axis in self.axes}
        return tuple(sizes[name] for name in pair)

    @property
    def minimum(self) -> float:
        """The lowest chi2."""
        return min(profiles.minimum for profiles in self.at.values())


def exact_over_outer(
    definition: Definition, inside: Inside, grid: Profiles, threads: int
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return exact profiles of all axes, and the axes they lie on: of these the inner ones are refined."""
    found = _Found(definition, inside, threads)
    for point in product(*(axis.values.tolist() for axis in definition.outer)):
        found.add(point)
    for _ in range(_ROUNDS):
        new = [point for point in _between(found) if point not in found.at]
        for point in new:
            found.add(point)
        if not new:
            break
    return _together(definition, found, grid)


def _between(found: _Found) -> Iterator[_Point]:
    """Yield outer points halfway between others where chi2, as parabolas have it, falls visibly below both."""
    on_axes = [axis.values.tolist() for axis in found.outer]
    level = found.minimum + _OF_INTEREST
    for k in range(len(found.outer)):
        for others in product(*(values for i, values in enumerate(on_axes) if i != k)):
            along = sorted(p for p in found.at if _without(p, k) == others)
            lines = [_numbers(found.at[p]) for p in along]
            for i in range(1, len(along) - 1):
                x = [along[j][k] for j in (i - 1, i, i + 1)]
                below = _drop(x, lines[i - 1 : i + 2])
                if np.any((below > _VISIBLE) & (lines[i] - below < level)):
                    for a, b in pairwise(x):
                        yield (*along[i][:k], 0.5 * (a + b), *along[i][k + 1 :])


def _without(point: _Point, k: int) -> _Point:
    return (*point[:k], *point[k + 1 :])


def _numbers(profiles: Profiles) -> FloatArray:
    return np.concatenate(([profiles.minimum], *(line for line in profiles.lines.values())))


def _drop(x: Sequence[float], chi2: Sequence[FloatArray]) -> FloatArray:
    """Return by how much the parabola through three values at x falls below the middle one, where that is lowest."""
    left, right = x[1] - x[0], x[2] - x[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (chi2[1] - chi2[0]) / left, (chi2[2] - chi2[1]) / right
        curvature = (second - first) / (left + right)
        slope = (first * right + second * left) / (left + right)
        drop = np.where(curvature > 0.0, 0.25 * slope**2 / curvature, 0.0)
        lowest = (chi2[1] <= chi2[0]) & (chi2[1] <= chi2[2])
    return np.nan_to_num(np.where(lowest, drop, 0.0))


def _together(definition: Definition, found: _Found, grid: Profiles) -> tuple[tuple[Axis, ...], Profiles]:
    """Return the profiles over all axes: the least of what was found at all outer points."""
    outer = [axis.name for axis in found.outer]
    fine = {axis.name: axis for axis in (*found.axes, *found.outer)}
    axes = tuple(fine[axis.name] for axis in definition.axes)
    places = {axis.name: {value: i for i, value in enumerate(axis.values.tolist())} for axis in found.outer}
    lines = {name: np.full(fine[name].values.size, inf) for name in grid.lines}
    planes = {pair: np.full([fine[name].values.size for name in pair], inf) for pair in grid.planes}
    for point, profiles in found.at.items():
        at = {name: places[name].get(value) for name, value in zip(outer, point, strict=True)}
        for name, line in lines.items():
            _lower(line, (name,), at, profiles)
        for pair, plane in planes.items():
            _lower(plane, pair, at, profiles)
    best = min(found.at, key=lambda point: found.at[point].minimum)
    inner = dict(zip((axis.name for axis in found.axes), found.at[best].best_fit, strict=True))
    place = inner | dict(zip(outer, best, strict=True))
    whole = {pair: plane for pair, plane in planes.items() if np.any(np.isfinite(plane))}
    best_fit = tuple(place[axis.name] for axis in definition.axes)
    return axes, Profiles(found.minimum, best_fit, lines, whole)


def _lower(result: FloatArray, names: tuple[str, ...], at: dict[str, int | None], profiles: Profiles) -> None:
    """Lower a line or plane over some axes to what an outer point has, if it lies on the outer axes among them."""
    shown = [name for name in names if name not in at]
    index = tuple(at[name] if name in at else slice(None) for name in names)
    if any(i is None for i in index):
        return
    value: FloatArray | float | None = profiles.minimum if not shown else profiles.over(tuple(shown))
    if value is not None:
        result[index] = np.minimum(result[index], value)
