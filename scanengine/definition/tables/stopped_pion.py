"""A source of kind "stopped-pion": pions and muons that decay at rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed
from scanengine.definition.reading.table import Positive, Table
from scanengine.definition.tables.sterile import STERILE, SterileTable
from scanengine.inputs.sources import PROMPT_LINE_MEV, Source, stopped_pion, stopped_pion_of_protons


class StoppedPion(Table):
    """Decay at rest of pi+ and mu+: nu_mu, nu_e and nu_mubar, each with the same flux.

    Either a flux at a distance, or the protons on target during the whole exposure.
    """

    kind: Literal["stopped-pion"]
    flux_per_cm2_s: Positive | None = Field(
        None, description="Flux of each flavour at the reference distance, /cm^2/s; or protons_on_target."
    )
    reference_distance_m: Positive | None = Field(
        None, description="Distance at which the flux is given, m; it falls as 1/L^2."
    )
    protons_on_target: Positive | None = Field(
        None, description="Protons in the whole exposure; its experiments have no live time."
    )
    neutrinos_per_proton: Positive | None = Field(None, description="Neutrinos of each flavour per proton.")
    line_energy_MeV: Positive | None = Field(
        None, description="Energy of the nu_mu, MeV; by default two-body kinematics."
    )
    sterile: Annotated[SterileTable | None, SkipValidation] = Field(None, description=STERILE)


def build_stopped_pion(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    """Return the source, or None after adding its faults to the report."""
    table, bad = report.check(StoppedPion, raw, path)
    of_flux, of_protons = ("flux_per_cm2_s", "reference_distance_m"), ("protons_on_target", "neutrinos_per_proton")
    wanted, other = (of_protons, of_flux) if set(of_protons) & set(raw) else (of_flux, of_protons)
    for key in wanted:
        if key not in raw and not report.misspelt(raw, (key,), StoppedPion):
            what = StoppedPion.model_fields[key].description or ""
            report.add((*path, key), f"missing, it must be given: {what[:1].lower()}{what[1:].rstrip('.')}")
    for key in other:
        if key in raw:
            report.add(
                (*path, key), f"found beside {wanted[0]}: give either {listed(of_flux)}, or {listed(of_protons)}"
            )
    if bad or not set(wanted) <= set(raw) or set(other) & set(raw):
        return None
    line = PROMPT_LINE_MEV if table.line_energy_MeV is None else table.line_energy_MeV
    if wanted == of_protons:
        return stopped_pion_of_protons(table.protons_on_target or 0.0, table.neutrinos_per_proton or 0.0, line)
    return stopped_pion(table.flux_per_cm2_s or 0.0, table.reference_distance_m or 0.0, line)
