"""chi2 minimised over the hidden axes of a grid: one minimum per point, in registers, of the quartics of `quartic`.

The axes come in an order of their own: those shown first, and last a hidden one, along which the lines run. Where that
one enters the residuals linearly, as the square of a parameter does, its lines are parabolas and cost half.

How exact a minimum is shows once it is known: as long as it is large enough for the bound on the rounding error it
stands, and no line needs a floor beforehand. Otherwise the lines that could hold the true one, those whose minimum is
within twice the bound, are evaluated as squares.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, aligned, fma, load, lowest, minimum, splat, store
from scanengine_kernels.polynomial import first_changed, fix_variable_at_each, fix_variable_of_all
from scanengine_kernels.profiles import smallest
from scanengine_kernels.quartic import (
    Squares,
    add_up_squares,
    around,
    fill_line_with_squares,
    floor_needed,
    lowest_of_eight,
    new_levels,
    quartic_at,
    tabulate_lines,
)

LINES_TOGETHER = 128
"""Lines whose coefficients and minima stay in the first cache, beside each other."""


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
    depth, rows, length = shape[n - 3], shape[n - 2], shape[n - 1]
    z, y, x = around(values[n - 3], depth, 0), around(values[n - 2], rows, 0), around(values[n - 1], length, 0)
    starts, groups, quartic_starts, quartic_groups = squares[1:5]
    levels = new_levels(squares, n)
    block = np.empty((quartic_starts[0, quartic_groups[0]], 1))
    planes = aligned(quartic_groups[0] * z.size).reshape((quartic_groups[0], z.size))
    together = min(depth, max(1, LINES_TOGETHER // rows))
    room = together * rows + 2 * LANES  # lines that fill the last block of a plane are written over by the next plane's
    coefficients = aligned(5 * room).reshape((5, room))
    ends, row = aligned(room * LANES), np.empty(length)
    of_planes, of_lines = np.empty(depth if shown < n - 1 else 0), np.empty((depth, y.size))
    nothing = np.empty(0)
    index = np.full(n - 3, -1, dtype=np.int64)
    blocks, blocks_per_cell = 1, 1
    for axis in range(n - 3):
        blocks *= shape[axis]
        blocks_per_cell *= shape[axis] if axis >= shown else 1
    for i in range(minima.size):
        minima[i] = np.inf
    for b in range(blocks):
        for axis in range(first_changed(b, shape[: n - 3], index), n - 3):
            fix_variable_of_all(levels[axis], starts[axis], groups[axis], values[axis, index[axis]], levels[axis + 1])
        bound = add_up_squares(levels[n - 3], squares.block_products, block[:, 0])
        needed = floor_needed(bound)
        fix_variable_at_each(block, 0, quartic_starts[0], quartic_groups[0], z, planes)
        minimise_planes(planes, 0, depth, y, rows, x, parabolas, coefficients, ends, of_planes, of_lines)
        if shown == n - 1:
            for k in range(depth):
                for line in range(rows):
                    least = of_lines[k, line]
                    if least < needed:
                        least = lowest_square(squares, levels, z[k], y[line], x[:length], row)
                    minima[(b * depth + k) * rows + line] = least
        elif shown == n - 2:
            for k in range(depth):
                least = of_planes[k]
                if least < needed:
                    least = lowest_within(
                        squares,
                        levels,
                        planes,
                        k,
                        least + 2.0 * bound,
                        z[k],
                        y,
                        rows,
                        x,
                        coefficients,
                        ends,
                        nothing,
                        of_lines,
                        row,
                    )
                minima[b * depth + k] = least
        else:
            cell = b // blocks_per_cell
            least = smallest(of_planes)
            if least < needed and least - bound < minima[cell]:
                within = least + 2.0 * bound
                least = np.inf
                for k in range(depth):
                    if of_planes[k] <= within:
                        least = min(
                            least,
                            lowest_within(
                                squares,
                                levels,
                                planes,
                                k,
                                within,
                                z[k],
                                y,
                                rows,
                                x,
                                coefficients,
                                ends,
                                nothing,
                                of_lines,
                                row,
                            ),
                        )
            minima[cell] = min(minima[cell], least)


@jit
def minimise_planes(
    planes: NDArray[np.float64],
    first: int,
    last: int,
    y: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    parabolas: bool,
    coefficients: NDArray[np.float64],
    ends: NDArray[np.float64],
    of_planes: NDArray[np.float64],
    of_lines: NDArray[np.float64],
) -> None:
    """Set of_planes (planes,) to the minima over y and x of the quartics planes[:, plane], or if it is empty of_lines
    (planes, y) to those over x.

    Of y, which fill blocks of eight, the first `rows` are meant. Planes are taken from the first to before the last, as
    many together as coefficients (5, lines + 8) and ends (lines + 8, 8) have room for.
    """
    together = (coefficients.shape[1] - 2 * LANES) // rows
    for plane in range(first, last, together):
        number = min(together, last - plane)
        for k in range(number):
            tabulate_lines(planes, plane + k, y, 0, coefficients, k * rows, ends)
        minimise_along(coefficients, number * rows, x, parabolas, ends)
        for k in range(number):
            if of_planes.size > 0:
                of_planes[plane + k] = lowest_of_plane(ends, k * rows * LANES, rows)
            else:
                lowest_of_lines(ends, k * rows * LANES, of_lines, (plane + k) * y.size, rows)


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
def lowest_of_lines(
    ends: NDArray[np.float64], first: int, of_lines: NDArray[np.float64], first_line: int, number: int
) -> None:
    """Set a number of of_lines, from flat index first_line on, to the smallest of each of as many blocks of ends."""
    for line in range(0, number, LANES):
        at = first + line * LANES
        least = lowest_of_eight(ends, at)
        store(of_lines, first_line + line, least)


@jit_inline
def lowest_of_plane(ends: NDArray[np.float64], first: int, lines: int) -> float:
    """Return the smallest of a number of lines' blocks of ends, from flat index first on."""
    p, q, r, s = splat(np.inf), splat(np.inf), splat(np.inf), splat(np.inf)
    at, last = first, first + lines * LANES
    while at + 4 * LANES <= last:
        p, q = minimum(load(ends, at), p), minimum(load(ends, at + LANES), q)
        r, s = minimum(load(ends, at + 2 * LANES), r), minimum(load(ends, at + 3 * LANES), s)
        at += 4 * LANES
    while at < last:
        p = minimum(load(ends, at), p)
        at += LANES
    return lowest(minimum(minimum(p, q), minimum(r, s)))


