"""From a sum of squared residuals, quadratic in the scanned parameters, to the quartics that chi2 is along the lines of
a grid.

The residuals are contracted variable by variable down to the last three. On a block of these the squares are added up
to one polynomial of degree four, whatever their number, which is contracted in turn: along a line chi2 is a quartic,
four fused multiply-adds per point. Where chi2 is small beside the terms that it is the difference of, this cancels. A
line whose bound on the rounding error exceeds the promise is therefore taken more carefully: the squares are added up
on the plane that it lies in, or on the line itself, where the terms are smaller, or at last evaluated as squares, three
operations per residual and point.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import (
    LANES,
    Lanes,
    aligned,
    fma,
    load,
    lowest_of_each,
    maximum,
    minimum,
    splat,
    store,
    total,
)
from scanengine_kernels._simd import lowest as lowest_lane
from scanengine_kernels.polynomial import fix_variable_of_all

ROUNDING_GOAL = 1e-10
"""chi2 is right to this times (1 + chi2)."""

ROUNDINGS = 16
"""Roundings that a monomial passes through on its way from the coefficients to chi2, besides those of adding up."""


class Squares(NamedTuple):
    """A sum of squared residuals (monomials of degree two, their number) in three or more variables, in [-1, 1].

    Zeros fill the number up to a multiple of 8. `starts` and `groups` order the monomials of all variables as in
    `polynomial`, `quartic_starts` and `quartic_groups` those of degree four in the last three. `block_products`,
    `plane_products` and `line_products` (terms, terms) say to which quartic monomial the product of two quadratic ones
    of the last three, two and one variables belongs.
    """

    residuals: NDArray[np.float64]
    starts: NDArray[np.int64]
    groups: NDArray[np.int64]
    quartic_starts: NDArray[np.int64]
    quartic_groups: NDArray[np.int64]
    block_products: NDArray[np.int64]
    plane_products: NDArray[np.int64]
    line_products: NDArray[np.int64]


@jit
def around(values: NDArray[np.float64], number: int, spare: int) -> NDArray[np.float64]:
    """Return a number of values and from the first on again, in whole blocks and so many spare ones.

    What fills the last block does no harm: minima are not lowered by a point that counts twice.
    """
    blocks = aligned((-(-number // LANES) + spare) * LANES)
    for i in range(blocks.size):
        blocks[i] = values[i % number]
    return blocks


@jit
def new_levels(squares: Squares, variables: int) -> NDArray[np.float64]:
    """Return room for the residuals with 0, 1, ... variables fixed (variables, monomials, number), the first set."""
    monomials, number = squares.residuals.shape
    levels = np.empty((variables, monomials, number))
    for i in range(0, monomials * number, LANES):
        store(levels, i, load(squares.residuals, i))
    return levels


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
            size = size + maximum(r, 0.0 - r)
        largest = fma(size, size, largest)
    # at most three products, each of them summed over blocks and three times over lanes, are added to a coefficient
    return (number // LANES + 3 + 3 + ROUNDINGS) * 1.12e-16 * total(largest)


@jit_inline
def quartic_at(x: Lanes, c0: Lanes, c1: Lanes, c2: Lanes, c3: Lanes, c4: Lanes) -> Lanes:
    """Return c0 + c1 x + c2 x^2 + c3 x^3 + c4 x^4."""
    return fma(x, fma(x, fma(x, fma(x, c4, c3), c2), c1), c0)


@jit_inline
def lowest_of_eight(ends: NDArray[np.float64], at: int) -> Lanes:
    """Return the smallest number of each of eight lines, which have a block each in ends, from flat index at on."""
    return lowest_of_each(
        load(ends, at),
        load(ends, at + LANES),
        load(ends, at + 2 * LANES),
        load(ends, at + 3 * LANES),
        load(ends, at + 4 * LANES),
        load(ends, at + 5 * LANES),
        load(ends, at + 6 * LANES),
        load(ends, at + 7 * LANES),
    )


@jit_inline
def bernstein_floor(c0: Lanes, c1: Lanes, c2: Lanes, c3: Lanes, c4: Lanes) -> Lanes:
    """Return the smallest Bernstein coefficient of a quartic on [0, 1]: it is nowhere below."""
    b1 = fma(0.25, c1, c0)
    b2 = fma(1.0 / 6.0, c2, fma(0.5, c1, c0))
    b3 = fma(0.25, c3, fma(0.5, c2, fma(0.75, c1, c0)))
    b4 = ((c0 + c1) + (c2 + c3)) + c4
    return minimum(minimum(c0, b1), minimum(minimum(b2, b3), b4))


@jit_inline
def tabulate_lines(
    planes: NDArray[np.float64],
    plane: int,
    y: NDArray[np.float64],
    sides: int,
    coefficients: NDArray[np.float64],
    at: int,
    floors: NDArray[np.float64],
) -> float:
    """Fix the first variable of one plane's quartic, planes[:, plane] of 15, at each of y, a multiple of 8.

    Sets coefficients (..., 5, lines or more), from the flat index `at` on, to each line's quartic, lowest power first,
    and floors (lines,) that it is not below where x > 0 (sides & 1) and x <= 0 (sides & 2); returns the lowest of
    these, or inf if no side is asked for. There is no inner loop: a branch that the processor mispredicts would wait
    for all streams before it.
    """
    number = coefficients.shape[-1]
    lowest = splat(np.inf)
    for line in range(0, y.size, LANES):
        t = load(y, line)
        c0 = quartic_at(
            t,
            splat(planes[0, plane]),
            splat(planes[1, plane]),
            splat(planes[2, plane]),
            splat(planes[3, plane]),
            splat(planes[4, plane]),
        )
        c1 = fma(t, fma(t, fma(t, planes[8, plane], planes[7, plane]), planes[6, plane]), planes[5, plane])
        c2 = fma(t, fma(t, planes[11, plane], planes[10, plane]), planes[9, plane])
        c3 = fma(t, planes[13, plane], planes[12, plane])
        c4 = splat(planes[14, plane])
        store(coefficients, at + line, c0)
        store(coefficients, at + number + line, c1)
        store(coefficients, at + 2 * number + line, c2)
        store(coefficients, at + 3 * number + line, c3)
        store(coefficients, at + 4 * number + line, c4)
        if sides:
            floor = splat(np.inf)
            if sides & 1:
                floor = bernstein_floor(c0, c1, c2, c3, c4)
            if sides & 2:
                floor = minimum(bernstein_floor(c0, 0.0 - c1, c2, 0.0 - c3, c4), floor)
            store(floors, line, floor)
            lowest = minimum(floor, lowest)
    return lowest_lane(lowest)


@jit
def sides_of_zero(x: NDArray[np.float64]) -> int:
    """Return on which sides of zero x lie: 1 above, 2 below or at it, 3 both."""
    sides = 0
    for t in x:
        sides |= 1 if t > 0.0 else 2
    return sides


@jit
def lowest_on_line(coefficients: NDArray[np.float64], line: int, x: NDArray[np.float64]) -> float:
    """Return the minimum over x of the quartic with coefficients[:, line]."""
    c0, c1, c2 = coefficients[0, line], coefficients[1, line], coefficients[2, line]
    c3, c4 = coefficients[3, line], coefficients[4, line]
    lowest = np.inf
    for t in x:
        value = c0 + t * (c1 + t * (c2 + t * (c3 + t * c4)))
        if value < lowest:
            lowest = value
    return lowest


@jit
def floor_needed(bound: float) -> float:
    """Return how large chi2 must be for the promise to hold with this bound on the rounding error."""
    return bound / ROUNDING_GOAL - 1.0


@jit
def take_carefully(
    squares: Squares,
    levels: NDArray[np.float64],
    needed: float,
    z: float,
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    squared: NDArray[np.bool_],
) -> int:
    """Do the lines of a plane whose minima are below what is needed again, from sums of squares on the plane itself,
    and where that is not enough, on the line.

    levels (n, monomials, number) hold the residuals with 0, 1, ... variables fixed, up to n - 3. These lines'
    coefficients (5, lines) are set anew, squared (rows,) wherever only the squares keep the promise; lines that merely
    fill a block come after the rows and are left alone. Returns how many are squared.
    """
    n = levels.shape[0]
    fix_variable_of_all(levels[n - 3], squares.starts[n - 3], squares.groups[n - 3], z, levels[n - 2])
    plane = np.empty((15, 1))
    needed_here = floor_needed(add_up_squares(levels[n - 2], squares.plane_products, plane[:, 0]))
    better = np.empty(coefficients.shape)
    tabulate_lines(plane, 0, y, 0, better, 0, np.empty(0))
    number = 0
    line_quartic = np.empty(5)
    for line in range(squared.size):
        squared[line] = False
        if not lowest_on_line(coefficients, line, x) < needed:
            continue
        for power in range(5):
            coefficients[power, line] = better[power, line]
        if not lowest_on_line(coefficients, line, x) < needed_here:
            continue
        fix_variable_of_all(levels[n - 2], squares.starts[n - 2], squares.groups[n - 2], y[line], levels[n - 1])
        needed_on_line = floor_needed(add_up_squares(levels[n - 1], squares.line_products, line_quartic))
        for power in range(5):
            coefficients[power, line] = line_quartic[power]
        if lowest_on_line(coefficients, line, x) < needed_on_line:
            squared[line] = True
            number += 1
    return number


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
