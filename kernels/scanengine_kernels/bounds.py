"""A proven lower bound of a sum of squared quadratic residuals over a box, and the tiles of a grid that it cannot rule
out.

The residuals r(t) of a box form a bent patch in their space, and sqrt(chi2) is its distance from the origin. For any
direction v, v . r is one quadratic, whose minimum over the box is bounded from below; where that is positive the patch
lies beyond a plane, and chi2 >= (min v . r)^2 / |v|^2. Directions are improved as in E. G. Gilbert, SIAM J. Control 4
(1966) 61: the next is the point nearest to the origin between v and the patch's own point on that side. What is lost is
of second order in the width of the box: the patch's bending.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.minimise import Residuals, residuals_at

DIRECTIONS = 8
MOST_PIECES = 64
"""A tile that is not ruled out in so many pieces is visited: to fill it takes about as long."""

ROUNDING = 1.2e-16
MARGIN = 1e-9
"""Relative to 1 + chi2; ten times what the fill of a grid promises of its own rounding."""


class Workspace(NamedTuple):
    """What bounding one box writes to: the middle and half the width of the box (n,), r (k,), J (k, n), v (k,),
    h (n,) and the residuals there.
    """

    middle: NDArray[np.float64]
    width: NDArray[np.float64]
    r: NDArray[np.float64]
    J: NDArray[np.float64]
    v: NDArray[np.float64]
    h: NDArray[np.float64]
    r_h: NDArray[np.float64]


@jit
def workspace(residuals: Residuals) -> Workspace:
    """Return room for `lower_bound`."""
    K, n = residuals.b.shape
    return Workspace(np.empty(n), np.empty(n), np.empty(K), np.empty((K, n)), np.empty(K), np.empty(n), np.empty(K))


@jit
def coefficient_sizes(residuals: Residuals) -> NDArray[np.float64]:
    """Return (k,), for each residual the sum of its coefficients' sizes: no term is larger for |t| <= 1."""
    K, n = residuals.b.shape
    sizes = np.abs(residuals.c)
    for k in range(K):
        for i in range(n):
            sizes[k] += abs(residuals.b[k, i])
            for j in range(n):
                sizes[k] += abs(residuals.A[k, i, j])
    return sizes


@jit
def lowest_along(residuals: Residuals, sizes: NDArray[np.float64], work: Workspace) -> float:
    """Return a lower bound of v . r over the box, with v, middle, width, r and J in work; set h near where it is
    reached.
    """
    K, n = residuals.b.shape
    lowest, size = 0.0, 0.0
    for k in range(K):
        lowest += work.v[k] * work.r[k]
        size += abs(work.v[k]) * sizes[k]
    for i in range(n):
        g = 0.0
        for k in range(K):
            g += work.v[k] * work.J[k, i]
        w = work.width[i]
        for j in range(i):
            cross = 0.0
            for k in range(K):
                cross += work.v[k] * residuals.A[k, i, j]
            lowest -= 2.0 * abs(cross) * w * work.width[j]
        bend = 0.0
        for k in range(K):
            bend += work.v[k] * residuals.A[k, i, i]
        h = -w if g > 0.0 else w
        if 2.0 * bend * w > abs(g):
            h = -g / (2.0 * bend)
        lowest += h * (g + h * bend)
        work.h[i] = h
    # middle, width and h are at most one: each term passes through so many roundings
    return lowest - 4.0 * (n * n + 4 * n + K + 20) * ROUNDING * size


@jit
def lower_bound(
    residuals: Residuals,
    sizes: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    enough: float,
    work: Workspace,
) -> float:
    """Return a number that chi2 is nowhere below for lower <= t <= upper, all within [-1, 1], rounding included.

    The search for a better one ends once it is above `enough`, or cannot get there. sizes are `coefficient_sizes`;
    middle + h in work is then a point of the box where chi2 is low.
    """
    K, n = residuals.b.shape
    for i in range(n):
        work.middle[i] = 0.5 * (lower[i] + upper[i])
        work.width[i] = 0.5 * (upper[i] - lower[i]) + 4.0 * ROUNDING
    squares = residuals_at(residuals, work.middle, work.r, work.J)
    work.v[:] = work.r
    bound = 0.0
    for _ in range(DIRECTIONS):
        lowest = lowest_along(residuals, sizes, work)
        if lowest > 0.0:
            bound = max(bound, lowest * lowest / squares * (1.0 - (K + 20) * ROUNDING))
        # v is itself between points of the patch, so that no plane is farther away
        if bound > enough or squares <= enough:
            break
        toward, length = 0.0, 0.0
        for k in range(K):
            value = work.r[k]
            for i in range(n):
                Ah = 0.0
                for j in range(n):
                    Ah += residuals.A[k, i, j] * work.h[j]
                value += work.h[i] * (work.J[k, i] + Ah)
            work.r_h[k] = value
            toward += work.v[k] * (work.v[k] - value)
            length += (work.v[k] - value) ** 2
        if toward <= 0.0 or length == 0.0:
            break
        share = min(toward / length, 1.0)
        squares = 0.0
        for k in range(K):
            work.v[k] += share * (work.r_h[k] - work.v[k])
            squares += work.v[k] * work.v[k]
        if squares == 0.0:
            break
    return bound


