"""Physical constants in MeV, fm, cm and kg.

CODATA 2022 (as in SciPy, which takes long to import), except the masses of the charged pion and kaon, the lifetimes of
pi+ and mu+, the mass of the tau and the axial coupling G_A: S. Navas et al. (Particle Data Group), Phys. Rev. D 110,
030001 (2024).
"""

from __future__ import annotations

from math import pi, sqrt

G_F_PER_MEV2 = 1.1663787e-11
ALPHA = 0.0072973525643
M_E_MEV = 0.51099895069
M_MU_MEV = 105.6583755
M_PI_MEV = 139.57039
M_K_MEV = 493.677
M_TAU_MEV = 1776.93
G_A = 1.2754
TAU_PI_US, TAU_MU_US = 0.026033, 2.1969811
M_PROTON_MEV = 938.27208943
M_NEUTRON_MEV = 939.56542194
U_MEV = 931.49410372
U_KG = 1.66053906892e-27
HBARC_MEV_FM = 197.3269804593025
HBARC_MEV_CM = HBARC_MEV_FM * 1e-13

MEV_J = 1.602176634e-13
SECONDS_PER_DAY = 86400.0
SECONDS_PER_YEAR = 365.25 * SECONDS_PER_DAY

SIN2_THETA_W = 0.23120
"""Default weak mixing angle: the value that Kosmas et al. 2015 quote below their eq. 2."""

CHARGE_RADIUS_SHIFT = sqrt(2.0) * pi * ALPHA / (3.0 * G_F_PER_MEV2) * 1e-32 / HBARC_MEV_CM**2
"""Shift of sin2_theta_w by <r^2> = 1e-32 cm^2 (Kosmas et al. 2015, eq. 17; the root covers the 2 only)."""

MAGNETIC_UNIT = 1e-10
"""Magnetic moments are given in this many Bohr magnetons."""
