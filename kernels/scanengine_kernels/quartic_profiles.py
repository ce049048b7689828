"""chi2 on a tensor grid reduced to its minima over planes, without being stored: the quartics of `quartic` are
evaluated in registers and go into running minima at once.

Every point takes part in three minima: over the first of the last three axes (z, y, x), over the second and over the
third. With the four multiply-adds of the quartic these are seven operations, whatever the other axes: minima that
belong to those are taken of these minima, plane by plane or volume by volume.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, aligned, first_lanes, load, minimum, splat, store
from scanengine_kernels.polynomial import fix_variable_of_all
from scanengine_kernels.profiles import smallest
from scanengine_kernels.quartic import (
    Last,
    Squares,
    Tables,
    fill_line_with_squares,
    fix_volume,
    floor_needed,
    go_to_volumes,
    last_axes,
    lowest_of_eight,
    new_volumes,
    quartic_at,
    tabulate_lines,
    tabulate_planes,
    take_carefully,
)


class Over(NamedTuple):
    """Minima of a volume over the first of the last three axes (y, x), over the second (planes, x) and over the third
    (planes, y).
    """

    z: NDArray[np.float64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]


@jit
def reduce_quartic(
    squares: Squares,
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    start: NDArray[np.int64],
    grid_shape: NDArray[np.int64],
    plane_offsets: NDArray[np.int64],
    minima: NDArray[np.float64],
) -> tuple[float, int]:
    """Lower minima to chi2 on a tile of a grid; return the lowest chi2 on the tile, and the first plane that has it.

    squares, shape and values are those of `quartic_grid.fill_quartic`, for three axes or more; start, grid_shape and
    plane_offsets those of `profiles.reduce_tile`, and minima are its planes, with 7 elements more at the end. What
    rounding leaves below zero is left in them. Planes of the tile's last two axes are counted in C order over the
    others.
    """
    n = shape.size
    last = last_axes(shape, values, 0)
    z, y, x, depth, rows, length = last.z, last.y, last.x, last.planes, last.lines, last.points
    volumes, planes = new_volumes(squares, n), aligned(15 * z.size).reshape((15, z.size // LANES, LANES))
    coefficients, floors = aligned(10 * y.size).reshape((2, 5, y.size)), aligned(2 * y.size).reshape((2, y.size))
    tables = Tables(planes, coefficients, floors)
    squared = np.zeros(rows, dtype=np.bool_)
    over_z = aligned(y.size * x.size).reshape((y.size, x.size))
    over_y = aligned(depth * x.size).reshape((depth, x.size))
    over_x = aligned(depth * y.size).reshape((depth, y.size))
    over = Over(over_z, over_y, over_x)
    reset(over_z)
    lowest_of_planes, row = np.empty(z.size), np.empty(x.size)
    best, best_plane = np.inf, 0
    index = np.zeros(n - 3, dtype=np.int64)
    all_volumes, together, volume = 1, 0, 0
    for axis in range(n - 3):
        all_volumes *= shape[axis]
    for b in range(all_volumes):
        volume += 1
        if volume >= together:
            volume, together = 0, go_to_volumes(volumes, b, squares, shape, values)
        for axis in range(n - 3):
            index[axis] = volumes.place[axis] + (volume if axis == n - 4 else 0)
        needed = floor_needed(volumes.bounds[volume])
        for k in range(0, z.size, LANES):
            tabulate_planes(volumes.quartics, volume, z, k, planes, k // LANES)
        reset(over_y)
        reset(over_x)
        plane, stopped = 0, False
        while plane < depth:
            plane, stopped = reduce_planes(last, tables, needed, plane, stopped, over)
            if not stopped:
                break
            for i in range(2):
                k = min(plane + i, depth - 1)
                fix_volume(volumes, squares, values, volume)
                levels = volumes.levels
                take_carefully(squares, levels, needed, last, k, coefficients[i], floors[i], squared)
                for line in range(y.size):
                    if line < rows and not squared[line]:
                        continue
                    leave_out(coefficients[i], line)
                    if line < rows:
                        t = y[line]
                        fix_variable_of_all(
                            levels[n - 2], squares.starts[n - 2], squares.groups[n - 2], t, levels[n - 1]
                        )
                        fill_line_with_squares(levels[n - 1], x, row)
                        lower(over_z, line * x.size, row, 0, length)
                        lower(over_y, k * x.size, row, 0, length)
                        over_x[k, line] = min(over_x[k, line], smallest(row))
        for k in range(depth):
            lowest_of_planes[k] = smallest(over_x[k])
            if max(lowest_of_planes[k], 0.0) < best:
                best, best_plane = max(lowest_of_planes[k], 0.0), b * depth + k
        lower_planes(over_y, over_x, lowest_of_planes, index, shape, start, grid_shape, plane_offsets, minima)
    first = plane_offsets[n - 2, n - 1] + start[n - 2] * grid_shape[n - 1] + start[n - 1]
    for line in range(rows):
        lower(minima, first + line * grid_shape[n - 1], over_z, line * x.size, length)
    return best, best_plane


@jit
def reset(minima: NDArray[np.float64]) -> None:
    """Set an array of whole blocks to infinity."""
    for i in range(0, minima.size, LANES):
        store(minima, i, np.inf)


@jit
def leave_out(coefficients: NDArray[np.float64], line: int) -> None:
    """Make one line of coefficients (5, lines) infinite."""
    for power in range(5):
        coefficients[power, line] = np.inf if power == 0 else 0.0


@jit
def reduce_planes(
    last: Last, tables: Tables, needed: float, plane: int, tabulated: bool, over: Over
) -> tuple[int, bool]:
    """Lower minima to chi2 on the planes from a first one on, until one has a line whose floor is not what is needed.

    Planes are taken by twos, with tables.coefficients (2, 5, lines); of an odd number the last is taken twice, which
    changes no minimum. `tabulated` says that the first two are to be taken as they stand there. Return at which plane
    it has ended, and whether that is one of such two planes.
    """
    z_planes, coefficients, floors = tables.planes, tables.coefficients, tables.floors
    y, x, depth, rows = last.y, last.x, last.planes, last.lines
    over_z, over_y, over_x = over.z, over.y, over.x
    sides = last.sides if needed > 0.0 else 0
    ends = aligned(2 * y.size * LANES)
    reset(ends)
    stopped = False
    while plane < depth:
        second = min(plane + 1, depth - 1)
        if not tabulated:
            for k in range(plane, plane + 2):
                here, which = min(k, second), k - plane
                floor = tabulate_lines(
                    z_planes, here // LANES, here % LANES, y, sides, coefficients, 5 * y.size * which, floors[which]
                )
                stopped = stopped or floor < needed
            if stopped:
                break
        tabulated = False
        reduce_two_planes(coefficients, rows, x, plane * x.size, second * x.size, over_z, over_y, ends)
        lower_to_ends(ends, 0, over_x, plane * y.size, y.size)
        lower_to_ends(ends, y.size * LANES, over_x, second * y.size, y.size)
        plane += 2
    return plane, stopped


@jit_inline
def reduce_two_planes(
    coefficients: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    p_row: int,
    q_row: int,
    over_z: NDArray[np.float64],
    over_y: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> None:
    """Evaluate two lines of two planes at a time, whose quartics have coefficients (2, 5, lines a multiple of 8).

    Lowers over_z (lines, x), and over_y from the flat indices p_row and q_row on; sets ends (2, lines, 8) to the minima
    along the lines, one block each. Of an odd number of rows one that fills the block is taken too.
    """
    # Of three minima the one with the stored value is taken first: LLVM makes a masked store of one that comes last,
    # which the next load has to wait for.
    width = x.size
    p, q = coefficients[0], coefficients[1]
    other = p.shape[1] * LANES
    inf = splat(np.inf)
    for line in range(0, rows, 2):
        a0, b0, c0, d0 = splat(p[0, line]), splat(p[0, line + 1]), splat(q[0, line]), splat(q[0, line + 1])
        a1, b1, c1, d1 = splat(p[1, line]), splat(p[1, line + 1]), splat(q[1, line]), splat(q[1, line + 1])
        a2, b2, c2, d2 = splat(p[2, line]), splat(p[2, line + 1]), splat(q[2, line]), splat(q[2, line + 1])
        a3, b3, c3, d3 = splat(p[3, line]), splat(p[3, line + 1]), splat(q[3, line]), splat(q[3, line + 1])
        a4, b4, c4, d4 = splat(p[4, line]), splat(p[4, line + 1]), splat(q[4, line]), splat(q[4, line + 1])
        a_end, b_end, c_end, d_end = inf, inf, inf, inf
        at = line * width
        for i in range(0, width, LANES):
            t = load(x, i)
            a = quartic_at(t, a0, a1, a2, a3, a4)
            b = quartic_at(t, b0, b1, b2, b3, b4)
            c = quartic_at(t, c0, c1, c2, c3, c4)
            d = quartic_at(t, d0, d1, d2, d3, d4)
            a_end, b_end = minimum(a, a_end), minimum(b, b_end)
            c_end, d_end = minimum(c, c_end), minimum(d, d_end)
            store(over_y, p_row + i, minimum(a, minimum(b, load(over_y, p_row + i))))
            store(over_y, q_row + i, minimum(c, minimum(d, load(over_y, q_row + i))))
            store(over_z, at + i, minimum(a, minimum(c, load(over_z, at + i))))
            store(over_z, at + width + i, minimum(b, minimum(d, load(over_z, at + width + i))))
        store(ends, line * LANES, a_end)
        store(ends, (line + 1) * LANES, b_end)
        store(ends, other + line * LANES, c_end)
        store(ends, other + (line + 1) * LANES, d_end)


@jit_inline
def lower_to_ends(
    ends: NDArray[np.float64], first: int, over_x: NDArray[np.float64], first_line: int, lines: int
) -> None:
    """Lower over_x from first_line on to the smallest numbers of as many blocks of ends."""
    for line in range(0, lines, LANES):
        at = first + line * LANES
        smallest = lowest_of_eight(ends, at)
        store(over_x, first_line + line, minimum(smallest, load(over_x, first_line + line)))


@jit
def lower_planes(
    over_y: NDArray[np.float64],
    over_x: NDArray[np.float64],
    lowest_of_planes: NDArray[np.float64],
    index: NDArray[np.int64],
    shape: NDArray[np.int64],
    start: NDArray[np.int64],
    grid_shape: NDArray[np.int64],
    plane_offsets: NDArray[np.int64],
    minima: NDArray[np.float64],
) -> None:
    """Lower the minima over all planes but that of the last two axes to those of one volume, at index (n - 3,)."""
    n = shape.size
    depth, rows, length = over_y.shape[0], shape[n - 2], shape[n - 1]
    z = n - 3
    for k in range(depth):
        at = start[z] + k
        lower(
            minima, plane_offsets[z, n - 1] + at * grid_shape[n - 1] + start[n - 1], over_y, k * over_y.shape[1], length
        )
        lower(
            minima, plane_offsets[z, n - 2] + at * grid_shape[n - 2] + start[n - 2], over_x, k * over_x.shape[1], rows
        )
    if n == 3:
        return
    lowest_y, lowest_x = aligned(over_y.shape[1]), aligned(over_x.shape[1])
    reset(lowest_y)
    reset(lowest_x)
    for k in range(depth):
        lower(lowest_y, 0, over_y, k * lowest_y.size, lowest_y.size)
        lower(lowest_x, 0, over_x, k * lowest_x.size, lowest_x.size)
    for a in range(z):
        at = start[a] + index[a]
        lower(minima, plane_offsets[a, n - 1] + at * grid_shape[n - 1] + start[n - 1], lowest_y, 0, length)
        lower(minima, plane_offsets[a, n - 2] + at * grid_shape[n - 2] + start[n - 2], lowest_x, 0, rows)
        lower(minima, plane_offsets[a, z] + at * grid_shape[z] + start[z], lowest_of_planes, 0, depth)
        for c in range(a + 1, z):
            cell = plane_offsets[a, c] + at * grid_shape[c] + start[c] + index[c]
            minima[cell] = min(minima[cell], smallest(lowest_of_planes[:depth]))


@jit_inline
def lower(minima: NDArray[np.float64], first: int, given: NDArray[np.float64], first_given: int, number: int) -> None:
    """Lower a run of minima to as many given, both from flat indices on and with up to 7 elements more in the array."""
    for i in range(0, number, LANES):
        before = load(minima, first + i)
        after = minimum(load(given, first_given + i), before)
        store(minima, first + i, first_lanes(number - i, after, before))
