"""Vector interactions: a neutrino that keeps its helicity."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def vector(T: float, M: float, full: bool) -> tuple[float, float, float]:
    """Return 1 - M T / (2 E^2) (Scholberg 2006, eq. 4), with `full` - T/E + T^2 / (2 E^2) as well."""
    if full:
        return 1.0, -T, 0.5 * T * (T - M)
    return 1.0, 0.0 * T, -0.5 * M * T
