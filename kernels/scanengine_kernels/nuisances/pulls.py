"""What nuisances add to chi2 by themselves, and its derivatives."""

from __future__ import annotations

from math import inf, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_inline


class Nuisances(NamedTuple):
    """Nuisance parameters (K,): `below` is the template (of those after T_0, from 1 on) for z_k < 0, that for z_k > 0
    being 1 + k; `measured` (K,) is where the pulls vanish, zero but for pseudo-experiments.

    A pull is pull_weights (z - measured)^2 where `log_widths` is zero. Where it is w, x = w z and c = 1 + w measured it
    is 2 (1 + x - c - c ln((1 + x) / c)) / w^2, as of a Poisson count c / w^2 with the expectation (1 + x) / w^2; of
    c = 1 that is 2 (x - ln(1 + x)) / w^2.
    """

    below: NDArray[np.int64]
    log_widths: NDArray[np.float64]
    pull_weights: NDArray[np.float64]
    measured: NDArray[np.float64]


@jit_inline
def chi2_of_pulls(nuisances: Nuisances, z: NDArray[np.float64]) -> float:
    """Return what the nuisances themselves add to chi2; infinite where 1 + x <= 0 of a logarithmic pull."""
    chi2 = 0.0
    for k in range(z.size):
        width, away = nuisances.log_widths[k], z[k] - nuisances.measured[k]
        if width == 0.0:
            chi2 += nuisances.pull_weights[k] * (away * away)
            continue
        if width * z[k] <= -1.0:
            return inf
        centre = 1.0 + width * nuisances.measured[k]
        u = width * away / centre
        if abs(u) < 1e-3:  # the series: u - ln(1 + u) cancels, and z is of order one where the width is small
            term = u * u * (0.5 + u * (-1.0 / 3.0 + u * (0.25 + u * (-0.2 + u * (1.0 / 6.0 - u / 7.0)))))
        else:
            term = u - log1p(u)
        chi2 += 2.0 * centre * term / (width * width)
    return chi2


@jit_inline
def slope_of_pull(nuisances: Nuisances, k: int, z: float) -> float:
    """Return the derivative of the pull of nuisance k at z."""
    return 2.0 * nuisances.pull_weights[k] * (z - nuisances.measured[k]) / (1.0 + nuisances.log_widths[k] * z)


@jit_inline
def half_curvature_of_pull(nuisances: Nuisances, k: int, z: float) -> float:
    """Return half the second derivative of the pull of nuisance k at z."""
    width = nuisances.log_widths[k]
    stretched = 1.0 + width * z
    return nuisances.pull_weights[k] * (1.0 + width * nuisances.measured[k]) / (stretched * stretched)
