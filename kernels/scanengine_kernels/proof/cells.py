"""The minimum of chi2 over hidden variables, enclosed with proof in each cell of a plane or line of shown ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cells import held_residuals, hold_first
from scanengine_kernels.minimise import Box, Residuals
from scanengine_kernels.proof.branch import enclose, search_room
from scanengine_kernels.proof.quadratics import Quadratics, bends_of


@jit
def enclose_cells(
    residuals: Residuals,
    linear: int,
    error: float,
    box: Box,
    points: NDArray[np.float64],
    tolerance: float,
    levels: NDArray[np.float64],
    most_boxes: int,
    where: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    boxes: NDArray[np.int64],
    left: NDArray[np.int64],
) -> None:
    """Set lower and upper (cells,) to an enclosure of the minimum over m variables in a box, in each cell.

    In cell i the first variables of the residuals, K a multiple of eight, are held at points[i] (s,); the last `linear`
    ones enter linearly. error is e of Lemma 1 for all variables, in the box of both. `where` (cells, m) are places to
    begin at, and become the lowest met, whose chi2 is at most `upper`. `enclose` says what tolerance, levels and
    most_boxes do; boxes and left (cells,) count.
    """
    held = held_residuals(residuals, points.shape[1])
    K, n = held.b.shape
    m = n - linear
    A = np.zeros((m, m, K))
    for k in range(K):
        for i in range(m):
            for j in range(m):
                A[i, j, k] = held.A[k, i, j]
    quadratics = Quadratics(held.c, np.zeros((n, K)), A, bends_of(A), error)
    room = search_room(K, n, m)
    for cell in range(points.shape[0]):
        hold_first(residuals, points[cell], held)
        for k in range(K):
            for i in range(n):
                quadratics.b[i, k] = held.b[k, i]
        found = enclose(quadratics, held, box, where[cell], tolerance, levels, most_boxes, room)
        lower[cell], upper[cell], boxes[cell], left[cell] = found.lower, found.upper, found.boxes, found.left
