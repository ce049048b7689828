"""chi2 minimised over the hidden axes of a grid: one minimum per point, in registers, of the quartics of `quartic`.

The axes come in an order of their own: those shown first, and last a hidden one, along which the lines run. Where that
one enters the residuals linearly, as the square of a parameter does, its lines are parabolas and cost half.

How exact a minimum is shows once it is known: as long as it is large enough for the bound on the rounding error it
stands, and no line needs a floor beforehand. Otherwise the lines that could hold the true one, those whose minimum is
within twice the bound, are evaluated as squares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, Lanes, aligned, fma, load, lowest, minimum, splat, store
from scanengine_kernels.polynomial import fix_variable_of_all
from scanengine_kernels.quartic import (
    Blocks,
    Squares,
    around,
    fix_block,
    floor_needed,
    go_to_blocks,
    lowest_of_eight,
    new_blocks,
    quartic_at,
    tabulate_lines,
    tabulate_planes,
)

LINES_TOGETHER = 128
"""Lines whose coefficients stay in the first cache: planes that have fewer are taken together."""


class OnePlane(NamedTuple):
    """Room for a plane that is done again: its quartic and those of seven others (15, 1, 8), the coefficients of its
    lines (5, rows), and the minima along these in blocks (rows, 8) and one by one (rows,); rows fill blocks of eight.
    """

    quartics: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    ends: NDArray[np.float64]
    of_lines: NDArray[np.float64]


@jit
def minimise_quartic(
    squares: Squares,
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    shown: int,
    parabolas: bool,
    minima: NDArray[np.float64],
) -> None:
    """Set minima (points of the first `shown` axes,), in C order, to the minimum of chi2 over the other axes.

    squares, shape and values are those of `quartic_grid.fill_quartic`, for three axes or more, of which the last is
    hidden. `parabolas` says that the residuals are linear in its variable. chi2 must be finite everywhere.
    """
    n = shape.size
    depth, rows = shape[n - 3], shape[n - 2]
    z, y, x = around(values[n - 3], depth, 0), around(values[n - 2], rows, 0), around(values[n - 1], shape[n - 1], 0)
    blocks, planes = new_blocks(squares, n), aligned(15 * LANES).reshape((15, 1, LANES))
    together = min(depth, max(1, LINES_TOGETHER // rows))
    room = together * rows + 2 * LANES  # lines that fill the last block of a plane are written over by the next plane's
    coefficients, ends = aligned(5 * room).reshape((5, room)), aligned(room * LANES)
    plane = OnePlane(
        aligned(15 * LANES).reshape((15, 1, LANES)),
        aligned(5 * y.size).reshape((5, y.size)),
        aligned(y.size * LANES),
        aligned(y.size),
    )
    of_lines = np.empty((LANES, depth * rows + LANES if shown == n - 1 else 0))
    of_planes, of_blocks = np.empty((LANES, depth)), np.empty(LANES)
    all_blocks, blocks_per_cell = 1, 1
    for axis in range(n - 3):
        all_blocks *= shape[axis]
        blocks_per_cell *= shape[axis] if axis >= shown else 1
    minima[:] = np.inf
    b = 0
    while b < all_blocks:
        number = go_to_blocks(blocks, b, squares, shape, values)
        minimise_blocks(
            blocks.quartics,
            number,
            z,
            depth,
            planes,
            y,
            rows,
            x,
            parabolas,
            coefficients,
            ends,
            of_blocks,
            of_planes,
            of_lines,
        )
        for block in range(number):
            bound = blocks.bounds[block]
            needed, first = floor_needed(bound), (b + block) * depth
            if shown == n - 1:
                fix_block(blocks, squares, values, block)
                for i in range(depth * rows):
                    least = of_lines[block, i]
                    if least < needed:
                        least = lowest_square(squares, blocks.levels, z[i // rows], y[i % rows], x)
                    minima[first * rows + i] = least
            elif shown == n - 2:
                for k in range(depth):
                    least = of_planes[block, k]
                    if least < needed:
                        fix_block(blocks, squares, values, block)
                        least = lowest_on_plane(squares, blocks, block, z, k, y, rows, x, least + bound, plane)
                    minima[first + k] = least
            else:
                cell = (b + block) // blocks_per_cell
                highest = minima[cell]  # of what the minimum over all blocks can be
                for other in range(block, min(number, (cell + 1) * blocks_per_cell - b)):
                    highest = min(highest, of_blocks[other] + blocks.bounds[other])
                least = of_blocks[block]
                if least < needed and least - bound <= highest:
                    fix_block(blocks, squares, values, block)
                    least = np.inf
                    for k in range(depth):
                        if of_planes[block, k] - bound <= highest:
                            here = lowest_on_plane(squares, blocks, block, z, k, y, rows, x, highest, plane)
                            least = min(least, here)
                minima[cell] = min(minima[cell], least)
        b += number


@jit
def minimise_blocks(
    quartics: NDArray[np.float64],
    blocks: int,
    z: NDArray[np.float64],
    depth: int,
    planes: NDArray[np.float64],
    y: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    parabolas: bool,
    coefficients: NDArray[np.float64],
    ends: NDArray[np.float64],
    of_blocks: NDArray[np.float64],
    of_planes: NDArray[np.float64],
    of_lines: NDArray[np.float64],
) -> None:
    """Set of_blocks (8,) to the minima of as many quartics (35, 8) as there are blocks, and of_planes (8, planes) to
    those of their planes; or if it is not empty of_lines (8, lines + 8) to those of their lines alone.

    Of z and y, which fill blocks of eight, the first `depth` and `rows` are meant. As many planes are taken together as
    coefficients (5, lines + 16) and ends (lines + 16, 8) have room for; planes (15, 1, 8) are for eight of them.
    """
    together, width = (coefficients.shape[1] - 2 * LANES) // rows, of_lines.shape[1]
    for block in range(blocks):
        lowest_here = np.inf
        for first in range(0, depth, together):
            number = min(together, depth - first)
            for k in range(number):
                if (first + k) % LANES == 0:
                    tabulate_planes(quartics, block, z, first + k, planes, 0)
                tabulate_lines(planes, 0, (first + k) % LANES, y, 0, coefficients, k * rows, ends)
            if width > 0:
                minimise_along(coefficients, number * rows, x, parabolas, ends)
                lowest_of_lines(ends, of_lines, block * width + first * rows, number * rows)
            else:
                for k in range(number):
                    least = lowest_on_lines(coefficients, k * rows, rows, x, parabolas)
                    of_planes[block, first + k] = least
                    lowest_here = min(lowest_here, least)
        of_blocks[block] = lowest_here


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
            if parabolas:
                least = lowest_of_four_blocks(coefficients, first, last, x, at, True, least)
            else:
                least = lowest_of_four_blocks(coefficients, first, last, x, at, False, least)
            at += 4 * LANES
        elif blocks >= 5:
            if parabolas:
                least = lowest_of_five_blocks(coefficients, first, last, x, at, True, least)
            else:
                least = lowest_of_five_blocks(coefficients, first, last, x, at, False, least)
            at += 5 * LANES
        else:
            if parabolas:
                least = lowest_of_one_block(coefficients, first, last, x, at, True, least)
            else:
                least = lowest_of_one_block(coefficients, first, last, x, at, False, least)
            at += LANES
    return lowest(least)


@jit_inline
def parabola_or_quartic_at(
    x: Lanes, c0: Lanes, c1: Lanes, c2: Lanes, c: NDArray[np.float64], line: int, parabola: bool
) -> Lanes:
    """Return c0 + c1 x + c2 x^2 and, if it is no parabola, what c[3, line] and c[4, line] add to it."""
    if parabola:
        return fma(x, fma(x, c2, c1), c0)
    return quartic_at(x, c0, c1, c2, splat(c[3, line]), splat(c[4, line]))


@jit_inline
def lowest_of_five_blocks(
    c: NDArray[np.float64], first: int, last: int, x: NDArray[np.float64], at: int, parabolas: bool, least: Lanes
) -> Lanes:
    """Lower `least` to the minima of the lines from the first to before the last at forty x from `at` on."""
    xp, xq, xr, xs, xt = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24), load(x, at + 32)
    p, q, r, s, t = least, least, least, least, least
    for line in range(first, last):
        c0, c1, c2 = splat(c[0, line]), splat(c[1, line]), splat(c[2, line])
        p = minimum(parabola_or_quartic_at(xp, c0, c1, c2, c, line, parabolas), p)
        q = minimum(parabola_or_quartic_at(xq, c0, c1, c2, c, line, parabolas), q)
        r = minimum(parabola_or_quartic_at(xr, c0, c1, c2, c, line, parabolas), r)
        s = minimum(parabola_or_quartic_at(xs, c0, c1, c2, c, line, parabolas), s)
        t = minimum(parabola_or_quartic_at(xt, c0, c1, c2, c, line, parabolas), t)
    return minimum(minimum(minimum(p, q), minimum(r, s)), t)


@jit_inline
def lowest_of_four_blocks(
    c: NDArray[np.float64], first: int, last: int, x: NDArray[np.float64], at: int, parabolas: bool, least: Lanes
) -> Lanes:
    """Do as `lowest_of_five_blocks` at thirty-two x."""
    xp, xq, xr, xs = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24)
    p, q, r, s = least, least, least, least
    for line in range(first, last):
        c0, c1, c2 = splat(c[0, line]), splat(c[1, line]), splat(c[2, line])
        p = minimum(parabola_or_quartic_at(xp, c0, c1, c2, c, line, parabolas), p)
        q = minimum(parabola_or_quartic_at(xq, c0, c1, c2, c, line, parabolas), q)
        r = minimum(parabola_or_quartic_at(xr, c0, c1, c2, c, line, parabolas), r)
        s = minimum(parabola_or_quartic_at(xs, c0, c1, c2, c, line, parabolas), s)
    return minimum(minimum(p, q), minimum(r, s))


@jit_inline
def lowest_of_one_block(
    c: NDArray[np.float64], first: int, last: int, x: NDArray[np.float64], at: int, parabolas: bool, least: Lanes
) -> Lanes:
    """Do as `lowest_of_five_blocks` at eight x, of two lines at once: minima then need not wait for one another."""
    t, p, q = load(x, at), least, least
    for line in range(first, last, 2):
        other = min(line + 1, last - 1)
        c0, c1, c2 = splat(c[0, line]), splat(c[1, line]), splat(c[2, line])
        d0, d1, d2 = splat(c[0, other]), splat(c[1, other]), splat(c[2, other])
        p = minimum(parabola_or_quartic_at(t, c0, c1, c2, c, line, parabolas), p)
        q = minimum(parabola_or_quartic_at(t, d0, d1, d2, c, other, parabolas), q)
    return minimum(p, q)


@jit_inline
def minimise_along(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], parabolas: bool, ends: NDArray[np.float64]
) -> None:
    """Set ends (lines, 8) to the minima over x, in one block for each line, of quartics with coefficients (5, lines).

    Forty x are taken at a time, line after line: in loops along x the processor would mispredict where each line ends.
    """
    at = 0
    while at + 5 * LANES <= x.size:
        if parabolas:
            lower_to_five_blocks_of_parabolas(coefficients, lines, x, at, ends)
        else:
            lower_to_five_blocks(coefficients, lines, x, at, ends)
        at += 5 * LANES
    while at < x.size:
        if parabolas:
            lower_to_block_of_parabolas(coefficients, lines, x, at, ends)
        else:
            lower_to_block(coefficients, lines, x, at, ends)
        at += LANES


@jit_inline
def lower_to_five_blocks(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], at: int, ends: NDArray[np.float64]
) -> None:
    """Lower ends (lines, 8) to quartics with coefficients (5, lines or more) at forty x from `at` on; if that is 0, set
    them.
    """
    c = coefficients
    xp, xq, xr, xs, xt = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24), load(x, at + 32)
    for line in range(lines):
        c0, c1, c2 = splat(c[0, line]), splat(c[1, line]), splat(c[2, line])
        c3, c4 = splat(c[3, line]), splat(c[4, line])
        p, q = quartic_at(xp, c0, c1, c2, c3, c4), quartic_at(xq, c0, c1, c2, c3, c4)
        r, s = quartic_at(xr, c0, c1, c2, c3, c4), quartic_at(xs, c0, c1, c2, c3, c4)
        t = quartic_at(xt, c0, c1, c2, c3, c4)
        t = t if at == 0 else minimum(t, load(ends, line * LANES))
        store(ends, line * LANES, minimum(minimum(minimum(p, q), minimum(r, s)), t))


@jit_inline
def lower_to_five_blocks_of_parabolas(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], at: int, ends: NDArray[np.float64]
) -> None:
    """Do as `lower_to_five_blocks` where the third and fourth powers are not there."""
    c = coefficients
    xp, xq, xr, xs, xt = load(x, at), load(x, at + 8), load(x, at + 16), load(x, at + 24), load(x, at + 32)
    for line in range(lines):
        c0, c1, c2 = splat(c[0, line]), splat(c[1, line]), splat(c[2, line])
        p, q = fma(xp, fma(xp, c2, c1), c0), fma(xq, fma(xq, c2, c1), c0)
        r, s = fma(xr, fma(xr, c2, c1), c0), fma(xs, fma(xs, c2, c1), c0)
        t = fma(xt, fma(xt, c2, c1), c0)
        t = t if at == 0 else minimum(t, load(ends, line * LANES))
        store(ends, line * LANES, minimum(minimum(minimum(p, q), minimum(r, s)), t))


@jit_inline
def lower_to_block(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], at: int, ends: NDArray[np.float64]
) -> None:
    """Do as `lower_to_five_blocks` for eight x."""
    c, t = coefficients, load(x, at)
    for line in range(lines):
        value = quartic_at(
            t, splat(c[0, line]), splat(c[1, line]), splat(c[2, line]), splat(c[3, line]), splat(c[4, line])
        )
        store(ends, line * LANES, value if at == 0 else minimum(value, load(ends, line * LANES)))


@jit_inline
def lower_to_block_of_parabolas(
    coefficients: NDArray[np.float64], lines: int, x: NDArray[np.float64], at: int, ends: NDArray[np.float64]
) -> None:
    """Do as `lower_to_block` where the third and fourth powers are not there."""
    c, t = coefficients, load(x, at)
    for line in range(lines):
        value = fma(t, fma(t, splat(c[2, line]), splat(c[1, line])), splat(c[0, line]))
        store(ends, line * LANES, value if at == 0 else minimum(value, load(ends, line * LANES)))


@jit_inline
def lowest_of_lines(ends: NDArray[np.float64], of_lines: NDArray[np.float64], first: int, number: int) -> None:
    """Set a number of of_lines, from a flat index on, to the smallest of each of as many blocks of ends.

    Up to 7 more are set, to those of the blocks behind.
    """
    for line in range(0, number, LANES):
        store(of_lines, first + line, lowest_of_eight(ends, line * LANES))


@jit_inline
def lowest_on_plane(
    squares: Squares,
    blocks: Blocks,
    block: int,
    z: NDArray[np.float64],
    k: int,
    y: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    highest: float,
    plane: OnePlane,
) -> float:
    """Return the minimum over y[:rows] and x at z[k], by squares, of the lines that can be as low as `highest`.

    blocks.levels[n - 3] are the residuals of the plane's block; z, y and x fill blocks of eight.
    """
    tabulate_planes(blocks.quartics, block, z, k // LANES * LANES, plane.quartics, 0)
    tabulate_lines(plane.quartics, 0, k % LANES, y, 0, plane.coefficients, 0, plane.ends)
    minimise_along(plane.coefficients, y.size, x, False, plane.ends)
    lowest_of_lines(plane.ends, plane.of_lines, 0, y.size)
    least = np.inf
    for line in range(rows):
        if plane.of_lines[line] - blocks.bounds[block] <= highest:
            least = min(least, lowest_square(squares, blocks.levels, z[k], y[line], x))
    return least


@jit_inline
def lowest_square(squares: Squares, levels: NDArray[np.float64], z: float, y: float, x: NDArray[np.float64]) -> float:
    """Return min_x sum_k r_k^2 on a line, of x that fill blocks of eight, levels[n - 3] being set."""
    n, number = levels.shape[0], levels.shape[2]
    fix_variable_of_all(levels[n - 3], squares.starts[n - 3], squares.groups[n - 3], z, levels[n - 2])
    fix_variable_of_all(levels[n - 2], squares.starts[n - 2], squares.groups[n - 2], y, levels[n - 1])
    r = levels[n - 1]
    least = splat(np.inf)
    for i in range(0, x.size, LANES):
        t, total = load(x, i), splat(0.0)
        for k in range(number):
            value = fma(t, fma(t, r[2, k], r[1, k]), r[0, k])
            total = fma(value, value, total)
        least = minimum(total, least)
    return lowest(least)
