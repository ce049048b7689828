"""chi2 on a tensor grid: the quartics of `quartic`, evaluated line after line along the last axis.

A grid larger than the caches is written as fast as memory takes it, if nothing is in the way of the streams: they go
out in whole cache lines whatever the length of the grid's lines, and no locked instruction, no mispredicted branch and
no late load holds up what follows. Hence the table of coefficients for one plane at a time, and hot loops in functions
of their own, which take plain arrays and leave as soon as anything out of the ordinary has to be done.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import (
    LANES,
    Lanes,
    Output,
    aligned,
    elements_to_boundary,
    fence,
    first_lanes,
    load,
    maximum,
    splat,
    store,
    stream,
)
from scanengine_kernels.polynomial import contraction, go_to_line
from scanengine_kernels.quartic import (
    Last,
    Squares,
    Tables,
    Volumes,
    fill_line_with_squares,
    fix_volume,
    floor_needed,
    go_to_volumes,
    last_axes,
    new_volumes,
    quartic_at,
    tabulate_lines,
    tabulate_planes,
    take_carefully,
)


class Written(NamedTuple):
    """How far the writing is: the plane, how many are tabulated, the element of chi2, the elements held back (see
    `stream_lines`), and whether rounding leaves chi2 positive on the even and on the odd plane that stand in the table.
    """

    plane: int
    tabulated: int
    position: int
    held: int
    even_is_positive: bool
    odd_is_positive: bool


@jit
def fill_quartic(
    squares: Squares, shape: NDArray[np.int64], values: NDArray[np.float64], past_caches: bool, chi2: Output
) -> int:
    """Set chi2 (points,), in C order, on the tensor grid of values (axes, longest): values[a, : shape[a]] of axis a.

    There are three axes or more. `past_caches` is for grids that the caches would not hold. Returns
    how many lines were evaluated as squares.
    """
    last = last_axes(shape, values, 1)
    size = last.y.size
    volumes = new_volumes(squares, shape.size)
    planes = aligned(15 * 2 * LANES).reshape((15, 2, LANES))
    tables = Tables(planes, aligned(10 * size).reshape((2, 5, size)), aligned(size))
    squared = np.zeros(last.lines, dtype=np.bool_)
    squared_lines = np.zeros(chi2.size // last.points, dtype=np.bool_)
    number = 0
    streams = past_caches and last.points >= 2 * LANES
    carry = np.zeros(LANES)
    written = Written(0, 0, 0, -elements_to_boundary(chi2, 0) if streams else 0, False, False)
    b = 0
    while b < chi2.size // (last.planes * last.lines * last.points):
        together = go_to_volumes(volumes, b, squares, shape, values)
        written = Written(0, 0, written.position, written.held, False, False)
        stopped = True
        while stopped:
            stopped, written = fill_planes(volumes, together, last, tables, streams, written, carry, chi2)
            if not stopped:
                break
            k = written.tabulated - 1
            volume, plane = k // last.planes, k % last.planes
            needed = floor_needed(volumes.bounds[volume])
            fix_volume(volumes, squares, values, volume)
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
        square_lines(squares, shape, values, squared_lines, chi2)
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
    it as it then stands there. carry is that of `stream_lines`.

    What is loaded again just after it was stored would wait for all streams between. So the quartics of eight planes
    are tabulated, in tables.planes (15, 2, 8), before the eight ahead of them are begun, and a plane's lines before the
    plane ahead is written.
    """
    # once, and not in the loop: each time would be counted as a reference
    quartics, bounds = volumes.quartics, volumes.bounds
    planes, coefficients, floors = tables.planes, tables.coefficients, tables.floors
    z, y, x, depth, lines, points, sides = last.z, last.y, last.x, last.planes, last.lines, last.points, last.sides
    plane, tabulated, position, held = written.plane, written.tabulated, written.position, written.held
    even, odd, carried = written.even_is_positive, written.odd_is_positive, load(carry, 0)
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
        table = plane % 2  # a slice would be counted as a reference, with instructions that wait for all streams
        positive = even if table == 0 else odd
        if not streams:
            store_lines(coefficients, table, lines, x, points, position, chi2)
            position += lines * points
        elif positive:
            position, held, carried = stream_lines(
                coefficients, table, lines, x, points, True, position, held, carried, chi2
            )
        else:
            position, held, carried = stream_lines(
                coefficients, table, lines, x, points, False, position, held, carried, chi2
            )
        plane += 1
    store(carry, 0, carried)
    return stopped, Written(plane, tabulated, position, held, even, odd)


