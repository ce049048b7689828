"""chi2 on a tensor grid: quartics, evaluated line after line along the last axis.

A grid larger than the caches is written as fast as memory takes it, if nothing is in the way of the streams: they go
out in whole cache lines whatever the length of the grid's lines, and no locked instruction, no mispredicted branch and
no late load holds up what follows. Hence the table of coefficients for one plane at a time, and hot loops in functions
of their own, which take plain arrays and leave as soon as anything out of the ordinary has to be done.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, Output, aligned, elements_to_boundary, fence, load, store
from scanengine_kernels.grids import Grid
from scanengine_kernels.polynomial import contraction, go_to_line
from scanengine_kernels.quartic.axes import Last, last_axes
from scanengine_kernels.quartic.careful import take_carefully
from scanengine_kernels.quartic.lines import Tables, tabulate_lines, tabulate_planes
from scanengine_kernels.quartic.squares import Squares, fill_line_with_squares, floor_needed
from scanengine_kernels.quartic.streams import Stream, store_lines, stream_lines
from scanengine_kernels.quartic.volumes import Volumes, fix_volume, go_to_volumes, new_volumes, volumes_of


class Written(NamedTuple):
    """How far the writing is: the plane, how many are tabulated, the element of chi2, the elements held back (see
    `Stream`), and whether rounding leaves chi2 positive on the even and on the odd plane that stand in the table.
    """

    plane: int
    tabulated: int
    position: int
    held: int
    even_is_positive: bool
    odd_is_positive: bool


@jit
def fill_quartic(squares: Squares, grid: Grid, past_caches: bool, chi2: Output) -> int:
    """Set chi2 (points,), in C order, on a grid of three axes or more.

    `past_caches` is for grids that the caches would not hold. Returns how many lines were evaluated as squares.
    """
    last = last_axes(grid, 1)
    size = last.y.size
    volumes = new_volumes(squares, grid.shape.size)
    planes = aligned(15 * 2 * LANES).reshape((15, 2, LANES))
    tables = Tables(planes, aligned(10 * size).reshape((2, 5, size)), aligned(size))
    squared = np.zeros(last.lines, dtype=np.bool_)
    squared_lines = np.zeros(chi2.size // last.points, dtype=np.bool_)
    number = 0
    streams = past_caches and last.points >= 2 * LANES
    carry = np.zeros(LANES)
    written = Written(0, 0, 0, -elements_to_boundary(chi2, 0) if streams else 0, False, False)
    b, all_volumes = 0, volumes_of(grid, 0)
    while b < all_volumes:
        together = go_to_volumes(volumes, b, squares, grid)
        written = Written(0, 0, written.position, written.held, False, False)
        stopped = True
        while stopped:
            stopped, written = fill_planes(volumes, together, last, tables, streams, written, carry, chi2)
            if not stopped:
                break
            k = written.tabulated - 1
            volume, plane = k // last.planes, k % last.planes
            needed = floor_needed(volumes.bounds[volume])
            fix_volume(volumes, squares, grid, volume)
            again = tables.coefficients[k % 2]
            if take_carefully(squares, volumes.levels, needed, last, plane, again, tables.floors, squared):
                first = (b * last.planes + k) * last.lines
                for line in range(last.lines):
                    squared_lines[first + line] = squared[line]
                    number += squared[line]
        b += together
    if streams:
        for i in range(written.held):
            chi2[written.position + i] = carry[i]
        fence()
    if number > 0:
        square_lines(squares, grid, squared_lines, chi2)
    return number


@jit
def fill_planes(
    volumes: Volumes,
    number: int,
    last: Last,
    tables: Tables,
    streams: bool,
    written: Written,
    carry: NDArray[np.float64],
    chi2: Output,
) -> tuple[bool, Written]:
    """Write the planes of a number of volumes, from written.plane on, until one has a line whose floor is not what is
    needed. Return whether there is one, and how far the writing is.

    It is the last of the planes tabulated so far, in tables.coefficients[0] if even and [1] if odd; the next call takes
    it as it then stands there. carry is that of the `Stream`.

    What is loaded again just after it was stored would wait for all streams between. So the quartics of eight planes
    are tabulated, in tables.planes (15, 2, 8), before the eight ahead of them are begun, and a plane's lines before the
    plane ahead is written.
    """
    # once, and not in the loop: each time would be counted as a reference
    quartics, bounds = volumes.quartics, volumes.bounds
    planes, coefficients, floors = tables.planes, tables.coefficients, tables.floors
    z, y, x, depth, lines, points, sides = last.z, last.y, last.x, last.planes, last.lines, last.points, last.sides
    plane, tabulated = written.plane, written.tabulated
    even, odd = written.even_is_positive, written.odd_is_positive
    run = Stream(written.position, written.held, load(carry, 0))
    groups, all_planes = z.size // LANES, depth * number
    if tabulated == 0:
        tabulate_planes(quartics, 0, z, 0, planes, 0)
    stopped = False
    while plane < all_planes and not stopped:
        while tabulated < min(plane + 2, all_planes) and not stopped:
            volume = tabulated // depth
            k = tabulated - volume * depth
            group = volume * groups + k // LANES
            if k % LANES == 0:
                behind = k + LANES >= depth
                if volume + behind < number:
                    tabulate_planes(quartics, volume + behind, z, 0 if behind else k + LANES, planes, (group + 1) % 2)
            first, bound = tabulated % 2 * 5 * y.size, bounds[volume]
            floor = tabulate_lines(planes, group % 2, k % LANES, y, sides, coefficients, first, floors)
            stopped = floor < floor_needed(bound)
            if tabulated % 2 == 0:
                even = floor > bound
            else:
                odd = floor > bound
            tabulated += 1
        if stopped:
            break
        table = plane % 2
        positive = even if table == 0 else odd
        if not streams:
            store_lines(coefficients, table, lines, x, points, run.position, chi2)
            run = Stream(run.position + lines * points, run.held, run.carry)
        elif positive:
            run = stream_lines(coefficients, table, lines, x, points, True, run, chi2)
        else:
            run = stream_lines(coefficients, table, lines, x, points, False, run, chi2)
        plane += 1
    store(carry, 0, run.carry)
    return stopped, Written(plane, tabulated, run.position, run.held, even, odd)


@jit
def square_lines(squares: Squares, grid: Grid, which: NDArray[np.bool_], chi2: Output) -> None:
    """Set the marked lines of a grid, which (lines,), to sums of squares."""
    n = grid.shape.size
    x = grid.values[n - 1, : grid.shape[n - 1]]
    lines = contraction(squares.residuals, grid)
    row = np.empty(x.size)
    for line in range(which.size):
        if not which[line]:
            continue
        go_to_line(lines, line)
        fill_line_with_squares(lines.levels[n - 1], x, row)
        for i in range(x.size):
            chi2[line * x.size + i] = row[i]
