"""The flavour in which solar neutrinos arrive: adiabatic conversion in matter, from where they are made to the vacuum.

    2 E H = U diag(0, dm2_21, dm2_31) U^+ + 2 sqrt(2) G_F n_e E diag(1, 0, 0)

A nu_e has the share |<i|nu_e>|^2 of the energy eigenstate i where it is made, which arrives as the mass eigenstate
nu_i; between these there is no phase left. So the state is rho_ab = sum_i w_i U_ai U_bi^*, with w_i that share averaged
over the Sun: L. Wolfenstein, Phys. Rev. D 17, 2369 (1978); S. P. Mikheyev and A. Y. Smirnov, Sov. J. Nucl. Phys. 42,
913 (1985); and of what NSI see of it, arXiv:2002.03066 and 2302.12846. What the Earth does at night is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin, sqrt

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_F_PER_MEV2, HBARC_MEV_CM, U_KG
from scanengine.inputs.solar.production import ELECTRONS_MOL_PER_CM3, SHARES

MATTER_EV2 = 2.0 * sqrt(2.0) * G_F_PER_MEV2 * HBARC_MEV_CM**3 / (1e3 * U_KG) * 1e12
"""2 sqrt(2) G_F n_e E in eV^2 for one mol of electrons per cm^3 and 1 MeV."""

_NODES = 100
"""Chebyshev points at which shares are calculated; between them they are interpolated to 1e-10."""


@dataclass(frozen=True)
class Oscillation:
    """Parameters of three flavours: I. Esteban et al. (NuFIT 6.0), JHEP 12 (2024) 216, arXiv:2410.05380, normal
    ordering, with atmospheric data of Super-Kamiokande.
    """

    sin2_theta12: float = 0.308
    sin2_theta13: float = 0.02215
    sin2_theta23: float = 0.470
    dm2_21_eV2: float = 7.49e-5
    dm2_31_eV2: float = 2.513e-3
    delta_deg: float = 212.0

    @property
    def masses_eV2(self) -> FloatArray:
        """Squares of the masses (3,), less that of the first."""
        return np.array([0.0, self.dm2_21_eV2, self.dm2_31_eV2])

    @property
    def mixing(self) -> np.ndarray:
        """The unitary matrix U (flavours, masses), as the Particle Data Group writes it."""
        s12, s13, s23 = (sqrt(each) for each in (self.sin2_theta12, self.sin2_theta13, self.sin2_theta23))
        c12, c13, c23 = (sqrt(1.0 - each * each) for each in (s12, s13, s23))
        phase = complex(cos(radians(self.delta_deg)), sin(radians(self.delta_deg)))
        return np.array(
            [
                [c12 * c13, s12 * c13, s13 / phase],
                [-s12 * c23 - c12 * s23 * s13 * phase, c12 * c23 - s12 * s23 * s13 * phase, s23 * c13],
                [s12 * s23 - c12 * c23 * s13 * phase, -c12 * s23 - s12 * c23 * s13 * phase, c23 * c13],
            ]
        )


def shares_of_masses(oscillation: Oscillation, component: str, E_MeV: FloatArray) -> FloatArray:
    """Return the shares w (n, 3) of the mass eigenstates at energies (n,), averaged over where a component is made."""
    s12, s13 = sqrt(oscillation.sin2_theta12), sqrt(oscillation.sin2_theta13)
    c12, c13 = sqrt(1.0 - s12 * s12), sqrt(1.0 - s13 * s13)
    # theta_23 and delta turn muons and taus into one another, of which matter knows nothing
    U = np.array([[c12 * c13, s12 * c13, s13], [-s12, c12, 0.0], [-c12 * s13, -s12 * s13, c13]])
    of_sun = SHARES[component] > 0.0
    matter = MATTER_EV2 * np.multiply.outer(E_MeV, ELECTRONS_MOL_PER_CM3[of_sun])
    H = np.broadcast_to(U * oscillation.masses_eV2 @ U.T, (*matter.shape, 3, 3)).copy()
    H[..., 0, 0] += matter
    made = np.linalg.eigh(H)[1][..., 0, :] ** 2
    shares = np.empty((E_MeV.size, 3))
    shares[:, np.argsort(oscillation.masses_eV2)] = np.einsum("ers,r->es", made, SHARES[component][of_sun])
    return shares


def density_matrix(oscillation: Oscillation, shares: FloatArray) -> FloatArray:
    """Return the real part of rho (n, 3, 3), all that real couplings see, from shares w (n, 3)."""
    U = oscillation.mixing
    return np.asarray(np.einsum("ai,bi,ni->nab", U, U.conj(), shares).real)


@lru_cache(maxsize=64)
def _interpolated(oscillation: Oscillation, component: str, end_MeV: float) -> FloatArray:
    """Return Chebyshev coefficients (nodes, 3) of the shares from zero energy to the end of a spectrum."""
    points = np.polynomial.chebyshev.chebpts1(_NODES)
    values = shares_of_masses(oscillation, component, 0.5 * end_MeV * (1.0 + points))
    coefficients = 2.0 / _NODES * np.polynomial.chebyshev.chebvander(points, _NODES - 1).T @ values
    coefficients[0] *= 0.5
    return coefficients


def arriving(oscillation: Oscillation | None, component: str, E_MeV: FloatArray, end_MeV: float) -> FloatArray:
    """Return the real part of rho (n, 3, 3) at energies (n,) up to an end; without an oscillation, all are nu_e."""
    if oscillation is None:
        return np.broadcast_to(np.diag([1.0, 0.0, 0.0]), (E_MeV.size, 3, 3))
    coefficients = _interpolated(oscillation, component, end_MeV)
    shares = np.polynomial.chebyshev.chebval(2.0 * E_MeV / end_MeV - 1.0, coefficients)
    return density_matrix(oscillation, np.asarray(shares.T, dtype=np.float64))
