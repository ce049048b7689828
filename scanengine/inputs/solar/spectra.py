"""The spectra of solar neutrinos as they are made: the decay of 8B as it was measured, beta decays as allowed ones, and
lines of electron capture.

    phi(E) ~ E^2 p_e E_e F(Z, E_e),   E_e = Q + m_e - E

with the Fermi function F of a positron and a nucleus of charge Z, which ends at Q: J. N. Bahcall, Neutrino Astrophysics
(Cambridge University Press, 1989), section 6. Q from the masses of AME2020; that of pp has 3.2 keV more, the mean
thermal energy of the protons (J. N. Bahcall, Phys. Rev. C 56, 3391 (1997)). Recoil, radiative corrections, screening
and the lines of electron capture in 13N, 15O and 17F are left out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import lgamma, log, pi, sqrt
from types import MappingProxyType

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import ALPHA, HBARC_MEV_FM, M_E_MEV
from scanengine.inputs.cubics import chebyshev_points, cubics_through
from scanengine.inputs.solar.boron8 import boron8
from scanengine.inputs.sources import Spectrum

END_POINTS_MEV = MappingProxyType({"pp": 0.4234, "hep": 18.7733, "N13": 1.1985, "O15": 1.7322, "F17": 1.7385})
"""Highest energies of neutrinos from beta decays."""

DAUGHTERS = MappingProxyType({"pp": (1, 2), "hep": (2, 4), "N13": (6, 13), "O15": (7, 15), "F17": (8, 17)})
"""Charge and mass number of the nucleus that is left."""

LINES = MappingProxyType({"pep": ((1.442, 1.0),), "Be7": ((0.862, 0.8956), (0.384, 0.1044))})
"""Energies in MeV and shares of lines. Of 7Be, 10.44% go to the excited state of 7Li: D. R. Tilley et al., Nucl. Phys.
A 708, 3 (2002).
"""

_SEGMENTS, _CLOSE = 128, 0.13
"""Equal segments of a spectrum, which near its end, where the positron is slow, shrink with the distance from it."""
_SHRINKING, _SHRUNK = 1.06, 160


def allowed(component: str, E_MeV: FloatArray) -> FloatArray:
    """Return the shape of a beta decay's spectrum at energies (...), in arbitrary units."""
    E_e = END_POINTS_MEV[component] + M_E_MEV - E_MeV
    p_e = np.sqrt(np.maximum(E_e * E_e - M_E_MEV**2, 1e-12 * M_E_MEV**2))
    return np.where(E_e > M_E_MEV, E_MeV**2 * p_e * E_e * fermi(*DAUGHTERS[component], E_e, p_e), 0.0)


def fermi(Z: int, A: int, E_e: FloatArray, p_e: FloatArray) -> FloatArray:
    """Return the Fermi function of positrons of energies and momenta (...) in MeV.

    At a nucleus of radius R = 1.2 A^(1/3) fm it is 2 (1 + g) (2 p R)^(2 g - 2) e^(pi y) |Gamma(g + i y)|^2
    / Gamma(2 g + 1)^2 with g = sqrt(1 - (alpha Z)^2) and y = -alpha Z E_e / p_e.
    """
    g = sqrt(1.0 - (ALPHA * Z) ** 2)
    y = -ALPHA * Z * E_e / p_e
    radius = 2.0 * p_e * 1.2 * A ** (1.0 / 3.0) / HBARC_MEV_FM
    power = (2.0 * g - 2.0) * np.log(radius) + pi * y + 2.0 * _log_gamma(g + 1j * y).real - 2.0 * lgamma(2.0 * g + 1.0)
    return np.asarray(np.exp(log(2.0 + 2.0 * g) + power))


def _log_gamma(z: np.ndarray) -> np.ndarray:
    """Return ln Gamma of complex numbers with real parts of about 1, from Stirling's series twelve steps further."""
    steps = sum(np.log(z + k) for k in range(12))
    w = z + 12
    series = 1.0 / (12.0 * w) - 1.0 / (360.0 * w**3) + 1.0 / (1260.0 * w**5) - 1.0 / (1680.0 * w**7)
    return np.asarray((w - 0.5) * np.log(w) - w + 0.5 * log(2.0 * pi) + series - steps)


@lru_cache(maxsize=16)
def produced(component: str) -> Spectrum:
    """Return the spectrum of one neutrino per cm^2 and second.

    Beta decays are right to 1e-7 of their largest value, and to 3e-5 of it in the last 3e-4 of the energies: segments
    are short there, and powers of the energy cancel to what its rounding leaves.
    """
    if component == "B8":
        return boron8()
    if component in LINES:
        energies, shares = np.array(LINES[component]).T
        return Spectrum.of_lines(energies.copy(), shares.copy())
    end = END_POINTS_MEV[component]
    closer = 1.0 - _CLOSE * _SHRINKING ** -np.arange(1.0, _SHRUNK)
    knots = end * np.concatenate((np.linspace(0.0, 1.0 - _CLOSE, _SEGMENTS), closer, [1.0]))
    shape = Spectrum.continuum(knots, cubics_through(knots, allowed(component, chebyshev_points(knots))))
    shape = replace(shape, kinks_MeV=np.array([0.0, end]))
    return shape.times(1.0 / shape.total_per_cm2_s)