@jit_inline
def store_lines(
    coefficients: NDArray[np.float64],
    table: int,
    lines: int,
    x: NDArray[np.float64],
    length: int,
    position: int,
    chi2: Output,
) -> None:
    """Set chi2 from element position on to the quartics with coefficients[table] (5, lines or more) at x[:length].

    A sum of squares is not negative, and what rounding leaves below zero is zero.
    """
    short = np.empty(LANES)
    for line in range(lines):
        c0, c1 = splat(coefficients[table, 0, line]), splat(coefficients[table, 1, line])
        c2, c3 = splat(coefficients[table, 2, line]), splat(coefficients[table, 3, line])
        c4 = splat(coefficients[table, 4, line])
        for i in range(0, length - LANES + 1, LANES):
            store(chi2, position + i, maximum(0.0, quartic_at(load(x, i), c0, c1, c2, c3, c4)))
        if length >= LANES:
            i = length - LANES
            store(chi2, position + i, maximum(0.0, quartic_at(load(x, i), c0, c1, c2, c3, c4)))
        else:
            store(short, 0, maximum(0.0, quartic_at(load(x, 0), c0, c1, c2, c3, c4)))
            for i in range(length):
                chi2[position + i] = short[i]
        position += length


@jit_inline
def chi2_at(x: Lanes, c0: Lanes, c1: Lanes, c2: Lanes, c3: Lanes, c4: Lanes, positive: bool) -> Lanes:
    """Return a quartic at x, or where rounding may leave it below zero the larger of both."""
    value = quartic_at(x, c0, c1, c2, c3, c4)
    return value if positive else maximum(0.0, value)


@jit_inline
def stream_lines(
    coefficients: NDArray[np.float64],
    table: int,
    lines: int,
    x: NDArray[np.float64],
    length: int,
    positive: bool,
    position: int,
    held: int,
    carry: Lanes,
    chi2: Output,
) -> tuple[int, int, Lanes]:
    """Do as `store_lines` past the caches: lines of any length, 16 or more, go out as one run of whole blocks.

    The first `held` lanes of carry are the end of the line before, which does not fill a block: it waits for the next
    line to begin in the same block, at position, where a cache line begins. held < 0 says how far before one the very
    first line begins. Returns these three for the next call. x begins again after its end, for at least a block.
    `positive` says that no number will come out below zero.
    """
    for line in range(lines):
        c0, c1 = splat(coefficients[table, 0, line]), splat(coefficients[table, 1, line])
        c2, c3 = splat(coefficients[table, 2, line]), splat(coefficients[table, 3, line])
        c4 = splat(coefficients[table, 4, line])
        i = 0
        if held > 0:
            value = chi2_at(load(x, length - held), c0, c1, c2, c3, c4, positive)
            stream(chi2, position, first_lanes(held, carry, value))
            position += LANES
            i = LANES - held
        elif held < 0:
            # what these blocks set beyond the boundary is streamed once more
            store(chi2, position, chi2_at(load(x, 0), c0, c1, c2, c3, c4, positive))
            if held < -LANES:
                store(chi2, position + LANES, chi2_at(load(x, LANES), c0, c1, c2, c3, c4, positive))
            i = -held
            position += i
        while i + 5 * LANES <= length:  # lines of forty points have no loop whose end could be mispredicted
            stream_five(c0, c1, c2, c3, c4, x, i, positive, position, chi2)
            position += 5 * LANES
            i += 5 * LANES
        while i + LANES <= length:
            stream(chi2, position, chi2_at(load(x, i), c0, c1, c2, c3, c4, positive))
            position += LANES
            i += LANES
        held = length - i
        if held > 0:
            carry = chi2_at(load(x, i), c0, c1, c2, c3, c4, positive)
    return position, held, carry


@jit_inline
def stream_five(
    c0: Lanes,
    c1: Lanes,
    c2: Lanes,
    c3: Lanes,
    c4: Lanes,
    x: NDArray[np.float64],
    i: int,
    positive: bool,
    position: int,
    chi2: Output,
) -> None:
    """Stream a quartic at forty of x, from i on, to five blocks of chi2 from position on."""
    p, q = load(x, i), load(x, i + LANES)
    r, s, t = load(x, i + 2 * LANES), load(x, i + 3 * LANES), load(x, i + 4 * LANES)
    stream(chi2, position, chi2_at(p, c0, c1, c2, c3, c4, positive))
    stream(chi2, position + LANES, chi2_at(q, c0, c1, c2, c3, c4, positive))
    stream(chi2, position + 2 * LANES, chi2_at(r, c0, c1, c2, c3, c4, positive))
    stream(chi2, position + 3 * LANES, chi2_at(s, c0, c1, c2, c3, c4, positive))
    stream(chi2, position + 4 * LANES, chi2_at(t, c0, c1, c2, c3, c4, positive))


@jit
def square_lines(
    squares: Squares,
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    which: NDArray[np.bool_],
    chi2: Output,
) -> None:
    """Set the marked lines of a grid, which (lines,), to sums of squares; for the rest see `fill_quartic`."""
    n = shape.size
    x = values[n - 1, : shape[n - 1]]
    lines = contraction(squares.residuals, squares.starts, squares.groups, shape, values)
    row = np.empty(x.size)
    for line in range(which.size):
        if not which[line]:
            continue
        go_to_line(lines, line)
        fill_line_with_squares(lines.levels[n - 1], x, row)
        for i in range(x.size):
            chi2[line * x.size + i] = row[i]
