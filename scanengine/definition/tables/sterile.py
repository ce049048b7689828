"""The table [source.sterile]: oscillations to a sterile neutrino on the way to the detectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
from pydantic import Field

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.table import NotNegative, Share, Table
from scanengine.definition.tables.edges import edge_fault
from scanengine.inputs.oscillation import MOST_TURNS, Sterile
from scanengine.inputs.sources import Source

STERILE = "Oscillations to a sterile neutrino on the way to the detectors: a table [source.sterile]."


_AVERAGED = 1e-9
"""The largest fraction of a flux by which an average may differ from oscillations that are too fast to follow."""


class SterileTable(Table):
    """Each flavour's flux times 1 - sin2_2theta sin^2(1.26693268 dm2_eV2 L/E), L in m from distance_m, E in MeV."""

    dm2_eV2: NotNegative = Field(description="Difference of the squared masses, eV^2.")
    sin2_2theta_ee: Share = Field(0.0, description="sin^2(2 theta) of nu_e and nu_ebar.")
    sin2_2theta_mm: Share = Field(0.0, description="sin^2(2 theta) of nu_mu and nu_mubar.")


def with_sterile(source: Source, raw: object, path: KeyPath, report: Report) -> Source | None:
    """Return a source whose neutrinos oscillate, or None after adding the faults of its table to the report."""
    example = "{ dm2_eV2 = 1.0, sin2_2theta_ee = 0.1 }"
    table, bad = report.check(SterileTable, raw, path, example)
    if "dm2_eV2" not in bad and (fault := edge_fault(table.dm2_eV2)):
        report.add((*path, "dm2_eV2"), fault)
        return None
    if bad:
        return None
    return replace(source, sterile=Sterile(table.dm2_eV2, table.sin2_2theta_ee, table.sin2_2theta_mm))


def oscillation_fault(source: Source, flavours: Iterable[str], distance_m: float, seen_MeV: float) -> str | None:
    """Return what is wrong if some flavours, seen from an energy on, oscillate too fast over a distance."""
    for flavour, spectrum in source.at(distance_m).spectra.items():
        turning = spectrum.oscillation
        if flavour not in flavours or turning is None or turning.averaged_below_MeV <= seen_MeV:
            continue
        low_MeV, before = turning.averaged_below_MeV, source.spectra[flavour]
        E_MeV = np.linspace(seen_MeV, min(low_MeV, before.E_max_MeV), 64)
        # of int^E phi cos(2 a / E) dE there is left phi E^2 / (2 a) at most, where it ends
        left = turning.sin2_2theta * np.max(before.per_cm2_s_MeV(E_MeV) * E_MeV) / (4.0 * pi * MOST_TURNS)
        line = np.any((before.line_energies_MeV > seen_MeV) & (before.line_energies_MeV < low_MeV))
        if line or left > _AVERAGED * before.total_per_cm2_s:
            return (
                f"over {distance_m:g} m {flavour} below {low_MeV:.3g} MeV oscillate faster than can be followed: lower "
                "dm2_eV2, or raise the threshold; where oscillations average out, scale the flux instead"
            )
    return None


def sterile_notes(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield a note if both flavours of a sound source disappear, which leaves out what appears, or if none does."""
    sterile = table.get("sterile", {})
    if sterile and not {"sin2_2theta_ee", "sin2_2theta_mm"} & set(sterile):
        yield f"{name}.sterile: there is no sin2_2theta_ee and no sin2_2theta_mm, so that nothing oscillates"
    if sterile.get("sin2_2theta_ee") and sterile.get("sin2_2theta_mm"):
        yield (
            f"{name}.sterile: with both angles some nu_e and nu_mu turn into one another, which disappearance alone "
            "leaves out: exact only if one of the angles is zero"
        )
