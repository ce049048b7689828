"""Quartics on planes and on lines, made from that of a volume, and what they are not below."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, Lanes, absolute, fma, load, lowest, lowest_of_each, minimum, splat, store


class Quartic(NamedTuple):
    """c0 + c1 x + c2 x^2 + c3 x^3 + c4 x^4 on eight lines, or eight times on one."""

    c0: Lanes
    c1: Lanes
    c2: Lanes
    c3: Lanes
    c4: Lanes


class Tables(NamedTuple):
    """Quartics on planes (15, groups, 8), see `tabulate_planes`, and those on the lines of two planes: `coefficients`
    (2, 5, lines) and `floors`, see `tabulate_lines`.
    """

    planes: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    floors: NDArray[np.float64]


@jit_inline
def quartic_at(x: Lanes, c: Quartic) -> Lanes:
    """Return a quartic at eight x."""
    return fma(x, fma(x, fma(x, fma(x, c.c4, c.c3), c.c2), c.c1), c.c0)


@jit_inline
def cubic_at(x: Lanes, c0: Lanes | float, c1: Lanes | float, c2: Lanes | float, c3: Lanes | float) -> Lanes:
    """Return c0 + c1 x + c2 x^2 + c3 x^3."""
    return fma(x, fma(x, fma(x, c3, c2), c1), c0)


@jit_inline
def quartic_on_line(coefficients: NDArray[np.float64], line: int) -> Quartic:
    """Return the quartic with coefficients[:, line] of (5, lines)."""
    return Quartic(
        splat(coefficients[0, line]),
        splat(coefficients[1, line]),
        splat(coefficients[2, line]),
        splat(coefficients[3, line]),
        splat(coefficients[4, line]),
    )


@jit_inline
def quartic_on_line_of(coefficients: NDArray[np.float64], plane: int, line: int) -> Quartic:
    """Return the quartic with coefficients[plane, :, line] of (planes, 5, lines).

    A slice would be counted as a reference, with instructions that wait for all streams.
    """
    return Quartic(
        splat(coefficients[plane, 0, line]),
        splat(coefficients[plane, 1, line]),
        splat(coefficients[plane, 2, line]),
        splat(coefficients[plane, 3, line]),
        splat(coefficients[plane, 4, line]),
    )


@jit_inline
def bernstein_floor(c: Quartic) -> Lanes:
    """Return the smallest Bernstein coefficient of a quartic on [0, 1]: it is nowhere below."""
    b1 = fma(0.25, c.c1, c.c0)
    b2 = fma(1.0 / 6.0, c.c2, fma(0.5, c.c1, c.c0))
    b3 = fma(0.25, c.c3, fma(0.5, c.c2, fma(0.75, c.c1, c.c0)))
    b4 = ((c.c0 + c.c1) + (c.c2 + c.c3)) + c.c4
    return minimum(minimum(c.c0, b1), minimum(minimum(b2, b3), b4))


@jit_inline
def bernstein_floor_of_both_sides(c: Quartic) -> Lanes:
    """Return the smallest Bernstein coefficient of a quartic on [0, 1] and on [-1, 0], where odd powers change sign."""
    size = absolute(c.c1)
    b1 = fma(-0.25, size, c.c0)
    b2 = fma(-0.5, size, fma(1.0 / 6.0, c.c2, c.c0))
    b3 = fma(-0.25, absolute(fma(3.0, c.c1, c.c3)), fma(0.5, c.c2, c.c0))
    b4 = ((c.c0 + c.c2) + c.c4) - absolute(c.c1 + c.c3)
    return minimum(minimum(b1, b2), minimum(b3, b4))


@jit_inline
def tabulate_planes(
    quartics: NDArray[np.float64], volume: int, z: NDArray[np.float64], k: int, planes: NDArray[np.float64], group: int
) -> None:
    """Fix the first variable of one quartic, quartics[:, volume] of 35, at eight of z, from k on.

    Sets planes[:, group], of (15, groups, 8), to the quartics in the two other variables.
    """
    c, b, t, number, i = quartics, volume, load(z, k), planes.shape[1] * LANES, group * LANES
    store(planes, i, quartic_at(t, quartic_on_line(c, b)))
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
    lowest_floor = splat(np.inf)
    p, g, k = planes, group, plane
    # in registers: it cannot be seen that the stores leave them alone
    a = Quartic(splat(p[0, g, k]), splat(p[1, g, k]), splat(p[2, g, k]), splat(p[3, g, k]), splat(p[4, g, k]))
    b0, b1, b2, b3 = splat(p[5, g, k]), splat(p[6, g, k]), splat(p[7, g, k]), splat(p[8, g, k])
    d0, d1, d2 = splat(p[9, g, k]), splat(p[10, g, k]), splat(p[11, g, k])
    e0, e1, c4 = splat(p[12, g, k]), splat(p[13, g, k]), splat(p[14, g, k])
    for line in range(0, y.size, LANES):
        t = load(y, line)
        c = Quartic(quartic_at(t, a), cubic_at(t, b0, b1, b2, b3), fma(t, fma(t, d2, d1), d0), fma(t, e1, e0), c4)
        store(coefficients, at + line, c.c0)
        store(coefficients, at + number + line, c.c1)
        store(coefficients, at + 2 * number + line, c.c2)
        store(coefficients, at + 3 * number + line, c.c3)
        store(coefficients, at + 4 * number + line, c.c4)
        if sides:
            if sides == 3:
                floor = bernstein_floor_of_both_sides(c)
            elif sides == 1:
                floor = bernstein_floor(c)
            else:
                floor = bernstein_floor(Quartic(c.c0, 0.0 - c.c1, c.c2, 0.0 - c.c3, c.c4))
            store(floors, line, floor)
            lowest_floor = minimum(floor, lowest_floor)
    return lowest(lowest_floor)


@jit
def lowest_on_line(coefficients: NDArray[np.float64], line: int, x: NDArray[np.float64]) -> float:
    """Return the minimum over x, as many as a multiple of 8, of the quartic with coefficients[:, line]."""
    c, least = quartic_on_line(coefficients, line), splat(np.inf)
    for i in range(0, x.size, LANES):
        least = minimum(quartic_at(load(x, i), c), least)
    return lowest(least)


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
