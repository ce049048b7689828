"""Fluxes of solar neutrinos at the Earth in standard solar models: N. Vinyoles et al., Astrophys. J. 835, 202 (2017),
arXiv:1611.09867, B16 with the abundances of GS98 (high metallicity) and of AGSS09met (low metallicity).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

COMPONENTS = ("pp", "pep", "hep", "Be7", "B8", "N13", "O15", "F17")
"""The reactions and decays that neutrinos come from."""


class Flux(NamedTuple):
    """A flux at the Earth and its relative standard deviation in the model."""

    per_cm2_s: float
    uncertainty: float


MODELS: Mapping[str, Mapping[str, Flux]] = MappingProxyType(
    {
        "B16-GS98": {
            "pp": Flux(5.98e10, 0.006),
            "pep": Flux(1.44e8, 0.01),
            "hep": Flux(7.98e3, 0.30),
            "Be7": Flux(4.93e9, 0.06),
            "B8": Flux(5.46e6, 0.12),
            "N13": Flux(2.78e8, 0.15),
            "O15": Flux(2.05e8, 0.17),
            "F17": Flux(5.29e6, 0.20),
        },
        "B16-AGSS09met": {
            "pp": Flux(6.03e10, 0.005),
            "pep": Flux(1.46e8, 0.009),
            "hep": Flux(8.25e3, 0.30),
            "Be7": Flux(4.50e9, 0.06),
            "B8": Flux(4.50e6, 0.12),
            "N13": Flux(2.04e8, 0.14),
            "O15": Flux(1.44e8, 0.16),
            "F17": Flux(3.26e6, 0.18),
        },
    }
)
