"""The monomials that counts and chi2 are polynomials in, and tensor grids as the kernels take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine_kernels.grids import LANES, Grid, Polynomials


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

    def polynomials(self, coefficients: FloatArray) -> Polynomials:
        """Return polynomials (monomials, number) as the kernels take them, with zeros up to whole blocks."""
        monomials, number = coefficients.shape
        filled = np.zeros((monomials, whole_blocks(number)))
        filled[:, :number] = coefficients
        return Polynomials(filled, self.starts, self.groups)

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


def scaled(values: Sequence[FloatArray], centre: FloatArray, half_width: FloatArray) -> list[FloatArray]:
    """Return values of each axis as those of the variables (x - centre) / half_width."""
    return [(x - c) / h for x, c, h in zip(values, centre, half_width, strict=True)]


def whole_blocks(number: int) -> int:
    """Return the next multiple of the numbers in a block of the kernels."""
    return -(-number // LANES) * LANES


def packed(t: Sequence[FloatArray]) -> Grid:
    """Return the grid that the variables' values span, as the kernels take it."""
    shape = np.array([v.size for v in t])
    together = np.zeros((shape.size, shape.max()))
    for axis, v in enumerate(t):
        together[axis, : v.size] = v
    return Grid(shape, together)
