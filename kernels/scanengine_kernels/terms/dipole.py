"""The dipole portal: a photon that turns a neutrino into a heavier sterile state."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def dipole(T: float, M: float, m: float) -> tuple[float, float, float]:
    """Return 1/T - 1/E + m^2 (T - 2 E - M) / (4 E^2 T M) + m^4 (T - M) / (8 E^2 T^2 M^2) (Magill et al. 2018)."""
    a = m * m / (2.0 * M * T)
    return 1.0 / T, -1.0 - a, 0.5 * a * (T - M) * (1.0 + a)
