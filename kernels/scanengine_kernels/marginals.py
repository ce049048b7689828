"""Sums of exp(-chi2 / 2) over all axes of a grid but one or two, tile by tile.

A sum over the other axes is kept for each of several tables: the planes of two axes, or the lines of a grid that has no
more than two. Every sum is there twice, side by side: with the weights of all points, and with those of half the points
along the axes that are summed over.

What a tile adds is exp(-chi2 / 2) 2^-e with an integer e of its own, so that its largest term lies between 1 and 2
whatever chi2 is. Tiles are added in twice the digits of a double: what comes out does not depend on their order.
"""

from __future__ import annotations

from math import floor, inf, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._exp import power_of_two
from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, any_less, fma, load, splat, store, total, where_less, whole_blocks
from scanengine_kernels.grids import NEGLIGIBLE, NO_TERMS, Tables, TilePlace, Weights
from scanengine_kernels.profiles import smallest

_HALF_LOG2_E = 0.5 / log(2.0)


@jit_inline
def _others(weights: NDArray[np.float64], start: NDArray[np.int64], index: NDArray[np.int64], a: int, b: int) -> float:
    """Return the product of the weights of all outer axes but a and b at an index."""
    product = 1.0
    for axis in range(index.size):
        if axis not in (a, b):
            product *= weights[axis, start[axis] + index[axis]]
    return product


@jit_inline
def _add_run(sums: NDArray[np.float64], first: int, weight: float, terms: NDArray[np.float64]) -> None:
    """Add a weight times terms, of whole blocks, to as many sums from a flat index on."""
    if weight > 0.0:
        for i in range(0, terms.size, LANES):
            store(sums, first + i, fma(load(terms, i), weight, load(sums, first + i)))


class Over(NamedTuple):
    """Sums of a block over the second last of its axes (x,) and over the last (y,), with full and with half weights, in
    whole blocks of eight; and room for the end of a row.
    """

    y: NDArray[np.float64]
    y_half: NDArray[np.float64]
    x: NDArray[np.float64]
    x_half: NDArray[np.float64]
    tail: NDArray[np.float64]


@jit
def room_for(at: TilePlace) -> Over:
    """Return room for the sums of a tile's blocks."""
    n = at.shape.size
    width, lines = whole_blocks(at.shape[n - 1]), whole_blocks(at.shape[n - 2] if n > 1 else 1)
    return Over(np.zeros(width), np.zeros(width), np.zeros(lines), np.zeros(lines), np.empty(LANES))


@jit
def first_exponent(lowest: float, reference: float) -> int:
    """Return the e of the terms of a tile with this lowest chi2, `NO_TERMS` if none counts."""
    if not lowest < min(reference + NEGLIGIBLE, inf):
        return NO_TERMS
    return floor(-lowest * _HALF_LOG2_E)


