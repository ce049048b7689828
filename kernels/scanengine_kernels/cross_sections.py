"""CEvNS cross-sections dsigma/dT without their constants: kinematic factors in MeV, and the coupling bracket.

S is Scholberg 2006, K Kosmas et al. 2015. E is the neutrino energy, T the recoil energy, M the nuclear mass, all in
MeV.
"""

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


@jit
def weak_kinematics(E: float, T: float, M: float, full: bool) -> float:
    """1 - M T / (2 E^2) (S4, K3), or with the terms that both papers drop, - T/E + T^2 / (2 E^2)."""
    leading = 1.0 - M * T / (2.0 * E * E)
    return leading - T / E + T * T / (2.0 * E * E) if full else leading


@jit
def magnetic_kinematics(E: float, T: float, full: bool) -> float:
    """1/T - 1/E in 1/MeV (K6), or with + T / (4 E^2) (S6)."""
    leading = 1.0 / T - 1.0 / E
    return leading + T / (4.0 * E * E) if full else leading
