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
from scanengine_kernels.grids import Grid, PlaneMinima
from scanengine_kernels.polynomial import fix_next_variable
from scanengine_kernels.profiles import place_in_plane, smallest
from scanengine_kernels.quartic.axes import Last, last_axes
from scanengine_kernels.quartic.careful import take_carefully
from scanengine_kernels.quartic.lines import (
    Tables,
    lowest_of_eight,
    quartic_at,
    quartic_on_line,
    tabulate_lines,
    tabulate_planes,
)
from scanengine_kernels.quartic.squares import Squares, fill_line_with_squares, floor_needed
from scanengine_kernels.quartic.volumes import Volumes, fix_volume, go_to_volumes, new_volumes, volumes_of


class Over(NamedTuple):
    """Minima of a volume over the first of the last three axes (y, x), over the second (planes, x) and over the third
    (planes, y).
    """

    z: NDArray[np.float64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]


@jit
def reduce_quartic(squares: Squares, grid: Grid, start: NDArray[np.int64], minima: PlaneMinima) -> tuple[float, int]:
    """Lower minima to chi2 on a tile of their grid; return the lowest chi2 on the tile, and the first plane that has
    it.

    The tile is a grid of three axes or more, whose first point has the index start (axes,). What rounding leaves below
    zero is left in the minima. Planes of the tile's last two axes are counted in C order over the others.
    """
    return reduce_and_note(squares, grid, start, minima, np.empty(0))


