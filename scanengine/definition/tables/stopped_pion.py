"""A source of kind "stopped-pion": pions and muons that decay at rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed
from scanengine.definition.reading.table import Positive, Table
from scanengine.definition.tables.sterile import STERILE, SterileTable
from scanengine.inputs.sources import (
    PROMPT_LINE_MEV,
    Source,
    stopped_pion,
    stopped_pion_of_power,
    stopped_pion_of_protons,
)


class StoppedPion(Table):
    """Decay at rest of pi+ and mu+: nu_mu, nu_e and nu_mubar, each with the same flux.

    A flux at a distance, or the beam's power, or the protons on target during the whole exposure.
    """

    kind: Literal["stopped-pion"]
    flux_per_cm2_s: Positive | None = Field(
        None,
        description="Flux of each flavour at the reference distance, /cm^2/s; or beam_power_MW, or protons_on_target.",
    )
    reference_distance_m: Positive | None = Field(
        None, description="Distance at which the flux is given, m; it falls as 1/L^2."
    )
    protons_on_target: Positive | None = Field(
        None, description="Protons in the whole exposure; its experiments have no live time."
    )
    beam_power_MW: Positive | None = Field(None, description="Power of the proton beam, MW.")
    proton_energy_GeV: Positive | None = Field(None, description="Kinetic energy of the protons, GeV.")
    neutrinos_per_proton: Positive | None = Field(None, description="Neutrinos of each flavour per proton.")
    line_energy_MeV: Positive | None = Field(
        None, description="Energy of the nu_mu, MeV; by default two-body kinematics."
    )
    sterile: Annotated[SterileTable | None, SkipValidation] = Field(None, description=STERILE)


_OF_FLUX: tuple[str, ...] = ("flux_per_cm2_s", "reference_distance_m")
_OF_PROTONS: tuple[str, ...] = ("protons_on_target", "neutrinos_per_proton")
_OF_POWER: tuple[str, ...] = ("beam_power_MW", "proton_energy_GeV", "neutrinos_per_proton")


def build_stopped_pion(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    """Return the source, or None after adding its faults to the report."""
    table, bad = report.check(StoppedPion, raw, path)
    wanted = _OF_FLUX
    if set(_OF_PROTONS) & set(raw):
        wanted = _OF_PROTONS
    if set(_OF_POWER[:2]) & set(raw) and "protons_on_target" not in raw:
        wanted = _OF_POWER
    for key in wanted:
        if key not in raw and not report.misspelt(raw, (key,), StoppedPion):
            what = StoppedPion.model_fields[key].description or ""
            report.add((*path, key), f"missing, it must be given: {what[:1].lower()}{what[1:].rstrip('.')}")
    others = [key for key in (*_OF_FLUX, *_OF_PROTONS, *_OF_POWER) if key in raw and key not in wanted]
    for key in others:
        report.add(
            (*path, key),
            f"found beside {wanted[0]}: give either {listed(_OF_FLUX)}, or {listed(_OF_PROTONS)}, or "
            f"{listed(_OF_POWER)}",
        )
    if bad or not set(wanted) <= set(raw) or others:
        return None
    line = PROMPT_LINE_MEV if table.line_energy_MeV is None else table.line_energy_MeV
    numbers = [float(getattr(table, key)) for key in wanted]
    if wanted == _OF_PROTONS:
        return stopped_pion_of_protons(numbers[0], numbers[1], line)
    if wanted == _OF_POWER:
        return stopped_pion_of_power(numbers[0], numbers[1], numbers[2], line)
    return stopped_pion(numbers[0], numbers[1], line)
