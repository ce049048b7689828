"""The Poisson chi2 of a definition: directly from counts, and compiled to counts that are evaluated along with it.

chi2 = 2 sum (N - n + n ln(n / N)) of counts N and data n is twice the logarithm of a ratio of likelihoods: S. Baker and
R. D. Cousins, Nucl. Instrum. Meth. 221, 437 (1984). It is no polynomial, but the counts are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanengine.chi2.bounded import Bounded
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.chi2.monomials import Monomials, packed, scaled
from scanengine.chi2.nuisances import NuisancePolynomial, RowKinds, side_by_side
from scanengine.chi2.squares import require_shape
from scanengine.grid.axes import FloatArray
from scanengine_kernels.grids import Polynomials


def poisson_chi2(counts: FloatArray, data: FloatArray) -> FloatArray:
    """Return chi2 (...) of counts (..., cells) against data (cells,): 2 N where n = 0, infinite where N <= 0 < n."""
    seen = data > 0.0
    N, n = counts[..., seen], data[seen]
    x = (N - n) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.where(np.abs(x) < 0.5, np.log1p(x), np.log(N / n))
    terms = n * np.where(N <= 0.0, np.inf, x - log_ratio)
    return np.asarray(2.0 * (np.sum(terms, axis=-1) + np.sum(counts[..., ~seen], axis=-1)))


@dataclass(frozen=True, eq=False)
class PoissonPolynomial(ScanEvaluator):
    """chi2 of counts that are quadratic in variables t = (x - centre) / half_width in [-1, 1].

    `quadratics` and `weights` are as the kernel takes them. Its logarithms are right to 2e-13 of a bin's chi2; a count
    dN off by rounding, some 1e-15 of the largest terms that it is the sum of, moves chi2 by 2 |1 - n / N| dN. So chi2
    is right to 1e-11 (1 + chi2), save where a count falls below about 1e-5 of these terms, and there chi2 is large.
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    quadratics: Polynomials
    weights: FloatArray
    cost = Cost.POLYNOMIALS

    @classmethod
    def of(
        cls,
        centre: FloatArray,
        half_width: FloatArray,
        monomials: Monomials,
        coefficients: FloatArray,
        data: FloatArray,
    ) -> PoissonPolynomial:
        """Set up chi2 from the coefficients (cells, monomials) of the counts and the data (cells,)."""
        seen = data > 0.0
        excess = coefficients[seen]
        excess[:, monomials.column_of_product(0)] -= data[seen]
        quadratics = np.vstack((excess / data[seen, None], 2.0 * np.sum(coefficients[~seen], axis=0)))
        return cls(centre, half_width, monomials, monomials.polynomials(quadratics.T), 2.0 * data[seen])

    @cached_property
    def bounded(self) -> Bounded:
        """chi2 over boxes: all counts without data are one."""
        bins, coefficients = self.weights.size, self.quadratics.coefficients
        rows = side_by_side(
            coefficients[:, :bins], 0.5 * coefficients[:, bins : bins + 1], np.zeros((len(coefficients), 0))
        )
        none = np.zeros(0)
        return Bounded(
            NuisancePolynomial(
                self.centre,
                self.half_width,
                self.monomials,
                rows.T[None],
                RowKinds(0.5 * self.weights, 1, none, none),
                np.zeros(0, dtype=np.int64),
                none,
                none,
            )
        )

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis.

        Raises ValueError if chi2 has another shape.
        """
        require_shape(chi2, values)
        from scanengine_kernels.poisson import fill_poisson

        grid = packed(scaled(values, self.centre, self.half_width))
        fill_poisson(self.quadratics, self.weights, grid, chi2.reshape(-1, chi2.shape[-1]))
