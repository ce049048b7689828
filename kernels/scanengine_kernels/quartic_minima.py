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
    Last,
    Squares,
    Volumes,
    fix_volume,
    floor_needed,
    go_to_volumes,
    last_axes,
    lowest_of_eight,
    new_volumes,
    quartic_at,
    tabulate_lines,
    tabulate_planes,
)

LINES_TOGETHER = 128
"""Lines whose coefficients stay in the first cache: planes that have fewer are taken together."""


class LineTables(NamedTuple):
    """Quartics of eight planes (15, 1, 8), the coefficients of lines (5, lines), and their minima in blocks, `ends`
    (lines, 8); the lines fill blocks of eight.
    """

    planes: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    ends: NDArray[np.float64]


@jit
def line_tables(lines: int) -> LineTables:
    """Return tables for so many lines."""
    return LineTables(
        aligned(15 * LANES).reshape((15, 1, LANES)), aligned(5 * lines).reshape((5, lines)), aligned(lines * LANES)
    )


class Found(NamedTuple):
    """The minima of eight volumes (8,), and of their planes (8, planes); or if it is not empty those of their lines (8,
    lines + 8) alone.
    """

    of_volumes: NDArray[np.float64]
    of_planes: NDArray[np.float64]
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
    last = last_axes(shape, values, 0)
    z, y, x, depth, rows = last.z, last.y, last.x, last.planes, last.lines
    volumes = new_volumes(squares, n)
    together = min(depth, max(1, LINES_TOGETHER // rows))
    # lines that fill the last block of a plane are written over by the next plane's
    tables, again = line_tables(together * rows + 2 * LANES), line_tables(y.size)
    of_lines = np.empty((LANES, depth * rows + LANES if shown == n - 1 else 0))
    of_planes, of_volumes = np.empty((LANES, depth)), np.empty(LANES)
    found = Found(of_volumes, of_planes, of_lines)
    all_volumes, volumes_per_cell = 1, 1
    for axis in range(n - 3):
        all_volumes *= shape[axis]
        volumes_per_cell *= shape[axis] if axis >= shown else 1
    minima[:] = np.inf
    b = 0
    while b < all_volumes:
        number = go_to_volumes(volumes, b, squares, shape, values)
        minimise_volumes(volumes, number, last, parabolas, tables, found)
        for volume in range(number):
            bound = volumes.bounds[volume]
            needed, first = floor_needed(bound), (b + volume) * depth
            if shown == n - 1:
                fix_volume(volumes, squares, values, volume)
                for i in range(depth * rows):
                    least = of_lines[volume, i]
                    if least < needed:
                        least = lowest_square(squares, volumes.levels, z[i // rows], y[i % rows], x)
                    minima[first * rows + i] = least
            elif shown == n - 2:
                for k in range(depth):
                    least = of_planes[volume, k]
                    if least < needed:
                        fix_volume(volumes, squares, values, volume)
                        least = lowest_on_plane(squares, volumes, volume, last, k, least + bound, again)
                    minima[first + k] = least
            else:
                cell = (b + volume) // volumes_per_cell
                highest = minima[cell]  # of what the minimum over all volumes can be
                for other in range(volume, min(number, (cell + 1) * volumes_per_cell - b)):
                    highest = min(highest, of_volumes[other] + volumes.bounds[other])
                least = of_volumes[volume]
                if least < needed and least - bound <= highest:
                    fix_volume(volumes, squares, values, volume)
                    least = np.inf
                    for k in range(depth):
                        if of_planes[volume, k] - bound <= highest:
                            here = lowest_on_plane(squares, volumes, volume, last, k, highest, again)
                            least = min(least, here)
                minima[cell] = min(minima[cell], least)
        b += number


@jit
def minimise_volumes(
    volumes: Volumes, number: int, last: Last, parabolas: bool, tables: LineTables, found: Found
) -> None:
    """Set what is found to the minima of a number of volumes.

    As many planes are taken together as the tables have room for, but for 16 lines.
    """
    quartics, z, y, x, depth, rows = volumes.quartics, last.z, last.y, last.x, last.planes, last.lines
    planes, coefficients, ends = tables.planes, tables.coefficients, tables.ends
    of_volumes, of_planes, of_lines = found.of_volumes, found.of_planes, found.of_lines
    together, width = (coefficients.shape[1] - 2 * LANES) // rows, of_lines.shape[1]
    for volume in range(number):
        lowest_here = np.inf
        for first in range(0, depth, together):
            taken = min(together, depth - first)
            for k in range(taken):
                if (first + k) % LANES == 0:
                    tabulate_planes(quartics, volume, z, first + k, planes, 0)
                tabulate_lines(planes, 0, (first + k) % LANES, y, 0, coefficients, k * rows, ends)
            if width > 0:
                minimise_along(coefficients, taken * rows, x, parabolas, ends)
                lowest_of_lines(ends, of_lines, volume * width + first * rows, taken * rows)
            else:
                for k in range(taken):
                    least = lowest_on_lines(coefficients, k * rows, rows, x, parabolas)
                    of_planes[volume, first + k] = least
                    lowest_here = min(lowest_here, least)
        of_volumes[volume] = lowest_here


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
    volumes: Volumes,
    volume: int,
    last: Last,
    k: int,
    highest: float,
    tables: LineTables,
) -> float:
    """Return the minimum over the plane at last.z[k], by squares, of the lines that can be as low as `highest`.

    volumes.levels[n - 3] are the residuals of the plane's volume.
    """
    z, y, x, ends, of_lines = last.z, last.y, last.x, tables.ends, np.empty(last.y.size)
    tabulate_planes(volumes.quartics, volume, z, k // LANES * LANES, tables.planes, 0)
    tabulate_lines(tables.planes, 0, k % LANES, y, 0, tables.coefficients, 0, ends)
    minimise_along(tables.coefficients, y.size, x, False, ends)
    lowest_of_lines(ends, of_lines, 0, y.size)
    least = np.inf
    for line in range(last.lines):
        if of_lines[line] - volumes.bounds[volume] <= highest:
            least = min(least, lowest_square(squares, volumes.levels, z[k], y[line], x))
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
