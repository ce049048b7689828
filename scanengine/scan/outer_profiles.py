"""Exact profiles of scans with outer axes: at each outer value the other axes are minimised over continuously, and
where an outer axis is hidden, between its values as far as chi2 shows it.

Proven profiles are proven at the values of the outer axes, and minimised over these alone: between them nothing bounds
chi2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from scanengine.definition import Definition
from scanengine.driver.proven_profiles import Asked, Undecided
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import PROMISED_RELATIVE, Bounds, Profiles
from scanengine.scan.exact import decided, exact, undecided
from scanengine.scan.grid_scan import grid_profiles
from scanengine.scan.outer import Inside

if TYPE_CHECKING:
    from scanengine.scan.problem import Problem

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
            return _at_a_point(problem)
        grid = grid_profiles(problem, self._threads)
        return self._kept(problem, grid, *exact(problem, grid, self._threads, trace=False))

    def _kept(self, problem: Problem, grid: Profiles, axes: tuple[Axis, ...], exact: Profiles) -> Profiles:
        self.axes = axes
        problem.forget()
        planes = {pair: plane for pair, plane in grid.planes.items() if plane.shape == self._shape(pair)}
        return replace(exact, planes=planes | exact.planes)

    def prove(self, points: Sequence[_Point], asked: Asked) -> None:
        """Add proven profiles at outer points, decided at heights above the lowest chi2 of all of them."""
        of_lines, of_planes = asked.heights[1], asked.heights[2]
        # a line at an outer value is one of a plane with that axis as well
        asked = asked._replace(heights={1: (*of_lines, *of_planes), 2: of_planes})
        searched: dict[_Point, tuple[Profiles, Undecided]] = {}
        for point in points:
            problem = self._inside.at(point)
            if not problem.definition.axes:
                self.at[point] = _at_a_point(problem)
                continue
            grid = grid_profiles(problem, self._threads)
            searched[point] = grid, undecided(problem, grid, self._threads)
        lowest = [still.ends for _, still in searched.values()]
        ends = (min(a for a, _ in lowest), min(b for _, b in lowest)) if lowest else (0.0, 0.0)
        for point in list(searched):
            grid, still = searched.pop(point)
            problem = self._inside.at(point)
            self.at[point] = self._kept(problem, grid, *decided(problem, still, ends, asked, self._threads))

    def _shape(self, pair: tuple[str, str]) -> tuple[int, ...]:
        sizes = {axis.name: axis.values.size for axis in self.axes}
        return tuple(sizes[name] for name in pair)

    @property
    def minimum(self) -> float:
        """The lowest chi2."""
        return min(profiles.minimum for profiles in self.at.values())


def _at_a_point(problem: Problem) -> Profiles:
    """Return what is left of profiles where there are no other axes: chi2, known but for its rounding."""
    chi2 = problem.chi2(np.empty(0))
    error = PROMISED_RELATIVE * (1.0 + abs(chi2))
    return Profiles(chi2, (), {}, {}, bounds=Bounds((chi2 - error, chi2 + error), (), {}, {}))


def exact_over_outer(
    definition: Definition, inside: Inside, grid: Profiles, asked: Asked | None, threads: int
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return exact profiles of all axes, and the axes they lie on: of these the inner ones are refined.

    With something `asked` of proofs, they are proven at the outer values.
    """
    found = _Found(definition, inside, threads)
    points = list(product(*(axis.values.tolist() for axis in definition.outer)))
    if asked is not None:
        found.prove(points, asked)
        axes, profiles = _together(definition, found, grid)
        return axes, replace(profiles, bounds=_bounds(found, axes, profiles, asked))
    for point in points:
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
    values = {point: (profiles.minimum, profiles) for point, profiles in found.at.items()}
    lines = {name: _least(found, (fine[name],), values) for name in grid.lines}
    planes = {(x, y): _least(found, (fine[x], fine[y]), values) for x, y in grid.planes}
    best = min(found.at, key=lambda point: found.at[point].minimum)
    inner = dict(zip((axis.name for axis in found.axes), found.at[best].best_fit, strict=True))
    place = inner | dict(zip(outer, best, strict=True))
    whole = {pair: plane for pair, plane in planes.items() if np.any(np.isfinite(plane))}
    best_fit = tuple(place[axis.name] for axis in definition.axes)
    return axes, Profiles(found.minimum, best_fit, lines, whole)


def _bounds(found: _Found, axes: Sequence[Axis], profiles: Profiles, asked: Asked) -> Bounds:
    """Return the lower bounds of profiles over all axes: the least of those at all outer points."""
    fine = {axis.name: axis for axis in axes}
    bounds = {point: _known(at) for point, at in found.at.items()}
    values = {point: (each.minimum[0], each) for point, each in bounds.items()}
    lines = {name: _least(found, (fine[name],), values) for name in profiles.lines}
    planes = {(x, y): _least(found, (fine[x], fine[y]), values) for x, y in profiles.planes}
    least, most = (min(each.minimum[end] for each in bounds.values()) for end in (0, 1))
    return Bounds(
        (least, most),
        tuple(asked.confidence_levels),
        {name: np.minimum(line, profiles.lines[name]) for name, line in lines.items()},
        {pair: np.minimum(plane, profiles.planes[pair]) for pair, plane in planes.items()},
    )


def _known(profiles: Profiles) -> Bounds:
    """Return the bounds of profiles at an outer point; in planes in which nothing is hidden chi2 itself is one."""
    assert profiles.bounds is not None
    own = {
        pair: plane - PROMISED_RELATIVE * (1.0 + np.abs(plane))
        for pair, plane in profiles.planes.items()
        if pair not in profiles.bounds.planes
    }
    return replace(profiles.bounds, planes={**profiles.bounds.planes, **own})


def _least(
    found: _Found, axes: tuple[Axis, ...], values: Mapping[_Point, tuple[float, Profiles | Bounds]]
) -> FloatArray:
    """Return the least over all outer points of what each has over some axes: its lowest chi2 where none of them is
    its own; infinite where no outer point has anything.
    """
    outer = [axis.name for axis in found.outer]
    places = {axis.name: {x: i for i, x in enumerate(axis.values.tolist())} for axis in axes if axis.name in outer}
    result = np.full([axis.values.size for axis in axes], inf)
    shown = tuple(axis.name for axis in axes if axis.name not in outer)
    for point, (lowest, each) in values.items():
        at = {name: places[name].get(x) for name, x in zip(outer, point, strict=True) if name in places}
        if any(place is None for place in at.values()):  # between the values of a shown axis
            continue
        index = tuple(at.get(axis.name, slice(None)) for axis in axes)
        value = each.over(shown) if shown else lowest
        if value is not None:
            result[index] = np.minimum(result[index], value)
    return result
