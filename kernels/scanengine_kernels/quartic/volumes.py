"""The quartics of a grid's volumes, eight neighbours at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, absolute, aligned, fma, load, splat, store
from scanengine_kernels.grids import Grid
from scanengine_kernels.polynomial import first_changed, fix_next_variable
from scanengine_kernels.quartic.squares import ROUNDING, ROUNDINGS, Squares


class Volumes(NamedTuple):
    """The volumes of the last three axes that a kernel is at: up to eight neighbours on the axis before, at once.

    `place` (n - 3,) are the grid indices of the first on the other axes, and `levels` (n, monomials, number) the
    residuals with 0, 1, ... variables fixed. Each of the eight has `residuals` (10, number, 8), a quartic, `quartics`
    (35, 8), and a bound on the rounding error of that, `bounds` (8,).
    """

    place: NDArray[np.int64]
    levels: NDArray[np.float64]
    residuals: NDArray[np.float64]
    quartics: NDArray[np.float64]
    bounds: NDArray[np.float64]


@jit
def new_volumes(squares: Squares, variables: int) -> Volumes:
    """Return room for the volumes of a grid of so many axes, three or more."""
    monomials, number = squares.residuals.coefficients.shape
    levels = np.empty((variables, monomials, number))
    for i in range(0, monomials * number, LANES):
        store(levels, i, load(squares.residuals.coefficients, i))
    return Volumes(
        np.full(variables - 3, -1, dtype=np.int64),
        levels,
        aligned(10 * number * LANES).reshape((10, number, LANES)),
        aligned(35 * LANES).reshape((35, LANES)),
        aligned(LANES),
    )


@jit
def volumes_of(grid: Grid, first_axis: int) -> int:
    """Return how many volumes a grid has at each place on the axes before the first one."""
    number = 1
    for axis in range(first_axis, grid.shape.size - 3):
        number *= grid.shape[axis]
    return number


@jit
def go_to_volumes(volumes: Volumes, first: int, squares: Squares, grid: Grid) -> int:
    """Set the quartics of the next volumes of a grid, whose numbers are `first` and those after it.

    Volumes are counted in C order, and gone to in that order from the first on. Returns how many there are at once.
    """
    last = grid.shape.size - 4
    changed = first_changed(first, grid.shape[: last + 1], volumes.place)
    if last < 0:
        number = 1
        level = volumes.levels[0].reshape(-1)
        for i in range(level.size):
            store(volumes.residuals, i * LANES, level[i])
    else:
        number = min(grid.shape[last] - volumes.place[last], LANES)
        for axis in range(changed, last):
            fix_next_variable(squares.residuals, volumes.levels, axis, grid.values[axis, volumes.place[axis]])
        fix_variable_at_eight(volumes, grid.values[last, : grid.shape[last]])
    add_up_squares_of_eight(volumes, squares.volume_products)
    return number


@jit_inline
def fix_volume(volumes: Volumes, squares: Squares, grid: Grid, volume: int) -> None:
    """Set volumes.levels[n - 3]: the residuals of one of the eight volumes."""
    axis = volumes.place.size - 1
    if axis >= 0:
        fix_next_variable(squares.residuals, volumes.levels, axis, grid.values[axis, volumes.place[axis] + volume])


@jit_inline
def fix_variable_at_eight(volumes: Volumes, values: NDArray[np.float64]) -> None:
    """Set the residuals of eight volumes, of which values are those of their axis: beyond its end the last again."""
    axis = volumes.place.size - 1
    level, number = volumes.levels[axis], volumes.levels.shape[2]
    for lane in range(LANES):  # their room is not needed yet
        volumes.bounds[lane] = values[min(volumes.place[axis] + lane, values.size - 1)]
    t, fixed, step = load(volumes.bounds, 0), volumes.residuals, number * LANES
    for r in range(number):
        # four monomials of the other three variables have this one beside them, the others are squares and products
        at = r * LANES
        store(fixed, at, fma(t, fma(t, level[2, r], level[1, r]), level[0, r]))
        store(fixed, at + step, fma(t, level[4, r], level[3, r]))
        store(fixed, at + 2 * step, level[5, r])
        store(fixed, at + 3 * step, fma(t, level[7, r], level[6, r]))
        store(fixed, at + 4 * step, level[8, r])
        store(fixed, at + 5 * step, level[9, r])
        store(fixed, at + 6 * step, fma(t, level[11, r], level[10, r]))
        store(fixed, at + 7 * step, level[12, r])
        store(fixed, at + 8 * step, level[13, r])
        store(fixed, at + 9 * step, level[14, r])


@jit_inline
def add_up_squares_of_eight(volumes: Volumes, products: NDArray[np.int64]) -> None:
    """Set the quartics of eight volumes and their bounds, as `add_up_squares` does for one."""
    residuals, quartics = volumes.residuals, volumes.quartics
    terms, number = residuals.shape[0], residuals.shape[1]
    for c in range(0, quartics.size, LANES):
        store(quartics, c, 0.0)
    for i in range(terms):
        for j in range(i + 1):
            p, q, r, s = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for k in range(0, number, 4):
                a, b = (i * number + k) * LANES, (j * number + k) * LANES
                p = fma(load(residuals, a), load(residuals, b), p)
                q = fma(load(residuals, a + LANES), load(residuals, b + LANES), q)
                r = fma(load(residuals, a + 2 * LANES), load(residuals, b + 2 * LANES), r)
                s = fma(load(residuals, a + 3 * LANES), load(residuals, b + 3 * LANES), s)
            at = products[i, j] * LANES
            store(quartics, at, fma(2.0 if j < i else 1.0, (p + q) + (r + s), load(quartics, at)))
    largest = splat(0.0)
    for k in range(number):
        size = splat(0.0)
        for i in range(terms):
            value = load(residuals, (i * number + k) * LANES)
            size = size + absolute(value)
        largest = fma(size, size, largest)
    # at most three products, each of them summed by fours and then twice, are added to a coefficient
    store(volumes.bounds, 0, (number // 4 + 2 + 3 + ROUNDINGS) * ROUNDING * largest)
