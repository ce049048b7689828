"""A tile of a grid reduced and filled in one call: two would contend twice for the interpreter with other threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.quartic import Squares
from scanengine_kernels.quartic_grid import fill_quartic
from scanengine_kernels.quartic_profiles import reduce_quartic


@jit
def reduce_and_fill_quartic(
    squares: Squares,
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    start: NDArray[np.int64],
    grid_shape: NDArray[np.int64],
    plane_offsets: NDArray[np.int64],
    minima: NDArray[np.float64],
    past_caches: bool,
    chi2: NDArray[np.float64],
) -> tuple[float, int]:
    """Do as `quartic_profiles.reduce_quartic` and return what it does; set chi2 (points,) as `fill_quartic`.

    chi2 is evaluated twice, in registers for the minima: that takes less time than to read it again.
    """
    lowest = reduce_quartic(squares, shape, values, start, grid_shape, plane_offsets, minima)
    fill_quartic(squares, shape, values, past_caches, chi2)
    return lowest
