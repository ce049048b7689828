"""Magnetic moments: a photon that flips the neutrino's helicity."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def magnetic_moment(T: float, M: float, full: bool) -> tuple[float, float, float]:  # noqa: ARG001  (M: as all have it)
    """Return 1/T - 1/E in 1/MeV (Kosmas et al. 2015, eq. 6), with `full` + T / (4 E^2) (Scholberg 2006, eq. 6)."""
    if full:
        return 1.0 / T, -1.0, 0.25 * T
    return 1.0 / T, -1.0, 0.0
