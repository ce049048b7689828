"""Memory that the minimisation over nuisances works in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import whole_blocks


class Room(NamedTuple):
    """Per row the first and second derivatives of chi2 and their products, per nuisance the rest; `hessian` holds the
    second derivatives or their Cholesky factor. `columns` (nuisances + 1, rows and pulls) and `weights` (rows and
    pulls,) are what it is made of where the second derivatives are rounded too much.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    product: NDArray[np.float64]
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]
    columns: NDArray[np.float64]
    weights: NDArray[np.float64]
    step: NDArray[np.float64]
    trial: NDArray[np.float64]
    start: NDArray[np.float64]
    other: NDArray[np.float64]
    template: NDArray[np.int64]
    free: NDArray[np.bool_]
    known: NDArray[np.bool_]


@jit
def new_room(rows: int, nuisances: int) -> Room:
    """Return room for so many rows and nuisances."""
    both = rows + whole_blocks(nuisances)
    return Room(
        np.empty(rows),
        np.empty(rows),
        np.empty(rows),
        np.empty(nuisances),
        np.empty((nuisances, nuisances)),
        np.empty((nuisances + 1, both)),
        np.empty(both),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances, dtype=np.int64),
        np.empty(nuisances, dtype=np.bool_),
        np.empty(nuisances, dtype=np.bool_),
    )
