"""The Poisson likelihood of expected counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scanengine.chi2.poisson import PoissonPolynomial, poisson_chi2
from scanengine.definition import Definition, ParameterMap
from scanengine.grid.axes import Axis, FloatArray
from scanengine.likelihood.counts import Likelihood, reachable_cells
from scanengine.response.integrals import Response


@dataclass(frozen=True, eq=False)
class PoissonLikelihood(Likelihood):
    """chi2 = 2 sum (N - N_SM + N_SM ln(N_SM / N)) over the cells that can be reached, with Asimov data N_SM."""

    @classmethod
    def of(cls, definition: Definition, responses: Sequence[Response]) -> PoissonLikelihood:
        """Set up the likelihood of a definition from its responses.

        Cells with N_SM = 0 are left out. Raises InputError if that leaves an experiment without any.
        """
        return cls(tuple(responses), definition.physics.couplings, *reachable_cells(definition, responses))

    def _chi2(self, counts: FloatArray) -> FloatArray:
        return poisson_chi2(counts, self.expected)

    def polynomial(self, axes: Sequence[Axis], parameters: ParameterMap) -> PoissonPolynomial:
        """Compile the counts to polynomials in the scanned axes, ties and fixed values folded in."""
        centre, half_width, monomials, coefficients = self.count_polynomials(axes, parameters)
        return PoissonPolynomial.of(centre, half_width, monomials, coefficients, self.expected)
