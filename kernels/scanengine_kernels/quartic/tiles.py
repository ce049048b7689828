"""A tile of a grid reduced and filled in one call: two would contend twice for the interpreter with other threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.grids import Grid, PlaneMinima
from scanengine_kernels.quartic.grid import fill_quartic
from scanengine_kernels.quartic.profiles import reduce_quartic
from scanengine_kernels.quartic.squares import Squares


@jit
def reduce_and_fill_quartic(
    squares: Squares,
    grid: Grid,
    start: NDArray[np.int64],
    minima: PlaneMinima,
    past_caches: bool,
    chi2: NDArray[np.float64],
) -> tuple[float, int]:
    """Do as `reduce_quartic` and return what it does; set chi2 (points,) as `fill_quartic`.

    chi2 is evaluated twice, in registers for the minima: that takes less time than to read it again.
    """
    lowest = reduce_quartic(squares, grid, start, minima)
    fill_quartic(squares, grid, past_caches, chi2)
    return lowest
