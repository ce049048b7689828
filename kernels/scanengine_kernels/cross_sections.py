"""The kinematics of elastic scattering: neutrino energy E, recoil energy T and nuclear mass M, all in MeV."""

from __future__ import annotations

from math import sqrt

from scanengine_kernels._jit import jit


@jit
def E_min(T: float, M: float) -> float:
    """Lowest neutrino energy that gives recoil T: (T + sqrt(T^2 + 2 M T)) / 2."""
    return 0.5 * (T + sqrt(T * (T + 2.0 * M)))


@jit
def T_max(E: float, M: float) -> float:
    """Highest recoil energy from neutrino energy E: 2 E^2 / (M + 2 E); the inverse of `E_min`."""
    return 2.0 * E * E / (M + 2.0 * E)
