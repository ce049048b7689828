"""Antineutrinos of a reactor: those of the fission products of its fuel, for a thermal power."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from types import MappingProxyType

import numpy as np

from scanengine.errors import InputError
from scanengine.grids import FloatArray
from scanengine.inputs.constants import MEV_J
from scanengine.inputs.sources import Source, Spectrum, tabulated_spectrum

SPECTRA = MappingProxyType(
    {
        "U235": (3.217, -3.111, 1.395, -3.690e-1, 4.445e-2, -2.053e-3),
        "U238": (4.833e-1, 1.927e-1, -1.283e-1, -6.762e-3, 2.233e-3, -1.536e-4),
        "Pu239": (6.413, -7.432, 3.535, -8.820e-1, 1.025e-1, -4.550e-3),
        "Pu241": (3.251, -3.204, 1.428, -3.675e-1, 4.254e-2, -1.896e-3),
    }
)
"""Coefficients a_p of S(E) = exp(sum_p a_p E^p), antineutrinos per fission and MeV with E in MeV, from 2 to 8 MeV: T.
A. Mueller et al., Phys. Rev. C 83, 054615 (2011), table VI.
"""

E_LOW_MEV, E_HIGH_MEV = 2.0, 8.0
"""Where the parametrisation holds."""

FISSION_MEV = MappingProxyType({"U235": 202.36, "U238": 205.99, "Pu239": 211.12, "Pu241": 214.26})
"""Thermal energy per fission, MeV: X. B. Ma et al., Phys. Rev. C 88, 014605 (2013)."""

_SEGMENTS = 240


def per_fission_MeV(fractions: Mapping[str, float], E_MeV: FloatArray) -> FloatArray:
    """Return the antineutrinos per fission and MeV at energies (n,) from 2 to 8 MeV, for shares of the fissions."""
    spectra = [
        share * np.exp(np.polynomial.polynomial.polyval(E_MeV, SPECTRA[fuel])) for fuel, share in fractions.items()
    ]
    return np.asarray(np.sum(spectra, axis=0))


def fissions_per_s(power_GW: float, fractions: Mapping[str, float]) -> float:
    """Return the rate of fissions at a thermal power."""
    return power_GW * 1e9 / (MEV_J * sum(share * FISSION_MEV[fuel] for fuel, share in fractions.items()))


def reactor(
    power_GW: float, fractions: Mapping[str, float], below: tuple[FloatArray, FloatArray] | None = None
) -> Source:
    """Return the nu_ebar of a reactor at 1 m from its core, for shares of the fissions of its fuels.

    From 2 to 8 MeV the spectrum is that of Mueller et al. 2011, in pieces of cubics that agree with it to 1e-8. Below
    2 MeV, where it is not defined, it is that of `below`: energies in MeV up to 2, and antineutrinos per fission and
    MeV, joined by straight lines; without it there is none.

    Raises InputError if the shares do not add up to 1, or the points do not increase up to 2 MeV at most.
    """
    total = sum(fractions.values())
    if abs(total - 1.0) > 0.01:
        raise InputError(f"the shares of the fissions add up to {total:.4g}, they must to 1")
    knots = np.linspace(E_LOW_MEV, E_HIGH_MEV, _SEGMENTS + 1)
    # a cubic through the values at the four Chebyshev points of each segment, in powers of E
    half, middle = 0.5 * (knots[1] - knots[0]), 0.5 * (knots[1:] + knots[:-1])
    x = np.cos(pi * (2.0 * np.arange(4) + 1.0) / 8.0)
    local = np.linalg.solve(np.vander(x, increasing=True), per_fission_MeV(fractions, middle + half * x[:, None]))
    coefficients = np.array(
        [
            np.polynomial.Polynomial(cubic, domain=[lo, hi]).convert(domain=[-1.0, 1.0]).coef
            for cubic, lo, hi in zip(local.T, knots[:-1], knots[1:], strict=True)
        ]
    )
    if below is not None:
        low = tabulated_spectrum(*below)
        if low.knots_MeV[-1] > E_LOW_MEV:
            raise InputError(
                f"found {low.knots_MeV[-1]:g} MeV, the parametrisation begins at {E_LOW_MEV:g} MeV already"
            )
        gap = low.knots_MeV[-1] < E_LOW_MEV
        knots = np.concatenate((low.knots_MeV if gap else low.knots_MeV[:-1], knots))
        coefficients = np.concatenate((low.coefficients, np.zeros((int(gap), 4)), coefficients))
    at_one_metre = fissions_per_s(power_GW, fractions) / (4.0 * pi * 100.0**2)
    return Source({"nu_ebar": Spectrum.continuum(knots, at_one_metre * coefficients)}, 1.0)
