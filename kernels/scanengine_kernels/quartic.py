"""From a sum of squared residuals, quadratic in the scanned parameters, to the quartics that chi2 is along the lines of
a grid.

A volume is the grid's points along the last three axes, at one value of each other; it has planes, and these lines. A
block is eight numbers.

The residuals are contracted variable by variable down to the last three. On a volume of these the squares are added up
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
    absolute,
    aligned,
    fma,
    load,
    lowest_of_each,
    minimum,
    splat,
    store,
    total,
)
from scanengine_kernels._simd import lowest as lowest_lane
from scanengine_kernels.polynomial import first_changed, fix_variable_of_all

ROUNDING_GOAL = 1e-10
"""chi2 is right to this times (1 + chi2)."""

ROUNDING = 1.12e-16
"""The largest relative error of one operation."""

ROUNDINGS = 16
"""Roundings that a monomial passes through on its way from the coefficients to chi2, besides those of adding up."""


class Squares(NamedTuple):
    """A sum of squared residuals (monomials of degree two, their number) in three or more variables, in [-1, 1].

    Zeros fill the number up to a multiple of 8. `starts` and `groups` order the monomials of all variables as in
    `polynomial`. `volume_products`, `plane_products` and `line_products` (terms, terms) say to which quartic monomial,
    in the same order, the product of two quadratic ones of the last three, two and one variables belongs.
    """

    residuals: NDArray[np.float64]
    starts: NDArray[np.int64]
    groups: NDArray[np.int64]
    volume_products: NDArray[np.int64]
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


class Last(NamedTuple):
    """The values of the last three axes in whole blocks, as `around` gives them, and how many are meant: planes, lines
    in a plane, points on a line. x lie on these `sides` of zero.
    """

    z: NDArray[np.float64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    planes: int
    lines: int
    points: int
    sides: int


@jit
def last_axes(shape: NDArray[np.int64], values: NDArray[np.float64], spare: int) -> Last:
    """Return the last axes of a grid of shape (n,) and values (n, longest), with so many spare blocks of x."""
    n = shape.size
    planes, lines, points = shape[n - 3], shape[n - 2], shape[n - 1]
    z, y, x = around(values[n - 3], planes, 0), around(values[n - 2], lines, 0), around(values[n - 1], points, spare)
    return Last(z, y, x, planes, lines, points, sides_of_zero(x[:points]))


class Tables(NamedTuple):
    """Quartics on planes (15, groups, 8), see `tabulate_planes`, and those on the lines of two planes: `coefficients`
    (2, 5, lines) and `floors`, see `tabulate_lines`.
    """

    planes: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    floors: NDArray[np.float64]


class Volumes(NamedTuple):
    """The volumes of the last three axes that a kernel is at: up to eight neighbours on the axis before, at once.

    `place` (n - 3,) are the grid indices of the first on the other axes, and `levels` (n, monomials, number) the
    residuals with 0, 1, ... variables fixed. Each of the eight has `residuals` (10, number, 8), a quartic, `quartics`
    (35, 8), and a bound on the rounding error of that, `bounds` (8,).
    """

    place: NDArray[np.int64]
    levels: NDArray[np.float64]
    residuals: NDArray[np.float64]
    quartics: NDArray[np.float64]
    bounds: NDArray[np.float64]


@jit
def new_volumes(squares: Squares, variables: int) -> Volumes:
    """Return room for the volumes of a grid of so many axes, three or more."""
    monomials, number = squares.residuals.shape
    levels = np.empty((variables, monomials, number))
    for i in range(0, monomials * number, LANES):
        store(levels, i, load(squares.residuals, i))
    return Volumes(
        np.full(variables - 3, -1, dtype=np.int64),
        levels,
        aligned(10 * number * LANES).reshape((10, number, LANES)),
        aligned(35 * LANES).reshape((35, LANES)),
        aligned(LANES),
    )


@jit
def go_to_volumes(
    volumes: Volumes,
    first: int,
    squares: Squares,
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
) -> int:
    """Set the quartics of the next volumes of a grid, whose numbers are `first` and those after it.

    Volumes of the grid of shape (n,) and values (n, longest) are counted in C order, and gone to in that order from the
    first on. Returns how many there are at once.
    """
    last = shape.size - 4
    changed = first_changed(first, shape[: last + 1], volumes.place)
    if last < 0:
        number = 1
        level = volumes.levels[0].reshape(-1)
        for i in range(level.size):
            store(volumes.residuals, i * LANES, level[i])
    else:
        number = min(shape[last] - volumes.place[last], LANES)
        for axis in range(changed, last):
            fix_next_variable(volumes, squares, values, axis, 0)
        fix_variable_at_eight(volumes, values[last, : shape[last]])
    add_up_squares_of_eight(volumes, squares.volume_products)
    return number


@jit_inline
def fix_next_variable(volumes: Volumes, squares: Squares, values: NDArray[np.float64], axis: int, volume: int) -> None:
    """Set the residuals' next level: the variable of this axis fixed, where one of the eight volumes is."""
    t = values[axis, volumes.place[axis] + volume]
    fix_variable_of_all(volumes.levels[axis], squares.starts[axis], squares.groups[axis], t, volumes.levels[axis + 1])