@jit
def reduce_and_note(
    squares: Squares, grid: Grid, start: NDArray[np.int64], minima: PlaneMinima, on_planes: NDArray[np.float64]
) -> tuple[float, int]:
    """Do as `reduce_quartic`; set on_planes (planes,), unless it is empty, to the lowest chi2 on each plane."""
    n, last = grid.shape.size, last_axes(grid, 0)
    z, y, x, depth, rows = last.z, last.y, last.x, last.planes, last.lines
    volumes, planes = new_volumes(squares, n), aligned(15 * z.size).reshape((15, z.size // LANES, LANES))
    coefficients, floors = aligned(10 * y.size).reshape((2, 5, y.size)), aligned(2 * y.size).reshape((2, y.size))
    tables = Tables(planes, coefficients, floors)
    over_z = aligned(y.size * x.size).reshape((y.size, x.size))
    over_y = aligned(depth * x.size).reshape((depth, x.size))
    over_x = aligned(depth * y.size).reshape((depth, y.size))
    over = Over(over_z, over_y, over_x)
    reset(over_z)
    lowest_of_planes, index = np.empty(z.size), start.copy()
    best, best_plane = np.inf, 0
    all_volumes, b = volumes_of(grid, 0), 0
    while b < all_volumes:
        number = go_to_volumes(volumes, b, squares, grid)
        for volume in range(number):
            for axis in range(n - 3):
                index[axis] = start[axis] + volumes.place[axis] + (volume if axis == n - 4 else 0)
            reset(over_y)
            reset(over_x)
            reduce_volume(squares, grid, volumes, volume, last, tables, over)
            for k in range(depth):
                lowest_of_planes[k] = smallest(over_x[k])
                if on_planes.size > 0:
                    on_planes[(b + volume) * depth + k] = lowest_of_planes[k]
                if max(lowest_of_planes[k], 0.0) < best:
                    best, best_plane = max(lowest_of_planes[k], 0.0), (b + volume) * depth + k
            lower_planes(over, lowest_of_planes, grid.shape, index, minima)
        b += number
    for line in range(rows):
        index[n - 2] = start[n - 2] + line
        lower(minima.values, place_in_plane(minima, n - 2, n - 1, index), over_z, line * x.size, last.points)
    return best, best_plane


@jit
def reduce_volume(
    squares: Squares, grid: Grid, volumes: Volumes, volume: int, last: Last, tables: Tables, over: Over
) -> None:
    """Lower minima to chi2 on one volume: where its planes' quartics round too much, of lines taken carefully."""
    needed = floor_needed(volumes.bounds[volume])
    for k in range(0, last.z.size, LANES):
        tabulate_planes(volumes.quartics, volume, last.z, k, tables.planes, k // LANES)
    plane, stopped = 0, False
    while plane < last.planes:
        plane, stopped = reduce_planes(last, tables, needed, plane, stopped, over)
        if not stopped:
            break
        fix_volume(volumes, squares, grid, volume)
        for i in range(2):
            reduce_carefully(squares, volumes.levels, needed, last, tables, i, min(plane + i, last.planes - 1), over)


@jit
def reduce_carefully(
    squares: Squares,
    levels: NDArray[np.float64],
    needed: float,
    last: Last,
    tables: Tables,
    which: int,
    k: int,
    over: Over,
) -> None:
    """Set the lines of the plane at last.z[k], in one of two tables, anew; lower minima to those of its lines that have
    to be squared, and leave these out of the table.
    """
    y, x, squared, row = last.y, last.x, np.zeros(last.lines, dtype=np.bool_), np.empty(last.x.size)
    n, coefficients = levels.shape[0], tables.coefficients[which]
    take_carefully(squares, levels, needed, last, k, coefficients, tables.floors[which], squared)
    for line in range(y.size):
        if line >= last.lines:
            leave_out(coefficients, line)
        elif squared[line]:
            leave_out(coefficients, line)
            fix_next_variable(squares.residuals, levels, n - 2, y[line])
            fill_line_with_squares(levels[n - 1], x, row)
            lower(over.z, line * x.size, row, 0, last.points)
            lower(over.y, k * x.size, row, 0, last.points)
            over.x[k, line] = min(over.x[k, line], smallest(row))


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
        on_a, on_b = quartic_on_line(p, line), quartic_on_line(p, line + 1)
        on_c, on_d = quartic_on_line(q, line), quartic_on_line(q, line + 1)
        a_end, b_end, c_end, d_end = inf, inf, inf, inf
        at = line * width
        for i in range(0, width, LANES):
            t = load(x, i)
            a, b = quartic_at(t, on_a), quartic_at(t, on_b)
            c, d = quartic_at(t, on_c), quartic_at(t, on_d)
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
    over: Over,
    lowest_of_planes: NDArray[np.float64],
    shape: NDArray[np.int64],
    index: NDArray[np.int64],
    minima: PlaneMinima,
) -> None:
    """Lower the minima over all planes but that of the last two axes to those of one volume, which has this shape along
    these, and whose first point has this index in the minima's grid.
    """
    n = shape.size
    depth, rows, length = shape[n - 3], shape[n - 2], shape[n - 1]
    z, values, width, lines = n - 3, minima.values, over.y.shape[1], over.x.shape[1]
    first = index[z]
    for k in range(depth):
        index[z] = first + k
        lower(values, place_in_plane(minima, z, n - 1, index), over.y, k * width, length)
        lower(values, place_in_plane(minima, z, n - 2, index), over.x, k * lines, rows)
    index[z] = first
    if n == 3:
        return
    lowest_y, lowest_x = aligned(width), aligned(lines)
    reset(lowest_y)
    reset(lowest_x)
    for k in range(depth):
        lower(lowest_y, 0, over.y, k * width, width)
        lower(lowest_x, 0, over.x, k * lines, lines)
    for a in range(z):
        lower(values, place_in_plane(minima, a, n - 1, index), lowest_y, 0, length)
        lower(values, place_in_plane(minima, a, n - 2, index), lowest_x, 0, rows)
        lower(values, place_in_plane(minima, a, z, index), lowest_of_planes, 0, depth)
        for c in range(a + 1, z):
            cell = place_in_plane(minima, a, c, index)
            values[cell] = min(values[cell], smallest(lowest_of_planes[:depth]))


@jit_inline
def lower(minima: NDArray[np.float64], first: int, given: NDArray[np.float64], first_given: int, number: int) -> None:
    """Lower a run of minima to as many given, both from flat indices on and with up to 7 elements more in the array."""
    for i in range(0, number, LANES):
        before = load(minima, first + i)
        after = minimum(load(given, first_given + i), before)
        store(minima, first + i, first_lanes(number - i, after, before))
