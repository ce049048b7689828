"""chi2 compiled to polynomials in the scanned parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grids import FloatArray
from scanengine_kernels.quartic import fill_quartic


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

    `residuals` (k, monomials of degree two). On every plane of the last two variables it is filled as the one quartic
    that the squares add up to, save on lines where that could round by more than 1e-10 (1 + chi2).
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    residuals: FloatArray

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> int:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis.

        Returns on how many lines along the last axis the squares themselves were evaluated.
        """
        t = self.scaled(values)
        shape = np.array([v.size for v in t])
        packed = np.zeros((shape.size, shape.max()))
        for axis, v in enumerate(t):
            packed[axis, : v.size] = v
        monomials = self.monomials
        return fill_quartic(
            self.residuals,
            monomials.starts,
            monomials.groups,
            *_last_monomials(min(shape.size, 2)),
            _last_monomials(1)[0],
            shape,
            packed,
            chi2.reshape(-1, chi2.shape[-1]),
        )

    def scaled(self, values: Sequence[FloatArray]) -> list[FloatArray]:
        """Return values of each axis as those of the variables t."""
        return [(x - c) / h for x, c, h in zip(values, self.centre, self.half_width, strict=True)]


@cache
def _last_monomials(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, for n variables, where products of quadratic monomials go in the quartic, and its starts and groups."""
    quadratic, quartic = Monomials.of(n, 2).exponents, Monomials.of(n, 4)
    products = [[quartic.column[tuple(np.add(a, b).tolist())] for b in quadratic] for a in quadratic]
    return np.array(products), quartic.starts, quartic.groups
