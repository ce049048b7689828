"""chi2 point by point, where counts are known as a function of the parameters that is no polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import ParameterMap
from scanengine.grid.axes import FloatArray

_AT_ONCE = 512
"""Points whose counts are held at once."""


class OfParameters(Protocol):
    """What is needed of a likelihood: chi2 at parameters."""

    def chi2(self, theta: FloatArray) -> FloatArray:
        """Return chi2 (...) at parameter vectors theta (..., parameters)."""


class PointEvaluator(ScanEvaluator):
    """chi2 of a likelihood on the points of a grid."""

    cost = Cost.INTEGRALS

    def __init__(self, parameters: ParameterMap, likelihood: OfParameters) -> None:
        self._parameters = parameters
        self._likelihood = likelihood

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        flat = chi2.reshape(-1)
        for first in range(0, flat.size, _AT_ONCE):
            numbers = np.arange(first, min(first + _AT_ONCE, flat.size))
            indices = np.unravel_index(numbers, chi2.shape)
            points = np.stack([v[i] for v, i in zip(values, indices, strict=True)], axis=1)
            flat[numbers] = self._likelihood.chi2(self._parameters.values(points))
