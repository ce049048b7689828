"""Exact and proven profiles of a problem whose axes are all parameters."""

from __future__ import annotations

from scanengine.chi2.minima import standard_model
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.exact_profiles import searched_profiles
from scanengine.driver.proven_profiles import Asked, Undecided, decided_profiles, undecided_profiles
from scanengine.driver.traced_borders import with_borders
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.inference.levels import delta_chi2
from scanengine.scan.coordinates import axes_from_coordinates, profiles_in_coordinates, profiles_on_axes
from scanengine.scan.problem import Problem

BORDERS_AT = (68.27, 90.0, 95.0)
"""Confidence levels at which borders are traced unless the scan names others, in per cent."""


def exact(
    problem: Problem, profiles: Profiles, threads: int, *, trace: bool = True
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return profiles minimised between grid points, from those of the grid, with the axes they lie on.

    With `trace` the borders of regions are traced as well.
    """
    levels = problem.definition.output.confidence_levels or BORDERS_AT
    heights = {level: delta_chi2(0.01 * level, 2) for level in levels} if trace else {}
    to_be_searched = _to_be_searched(problem, profiles, threads)
    polynomial = to_be_searched[0]
    asked = asked_of_proofs(problem)
    if asked is not None:
        still = undecided_profiles(*to_be_searched)
        axes, proven = decided_profiles(still, still.ends, asked, threads)
        return _on_axes(problem, axes, with_borders(polynomial, still.found, proven, heights, threads))
    found = searched_profiles(*to_be_searched)
    return _on_axes(problem, found.axes, with_borders(polynomial, found, found.profiles, heights, threads))


def undecided(problem: Problem, profiles: Profiles, threads: int) -> Undecided:
    """Return profiles minimised between grid points, in coordinates, of which the lowest chi2 alone is proven."""
    searched = _to_be_searched(problem, profiles, threads)
    return undecided_profiles(*searched)


def decided(
    problem: Problem, still: Undecided, ends: tuple[float, float], asked: Asked, threads: int
) -> tuple[tuple[Axis, ...], Profiles]:
    """Return such profiles with their bounds, and the axes they lie on; the lowest chi2 of all is between ends."""
    found = decided_profiles(still, ends, asked, threads)
    return _on_axes(problem, *found)


def asked_of_proofs(problem: Problem) -> Asked | None:
    """Return what cells of proven profiles are decided at, None where profiles are only searched."""
    output = problem.definition.output
    if output.profile != "proven":
        return None
    heights = {dof: [delta_chi2(0.01 * level, dof) for level in output.confidence_levels] for dof in (1, 2)}
    # between the values of an outer axis nothing bounds chi2
    tiles = None if problem.definition.outer else output.tiles
    return Asked(heights, output.confidence_levels, output.enclosure, tiles)


def _to_be_searched(
    problem: Problem, profiles: Profiles, threads: int
) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...], Profiles, int, list[list[float]]]:
    """Return what exact profiles are found from: chi2, axes, profiles of the grid, threads, and where to begin."""
    squares = problem.squares_for(f'output.profile = "{problem.definition.output.profile}"')
    grid = profiles_in_coordinates(problem.definition.parameters, profiles)
    # data may be the Standard Model's own expectation, or nearly: a start costs little
    return squares, problem.coordinates.axes, grid, threads, [standard_model(problem.coordinates).tolist()]


def _on_axes(problem: Problem, axes: tuple[Axis, ...], found: Profiles) -> tuple[tuple[Axis, ...], Profiles]:
    return axes_from_coordinates(problem.definition, axes), profiles_on_axes(problem.definition, found)
