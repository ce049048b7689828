"""Search the hidden variables of many cells of a plane from the valleys of a lattice, eight cells at once.

On the lattice some variables are put on its points; one more takes evenly spaced values, and those that enter the
residuals linearly are minimised within their bounds, nearly. Along the one chi2 is a quartic and the slopes of the
linear ones are parabolas, of which the coefficients are found once for each point of the lattice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, Lanes, aligned, fma, load, maximum, minimum, splat, store, where_less
from scanengine_kernels.cells import CellMinima, held_residuals, hold_first, lower_cell
from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.minimise import Box, Residuals, room_for


class Lattice(NamedTuple):
    """The points (per_axis^f, f), in C order, that the first f variables are put on, and the values `along` which the
    next is.
    """

    points: NDArray[np.float64]
    per_axis: int
    along: NDArray[np.float64]


_ROUNDS = 2
"""How often each linear variable is minimised with the others held: what is left is for the search."""


@jit
def valleys_of(values: NDArray[np.float64], lane: int, per_axis: int, points: int, lowest: NDArray[np.int64]) -> int:
    """Set `lowest` to the lowest points of a lattice that are no higher than their neighbours, from the lowest up.

    The lattice has per_axis points along each axis, in C order; that of one lane lies in values (points * 8,) at lane
    + 8 point. Returns how many there are, at most as many as there is room for.
    """
    count = 0
    for point in range(points):
        value = values[point * LANES + lane]
        if count == lowest.size and value >= values[lowest[count - 1] * LANES + lane]:
            continue
        stride = 1
        valley = value < np.inf
        while valley and stride < points:
            along = point // stride % per_axis
            if (along > 0 and values[(point - stride) * LANES + lane] < value) or (
                along < per_axis - 1 and values[(point + stride) * LANES + lane] < value
            ):
                valley = False
            stride *= per_axis
        if not valley:
            continue
        place = min(count, lowest.size - 1)
        while place > 0 and values[lowest[place - 1] * LANES + lane] > value:
            lowest[place] = lowest[place - 1]
            place -= 1
        lowest[place] = point
        count = min(count + 1, lowest.size)
    return count


@jit_inline
def clipped(x: Lanes, low: float, high: float) -> Lanes:
    """Return x, or the bound that it is beyond."""
    return minimum(maximum(x, low), high)


@jit
def search_lattice(
    residuals: Residuals,
    linear: LinearPart,
    box: Box,
    lattice: Lattice,
    most_starts: int,
    cells: CellMinima,
) -> None:
    """Lower each cell by searches from the lowest valleys of a lattice, at most most_starts of them.

    Of the m variables that are not held the first ones are put on each point of the lattice, the next on its values
    `along`, and the last enter linearly, as `linear` says. From a valley all m are then searched together.
    """
    held = held_residuals(residuals, cells.points.shape[1])
    K, m = held.b.shape
    P, f, j = int(lattice.points.shape[0]), int(lattice.points.shape[1]), int(linear.Q.shape[1])
    on_lattice, along = lattice.points, lattice.along
    room = room_for(K, m)
    inner, inner_slope = np.empty((P, K)), np.empty((P, K))
    for point in range(P):
        for k in range(K):
            inner[point, k], inner_slope[point, k] = 0.0, 0.0
            for i in range(f):
                Ay = 0.0
                for o in range(f):
                    Ay += held.A[k, i, o] * on_lattice[point, o]
                inner[point, k] += on_lattice[point, i] * Ay
                inner_slope[point, k] += 2.0 * held.A[k, f, i] * on_lattice[point, i]
    G = np.zeros((j, j))
    for i in range(j):
        for o in range(j):
            for k in range(K):
                G[i, o] += linear.Q[k, i] * linear.Q[k, o]
    per_G, bent = np.zeros(j), np.zeros(j)
    whole = linear.inverses[2**j - 1]
    for i in range(j):
        per_G[i] = 1.0 / G[i, i] if G[i, i] > 0.0 else 0.0
        for k in range(K):
            bent[i] += linear.Q[k, i] * held.A[k, f, f]
    square = 0.0
    for k in range(K):
        square += held.A[k, f, f] ** 2
    # of eight cells: the residuals, and their slopes along the searched variables and the next
    c, b = aligned(K * LANES), aligned(K * (f + 1) * LANES)
    u, s_here, s_best = aligned(2 * j * LANES + LANES), aligned(j * LANES + LANES), aligned(j * LANES + LANES)
    slopes = aligned(j * LANES + LANES)
    values, z_and_s = aligned(P * LANES), aligned(P * (1 + j) * LANES)
    lowest = np.empty(most_starts, dtype=np.int64)
    start = np.empty(m)
    for first in range(0, cells.chi2.size, LANES):
        number = min(LANES, cells.chi2.size - first)
        for lane in range(LANES):
            hold_first(residuals, cells.points[first + min(lane, number - 1)], held)
            for k in range(K):
                c[k * LANES + lane] = held.c[k]
                for i in range(f + 1):
                    b[(k * (f + 1) + i) * LANES + lane] = held.b[k, i]
        for point in range(P):
            q0, q1, q2, q3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for i in range(2 * j):
                store(u, i * LANES, 0.0)
            for k in range(K):
                value = load(c, k * LANES) + inner[point, k]
                for i in range(f):
                    value = fma(on_lattice[point, i], load(b, (k * (f + 1) + i) * LANES), value)
                slope = load(b, (k * (f + 1) + f) * LANES) + inner_slope[point, k]
                bend = held.A[k, f, f]
                q0 = fma(value, value, q0)
                q1 = fma(value, slope, q1)
                q2 = fma(slope, slope, fma(value, 2.0 * bend, q2))
                q3 = fma(slope, bend, q3)
                for i in range(j):
                    store(u, 2 * i * LANES, fma(value, linear.Q[k, i], load(u, 2 * i * LANES)))
                    store(u, (2 * i + 1) * LANES, fma(slope, linear.Q[k, i], load(u, (2 * i + 1) * LANES)))
            least, z_best = splat(np.inf), splat(0.0)
            for i in range(j):
                store(s_best, i * LANES, 0.0)
            for z in along:
                value = fma(z, fma(z, fma(z, fma(z, square, 2.0 * q3), q2), 2.0 * q1), q0)
                for i in range(j):
                    slope = fma(z, load(u, (2 * i + 1) * LANES), load(u, 2 * i * LANES) + z * z * bent[i])
                    store(slopes, i * LANES, slope)
                for i in range(j):
                    wanted = splat(0.0)
                    for o in range(j):
                        wanted = fma(0.0 - whole[i, o], load(slopes, o * LANES), wanted)
                    store(s_here, i * LANES, clipped(wanted, linear.lower[i], linear.upper[i]))
                for _ in range(_ROUNDS if j > 1 else 1):
                    for i in range(j):
                        rest = load(slopes, i * LANES)
                        for o in range(j):
                            if o != i:
                                rest = fma(G[i, o], load(s_here, o * LANES), rest)
                        wanted = rest * (0.0 - per_G[i])
                        store(s_here, i * LANES, clipped(wanted, linear.lower[i], linear.upper[i]))
                for i in range(j):
                    Gs = load(slopes, i * LANES) * 2.0
                    for o in range(j):
                        Gs = fma(G[i, o], load(s_here, o * LANES), Gs)
                    value = fma(load(s_here, i * LANES), Gs, value)
                for i in range(j):
                    better = where_less(value, least, load(s_here, i * LANES), load(s_best, i * LANES))
                    store(s_best, i * LANES, better)
                z_best = where_less(value, least, splat(z), z_best)
                least = minimum(value, least)
            store(values, point * LANES, least)
            store(z_and_s, point * (1 + j) * LANES, z_best)
            for i in range(j):
                store(z_and_s, (point * (1 + j) + 1 + i) * LANES, load(s_best, i * LANES))
        for lane in range(number):
            cell = first + lane
            found = valleys_of(values, lane, lattice.per_axis, P, lowest)
            if found > 0:
                hold_first(residuals, cells.points[cell], held)
            for valley in range(found):
                point = lowest[valley]
                for i in range(f):
                    start[i] = on_lattice[point, i]
                for i in range(1 + j):
                    start[f + i] = z_and_s[(point * (1 + j) + i) * LANES + lane]
                if lower_cell(held, box, start, cell, cells, room):
                    cells.fallen[cell] = True