@jit_inline
def fix_volume(volumes: Volumes, squares: Squares, values: NDArray[np.float64], volume: int) -> None:
    """Set volumes.levels[n - 3]: the residuals of one of the eight volumes."""
    if volumes.place.size > 0:
        fix_next_variable(volumes, squares, values, volumes.place.size - 1, volume)


@jit_inline
def fix_variable_at_eight(volumes: Volumes, values: NDArray[np.float64]) -> None:
    """Set the residuals of eight volumes, of which values are those of their axis: beyond its end the last again."""
    axis = volumes.place.size - 1
    level, number = volumes.levels[axis], volumes.levels.shape[2]
    for lane in range(LANES):  # their room is not needed yet
        volumes.bounds[lane] = values[min(volumes.place[axis] + lane, values.size - 1)]
    t, fixed, step = load(volumes.bounds, 0), volumes.residuals, number * LANES
    for r in range(number):
        # four monomials of the other three variables have this one beside them, the others are squares and products
        at = r * LANES
        store(fixed, at, fma(t, fma(t, level[2, r], level[1, r]), level[0, r]))
        store(fixed, at + step, fma(t, level[4, r], level[3, r]))
        store(fixed, at + 2 * step, level[5, r])
        store(fixed, at + 3 * step, fma(t, level[7, r], level[6, r]))
        store(fixed, at + 4 * step, level[8, r])
        store(fixed, at + 5 * step, level[9, r])
        store(fixed, at + 6 * step, fma(t, level[11, r], level[10, r]))
        store(fixed, at + 7 * step, level[12, r])
        store(fixed, at + 8 * step, level[13, r])
        store(fixed, at + 9 * step, level[14, r])


