"""Detectors: what an experiment counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from scanengine.errors import InputError
from scanengine.grids import FloatArray
from scanengine.inputs.form_factors import NuclearFormFactors
from scanengine.inputs.nuclei import Target


@dataclass(frozen=True, eq=False)
class Efficiency:
    """Detection efficiency in true recoil energy: points joined by straight lines, constant beyond the first and the
    last.

    Raises InputError if the points do not increase in recoil energy or leave [0, 1].
    """

    T_keV: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if self.T_keV.size == 0 or self.T_keV.size != self.values.size:
            raise InputError("an efficiency curve needs as many efficiencies as recoil energies, at least one")
        if self.T_keV[0] < 0.0 or not np.all(np.diff(self.T_keV) > 0.0):
            raise InputError("an efficiency curve's recoil energies must increase from 0 keV or above")
        if not np.all((self.values >= 0.0) & (self.values <= 1.0)):
            worst = self.values[np.argmax(np.abs(self.values - 0.5))]
            raise InputError(f"an efficiency must lie in [0, 1]: found {worst:g}")

    @classmethod
    def constant(cls, value: float) -> Efficiency:
        """Return the same efficiency at every recoil energy."""
        return cls(np.zeros(1), np.array([value]))


@dataclass(frozen=True, eq=False)
class Experiment:
    """One detector at one place: `channels` name groups of flavours that are counted together, bin by bin.

    `bin_edges_keV` (bins + 1,) are recoil energies, the last may be infinite. `systematic` is the relative uncertainty
    of one normalisation that all channels and bins share.
    """

    name: str
    target: Target
    mass_kg: float
    live_time_s: float
    distance_m: float
    efficiency: Efficiency
    bin_edges_keV: FloatArray
    form_factors: NuclearFormFactors
    channels: Mapping[str, tuple[str, ...]]
    systematic: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", MappingProxyType(dict(self.channels)))


def T_max_keV(E_MeV: float, nuclear_mass_MeV: float) -> float:
    """Return the highest recoil energy that a neutrino of energy E gives a nucleus, 2 E^2 / (M + 2 E)."""
    return 2.0e3 * E_MeV**2 / (nuclear_mass_MeV + 2.0 * E_MeV)
