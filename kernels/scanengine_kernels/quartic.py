"""The fast path: chi2 as one polynomial of degree four in the scanned parameters, whatever the number of bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.polynomial import first_changed, fix_variable


@jit
def fill_quartic(
    coefficients: NDArray[np.float64],
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) on the tensor grid of values (axes, longest): values[a, :shape[a]] of variable a.

    coefficients, starts and groups as in `polynomial`; a level is contracted anew only when its variable moves, so that
    nearly all the work is the innermost quartic: four fused multiply-adds per point.
    """
    n = shape.size
    levels = np.empty((n, coefficients.size))
    levels[0] = coefficients
    index = np.full(n - 1, -1, dtype=np.int64)
    x = values[n - 1]
    for line in range(chi2.shape[0]):
        for axis in range(first_changed(line, shape, index), n - 1):
            fix_variable(levels[axis], starts[axis], groups[axis], values[axis, index[axis]], levels[axis + 1])
        c0, c1, c2, c3, c4 = levels[n - 1, :5]
        row = chi2[line]
        for i in range(shape[n - 1]):
            row[i] = c0 + x[i] * (c1 + x[i] * (c2 + x[i] * (c3 + x[i] * c4)))
