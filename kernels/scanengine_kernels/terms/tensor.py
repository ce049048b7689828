"""Tensor interactions: a neutrino whose helicity is flipped."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def tensor(T: float, M: float) -> tuple[float, float, float]:
    """Return 1 - T/E - M T / (4 E^2) + T^2 / (4 E^2) (Aristizabal Sierra, De Romeri and Rojas 2018)."""
    return 1.0, -T, 0.25 * T * (T - M)
