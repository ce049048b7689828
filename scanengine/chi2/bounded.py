"""chi2 minimised over nuisances, bounded from below over boxes of the scanned variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.monomials import scaled
from scanengine.grid.axes import FloatArray

if TYPE_CHECKING:
    from scanengine.chi2.nuisances import NuisancePolynomial


class Decided(NamedTuple):
    """What is known of boxes (boxes,): `above` a cutoff everywhere, or `reached` by it somewhere; where `nuisances`
    (boxes, nuisances) are at the middles, and how much chi2 bends `along` each variable (boxes, n) in the others.
    """

    above: NDArray[np.bool_]
    reached: NDArray[np.bool_]
    nuisances: FloatArray
    along: FloatArray


class Bounded:
    """chi2 of a polynomial with nuisances, or without any, over boxes of its variables in [-1, 1]."""

    def __init__(self, polynomial: NuisancePolynomial) -> None:
        from scanengine_kernels.nuisances.bounds import Templates
        from scanengine_kernels.nuisances.pulls import Nuisances

        exponents = np.array(polynomial.monomials.exponents)
        constant = polynomial.monomials.column_of_product(0)
        order = [constant, *(c for c in range(len(exponents)) if c != constant)]
        coefficients = np.ascontiguousarray(np.moveaxis(polynomial.templates[:, :, order], 1, 2))
        varies = np.any(coefficients[:, 1:] != 0.0, axis=(1, 2))
        variables = [np.repeat(np.arange(exponents.shape[1]), e) for e in exponents[order]]
        self._polynomial = polynomial
        self._rows = polynomial.kinds.for_kernel()
        self._nuisances = Nuisances(
            polynomial.below, polynomial.log_widths, polynomial.pull_weights, np.zeros(polynomial.below.size)
        )
        self._templates = Templates(
            coefficients,
            np.where(varies, len(order), 1),
            np.array([v[0] if v.size else -1 for v in variables]),
            np.array([v[1] if v.size > 1 else -1 for v in variables]),
            np.abs(coefficients).sum(axis=1),
        )

    @property
    def number_of_nuisances(self) -> int:
        """How many nuisances chi2 is minimised over."""
        return self._polynomial.below.size

    @property
    def size(self) -> int:
        """How many numbers the templates have at a point."""
        number, _, rows = self._templates.coefficients.shape
        return int(number * rows)

    def scaled(self, values: Sequence[FloatArray]) -> list[FloatArray]:
        """Return values of each axis as those of the variables."""
        return scaled(values, self._polynomial.centre, self._polynomial.half_width)

    def decide(self, lower: FloatArray, upper: FloatArray, cutoff: float, starts: FloatArray) -> Decided:
        """Return what is known of chi2 in boxes from lower to upper (boxes, n), with starts (boxes, nuisances).

        Nothing is wrong about a box that is said to be above the cutoff: see the kernel's bound.
        """
        from scanengine_kernels.nuisances.bounds import ABOVE, REACHED, decide_boxes

        found, along = np.empty(len(lower), dtype=np.int64), np.zeros(lower.shape)
        nuisances = starts.copy()
        decide_boxes(self._templates, self._rows, self._nuisances, lower, upper, cutoff, nuisances, found, along)
        return Decided(found == ABOVE, found == REACHED, nuisances, np.nan_to_num(along))
