"""Reduced grids of one axis or two in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from scanengine.figures._look import Look
from scanengine.figures._plane import plane
from scanengine.figures._profile import profile
from scanengine.grid.profiles import ReducedGrid

_SAME_CHI2 = 1e-9


def reduced(
    grids: Mapping[str, ReducedGrid],
    cl: Sequence[float],
    *,
    best_fit: Mapping[str, float] | None = None,
    look: Look | None = None,
) -> Figure:
    """Draw reduced grids, by label, over the same axis or two: the first filled, the others as outlines.

    The best fit, if given, is marked where there is one plane alone and its minimum is a single point.
    """
    curves = list(grids.items())
    if len(curves[0][1].axes) == 1:
        return profile(curves, cl, look=look)
    # of a degenerate minimum no single point is the best fit
    alone = len(curves) == 1 and np.count_nonzero(curves[0][1].delta_chi2 < _SAME_CHI2) == 1
    return plane(curves, cl, best_fit=best_fit if alone else None, look=look)
