"""The likelihood of a scan, chi2 on its grid, and how far that is from the exact one."""

from __future__ import annotations

import numpy as np

from scanengine.chi2.evaluator import Evaluator
from scanengine.definition import Definition
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import responses
from tests.naive import FloatArray


def likelihood_of(scan: Definition) -> Likelihood:
    return Likelihood.of(scan, responses(scan))


def grid_points(scan: Definition) -> FloatArray:
    """Axis values at all points of the grid, (..., axes)."""
    return np.stack(np.meshgrid(*(axis.values for axis in scan.axes), indexing="ij"), axis=-1)


def filled(evaluator: Evaluator, scan: Definition) -> FloatArray:
    """chi2 at all points of the grid."""
    chi2 = np.full([axis.values.size for axis in scan.axes], np.nan)
    evaluator.fill([axis.values for axis in scan.axes], chi2)
    return chi2


def deviation(chi2: FloatArray, exact: FloatArray) -> float:
    """The largest difference in units of 1 + chi2."""
    return float(np.max(np.abs(chi2 - exact) / (1.0 + exact)))
