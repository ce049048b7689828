"""Polynomials of bounded total degree in several variables, evaluated on tensor grids by fixing one variable after
another.

The coefficients are ordered so that fixing the first variable is one Horner scheme per run of neighbours: for every
monomial e of the other variables, in their own order, the coefficients of t^0 e, t^1 e, ... stand side by side.
`starts` holds where each run begins: starts[v, g] : starts[v, g + 1] are the coefficients that fixing variable v turns
into coefficient g of the polynomial in the variables after v. A polynomial in n variables is thus contracted level by
level until one variable, and degree + 1 coefficients, are left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, fma, load, store, whole_blocks
from scanengine_kernels.grids import Grid, Polynomials


@jit
def fix_variable_of_all(
    coefficients: NDArray[np.float64], starts: NDArray[np.int64], groups: int, t: float, fixed: NDArray[np.float64]
) -> None:
    """Set fixed[g], g < groups, to the polynomials' coefficients with their first variable at t.

    Polynomials lie side by side: coefficients and fixed (monomials, polynomials), as many as a multiple of 8.
    """
    number = coefficients.shape[1]
    for g in range(groups):
        last = starts[g + 1] - 1
        for p in range(0, number, LANES):
            value = load(coefficients, last * number + p)
            for k in range(last - 1, starts[g] - 1, -1):
                value = fma(value, t, load(coefficients, k * number + p))
            store(fixed, g * number + p, value)


@jit
def first_changed(line: int, shape: NDArray[np.int64], index: NDArray[np.int64]) -> int:
    """Set index (n - 1) to the grid indices of a line along the last axis; return the first that differs from before.

    Lines count in C order over all axes but the last. The result is n - 1 where nothing changed.
    """
    changed = index.size
    for axis in range(index.size - 1, -1, -1):
        i = line % shape[axis]
        line //= shape[axis]
        if i != index[axis]:
            index[axis] = i
            changed = axis
    return changed


@jit_inline
def fix_next_variable(polynomials: Polynomials, levels: NDArray[np.float64], axis: int, t: float) -> None:
    """Set the next of levels (variables, monomials, polynomials), which have 0, 1, ... of them fixed: one axis at t."""
    fix_variable_of_all(levels[axis], polynomials.starts[axis], polynomials.groups[axis], t, levels[axis + 1])


class Contraction(NamedTuple):
    """Polynomials that are contracted to one line after another of a tensor grid, along its last axis.

    `levels` (axes, monomials, polynomials) are these with 0, 1, ... variables fixed, and `place` (axes - 1,) says at
    which values. `x` are the last axis' values, in whole blocks that zeros fill.
    """

    polynomials: Polynomials
    grid: Grid
    levels: NDArray[np.float64]
    place: NDArray[np.int64]
    x: NDArray[np.float64]


@jit
def contraction(polynomials: Polynomials, grid: Grid) -> Contraction:
    """Return the contraction of polynomials, at no line yet."""
    axes = grid.shape.size
    levels = np.empty((axes, *polynomials.coefficients.shape))
    levels[0] = polynomials.coefficients
    length = grid.shape[axes - 1]
    x = np.zeros(whole_blocks(length))
    x[:length] = grid.values[axes - 1, :length]
    return Contraction(polynomials, grid, levels, np.full(axes - 1, -1, dtype=np.int64), x)


@jit_inline
def go_to_line(contraction: Contraction, line: int) -> None:
    """Set contraction.levels[axes - 1] to the polynomials in the last variable on a line, counted in C order."""
    grid, place = contraction.grid, contraction.place
    for axis in range(first_changed(line, grid.shape, place), place.size):
        fix_next_variable(contraction.polynomials, contraction.levels, axis, grid.values[axis, place[axis]])
