"""chi2 compiled to polynomials in the scanned parameters, and how accurately each way of evaluating it rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grids import FloatArray
from scanengine_kernels.quartic import fill_quartic
from scanengine_kernels.squares import fill_squares

ROUNDING_GOAL = 1e-10
"""chi2 is promised to this times (1 + chi2) against its direct evaluation."""

_STARTS = 64
_SAFETY = 2.0
"""The quartic's measured rounding error is kept this far from the promise: a sample does not see the worst point."""


@dataclass(frozen=True, eq=False)
class Monomials:
    """The monomials of n variables up to a total degree, in the order that the kernels contract (kernels'
    `polynomial`).

    `exponents[c]` belongs to coefficient c. `starts` (n, most groups + 1) and `groups` (n,) say, for each variable in
    turn, which coefficients are merged when it is fixed.
    """

    exponents: tuple[tuple[int, ...], ...]
    starts: NDArray[np.int64]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, n: int, degree: int) -> Monomials:
        """List the monomials of n >= 1 variables."""
        by_variables: list[list[tuple[int, ...]]] = [[()]]
        for _ in range(n):
            by_variables.append([(k, *e) for e in by_variables[-1] for k in range(degree - sum(e) + 1)])
        groups = np.array([len(by_variables[n - v - 1]) for v in range(n)])
        starts = np.zeros((n, groups.max() + 1), dtype=np.int64)
        for v in range(n):
            lengths = [degree - sum(e) + 1 for e in by_variables[n - v - 1]]
            starts[v, 1 : groups[v] + 1] = np.cumsum(lengths)
        return cls(tuple(by_variables[n]), starts, groups)

    @cached_property
    def column(self) -> dict[tuple[int, ...], int]:
        """The coefficient that belongs to each tuple of exponents."""
        return {e: c for c, e in enumerate(self.exponents)}

    def column_of_product(self, *variables: int) -> int:
        """Return the coefficient of a product of variables, counted from 1; 0 stands for the constant."""
        exponents = [0] * len(self.exponents[0])
        for variable in variables:
            if variable > 0:
                exponents[variable - 1] += 1
        return self.column[tuple(exponents)]

    def values(self, t: FloatArray) -> FloatArray:
        """Return the monomials (..., len(exponents)) at points t (..., n)."""
        return np.asarray(np.prod(t[..., None, :] ** np.array(self.exponents), axis=-1))


@dataclass(frozen=True, eq=False)
class ChiSquaredPolynomial:
    """chi2 = sum_k r_k(t)^2 with quadratic residuals, in variables t = (x - centre) / half_width in [-1, 1].

    `residuals` (k, monomials of degree two). Evaluated as the one quartic that the squares add up to wherever its
    rounding error allows, as a sum of squares otherwise.
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    residuals: FloatArray

    @cached_property
    def quartic(self) -> tuple[Monomials, FloatArray]:
        """The monomials of degree four and the coefficients of chi2."""
        n = self.centre.size
        monomials = Monomials.of(n, 4)
        exponents = np.array(self.monomials.exponents)
        columns = [[monomials.column[tuple(total)] for total in (exponents + e).tolist()] for e in exponents]
        coefficients = np.zeros(len(monomials.exponents))
        np.add.at(coefficients, np.array(columns), self.residuals.T @ self.residuals)
        return monomials, coefficients

    @cached_property
    def quartic_rounding(self) -> float:
        """Rounding error of the quartic over (1 + chi2), as measured against the squares.

        It is largest where chi2 is small although its terms are large. From random points (of fixed seed) chi2 is
        therefore minimised along each variable in turn, and compared all along these lines; a bound from the size of
        the coefficients alone overestimates it a thousandfold.
        """
        n = self.centre.size
        random = np.random.default_rng(seed=1)
        line = np.linspace(-1.0, 1.0, 41)
        worst = 0.0
        for t in random.uniform(-1.0, 1.0, size=(_STARTS, n)):
            for axis in (*range(n), *range(n)):
                values = [line if a == axis else t[a : a + 1] for a in range(n)]
                shape = tuple(v.size for v in values)
                quartic, squares = np.empty(shape), np.empty(shape)
                self._fill_quartic(values, quartic)
                self._fill_squares(values, squares)
                worst = max(worst, float(np.max(np.abs(quartic - squares) / (1.0 + squares))))
                t[axis] = line[np.argmin(squares)]
        return worst

    @cached_property
    def method(self) -> str:
        """How grids are filled: "quartic", or "squares" where the quartic's rounding comes too near the promise."""
        return "quartic" if _SAFETY * self.quartic_rounding <= ROUNDING_GOAL else "squares"

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        t = self.scaled(values)
        if self.method == "quartic":
            self._fill_quartic(t, chi2)
        else:
            self._fill_squares(t, chi2)

    def scaled(self, values: Sequence[FloatArray]) -> list[FloatArray]:
        """Return values of each axis as those of the variables t."""
        return [(x - c) / h for x, c, h in zip(values, self.centre, self.half_width, strict=True)]

    def _fill_quartic(self, t: Sequence[FloatArray], chi2: FloatArray) -> None:
        monomials, coefficients = self.quartic
        shape, packed = _pack(t)
        lines = chi2.reshape(-1, chi2.shape[-1])
        fill_quartic(coefficients, monomials.starts, monomials.groups, shape, packed, lines)

    def _fill_squares(self, t: Sequence[FloatArray], chi2: FloatArray) -> None:
        shape, packed = _pack(t)
        lines = chi2.reshape(-1, chi2.shape[-1])
        fill_squares(self.residuals, self.monomials.starts, self.monomials.groups, shape, packed, lines)


def _pack(values: Sequence[FloatArray]) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the number of values of each axis (n,), and all values (n, longest) in one array for the kernels."""
    shape = np.array([v.size for v in values])
    packed = np.zeros((shape.size, shape.max()))
    for axis, v in enumerate(values):
        packed[axis, : v.size] = v
    return shape, packed
