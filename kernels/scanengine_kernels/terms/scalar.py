"""Scalar interactions: a neutrino whose helicity is flipped."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def scalar(T: float, M: float, full: bool) -> tuple[float, float, float]:
    """Return M T / E^2, with `full` (M + T/2) T / E^2 (Cerdeno et al. 2016)."""
    if full:
        return 0.0 * T, 0.0, T * (M + 0.5 * T)
    return 0.0 * T, 0.0, T * M
