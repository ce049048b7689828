"""The Gaussian likelihood of expected counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import sqrt

import numpy as np

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition, ParameterMap
from scanengine.grid.axes import Axis, FloatArray
from scanengine.likelihood.counts import Likelihood, reachable_cells
from scanengine.response.integrals import Response


@dataclass(frozen=True, eq=False)
class GaussianLikelihood(Likelihood):
    """chi2 = (N - N_SM)^T V^-1 (N - N_SM) over the cells that can be reached, with Asimov data N_SM.

    `systematics` (cells,) are the relative normalisation uncertainty f of the cell's experiment.
    """

    systematics: FloatArray

    @classmethod
    def of(cls, definition: Definition, responses: Sequence[Response]) -> GaussianLikelihood:
        """Set up the likelihood of a definition from its responses.

        Cells with N_SM = 0 are left out. Raises InputError if that leaves an experiment without any.
        """
        cells, expected, reached = reachable_cells(definition, responses)
        systematic = {experiment.name: experiment.systematic for experiment in definition.experiments}
        f = np.array([systematic[cell.experiment] for cell in cells])
        return cls(tuple(responses), definition.physics.couplings, cells, expected, reached, f)

    def _chi2(self, counts: FloatArray) -> FloatArray:
        return np.asarray(np.sum(self.whiten(counts - self.expected) ** 2, axis=-1))

    def whiten(self, excess: FloatArray) -> FloatArray:
        """Return residuals (..., cells) whose squares add up to chi2, from counts above the expectation (..., cells).

        With z the excess over sqrt(N_SM) and u = sqrt(N_SM), V = D (1 + f^2 u u^T) D for D = diag(u), whose inverse
        root acts on the direction of u alone.
        """
        u = np.sqrt(self.expected)
        z = excess / u
        for first, last in self._experiment_ranges:
            cells = slice(first, last)
            norm = sqrt(float(self.expected[cells].sum()))
            f_norm = float(self.systematics[first]) * norm
            shrink = 1.0 - 1.0 / sqrt(1.0 + f_norm * f_norm)
            direction = u[cells] / norm
            z[..., cells] -= shrink * (z[..., cells] @ direction)[..., None] * direction
        return z

    @cached_property
    def _experiment_ranges(self) -> tuple[tuple[int, int], ...]:
        names = [cell.experiment for cell in self.cells]
        starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
        return tuple(pairwise([*starts, len(names)]))

    def polynomial(self, axes: Sequence[Axis], parameters: ParameterMap) -> ChiSquaredPolynomial:
        """Compile chi2 to polynomials in the scanned axes, ties and fixed values folded in."""
        centre, half_width, quadratic, residuals = self.count_polynomials(axes, parameters)
        residuals[:, quadratic.column_of_product(0)] -= self.expected
        residuals = np.ascontiguousarray(self.whiten(residuals.T).T)
        if residuals.shape[0] > residuals.shape[1]:
            residuals = np.asarray(np.linalg.qr(residuals, mode="r"))
        return ChiSquaredPolynomial(centre, half_width, quadratic, residuals)
