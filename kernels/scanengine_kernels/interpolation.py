"""Looking up tables: NumPy's own would do, but take the compiler four seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit


@jit
def points_up_to(points: NDArray[np.float64], x: float) -> int:
    """Return how many of the increasing points lie at or below x."""
    lo, hi = 0, points.size
    while lo < hi:
        middle = (lo + hi) // 2
        if points[middle] <= x:
            lo = middle + 1
        else:
            hi = middle
    return lo
