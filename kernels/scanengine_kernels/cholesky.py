"""Small symmetric linear systems of the variables that are free; the others stay where they are."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_inline


@jit_inline
def factorise(
    H: NDArray[np.float64], free: NDArray[np.bool_], damping: float, least: float, L: NDArray[np.float64]
) -> bool:
    """Set L (n, n) to Cholesky's factor of H + damping D over the free variables (n,), D the diagonal of |H|.

    The others have ones on the diagonal. Of H the lower triangle is read, of L it is written; they may be the same.
    Returns whether all pivots were above `least` times the diagonal: where not, L is not a number from there on.
    """
    positive = True
    for i in range(free.size):
        size = abs(H[i, i])
        for j in range(i):
            value = H[i, j] if free[i] and free[j] else 0.0
            for k in range(j):
                value -= L[i, k] * L[j, k]
            L[i, j] = value / L[j, j]
        value = H[i, i] + damping * (size + 1e-12) if free[i] else 1.0
        for k in range(i):
            value -= L[i, k] * L[i, k]
        positive = positive and value > least * size
        L[i, i] = sqrt(value) if value > 0.0 else np.nan
    return positive


@jit_inline
def solve(
    L: NDArray[np.float64], g: NDArray[np.float64], scale: float, free: NDArray[np.bool_], step: NDArray[np.float64]
) -> None:
    """Set step (n,) to -scale H^-1 g over the free variables, for the factor L of H, and to zero for the others."""
    n = step.size
    for i in range(n):
        value = -scale * g[i] if free[i] else 0.0
        for k in range(i):
            value -= L[i, k] * step[k]
        step[i] = value / L[i, i]
    for i in range(n - 1, -1, -1):
        value = step[i]
        for k in range(i + 1, n):
            value -= L[k, i] * step[k]
        step[i] = value / L[i, i]