@jit
def lowest_within(
    squares: Squares,
    levels: NDArray[np.float64],
    planes: NDArray[np.float64],
    plane: int,
    within: float,
    z: float,
    y: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    ends: NDArray[np.float64],
    nothing: NDArray[np.float64],
    of_lines: NDArray[np.float64],
    row: NDArray[np.float64],
) -> float:
    """Return the minimum over x, by squares, of those of a plane's lines whose own minimum is within a number.

    The line is as long as row; coefficients, ends, nothing and of_lines are those of `minimise_planes`.
    """
    minimise_planes(planes, plane, plane + 1, y, rows, x, False, coefficients, ends, nothing, of_lines)
    least = np.inf
    for line in range(rows):
        if of_lines[plane, line] <= within:
            least = min(least, lowest_square(squares, levels, z, y[line], x[: row.size], row))
    return least


@jit
def lowest_square(
    squares: Squares,
    levels: NDArray[np.float64],
    z: float,
    y: float,
    x: NDArray[np.float64],
    row: NDArray[np.float64],
) -> float:
    """Return min_x sum_k r_k^2 on a line, levels[n - 3] being set; write the line to row."""
    n = levels.shape[0]
    fix_variable_of_all(levels[n - 3], squares.starts[n - 3], squares.groups[n - 3], z, levels[n - 2])
    fix_variable_of_all(levels[n - 2], squares.starts[n - 2], squares.groups[n - 2], y, levels[n - 1])
    fill_line_with_squares(levels[n - 1], x, row)
    return smallest(row)
