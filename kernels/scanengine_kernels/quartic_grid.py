"""chi2 on a tensor grid: the quartics of `quartic`, evaluated line after line along the last axis.

A grid larger than the caches is written as fast as memory takes it, if nothing is in the way of the streams: they go
out in whole cache lines whatever the length of the grid's lines, and no locked instruction, no mispredicted branch and
no late load holds up what follows. Hence the table of coefficients for one plane at a time, and hot loops in functions
of their own, which take plain arrays and leave as soon as anything out of the ordinary has to be done.
"""

from __future__ import annotations

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
from scanengine_kernels.polynomial import first_changed, fix_variable_of_all
from scanengine_kernels.quartic import (
    Squares,
    around,
    fill_line_with_squares,
    fix_block,
    floor_needed,
    go_to_blocks,
    new_blocks,
    quartic_at,
    sides_of_zero,
    tabulate_lines,
    tabulate_planes,
    take_carefully,
)

PLANE, TABULATED, POSITION, HELD, POSITIVE = range(5)
"""How far the writing is: the plane, how many are tabulated, the element of chi2, the elements held back, and whether
no rounding makes chi2 negative, on the even and on the odd plane that stand in the table.
"""


@jit
def fill_quartic(
    squares: Squares, shape: NDArray[np.int64], values: NDArray[np.float64], past_caches: bool, chi2: Output
) -> int:
    """Set chi2 (points,), in C order, on the tensor grid of values (axes, longest): values[a, : shape[a]] of axis a.

    There are three axes or more. `past_caches` is for grids that the caches would not hold. Returns
    how many lines were evaluated as squares.
    """
    n = shape.size
    depth, rows, length = shape[n - 3], shape[n - 2], shape[n - 1]
    z, y, x = around(values[n - 3], depth, 0), around(values[n - 2], rows, 0), around(values[n - 1], length, 1)
    sides = sides_of_zero(x[:length])
    blocks, planes = new_blocks(squares, n), aligned(15 * 2 * LANES).reshape((15, 2, LANES))
    coefficients = aligned(10 * y.size).reshape((2, 5, y.size))
    floors = aligned(y.size)
    squared = np.zeros(rows, dtype=np.bool_)
    squared_lines = np.zeros(chi2.size // length, dtype=np.bool_)
    number = 0
    streams = past_caches and length >= 2 * LANES
    at = np.zeros(POSITIVE + 2, dtype=np.int64)
    at[HELD] = -elements_to_boundary(chi2, 0) if streams else 0
    carry = np.zeros(LANES)
    b = 0
    while b < chi2.size // (depth * rows * length):
        together = go_to_blocks(blocks, b, squares, shape, values)
        at[PLANE], at[TABULATED] = 0, 0
        while fill_planes(
            blocks.quartics,
            blocks.bounds,
            together,
            z,
            depth,
            planes,
            y,
            rows,
            x,
            length,
            sides,
            coefficients,
            floors,
            streams,
            at,
            carry,
            chi2,
        ):
            k = at[TABULATED] - 1
            needed = floor_needed(blocks.bounds[k // depth])
            fix_block(blocks, squares, values, k // depth)
            if take_carefully(squares, blocks.levels, needed, z[k % depth], y, x, coefficients[k % 2], floors, squared):
                first = (b * depth + k) * rows
                for line in range(rows):
                    squared_lines[first + line] = squared[line]
                    number += squared[line]
        b += together
    if streams:
        for i in range(at[HELD]):
            chi2[at[POSITION] + i] = carry[i]
        fence()
    if number > 0:
        square_lines(squares, shape, values, squared_lines, chi2)
    return number


@jit
def fill_planes(
    quartics: NDArray[np.float64],
    bounds: NDArray[np.float64],
    blocks: int,
    z: NDArray[np.float64],
    depth: int,
    planes: NDArray[np.float64],
    y: NDArray[np.float64],
    rows: int,
    x: NDArray[np.float64],
    length: int,
    sides: int,
    coefficients: NDArray[np.float64],
    floors: NDArray[np.float64],
    streams: bool,
    at: NDArray[np.int64],
    carry: NDArray[np.float64],
    chi2: Output,
) -> bool:
    """Write the planes of some blocks, at z[:depth] each, from at[PLANE] on, until one has a line whose floor is not
    what is needed: then return True.

    That is the last of the at[TABULATED] planes tabulated so far, in coefficients[0] if even and [1] if odd; the next
    call takes it as it then stands there. at[POSITION], at[HELD] and carry are those of `stream_lines`.

    What is loaded again just after it was stored would wait for all streams between. So the quartics of eight planes
    are tabulated, in planes (15, 2, 8), before the eight ahead of them are begun, and a plane's lines before the plane
    ahead is written.
    """
    plane, tabulated, number = at[PLANE], at[TABULATED], depth * blocks
    position, held, carried = at[POSITION], at[HELD], load(carry, 0)
    groups = z.size // LANES
    if tabulated == 0:
        tabulate_planes(quartics, 0, z, 0, planes, 0)
    stopped = False
    while plane < number and not stopped:
        while tabulated < min(plane + 2, number) and not stopped:
            block = tabulated // depth
            k = tabulated - block * depth
            group = block * groups + k // LANES
            if k % LANES == 0:
                behind = k + LANES >= depth
                if block + behind < blocks:
                    tabulate_planes(quartics, block + behind, z, 0 if behind else k + LANES, planes, (group + 1) % 2)
            first, bound = tabulated % 2 * 5 * y.size, bounds[block]
            floor = tabulate_lines(planes, group % 2, k % LANES, y, sides, coefficients, first, floors)
            stopped = floor < floor_needed(bound)
            at[POSITIVE + tabulated % 2] = 1 if floor > bound else 0
            tabulated += 1
        if stopped:
            break
        table = plane % 2  # a slice would be counted as a reference, with instructions that wait for all streams
        positive = at[POSITIVE + table] == 1
        if not streams:
            store_lines(coefficients, table, rows, x, length, position, chi2)
            position += rows * length
        elif positive:
            position, held, carried = stream_lines(
                coefficients, table, rows, x, length, True, position, held, carried, chi2
            )
        else:
            position, held, carried = stream_lines(
                coefficients, table, rows, x, length, False, position, held, carried, chi2
            )
        plane += 1
    at[PLANE], at[TABULATED], at[POSITION], at[HELD] = plane, tabulated, position, held
    store(carry, 0, carried)
    return stopped


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
    levels = new_blocks(squares, n).levels
    index = np.full(n - 1, -1, dtype=np.int64)
    row = np.empty(x.size)
    for line in range(which.size):
        if not which[line]:
            continue
        for axis in range(first_changed(line, shape[: n - 1], index), n - 1):
            t = values[axis, index[axis]]
            fix_variable_of_all(levels[axis], squares.starts[axis], squares.groups[axis], t, levels[axis + 1])
        fill_line_with_squares(levels[n - 1], x, row)
        for i in range(x.size):
            chi2[line * x.size + i] = row[i]