@jit_inline
def add_up_squares_of_eight(volumes: Volumes, products: NDArray[np.int64]) -> None:
    """Set the quartics of eight volumes and their bounds, as `add_up_squares` does for one."""
    residuals, quartics = volumes.residuals, volumes.quartics
    terms, number = residuals.shape[0], residuals.shape[1]
    for c in range(0, quartics.size, LANES):
        store(quartics, c, 0.0)
    for i in range(terms):
        for j in range(i + 1):
            p, q, r, s = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for k in range(0, number, 4):
                a, b = (i * number + k) * LANES, (j * number + k) * LANES
                p = fma(load(residuals, a), load(residuals, b), p)
                q = fma(load(residuals, a + LANES), load(residuals, b + LANES), q)
                r = fma(load(residuals, a + 2 * LANES), load(residuals, b + 2 * LANES), r)
                s = fma(load(residuals, a + 3 * LANES), load(residuals, b + 3 * LANES), s)
            at = products[i, j] * LANES
            store(quartics, at, fma(2.0 if j < i else 1.0, (p + q) + (r + s), load(quartics, at)))
    largest = splat(0.0)
    for k in range(number):
        size = splat(0.0)
        for i in range(terms):
            value = load(residuals, (i * number + k) * LANES)
            size = size + absolute(value)
        largest = fma(size, size, largest)
    # at most three products, each of them summed by fours and then twice, are added to a coefficient
    store(volumes.bounds, 0, (number // 4 + 2 + 3 + ROUNDINGS) * ROUNDING * largest)


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
def bernstein_floor_of_both_sides(c0: Lanes, c1: Lanes, c2: Lanes, c3: Lanes, c4: Lanes) -> Lanes:
    """Return the smallest Bernstein coefficient of a quartic on [0, 1] and on [-1, 0], where odd powers change sign."""
    size = absolute(c1)
    b1 = fma(-0.25, size, c0)
    b2 = fma(-0.5, size, fma(1.0 / 6.0, c2, c0))
    b3 = fma(-0.25, absolute(fma(3.0, c1, c3)), fma(0.5, c2, c0))
    b4 = ((c0 + c2) + c4) - absolute(c1 + c3)
    return minimum(minimum(b1, b2), minimum(b3, b4))


@jit_inline
def tabulate_planes(
    quartics: NDArray[np.float64], volume: int, z: NDArray[np.float64], k: int, planes: NDArray[np.float64], group: int
) -> None:
    """Fix the first variable of one quartic, quartics[:, volume] of 35, at eight of z, from k on.

    Sets planes[:, group], of (15, groups, 8), to the quartics in the two other variables.
    """
    c, b, t, number, i = quartics, volume, load(z, k), planes.shape[1] * LANES, group * LANES
    store(planes, i, quartic_at(t, splat(c[0, b]), splat(c[1, b]), splat(c[2, b]), splat(c[3, b]), splat(c[4, b])))
    store(planes, number + i, cubic_at(t, c[5, b], c[6, b], c[7, b], c[8, b]))
    store(planes, 2 * number + i, fma(t, fma(t, c[11, b], c[10, b]), c[9, b]))
    store(planes, 3 * number + i, fma(t, c[13, b], c[12, b]))
    store(planes, 4 * number + i, c[14, b])
    store(planes, 5 * number + i, cubic_at(t, c[15, b], c[16, b], c[17, b], c[18, b]))
    store(planes, 6 * number + i, fma(t, fma(t, c[21, b], c[20, b]), c[19, b]))
    store(planes, 7 * number + i, fma(t, c[23, b], c[22, b]))
    store(planes, 8 * number + i, c[24, b])
    store(planes, 9 * number + i, fma(t, fma(t, c[27, b], c[26, b]), c[25, b]))
    store(planes, 10 * number + i, fma(t, c[29, b], c[28, b]))
    store(planes, 11 * number + i, c[30, b])
    store(planes, 12 * number + i, fma(t, c[32, b], c[31, b]))
    store(planes, 13 * number + i, c[33, b])
    store(planes, 14 * number + i, c[34, b])


@jit_inline
def cubic_at(x: Lanes, c0: Lanes | float, c1: Lanes | float, c2: Lanes | float, c3: Lanes | float) -> Lanes:
    """Return c0 + c1 x + c2 x^2 + c3 x^3."""
    return fma(x, fma(x, fma(x, c3, c2), c1), c0)


@jit_inline
def tabulate_lines(
    planes: NDArray[np.float64],
    group: int,
    plane: int,
    y: NDArray[np.float64],
    sides: int,
    coefficients: NDArray[np.float64],
    at: int,
    floors: NDArray[np.float64],
) -> float:
    """Fix the first variable of one plane's quartic, planes[:, group, plane] of 15, at each of y, a multiple of 8.

    Sets coefficients (..., 5, lines or more), from the flat index `at` on, to each line's quartic, lowest power first,
    and floors (lines,) that it is not below where x > 0 (sides & 1) and x <= 0 (sides & 2); returns the lowest of
    these, or inf if no side is asked for. There is no inner loop: a branch that the processor mispredicts would wait
    for all streams before it.
    """
    number = coefficients.shape[-1]
    lowest = splat(np.inf)
    p, g, k = planes, group, plane
    # in registers: it cannot be seen that the stores leave them alone
    a0, a1, a2, a3, a4 = (
        splat(p[0, g, k]),
        splat(p[1, g, k]),
        splat(p[2, g, k]),
        splat(p[3, g, k]),
        splat(p[4, g, k]),
    )
    b0, b1, b2, b3 = splat(p[5, g, k]), splat(p[6, g, k]), splat(p[7, g, k]), splat(p[8, g, k])
    d0, d1, d2 = splat(p[9, g, k]), splat(p[10, g, k]), splat(p[11, g, k])
    e0, e1, c4 = splat(p[12, g, k]), splat(p[13, g, k]), splat(p[14, g, k])
    for line in range(0, y.size, LANES):
        t = load(y, line)
        c0, c1 = quartic_at(t, a0, a1, a2, a3, a4), cubic_at(t, b0, b1, b2, b3)
        c2, c3 = fma(t, fma(t, d2, d1), d0), fma(t, e1, e0)
        store(coefficients, at + line, c0)
        store(coefficients, at + number + line, c1)
        store(coefficients, at + 2 * number + line, c2)
        store(coefficients, at + 3 * number + line, c3)
        store(coefficients, at + 4 * number + line, c4)
        if sides:
            if sides == 3:
                floor = bernstein_floor_of_both_sides(c0, c1, c2, c3, c4)
            elif sides == 1:
                floor = bernstein_floor(c0, c1, c2, c3, c4)
            else:
                floor = bernstein_floor(c0, 0.0 - c1, c2, 0.0 - c3, c4)
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
    """Return the minimum over x, as many as a multiple of 8, of the quartic with coefficients[:, line]."""
    c0, c1, c2 = splat(coefficients[0, line]), splat(coefficients[1, line]), splat(coefficients[2, line])
    c3, c4 = splat(coefficients[3, line]), splat(coefficients[4, line])
    least = splat(np.inf)
    for i in range(0, x.size, LANES):
        least = minimum(quartic_at(load(x, i), c0, c1, c2, c3, c4), least)
    return lowest_lane(least)


@jit
def floor_needed(bound: float) -> float:
    """Return how large chi2 must be for the promise to hold with this bound on the rounding error."""
    return bound / ROUNDING_GOAL - 1.0


@jit
def take_carefully(
    squares: Squares,
    levels: NDArray[np.float64],
    needed: float,
    last: Last,
    k: int,
    coefficients: NDArray[np.float64],
    floors: NDArray[np.float64],
    squared: NDArray[np.bool_],
) -> int:
    """Do the lines of the plane at last.z[k] whose minima are below what is needed again, from sums of squares on the
    plane itself, and where that is not enough, on the line.

    levels (n, monomials, number) hold the residuals with 0, 1, ... variables fixed, up to n - 3; no line is lower than
    floors (lines,). These lines' coefficients (5, lines) are set anew, squared (rows,) wherever only the squares keep
    the promise; lines that merely fill a block come after the rows and are left alone. Returns how many are squared.
    """
    n, y, x = levels.shape[0], last.y, last.x
    fix_variable_of_all(levels[n - 3], squares.starts[n - 3], squares.groups[n - 3], last.z[k], levels[n - 2])
    plane = np.empty((15, 1, 1))
    needed_here = floor_needed(add_up_squares(levels[n - 2], squares.plane_products, plane[:, 0, 0]))
    better = np.empty(coefficients.shape)
    tabulate_lines(plane, 0, 0, y, 0, better, 0, np.empty(0))
    number = 0
    line_quartic = np.empty(5)
    for line in range(squared.size):
        squared[line] = False
        if floors[line] >= needed or not lowest_on_line(coefficients, line, x) < needed:
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