@jit
def bends(residuals: Residuals) -> NDArray[np.float64]:
    """Return (n, n), how much the residuals bend in each pair of variables: the norm of A_ij over k."""
    K, n = residuals.b.shape
    sizes = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for k in range(K):
                sizes[i, j] += residuals.A[k, i, j] ** 2
    return np.sqrt(sizes)


@jit
def cut(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    tile_shape: NDArray[np.int64],
    bend: NDArray[np.float64],
    width: NDArray[np.float64],
) -> tuple[int, int]:
    """Return the axis to halve a box of grid points along, first (n,) to last (n,), and where its second half begins.

    It is the axis along which the residuals bend most; between tiles as long as there are several, else inside the one.
    The axis is -1 if there is one point alone.
    """
    n = first.size
    several_tiles = False
    for i in range(n):
        several_tiles = several_tiles or first[i] // tile_shape[i] < last[i] // tile_shape[i]
    axis, most = -1, -1.0
    for i in range(n):
        if (several_tiles and first[i] // tile_shape[i] == last[i] // tile_shape[i]) or first[i] == last[i]:
            continue
        loss = 0.0
        for j in range(n):
            loss += bend[i, j] * width[i] * width[j]
        if loss > most:
            axis, most = i, loss
    if axis < 0:
        return -1, 0
    if several_tiles:
        tile = tile_shape[axis]
        return axis, (first[axis] // tile + last[axis] // tile + 1) // 2 * tile
    return axis, (first[axis] + last[axis] + 1) // 2


@jit
def relevant_tiles(
    residuals: Residuals,
    values: NDArray[np.float64],
    shape: NDArray[np.int64],
    tile_shape: NDArray[np.int64],
    minimum: float,
    delta_chi2_max: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Return the tiles, counted in C order, that may hold a point with chi2 <= the grid's minimum + delta_chi2_max.

    The grid has values[i, : shape[i]] of variable i, increasing, in [-1, 1], and tiles of tile_shape (n,) from its
    first point on. minimum is chi2 at any grid point; a lower one that is come upon takes its place, and is returned
    with the tiles and, for each, the lower bound of chi2 at which it was kept: those above the last cutoff are not
    wanted either.
    """
    n = shape.size
    sizes, bend, work = coefficient_sizes(residuals), bends(residuals), workspace(residuals)
    lower, upper, trial = np.empty(n), np.empty(n), np.empty(n)
    depth = 2
    for i in range(n):
        points = 1
        while points < shape[i]:
            points *= 2
            depth += 2
    stack = np.empty((depth, 2, n), dtype=np.int64)
    stack[0, 0] = 0
    stack[0, 1] = shape - 1
    height = 1
    kept, bounds = np.empty(1024, dtype=np.int64), np.empty(1024)
    count = 0
    tile, pieces, whole = -1, 0, 0.0
    first, last = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    while height > 0:
        height -= 1
        first[:] = stack[height, 0]
        last[:] = stack[height, 1]
        number = 0
        in_one = True
        for i in range(n):
            tiles = -(-shape[i] // tile_shape[i])
            number = number * tiles + first[i] // tile_shape[i]
            in_one = in_one and first[i] // tile_shape[i] == last[i] // tile_shape[i]
            lower[i] = values[i, first[i]]
            upper[i] = values[i, last[i]]
        if in_one and count > 0 and kept[count - 1] == number:
            continue  # the rest of a tile that is visited
        cutoff = minimum + delta_chi2_max
        cutoff += MARGIN * (1.0 + cutoff)
        bound = lower_bound(residuals, sizes, lower, upper, cutoff, work)
        if bound > cutoff:
            continue
        for i in range(n):
            point = work.middle[i] + work.h[i]
            nearest = first[i] + np.searchsorted(values[i, first[i] : last[i] + 1], point)
            nearest = min(nearest, last[i])
            if nearest > first[i] and point - values[i, nearest - 1] < values[i, nearest] - point:
                nearest -= 1
            trial[i] = values[i, nearest]
        minimum = min(minimum, residuals_at(residuals, trial, work.r_h, work.J))
        if in_one:
            if number != tile:
                tile, pieces, whole = number, 0, bound
            pieces += 1
        axis, middle = cut(first, last, tile_shape, bend, work.width)
        if in_one and (axis < 0 or pieces >= MOST_PIECES):
            if count == kept.size:
                kept, bounds = np.append(kept, np.empty_like(kept)), np.append(bounds, np.empty_like(bounds))
            kept[count], bounds[count] = number, whole
            count += 1
            continue
        # the half that holds the lowest point found is looked at first
        farther = 0 if trial[axis] >= values[axis, middle] else 1
        for half in (farther, 1 - farther):
            stack[height, 0] = first
            stack[height, 1] = last
            if half == 0:
                stack[height, 1, axis] = middle - 1
            else:
                stack[height, 0, axis] = middle
            height += 1
    return kept[:count], bounds[:count], minimum
