"""Smooth functions in pieces of cubics, each through four Chebyshev points of its segment."""

from __future__ import annotations

from math import comb, pi

import numpy as np

from scanengine.grid.axes import FloatArray

_POINTS = np.cos(pi * (2.0 * np.arange(4) + 1.0) / 8.0)
_TO_POWERS = np.linalg.inv(np.vander(_POINTS, increasing=True)).T


def chebyshev_points(knots: FloatArray) -> FloatArray:
    """Return the four points (segments, 4) of each segment between knots (segments + 1,)."""
    half, middle = 0.5 * np.diff(knots), 0.5 * (knots[1:] + knots[:-1])
    return np.asarray(middle[:, None] + half[:, None] * _POINTS)


def cubics_through(knots: FloatArray, values: FloatArray) -> FloatArray:
    """Return coefficients (segments, 4) of the powers of E, of cubics with values (segments, 4) at these points."""
    half, middle = 0.5 * np.diff(knots), 0.5 * (knots[1:] + knots[:-1])
    local = values @ _TO_POWERS / half[:, None] ** np.arange(4)
    coefficients = np.zeros_like(local)
    for power in range(4):
        for lower in range(power + 1):
            coefficients[:, lower] += comb(power, lower) * local[:, power] * (-middle) ** (power - lower)
    return coefficients
