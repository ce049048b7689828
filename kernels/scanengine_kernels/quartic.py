"""chi2 on a tensor grid: a sum of squared residuals, quadratic in the scanned parameters, evaluated as a quartic.

The residuals are contracted variable by variable down to the last two. On the plane of these the squares are added up
to one polynomial of degree four, whatever their number, and along a line of it chi2 is a quartic: four fused
multiply-adds per point. Where chi2 is small beside the terms that it is the difference of, a quartic cancels. A line
whose bound on the rounding error exceeds the promise is therefore taken more carefully: the squares are added up on the
line itself, where the terms are smaller, or at last evaluated as squares, three operations per residual and point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.polynomial import first_changed, fix_variable

ROUNDING_GOAL = 1e-10
"""chi2 is right to this times (1 + chi2)."""

ROUNDINGS = 14
"""Roundings that a monomial passes through on its way from the coefficients to chi2, besides those of adding up."""


@jit
def add_up_squares(
    residuals: NDArray[np.float64], products: NDArray[np.int64], coefficients: NDArray[np.float64]
) -> float:
    """Set coefficients to those of sum_k r_k^2 for residuals (k, terms); return a bound on its rounding, |t| <= 1.

    products (terms, terms) says to which coefficient the product of two monomials belongs.
    """
    coefficients[:] = 0.0
    largest = 0.0
    terms = products.shape[0]
    for k in range(residuals.shape[0]):
        size = 0.0
        for i in range(terms):
            r = residuals[k, i]
            size += abs(r)
            coefficients[products[i, i]] += r * r
            for j in range(i):
                coefficients[products[i, j]] += 2.0 * r * residuals[k, j]
        largest += size * size
    # at most three products per residual are added to a coefficient
    return (3 * residuals.shape[0] + ROUNDINGS) * 1.12e-16 * largest


@jit
def fill_line(c: NDArray[np.float64], x: NDArray[np.float64], row: NDArray[np.float64]) -> float:
    """Set row to the quartic with coefficients c (5,) at x, lowest power first; return its minimum.

    A sum of squares is not negative, and what rounding leaves below zero is zero.
    """
    for i in range(row.size):
        value = c[0] + x[i] * (c[1] + x[i] * (c[2] + x[i] * (c[3] + x[i] * c[4])))
        row[i] = max(value, 0.0)
    lowest = row[0]
    for i in range(row.size):
        lowest = min(lowest, row[i])
    return lowest


@jit
def fill_line_with_squares(residuals: NDArray[np.float64], x: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Set row to sum_k r_k(x)^2, residuals (k, 3 or more) quadratic, lowest power first."""
    row[:] = 0.0
    for k in range(residuals.shape[0]):
        c0, c1, c2 = residuals[k, 0], residuals[k, 1], residuals[k, 2]
        for i in range(row.size):
            r = c0 + x[i] * (c1 + x[i] * c2)
            row[i] += r * r


@jit
def fill_quartic(
    residuals: NDArray[np.float64],
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    products: NDArray[np.int64],
    plane_starts: NDArray[np.int64],
    plane_groups: NDArray[np.int64],
    line_products: NDArray[np.int64],
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> int:
    """Fill chi2 (lines, shape[-1]) on the tensor grid of values (axes, longest): values[a, :shape[a]] of variable a.

    The variables lie in [-1, 1]. residuals (k, monomials of degree two) have starts and groups as in `polynomial`;
    products, plane_starts and plane_groups belong to the monomials of the last one or two variables, line_products to
    those of the last. Returns how many lines were evaluated as squares.
    """
    n = shape.size
    first_of_plane = max(n - 2, 0)
    levels = np.empty((n, residuals.shape[0], residuals.shape[1]))
    levels[0] = residuals
    plane = np.empty(plane_starts[0, plane_groups[0]])
    line_coefficients = np.empty(5)
    index = np.full(n - 1, -1, dtype=np.int64)
    x = values[n - 1, : shape[n - 1]]
    bound = 0.0
    squared = 0
    for line in range(chi2.shape[0]):
        changed = first_changed(line, shape, index)
        for axis in range(changed, first_of_plane):
            t = values[axis, index[axis]]
            for k in range(residuals.shape[0]):
                fix_variable(levels[axis, k], starts[axis], groups[axis], t, levels[axis + 1, k])
        if line == 0 or changed < first_of_plane:
            bound = add_up_squares(levels[first_of_plane], products, plane)
        if n > 1:
            t = values[n - 2, index[n - 2]]
            fix_variable(plane, plane_starts[0], plane_groups[0], t, line_coefficients)
        else:
            line_coefficients[:] = plane
        lowest = fill_line(line_coefficients, x, chi2[line])
        bound_here = bound
        if n > 1 and bound > ROUNDING_GOAL * (1.0 + lowest):
            for k in range(residuals.shape[0]):
                fix_variable(levels[n - 2, k], starts[n - 2], groups[n - 2], t, levels[n - 1, k])
            bound_here = add_up_squares(levels[n - 1], line_products, line_coefficients)
            lowest = fill_line(line_coefficients, x, chi2[line])
        if bound_here > ROUNDING_GOAL * (1.0 + lowest):
            fill_line_with_squares(levels[n - 1], x, chi2[line])
            squared += 1
    return squared
