"""The counts of a definition: quadratic in the parameters, N = y^T Q y with y = (1, x), directly and as polynomials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.monomials import Monomials
from scanengine.definition import Definition, ParameterMap
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.detectors import Bin
from scanengine.inputs.terms.interactions import standard_model_point
from scanengine.response.response import Response


@dataclass(frozen=True)
class Cell:
    """One counted number: a bin of a channel of an experiment."""

    experiment: str
    channel: str
    bin: Bin


class CountPolynomials(NamedTuple):
    """Counts as quadratics in variables t = (x - centre) / half_width in [-1, 1]: coefficients (cells, monomials)."""

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    coefficients: FloatArray


@dataclass(frozen=True, eq=False)
class ExpectedCounts:
    """Counts of the cells that can be reached, as a function of the parameters; `expected` (cells,) are those of the
    Standard Model.
    """

    responses: tuple[Response, ...]
    cells: tuple[Cell, ...]
    expected: FloatArray
    _selected: NDArray[np.intp]

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (..., cells) at parameter vectors theta (..., parameters)."""
        return sum_over_flavours(self.responses, theta)[..., self._selected]

    def count_forms(self, parameter_matrix: FloatArray) -> FloatArray:
        """Return Q (cells, k, k) with N = y^T Q y, where the parameters are parameter_matrix (parameters, k) @ y and
        y_0 = 1.
        """
        k = parameter_matrix.shape[1]
        one = np.zeros((1, k))
        one[0, 0] = 1.0
        full = np.concatenate((one, parameter_matrix))
        forms = [response.count_forms(full) for response in self.responses]
        return np.concatenate(_by_channel(self.responses, forms))[self._selected]

    def count_polynomials(self, axes: Sequence[Axis], parameters: ParameterMap) -> CountPolynomials:
        """Return the counts as quadratics in the scanned axes, ties and fixed values folded in."""
        centre, half_width = np.array([_box(axis.values[0], axis.values[-1]) for axis in axes]).T
        to_axes = np.eye(1 + len(axes))
        to_axes[1:, 0] = centre
        to_axes[1:, 1:] = np.diag(half_width)
        forms = self.count_forms(parameters.matrix @ to_axes)
        quadratic = Monomials.of(len(axes), 2)
        coefficients = np.zeros((len(self.cells), len(quadratic.exponents)))
        for i in range(1 + len(axes)):
            for j in range(1 + len(axes)):
                coefficients[:, quadratic.column_of_product(i, j)] += forms[:, i, j]
        return CountPolynomials(centre, half_width, quadratic, coefficients)


def standard_model_counts(definition: Definition, responses: Sequence[Response]) -> FloatArray:
    """Return the Standard Model's counts (bins,) in the order of the responses."""
    return sum_over_flavours(responses, standard_model_point(definition.physics))


def _box(low: float, high: float) -> tuple[float, float]:
    """Return c and h such that (x - c) / h lies in [-1, 1]; c = 0 where the axis comes near zero, lest x cancel."""
    c = 0.5 * (low + high)
    return (c, high - c) if abs(c) > 1.5 * (high - low) else (0.0, max(abs(low), abs(high)))


def sum_over_flavours(responses: Sequence[Response], theta: FloatArray) -> FloatArray:
    """Return the counts (..., cells) of every bin of every channel, flavours added, in the order of the responses."""
    counts = [response.counts(theta) for response in responses]
    return np.concatenate(_by_channel(responses, counts), axis=-1)


def _by_channel(responses: Sequence[Response], parts: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the parts that the responses contribute, added up channel by channel in the order of the responses."""
    channels: dict[tuple[str, str], FloatArray] = {}
    for response, part in zip(responses, parts, strict=True):
        key = (response.experiment, response.channel)
        channels[key] = channels[key] + part if key in channels else part
    return list(channels.values())


def cells_of(responses: Sequence[Response]) -> Iterator[Cell]:
    """Yield every bin of every channel in the order of the responses."""
    binnings = {(response.experiment, response.channel): response.binning for response in responses}
    for (experiment, channel), binning in binnings.items():
        for each in binning:
            yield Cell(experiment, channel, each)
