"""Physical constants in MeV, fm, cm and kg.

CODATA 2022 as shipped with SciPy, except the charged-pion mass: S. Navas et al. (Particle Data Group), Phys. Rev. D
110, 030001 (2024).
"""

from __future__ import annotations

from math import pi, sqrt

from scipy.constants import physical_constants


def _codata(name: str) -> float:
    return float(physical_constants[name][0])


G_F_PER_MEV2 = _codata("Fermi coupling constant") * 1e-6
ALPHA = _codata("fine-structure constant")
M_E_MEV = _codata("electron mass energy equivalent in MeV")
M_MU_MEV = _codata("muon mass energy equivalent in MeV")
M_PI_MEV = 139.57039
U_MEV = _codata("atomic mass constant energy equivalent in MeV")
U_KG = _codata("atomic mass constant")
HBARC_MEV_FM = _codata("reduced Planck constant times c in MeV fm")
HBARC_MEV_CM = HBARC_MEV_FM * 1e-13

SECONDS_PER_YEAR = 365.25 * 86400.0

SIN2_THETA_W = 0.23120
"""Default weak mixing angle: the value that Kosmas et al. 2015 quote below their eq. 2."""

CHARGE_RADIUS_SHIFT = sqrt(2.0) * pi * ALPHA / (3.0 * G_F_PER_MEV2) * 1e-32 / HBARC_MEV_CM**2
"""Shift of sin2_theta_w by <r^2> = 1e-32 cm^2 (Kosmas et al. 2015, eq. 17; the root covers the 2 only)."""

MAGNETIC_UNIT = 1e-10
"""Magnetic moments are given in this many Bohr magnetons."""
