"""Neutrino sources by name: what a scan file would say of each, with where the numbers are from.

Of stopped-pion sources these are their power and the energy of their protons, from which the protons per second follow,
and the neutrinos of each flavour that a proton makes. They are those of full power: a year of beam has some 5000 h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi


@dataclass(frozen=True)
class Facility:
    """A source by name: keys of a table [source], what it is, its references, and a usual distance of detectors."""

    name: str
    summary: str
    references: str
    keys: Mapping[str, object]
    distance_m: float


_FLUX_PER_PROTON_CM2, _AT_CM = 6.7e-9, 2400.0
"""Measured by JSNS2, of nu_e."""

_BOILING_WATER = {"U235": 0.55, "U238": 0.07, "Pu239": 0.32, "Pu241": 0.06}

_PRESSURISED_WATER = {"U235": 0.561, "U238": 0.076, "Pu239": 0.307, "Pu241": 0.056}

FACILITIES: Mapping[str, Facility] = {
    facility.name: facility
    for facility in (
        Facility(
            "sns",
            "Spallation Neutron Source, Oak Ridge: 1.4 MW of 1 GeV protons on mercury",
            "power and energy: COHERENT, Phys. Rev. D 106, 032003 (2022), arXiv:2109.11049; 0.0848 neutrinos of each "
            "flavour per proton, +-10%: COHERENT, Phys. Rev. Lett. 129, 081801 (2022), arXiv:2110.07730",
            {
                "kind": "stopped-pion",
                "beam_power_MW": 1.4,
                "proton_energy_GeV": 1.0,
                "neutrinos_per_proton": 0.0848,
            },
            20.0,
        ),
        Facility(
            "ess",
            "European Spallation Source, Lund, as designed: 5 MW of 2 GeV protons on tungsten",
            "D. Baxter et al., JHEP 02 (2020) 123, arXiv:1911.00762; 0.3 neutrinos of each flavour per proton were "
            "not checked against the print",
            {
                "kind": "stopped-pion",
                "beam_power_MW": 5.0,
                "proton_energy_GeV": 2.0,
                "neutrinos_per_proton": 0.3,
            },
            20.0,
        ),
        Facility(
            "jsns2",
            "J-PARC's Materials and Life Science Facility, Tokai: 1 MW of 3 GeV protons on mercury",
            "power and energy: JSNS2, arXiv:1705.08629; the flux of nu_e measured at 24 m, 6.7e-9 per cm^2 and proton, "
            "+-35%: JSNS2, arXiv:2412.18509",
            {
                "kind": "stopped-pion",
                "beam_power_MW": 1.0,
                "proton_energy_GeV": 3.0,
                "neutrinos_per_proton": _FLUX_PER_PROTON_CM2 * 4.0 * pi * _AT_CM**2,
            },
            24.0,
        ),
        Facility(
            "leibstadt",
            "reactor of Leibstadt, 3.6 GW, boiling water (CONUS+)",
            "N. Ackermann et al., Nature 643, 1229 (2025), arXiv:2501.05206; fuel of a boiling water reactor: TEXONO, "
            "H. T. Wong et al., Phys. Rev. D 75, 012001 (2007), not checked against the print",
            {"kind": "reactor", "power_GW": 3.6, "fission_fractions": _BOILING_WATER},
            20.7,
        ),
        Facility(
            "brokdorf",
            "reactor of Brokdorf, 3.9 GW, pressurised water (CONUS, until 2021)",
            "H. Bonet et al., Phys. Rev. Lett. 126, 041804 (2021), arXiv:2011.00210; average fuel of pressurised water "
            "reactors: Daya Bay, Chin. Phys. C 41, 013002 (2017), arXiv:1607.05378",
            {"kind": "reactor", "power_GW": 3.9, "fission_fractions": _PRESSURISED_WATER},
            17.1,
        ),
    )
}


def keys_of(facility: Facility, given: Mapping[str, object]) -> dict[str, object]:
    """Return the keys of a table [source] for a facility, of which those that are given take the place of its own.

    With protons on target or a flux those of the beam's power are left out.
    """
    keys = dict(facility.keys)
    if "protons_on_target" in given:
        keys = {key: value for key, value in keys.items() if key not in ("beam_power_MW", "proton_energy_GeV")}
    if "flux_per_cm2_s" in given:
        keys = {"kind": facility.keys["kind"]}
    return {**keys, **given}
