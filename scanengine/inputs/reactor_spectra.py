"""Antineutrinos per fission and MeV of the four fuels of a reactor, as they are published."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

FUELS = ("U235", "U238", "Pu239", "Pu241")

E_LOW_MEV, E_HIGH_MEV = 2.0, 8.0
"""Where the parametrisations hold, all of them."""

MUELLER_2011 = MappingProxyType(
    {
        "U235": (3.217, -3.111, 1.395, -3.690e-1, 4.445e-2, -2.053e-3),
        "U238": (4.833e-1, 1.927e-1, -1.283e-1, -6.762e-3, 2.233e-3, -1.536e-4),
        "Pu239": (6.413, -7.432, 3.535, -8.820e-1, 1.025e-1, -4.550e-3),
        "Pu241": (3.251, -3.204, 1.428, -3.675e-1, 4.254e-2, -1.896e-3),
    }
)
"""T. A. Mueller et al., Phys. Rev. C 83, 054615 (2011), table VI."""

HUBER_2011 = MappingProxyType(
    {
        "U235": (4.367, -4.577, 2.100, -5.294e-1, 6.186e-2, -2.777e-3),
        "U238": MUELLER_2011["U238"],
        "Pu239": (4.757, -5.392, 2.563, -6.596e-1, 7.820e-2, -3.536e-3),
        "Pu241": (2.990, -2.882, 1.278, -3.343e-1, 3.905e-2, -1.754e-3),
    }
)
"""P. Huber, Phys. Rev. C 84, 024617 (2011), table III; he leaves out 238U, which is that of Mueller et al."""

VOGEL_ENGEL_1989 = MappingProxyType(
    {
        "U235": (0.870, -0.160, -0.0910),
        "U238": (0.976, -0.162, -0.0790),
        "Pu239": (0.896, -0.239, -0.0981),
        "Pu241": (0.793, -0.080, -0.1085),
    }
)
"""P. Vogel and J. Engel, Phys. Rev. D 39, 3378 (1989), table I, upper part."""

ABOVE_2_MEV: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {"mueller2011": MUELLER_2011, "huber2011": HUBER_2011, "vogel-engel1989": VOGEL_ENGEL_1989}
)
"""Coefficients a_p of S(E) = exp(sum_p a_p E^p), E in MeV, by parametrisation and fuel."""

TABLE_E_MEV = (0.0, 7.813e-3, 1.563e-2, 3.12e-2, 6.25e-2, 0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
TABLE = MappingProxyType(
    {
        "U235": (0.0, 0.024, 0.092, 0.35, 0.61, 1.98, 2.16, 2.66, 2.66, 2.41, 1.69, 1.26),
        "U238": (0.0, 0.089, 0.35, 1.32, 0.65, 2.02, 2.18, 2.91, 2.96, 2.75, 1.97, 1.50),
        "Pu239": (0.0, 0.14, 0.56, 2.13, 0.64, 1.99, 2.08, 2.63, 2.58, 2.32, 1.48, 1.08),
        "Pu241": (0.0, 0.20, 0.79, 3.00, 0.59, 1.85, 2.14, 2.82, 2.90, 2.63, 1.75, 1.32),
    }
)
"""Vogel and Engel's table I, lower part: fission products alone, at the energies `TABLE_E_MEV`.

That nothing is left at zero energy is not in the table, but true of any beta decay.
"""


def per_fission_MeV(fractions: Mapping[str, float], E_MeV: FloatArray, above: str = "mueller2011") -> FloatArray:
    """Return the antineutrinos per fission and MeV at energies (n,) from 2 to 8 MeV, for shares of the fissions.

    Raises InputError for a parametrisation that is not one of `ABOVE_2_MEV`.
    """
    if above not in ABOVE_2_MEV:
        raise InputError(f"found {above!r}, it must be one of {', '.join(ABOVE_2_MEV)}")
    spectra = [
        share * np.exp(np.polynomial.polynomial.polyval(E_MeV, ABOVE_2_MEV[above][fuel]))
        for fuel, share in fractions.items()
    ]
    return np.asarray(np.sum(spectra, axis=0))


def below_2_MeV(fractions: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Return energies and antineutrinos per fission and MeV (12,) of Vogel and Engel's table, for shares of fuels."""
    shares = np.array([share * np.array(TABLE[fuel]) for fuel, share in fractions.items()])
    return np.array(TABLE_E_MEV), np.asarray(shares.sum(axis=0))
