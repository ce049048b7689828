"""The minima of many lines' quartics along them, in registers.

Where the last variable enters the residuals linearly, as the square of a parameter does, the lines are parabolas and
cost half. Whether they are is known when each function is compiled into its caller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_inline
from scanengine_kernels._simd import LANES, Lanes, fma, load, lowest, minimum, splat, store
from scanengine_kernels.quartic.lines import Quartic, lowest_of_eight, quartic_at, quartic_on_line

FIVE = 5 * LANES
"""Points that are taken at a time, line after line: in loops along x the processor would mispredict where lines end."""


@jit_inline
def value_at(x: Lanes, c: Quartic, parabola: bool) -> Lanes:
    """Return a quartic at eight x, or if it is a parabola, without its third and fourth power."""
    if parabola:
        return fma(x, fma(x, c.c2, c.c1), c.c0)
    return quartic_at(x, c)


@jit_inline
def lowest_on_lines(
    coefficients: NDArray[np.float64], first: int, lines: int, x: NDArray[np.float64], parabolas: bool
) -> float:
    """Return the minimum over x of so many quartics with coefficients (5, lines or more), from the first on.

    The minima of forty or thirty-two x, line after line, stay in registers; what is left of x is taken eight by eight.
    """
    least, at, last = splat(np.inf), 0, first + lines
    while at < x.size:
        blocks = (x.size - at) // LANES
        if blocks == 4 or blocks == 8:  # noqa: PLR1714 (of numbers in braces Numba would make a set)
            least = lowest_of_four_blocks(coefficients, first, last, x, at, parabolas, least)
            at += 4 * LANES
        elif blocks >= 5:
            least = lowest_of_five_blocks(coefficients, first, last, x, at, parabolas, least)
            at += FIVE
        else:
            least = lowest_of_one_block(coefficients, first, last, x, at, parabolas, least)
            at += LANES
    return lowest(least)


@jit_inline
def lowest_of_five_blocks(
    coefficients: NDArray[np.float64],
    first: int,
    last: int,
    x: NDArray[np.float64],
    at: int,
    parabolas: bool,
    least: Lanes,
) -> Lanes:
    """Lower `least` to the minima of the lines from the first to before the last at forty x from `at` on."""
    xp, xq, xr, xs, xt = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24), load(x, at + 32)
    p, q, r, s, t = least, least, least, least, least
    for line in range(first, last):
        c = quartic_on_line(coefficients, line)
        p = minimum(value_at(xp, c, parabolas), p)
        q = minimum(value_at(xq, c, parabolas), q)
        r = minimum(value_at(xr, c, parabolas), r)
        s = minimum(value_at(xs, c, parabolas), s)
        t = minimum(value_at(xt, c, parabolas), t)
    return minimum(minimum(minimum(p, q), minimum(r, s)), t)


@jit_inline
def lowest_of_four_blocks(
    coefficients: NDArray[np.float64],
    first: int,
    last: int,
    x: NDArray[np.float64],
    at: int,
    parabolas: bool,
    least: Lanes,
) -> Lanes:
    """Do as `lowest_of_five_blocks` at thirty-two x."""
    xp, xq, xr, xs = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24)
    p, q, r, s = least, least, least, least
    for line in range(first, last):
        c = quartic_on_line(coefficients, line)
        p = minimum(value_at(xp, c, parabolas), p)
        q = minimum(value_at(xq, c, parabolas), q)
        r = minimum(value_at(xr, c, parabolas), r)
        s = minimum(value_at(xs, c, parabolas), s)
    return minimum(minimum(p, q), minimum(r, s))


@jit_inline
def lowest_of_one_block(
    coefficients: NDArray[np.float64],
    first: int,
    last: int,
    x: NDArray[np.float64],
    at: int,
    parabolas: bool,
    least: Lanes,
) -> Lanes:
    """Do as `lowest_of_five_blocks` at eight x, of two lines at once: minima then need not wait for one another."""
    t, p, q = load(x, at), least, least
    for line in range(first, last, 2):
        p = minimum(value_at(t, quartic_on_line(coefficients, line), parabolas), p)
        q = minimum(value_at(t, quartic_on_line(coefficients, min(line + 1, last - 1)), parabolas), q)
    return minimum(p, q)


@jit_inline
def lower_ends(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], parabolas: bool, ends: NDArray[np.float64]
) -> None:
    """Set ends (lines, 8) to the minima over x of quartics with coefficients (5, lines), in one block for each line."""
    at = 0
    while at + FIVE <= x.size:
        lower_ends_by_five_blocks(coefficients, lines, x, at, parabolas, ends)
        at += FIVE
    while at < x.size:
        lower_ends_by_block(coefficients, lines, x, at, parabolas, ends)
        at += LANES


@jit_inline
def lower_ends_by_five_blocks(
    coefficients: NDArray[np.float64],
    lines: int,
    x: NDArray[np.float64],
    at: int,
    parabolas: bool,
    ends: NDArray[np.float64],
) -> None:
    """Lower ends (lines, 8) to quartics with coefficients (5, lines or more) at forty x from `at` on; if that is 0, set
    them.
    """
    xp, xq, xr, xs, xt = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24), load(x, at + 32)
    for line in range(lines):
        c = quartic_on_line(coefficients, line)
        p, q = value_at(xp, c, parabolas), value_at(xq, c, parabolas)
        r, s = value_at(xr, c, parabolas), value_at(xs, c, parabolas)
        t = value_at(xt, c, parabolas)
        t = t if at == 0 else minimum(t, load(ends, line * LANES))
        store(ends, line * LANES, minimum(minimum(minimum(p, q), minimum(r, s)), t))


@jit_inline
def lower_ends_by_block(
    coefficients: NDArray[np.float64],
    lines: int,
    x: NDArray[np.float64],
    at: int,
    parabolas: bool,
    ends: NDArray[np.float64],
) -> None:
    """Do as `lower_ends_by_five_blocks` for eight x."""
    t = load(x, at)
    for line in range(lines):
        value = value_at(t, quartic_on_line(coefficients, line), parabolas)
        store(ends, line * LANES, value if at == 0 else minimum(value, load(ends, line * LANES)))


@jit_inline
def lowest_of_ends(ends: NDArray[np.float64], of_lines: NDArray[np.float64], first: int, number: int) -> None:
    """Set a number of of_lines, from a flat index on, to the smallest of each of as many blocks of ends.

    Up to 7 more are set, to those of the blocks behind.
    """
    for line in range(0, number, LANES):
        store(of_lines, first + line, lowest_of_eight(ends, line * LANES))
