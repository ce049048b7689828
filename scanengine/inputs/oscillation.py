"""Oscillations to a sterile neutrino on the way from a source: each flavour disappears with its own mixing angle.

    P = 1 - sin^2(2 theta) sin^2(Delta m^2 L / (4 hbar c E))

S. Navas et al. (Particle Data Group), Phys. Rev. D 110, 030001 (2024), neutrino mixing, for two neutrinos; of three or
more with one large Delta m^2, as long as only one of theta_ee and theta_mm is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import HBARC_MEV_FM
from scanengine.inputs.flavours import FAMILY

PHASE = 1.0e3 / (4.0 * HBARC_MEV_FM)
"""Delta m^2 L / (4 hbar c E) for 1 eV^2, 1 m and 1 MeV: 1.26693268."""

MOST_TURNS = 2000.0
"""Periods of the probability, counted from infinite energy, after which it is taken as its average."""


@dataclass(frozen=True)
class Oscillation:
    """The probability to survive 1 - sin2_2theta sin^2(phase_MeV / E)."""

    phase_MeV: float
    sin2_2theta: float

    @property
    def averaged_below_MeV(self) -> float:
        """Energy below which the probability turns too fast, and is 1 - sin2_2theta / 2."""
        return self.phase_MeV / (pi * MOST_TURNS)

    def energies_MeV(self, turns: float) -> FloatArray:
        """Return energies, rising, between which the probability passes through this fraction of a period."""
        turned = np.arange(round(MOST_TURNS / turns), 0, -1, dtype=np.float64)
        return self.phase_MeV / (pi * turns * turned)

    def survival(self, E_MeV: FloatArray) -> FloatArray:
        """Return the probability at energies (n,)."""
        lasting = E_MeV > self.averaged_below_MeV
        sine = np.sin(self.phase_MeV / np.where(lasting, E_MeV, 1.0))
        return 1.0 - self.sin2_2theta * np.where(lasting, sine * sine, 0.5)


@dataclass(frozen=True)
class Sterile:
    """Oscillation parameters: Delta m^2 and the effective angles of nu_e and of nu_mu, and of their antineutrinos."""

    dm2_eV2: float
    sin2_2theta_ee: float = 0.0
    sin2_2theta_mm: float = 0.0

    def of(self, flavour: str, distance_m: float) -> Oscillation | None:
        """Return the oscillation of a flavour over a distance, None if it has none."""
        sin2_2theta = {"e": self.sin2_2theta_ee, "m": self.sin2_2theta_mm}.get(FAMILY[flavour], 0.0)
        phase_MeV = PHASE * self.dm2_eV2 * distance_m
        return Oscillation(phase_MeV, sin2_2theta) if sin2_2theta and phase_MeV else None
