"""The careful path: chi2 as a sum of squared residuals, each a quadratic polynomial in the scanned parameters.

It costs three operations per residual and point, and does not cancel where chi2 is small beside its largest terms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.polynomial import first_changed, fix_variable


@jit
def fill_squares(
    residuals: NDArray[np.float64],
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) with sum_k r_k^2; residuals (k, monomials) of degree two, the rest as in
    `fill_quartic`.
    """
    n = shape.size
    levels = np.empty((n, residuals.shape[0], residuals.shape[1]))
    levels[0] = residuals
    index = np.full(n - 1, -1, dtype=np.int64)
    x = values[n - 1]
    for line in range(chi2.shape[0]):
        for axis in range(first_changed(line, shape, index), n - 1):
            for k in range(residuals.shape[0]):
                fix_variable(
                    levels[axis, k], starts[axis], groups[axis], values[axis, index[axis]], levels[axis + 1, k]
                )
        row = chi2[line]
        row[:] = 0.0
        for k in range(residuals.shape[0]):
            c0, c1, c2 = levels[n - 1, k, :3]
            for i in range(shape[n - 1]):
                r = c0 + x[i] * (c1 + x[i] * c2)
                row[i] += r * r
