"""Polynomials of bounded total degree in several variables, evaluated on tensor grids by fixing one variable after
another.

The coefficients are ordered so that fixing the first variable is one Horner scheme per run of neighbours: for every
monomial e of the other variables, in their own order, the coefficients of t^0 e, t^1 e, ... stand side by side.
`starts` holds where each run begins: starts[v, g] : starts[v, g + 1] are the coefficients that fixing variable v turns
into coefficient g of the polynomial in the variables after v. A polynomial in n variables is thus contracted level by
level until one variable, and degree + 1 coefficients, are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, fma, load, store


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
