"""What a problem says of its parameters without its grid: the minima of chi2, and calibrated critical values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels, whole
from scanengine.grid.calibration import Calibration
from scanengine.inference import calibration
from scanengine.inference.contours import MOST_ROUNDING
from scanengine.inference.fitting import Minimum, find_minima
from scanengine.likelihood.profiled import Likelihood
from scanengine.scan.problem import Problem, default_threads

_ROUNDING_OF_SUMS = 1e-13
"""How far a sum of many squares is rounded, relative to itself."""


def fit(problem: Problem, starts: Sequence[Mapping[str, float]]) -> list[Minimum]:
    """Return the minima of chi2 within the axes, the lowest first, as `Scan.fit` says."""
    likelihood = polynomial_likelihood(problem, "a fit")
    known = np.array([problem.point(start) for start in starts]).reshape(-1, len(problem.shape))
    minima = find_minima(likelihood, problem.evaluator, problem.definition, known)
    _check_rounding(f"a fit with chi2 = {minima[0].chi2:.4g}", _ROUNDING_OF_SUMS * minima[0].chi2)
    return minima


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
    if pseudo_experiments > calibration.MOST_PSEUDO_EXPERIMENTS:
        raise InputError(
            f"a calibration takes up to {calibration.MOST_PSEUDO_EXPERIMENTS:.0e} pseudo-experiments at each point: "
            f"found {pseudo_experiments}"
        )
    levels = sorted(set(confidence_levels(cl)))
    threads = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
    likelihood = polynomial_likelihood(problem, "a calibration")
    return calibration.calibrate(likelihood, problem.definition, levels, pseudo_experiments, seed, threads, progress)


def polynomial_likelihood(problem: Problem, what: str) -> Likelihood:
    """Return the likelihood, where its polynomials are at hand and chi2 is not lost in rounding.

    Raises InputError, naming what needs it, where they are not.
    """
    definition = problem.check()
    if problem.is_direct:
        raise InputError(f"{what} needs the polynomial: a user-supplied cross-section can only be scanned")
    likelihood = problem.likelihood
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
