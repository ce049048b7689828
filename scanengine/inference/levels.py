"""Heights of Delta chi2 above its minimum, by confidence level and degrees of freedom."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import ReducedGrid


def delta_chi2(cl: float, dof: int) -> float:
    """Height above the minimum that encloses the fraction `cl` of a chi2 distribution with `dof` degrees of freedom.

    2.706 for (0.90, 1) and 4.605 for (0.90, 2), as in the statistics review of the Particle Data Group. Raises
    `InputError` unless 0 < cl < 1 and dof >= 1.
    """
    cl = confidence_level(cl)
    if dof < 1:
        raise InputError(f"The number of degrees of freedom is at least 1, but {dof} was given.")
    if dof == 1:
        return NormalDist().inv_cdf(0.5 * (1.0 - cl)) ** 2
    if dof == 2:
        return -2.0 * math.log(1.0 - cl)
    from scipy.special import chdtri  # takes longer to import than a small scan to run

    return float(chdtri(dof, 1.0 - cl))


def percent(cl: float) -> str:
    """The confidence level as users write it: 0.9 -> "90%", 0.6827 -> "68.27%"."""
    return f"{100.0 * cl:.6g}%"


def root_delta_chi2(grid: ReducedGrid, level: float) -> FloatArray:
    """Square root of Delta chi2, infinity replaced by something well above the level and the unknown by NaN."""
    delta = np.array(grid.chi2, dtype=np.float64) - grid.minimum
    finite = delta[np.isfinite(delta)]
    delta[delta == np.inf] = max(4.0 * level, finite.max(initial=0.0))
    delta[delta == -np.inf] = np.nan
    root: FloatArray = np.sqrt(np.maximum(delta, 0.0))
    return root
