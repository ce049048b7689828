"""What a problem says of its parameters without its grid: the minima of chi2, and calibrated critical values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanengine.chi2.evaluator import ScanEvaluator
from scanengine.chi2.points import PointEvaluator
from scanengine.definition import ParameterMap
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels, whole
from scanengine.grid.axes import FloatArray
from scanengine.grid.calibration import Calibration
from scanengine.inference import feldman_cousins
from scanengine.inference.caveats import MOST_ROUNDING
from scanengine.inference.expectations import Expectations, OfOneLikelihood
from scanengine.inference.fitting import Minimum, find_minima
from scanengine.inference.objective import Objective
from scanengine.inference.point_objective import PointObjective
from scanengine.likelihood.profiled import Likelihood
from scanengine.scan.coordinates import axes_from_coordinates
from scanengine.scan.outer_expectations import OverOuter
from scanengine.scan.outer_fit import fit_over_outer
from scanengine.scan.problem import Problem, default_threads

_ROUNDING_OF_SUMS = 1e-13
"""How far a sum of many squares is rounded, relative to itself."""


def fit(problem: Problem, starts: Sequence[Mapping[str, float]]) -> list[Minimum]:
    """Return the minima of chi2 within the axes, the lowest first, as `Scan.fit` says."""
    problem.check()
    known = np.array([problem.point(start) for start in starts]).reshape(-1, len(problem.shape))
    minima = _over_outer(problem, known) if problem.definition.outer else _minima(problem, known)
    _check_rounding(f"a fit with chi2 = {minima[0].chi2:.4g}", _ROUNDING_OF_SUMS * minima[0].chi2)
    return minima


def _minima(problem: Problem, known: FloatArray) -> list[Minimum]:
    parameters, coordinates = problem.definition.parameters, problem.coordinates
    if problem.is_propagated:
        problem.check()
        objective: Objective = PointObjective.of(problem.likelihood, coordinates)
        evaluator: ScanEvaluator = PointEvaluator(coordinates.parameters, problem.likelihood)
    else:
        objective = Objective.of(polynomial_likelihood(problem, "a fit"), coordinates)
        evaluator = problem.polynomial
    found = find_minima(objective, evaluator, coordinates, parameters.coordinates(known))
    return [_on_axes(minimum, parameters) for minimum in found]


def _on_axes(minimum: Minimum, parameters: ParameterMap) -> Minimum:
    """Return a minimum in coordinates as one on the axes: of an axis over g, what is found is g^2."""
    if not any(parameters.squared):
        return minimum
    names, squared = list(minimum.place), np.array(parameters.squared)
    place = parameters.from_coordinates(np.array(list(minimum.place.values())))
    extent = {
        name: (math.sqrt(max(low, 0.0)), math.sqrt(max(high, 0.0))) if squared[names.index(name)] else (low, high)
        for name, (low, high) in minimum.extent.items()
    }
    covariance = minimum.covariance
    if covariance is not None:  # d(g^2) = 2 g dg
        slopes = np.where(squared, 2.0 * place, 1.0)
        covariance = covariance / np.outer(slopes, slopes) if np.all(slopes > 0.0) else None
    place_by_name = dict(zip(names, place.tolist(), strict=True))
    return replace(minimum, place=place_by_name, extent=extent, covariance=covariance)


def _over_outer(problem: Problem, known: FloatArray) -> list[Minimum]:
    """Return the minima of a scan with outer axes."""
    definition = problem.definition
    is_outer = np.array([axis.is_outer for axis in definition.axes])

    def inner(values: Sequence[float]) -> list[Minimum]:
        inside = problem.inside.at(values)
        if inside.definition.axes:
            return _minima(inside, np.unique(known[:, ~is_outer], axis=0))
        chi2, fit = inside.chi2(np.empty(0)), inside.fit_at(np.empty(0))
        return [Minimum(chi2, {}, (), is_parabolic=False, covariance=None, fit=fit)]

    return fit_over_outer(definition, inner, known[:, is_outer].tolist())


def calibrate(
    problem: Problem,
    cl: float | Sequence[float],
    pseudo_experiments: int,
    seed: int,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> Calibration:
    """Return critical values of Delta chi2, as `Scan.calibrate` says."""
    pseudo_experiments = whole(pseudo_experiments, "the number of pseudo-experiments")
    if pseudo_experiments < 1:
        raise InputError(f"a calibration needs at least one pseudo-experiment: found {pseudo_experiments}")
    seed = whole(seed, "the seed", 0)
    if pseudo_experiments > (most := feldman_cousins.MOST_PSEUDO_EXPERIMENTS):
        raise InputError(
            f"a calibration takes up to {most:.0e} pseudo-experiments at each point: found {pseudo_experiments}"
        )
    levels = sorted(set(confidence_levels(cl)))
    threads = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
    axes = problem.coordinates.axes
    expectations = _expectations(problem)
    found = feldman_cousins.calibrate(expectations, axes, levels, pseudo_experiments, seed, threads, progress)
    definition = problem.definition
    parameters = problem.definition.parameters
    intervals = found.exact_intervals
    if intervals is not None and any(parameters.squared):  # of a single axis
        intervals = tuple(
            tuple(
                (None if a is None else math.sqrt(max(a, 0.0)), None if b is None else math.sqrt(b)) for a, b in spans
            )
            for spans in intervals
        )
    return replace(
        found,
        axes=axes_from_coordinates(definition, found.axes),
        exact_intervals=intervals,
        definition=definition.text,
        overrides=tuple(definition.overrides),
    )


def _expectations(problem: Problem) -> Expectations:
    """Return what is expected at points of a problem's axes, where its polynomials are at hand."""
    if not problem.definition.outer:
        return OfOneLikelihood(polynomial_likelihood(problem, "a calibration"), problem.coordinates.parameters)
    problem.check()
    if len(problem.shape) > feldman_cousins.MAX_AXES:
        raise InputError(feldman_cousins.too_many(len(problem.shape)))
    for inside in problem.inside.everywhere():
        if inside.definition.axes:
            polynomial_likelihood(inside, "a calibration")
    return OverOuter(problem)


def polynomial_likelihood(problem: Problem, what: str) -> Likelihood:
    """Return the likelihood, where its polynomials are at hand and chi2 is not lost in rounding.

    Raises InputError, naming what needs it, where they are not.
    """
    definition = problem.check()
    if problem.is_direct:
        raise InputError(f"{what} needs the polynomial: a user-supplied cross-section can only be scanned")
    if problem.is_propagated:
        raise InputError(
            f"{what} needs chi2 as a polynomial, but with nsi_in_propagation it is calculated point by point"
        )
    if definition.outer:
        raise InputError(
            f"{what} needs one polynomial, and the axis {definition.outer[0].name} is a number of the scan file, at "
            "each value of which there is another: hold it at a value instead"
        )
    likelihood = problem.likelihood
    definition = problem.coordinates
    likelihood.excess_polynomials(definition.axes, definition.parameters)  # may find that counts are lost
    _check_rounding(what, (2.0 + problem.rounding) * problem.rounding)
    return likelihood


def _check_rounding(what: str, error: float) -> None:
    """Raise InputError where the rounding error of chi2 is too large beside one, a standard deviation."""
    if not error <= MOST_ROUNDING:
        raise InputError(
            f"{what} needs chi2 to better than {MOST_ROUNDING:g}, but double precision gives it only to +-{error:.2g}: "
            "reduce the exposure, or increase the errors of the data"
        )
