"""What follows from the profiles of a whole grid: exact ones, the fit at the minimum, and their errors."""

from __future__ import annotations

import math
from math import prod

import numpy as np

from scanengine.chi2.evaluator import Cost
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.inference.coarseness import grid_errors
from scanengine.scan.exact import asked_of_proofs, exact
from scanengine.scan.found import Found
from scanengine.scan.outer_profiles import exact_over_outer
from scanengine.scan.problem import Problem
from scanengine.scan.rounding import rounding_near_minimum


def conclude(problem: Problem, profiles: Profiles, threads: int) -> Found:
    """Add to the profiles of the whole grid what follows from them."""
    possible = _exact_possible(problem)
    found = None if problem.definition.output.profile == "grid" else exact_of(problem, profiles, threads)
    best_fit = (found[1] if found else profiles).best_fit
    fit = problem.fit_at(np.array(best_fit, dtype=np.float64))
    near = rounding_near_minimum(problem, *(found or (problem.definition.axes, profiles)))
    return Found(profiles, found, fit, _grid_errors(problem, profiles), possible, near)


def exact_of(problem: Problem, profiles: Profiles, threads: int) -> tuple[tuple[Axis, ...], Profiles]:
    """Return profiles minimised between grid points, from those of the grid, with the axes they lie on."""
    definition = problem.definition
    if not definition.outer:
        return exact(problem, profiles, threads)
    return exact_over_outer(definition, problem.inside, profiles, asked_of_proofs(problem), threads)


def _exact_possible(problem: Problem) -> bool:
    """Return whether profiles can be minimised between the grid's points."""
    if problem.definition.outer:
        first = problem.first_inside
        return first.likelihood.has_squares and not first.is_direct
    return problem.squares is not None


def _grid_errors(problem: Problem, profiles: Profiles) -> dict[str, FloatArray]:
    """Return what the grid's own minima miss on each line, where there are no better ones."""
    if problem.definition.output.profile != "grid":
        return {}
    shape = problem.shape
    most = math.inf if problem.evaluator.cost <= Cost.POLYNOMIALS else prod(shape) / (4 * len(shape))
    return grid_errors(problem.evaluator, problem.definition.axes, profiles, most)
