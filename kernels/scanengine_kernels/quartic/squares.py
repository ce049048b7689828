"""Sums of squared residuals: what they are, what their quartics round to, and themselves, where those do not do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, absolute, fma, load, lowest, minimum, splat, total
from scanengine_kernels.grids import Polynomials

ROUNDING_GOAL = 1e-10
"""chi2 is right to this times (1 + chi2)."""

ROUNDING = 1.12e-16
"""The largest relative error of one operation."""

ROUNDINGS = 16
"""Roundings that a monomial passes through on its way from the coefficients to chi2, besides those of adding up."""


class Squares(NamedTuple):
    """A sum of squared `residuals`, of degree two in three or more variables, in [-1, 1].

    Zeros fill their number up to a multiple of 8. `volume_products`, `plane_products` and `line_products` (terms,
    terms) say to which quartic monomial, in the order of `polynomial`, the product of two quadratic ones of the last
    three, two and one variables belongs.
    """

    residuals: Polynomials
    volume_products: NDArray[np.int64]
    plane_products: NDArray[np.int64]
    line_products: NDArray[np.int64]


@jit
def floor_needed(bound: float) -> float:
    """Return how large chi2 must be for the promise to hold with this bound on the rounding error."""
    return bound / ROUNDING_GOAL - 1.0


@jit
def add_up_squares(
    residuals: NDArray[np.float64], products: NDArray[np.int64], coefficients: NDArray[np.float64]
) -> float:
    """Set coefficients to those of sum_k r_k^2 for residuals (terms, k); return a bound on its rounding, |t| <= 1.

    products (terms, terms) says to which coefficient the product of two monomials belongs.
    """
    number = residuals.shape[1]
    terms = products.shape[0]
    for c in range(coefficients.size):
        coefficients[c] = 0.0
    for i in range(terms):
        for j in range(i + 1):
            sums = splat(0.0)
            for k in range(0, number, LANES):
                sums = fma(load(residuals, i * number + k), load(residuals, j * number + k), sums)
            coefficients[products[i, j]] += (2.0 if j < i else 1.0) * total(sums)
    largest = splat(0.0)
    for k in range(0, number, LANES):
        size = splat(0.0)
        for i in range(terms):
            r = load(residuals, i * number + k)
            size = size + absolute(r)
        largest = fma(size, size, largest)
    # at most three products, each of them summed over blocks and three times over lanes, are added to a coefficient
    return (number // LANES + 3 + 3 + ROUNDINGS) * ROUNDING * total(largest)


@jit
def fill_line_with_squares(residuals: NDArray[np.float64], x: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Set row to sum_k r_k(x)^2, residuals (3 or more, k) quadratic, lowest power first."""
    for i in range(x.size):
        row[i] = 0.0
    for k in range(residuals.shape[1]):
        c0, c1, c2 = residuals[0, k], residuals[1, k], residuals[2, k]
        for i in range(x.size):
            r = c0 + x[i] * (c1 + x[i] * c2)
            row[i] += r * r


@jit_inline
def lowest_square(residuals: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """Return min_x sum_k r_k(x)^2, of x that fill blocks of eight, residuals as in `fill_line_with_squares`."""
    least = splat(np.inf)
    for i in range(0, x.size, LANES):
        t, squared = load(x, i), splat(0.0)
        for k in range(residuals.shape[1]):
            value = fma(t, fma(t, residuals[2, k], residuals[1, k]), residuals[0, k])
            squared = fma(value, value, squared)
        least = minimum(squared, least)
    return lowest(least)