@jit
def sum_tile(chi2: NDArray[np.float64], at: TilePlace, weights: Weights, reference: float, tables: Tables) -> int:
    """Set the tables to what a tile's chi2 (points,), in C order, adds to them; return the e of its terms.

    The tables, zero at first, are those of the tile, with rows filled up to whole blocks. Terms of a chi2 that lies
    `NEGLIGIBLE` above the reference, or above the tile's lowest, are left out, as those of NaN are; where there are no
    others `NO_TERMS` is returned.
    """
    shape = at.shape
    n = shape.size
    lowest = smallest(chi2)
    exponent = first_exponent(lowest, reference)
    if exponent == NO_TERMS:
        return exponent
    highest = min(reference, lowest) + NEGLIGIBLE
    over, index = room_for(at), np.zeros(max(n - 2, 0), dtype=np.int64)
    size = shape[n - 1] * (shape[n - 2] if n > 1 else 1)
    for block in range(chi2.size // size):
        rest = block
        for axis in range(n - 3, -1, -1):
            index[axis] = rest % shape[axis]
            rest //= shape[axis]
        sum_block(chi2, block * size, at, index, weights, highest, exponent, tables, over)
    return exponent


@jit
def sum_block(
    chi2: NDArray[np.float64],
    begin: int,
    at: TilePlace,
    index: NDArray[np.int64],
    weights: Weights,
    highest: float,
    exponent: int,
    tables: Tables,
    over: Over,
) -> None:
    """Add one block of a tile over its last two axes (y, x), which has this index (axes - 2,) over the others.

    Its chi2 lies in C order from the flat index begin on. Only chi2 below `highest` counts.
    """
    shape, start = at.shape, at.start
    n = shape.size
    length = shape[n - 1]
    rows = shape[n - 2] if n > 1 else 1
    padded = over.y.size
    x_weights = (n - 1) * weights.full.shape[1] + start[n - 1]
    full, half = tables.values[0], tables.values[1]
    plane = tables.offsets[n - 2, n - 1] if n > 2 else 0
    outer, outer_half = _others(weights.full, start, index, -1, -1), _others(weights.half, start, index, -1, -1)
    over_y, over_y_half, over_x, over_x_half, tail = over.y, over.y_half, over.x, over.x_half, over.tail
    over_y[:] = 0.0
    over_y_half[:] = 0.0
    seen = False
    for y in range(rows):
        first = begin + y * length
        y_weight = weights.full[n - 2, start[n - 2] + y] if n > 1 else 1.0
        y_half = weights.half[n - 2, start[n - 2] + y] if n > 1 else 1.0
        along, along_half = splat(0.0), splat(0.0)
        for i in range(0, length, LANES):
            if i + LANES <= length:
                value = load(chi2, first + i)
            else:
                tail[:] = inf
                tail[: length - i] = chi2[first + i : first + length]
                value = load(tail, 0)
            if not any_less(value, highest):
                continue
            seen = True
            powers = power_of_two(fma(value, -_HALF_LOG2_E, -1.0 * exponent))
            terms = where_less(value, highest, powers, 0.0)
            along = fma(terms, load(weights.full, x_weights + i), along)
            along_half = fma(terms, load(weights.half, x_weights + i), along_half)
            store(over_y, i, fma(terms, y_weight, load(over_y, i)))
            if y_half > 0.0:
                store(over_y_half, i, fma(terms, y_half, load(over_y_half, i)))
            if n > 2:
                cell = plane + y * padded + i
                store(full, cell, fma(terms, outer, load(full, cell)))
                if outer_half > 0.0:
                    store(half, cell, fma(terms, outer_half, load(half, cell)))
        over_x[y] = total(along)
        over_x_half[y] = total(along_half)
    if not seen:
        return
    if n < 3:
        _add_run(full, tables.offsets[n - 1, n - 1], 1.0, over_y)
        _add_run(half, tables.offsets[n - 1, n - 1], 1.0, over_y_half)
        if n == 2:
            _add_run(full, tables.offsets[0, 0], 1.0, over_x)
            _add_run(half, tables.offsets[0, 0], 1.0, over_x_half)
        return
    for a in range(n - 2):
        w, w_half = _others(weights.full, start, index, a, -1), _others(weights.half, start, index, a, -1)
        _add_run(full, tables.offsets[a, n - 1] + index[a] * padded, w, over_y)
        _add_run(half, tables.offsets[a, n - 1] + index[a] * padded, w_half, over_y_half)
        _add_run(full, tables.offsets[a, n - 2] + index[a] * over_x.size, w, over_x)
        _add_run(half, tables.offsets[a, n - 2] + index[a] * over_x.size, w_half, over_x_half)
    if n == 3:
        return
    whole, whole_half = 0.0, 0.0
    for y in range(rows):
        whole += weights.full[n - 2, start[n - 2] + y] * over_x[y]
        whole_half += weights.half[n - 2, start[n - 2] + y] * over_x_half[y]
    for a in range(n - 2):
        for b in range(a + 1, n - 2):
            cell = tables.offsets[a, b] + index[a] * whole_blocks(shape[b]) + index[b]
            full[cell] += _others(weights.full, start, index, a, b) * whole
            half[cell] += _others(weights.half, start, index, a, b) * whole_half


@jit
def add_tables(
    sums: Tables, low: NDArray[np.float64], grid_shape: NDArray[np.int64], tile: Tables, at: TilePlace, factor: float
) -> None:
    """Add factor, a power of two, times the tables of a tile to the sums of its grid: to sums.values + low.

    The rows of the sums are as long as the grid's last axis of each, those of the tile are filled up to whole blocks.
    """
    for kind in range(2):
        high, rest, added = sums.values[kind], low[kind], tile.values[kind]
        for a in range(grid_shape.size):
            for b in range(a, grid_shape.size):
                if sums.offsets[a, b] < 0:
                    continue
                for row in range(at.shape[a] if b > a else 1):
                    to = sums.offsets[a, b] + at.start[b] + ((at.start[a] + row) * grid_shape[b] if b > a else 0)
                    of = tile.offsets[a, b] + row * whole_blocks(at.shape[b])
                    for i in range(at.shape[b]):
                        term = factor * added[of + i]
                        before = high[to + i]
                        after = before + term
                        taken = after - before
                        lost = (before - (after - taken)) + (term - taken) + rest[to + i]
                        high[to + i] = after + lost
                        rest[to + i] = lost - (high[to + i] - after)
