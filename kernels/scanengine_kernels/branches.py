"""Local minima of a sum of squared quadratic residuals over hidden variables, with slopes along the shown ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cells import held_residuals, hold_first
from scanengine_kernels.minimise import Box, Residuals, descend, room_for


@jit
def minima_at(
    residuals: Residuals,
    box: Box,
    point: NDArray[np.float64],
    where: NDArray[np.float64],
    only_lowest: bool,
    chi2: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> None:
    """Move each of where (starts, h) to a local minimum in the box, with the first variables held at a point (s,).

    With only_lowest a search is given up that is about to end at the lowest found before, or above it; its chi2 is then
    infinite.

    chi2 (starts,) become the minima, gradient (starts, s) their derivatives by the shown variables: by the envelope
    theorem those of chi2 with the hidden variables held, at an end of the box as well.
    """
    K, n = residuals.b.shape
    s = point.size
    held, room = held_residuals(residuals, s), room_for(K, n - s)
    hold_first(residuals, point, held)
    best = 0
    for start in range(where.shape[0]):
        for i in range(n - s):
            where[start, i] = min(max(where[start, i], box.lower[i]), box.upper[i])
        if only_lowest and start > 0:
            chi2[start] = descend(held, box, where[start], where[best], chi2[best], room)
            if not chi2[start] < chi2[best]:
                chi2[start] = np.inf
                continue
            best = start
        else:
            chi2[start] = descend(held, box, where[start], where[start], np.inf, room)
        for a in range(s):
            total = 0.0
            for k in range(K):
                slope = residuals.b[k, a]
                for j in range(n):
                    slope += 2.0 * residuals.A[k, a, j] * (point[j] if j < s else where[start, j - s])
                total += 2.0 * room.r[k] * slope
            gradient[start, a] = total
