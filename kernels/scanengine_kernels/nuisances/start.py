"""Where Newton's iteration begins at points far from the data: where it would be done if all counts were Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.nuisances.factor import solve_columns
from scanengine_kernels.nuisances.pulls import Nuisances
from scanengine_kernels.nuisances.room import Room
from scanengine_kernels.nuisances.rows import RowWeights

_LEAST_RATIO = 0.1
"""Of a count to what was seen: no start is below it."""


@jit
def set_gaussian_start(rows: RowWeights, nuisances: Nuisances, templates: NDArray[np.float64], room: Room) -> None:
    """Set room.trial to where chi2 is least if counts have the variances of what was seen, or of one where that is
    nothing; on the way there from zero if a count would be near zero.

    Nuisances with two templates stay at zero.
    """
    K, end = room.trial.size, rows.seen + rows.empty
    room.trial[:] = 0.0
    for r in range(templates.shape[1]):
        if r < rows.seen:
            weight = rows.weights[r]
        elif r < end:
            weight = rows.empty_weights[r - rows.seen]
        else:
            weight = 2.0 * max(rows.above[r - end], rows.below[r - end])
        room.first[r], room.second[r] = weight * templates[0, r], weight
    for k in range(K):
        room.template[k], room.free[k] = 1 + k, nuisances.below[k] == 1 + k
    solve_columns(nuisances, templates, room.trial, room)
    share = 1.0
    for r in range(rows.seen):
        there = templates[0, r]
        for k in range(K):
            there += room.step[k] * templates[1 + k, r]
        above = templates[0, r] + 1.0 - _LEAST_RATIO
        if rows.weights[r] > 0.0 and there + 1.0 < _LEAST_RATIO and above > 0.0:
            share = min(share, above / (templates[0, r] - there))
    for k in range(K):
        room.trial[k] = share * room.step[k]
