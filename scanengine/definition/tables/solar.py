"""A source of kind "solar": the Sun's neutrinos at the Earth, of a standard solar model, after adiabatic conversion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, written
from scanengine.definition.reading.table import LARGEST, NotNegative, Number, Positive, Share, Table
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuisances import Nuisance, ResponseVariation
from scanengine.inputs.solar.flavour import Oscillation
from scanengine.inputs.solar.fluxes import COMPONENTS, MODELS
from scanengine.inputs.solar.source import solar, with_uncertainties
from scanengine.inputs.sources import Source

_COMPONENTS = ", ".join(COMPONENTS)


class OscillationTable(Table):
    """Oscillation parameters of three flavours; those of NuFIT 6.0, normal ordering, where they are not given."""

    sin2_theta12: Share = Field(0.308, description="sin^2(theta_12).")
    sin2_theta13: Share = Field(0.02215, description="sin^2(theta_13).")
    sin2_theta23: Share = Field(0.470, description="sin^2(theta_23).")
    dm2_21_eV2: Positive = Field(7.49e-5, description="m_2^2 - m_1^2, eV^2.")
    dm2_31_eV2: Number = Field(2.513e-3, description="m_3^2 - m_1^2, eV^2; negative for inverted ordering.")
    delta_deg: Number = Field(212.0, description="CP phase, degrees.")


class Solar(Table):
    """Neutrinos of the Sun, nu_e, nu_mu and nu_tau in a coherent mixture, at the Earth."""

    kind: Literal["solar"]
    model: Literal["B16-GS98", "B16-AGSS09met"] = Field(
        "B16-GS98", description="Standard solar model: N. Vinyoles et al., Astrophys. J. 835, 202 (2017)."
    )
    components: Annotated[list[str] | None, SkipValidation] = Field(
        None, description=f"Components that are counted, by default all: {_COMPONENTS}."
    )
    fluxes_per_cm2_s: Annotated[dict[str, NotNegative], SkipValidation] = Field(
        {}, description="Fluxes, /cm^2/s, by component, that take the place of the model's."
    )
    flux_uncertainty: bool = Field(
        False,
        description="Whether each flux is a nuisance, flux_B8 for example, with the relative width of the model; a "
        "nuisance of the same name takes its place.",
    )
    nsi_in_propagation: bool = Field(
        False,
        description="Whether vector NSI with electrons, u and d quarks change the flavours in which the neutrinos "
        "arrive, and not only how they scatter: chi2 is then calculated point by point.",
    )
    oscillation: Annotated[OscillationTable | Literal["none"], SkipValidation] = Field(
        default_factory=lambda: OscillationTable.model_validate({}),
        description='Oscillation parameters: a table [source.oscillation]; or "none", with which all are nu_e.',
    )


def build_solar(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    """Return the source, or None after adding its faults to the report."""
    table, bad = report.check(Solar, raw, path)
    components = _components(raw.get("components", list(COMPONENTS)), (*path, "components"), report)
    given = _fluxes(raw.get("fluxes_per_cm2_s", {}), (*path, "fluxes_per_cm2_s"), report)
    oscillation, sound = _oscillation(raw.get("oscillation", {}), (*path, "oscillation"), report)
    if bad or components is None or given is None or not sound:
        return None
    if table.nsi_in_propagation and oscillation is None:
        message = 'found true with oscillation = "none": NSI change oscillations, of which there are none'
        report.add((*path, "nsi_in_propagation"), message, (*path, "oscillation"))
        return None
    model = MODELS[table.model]
    fluxes = {name: (given.get(name, model[name].per_cm2_s), model[name].uncertainty) for name in components}
    if not any(flux for flux, _ in fluxes.values()):
        report.add((*path, "fluxes_per_cm2_s"), "found no flux of any component, one must be positive")
        return None
    nominal = {name: flux for name, (flux, _) in fluxes.items()}
    source = solar(nominal, oscillation, nsi_in_propagation=table.nsi_in_propagation)
    return with_uncertainties(source, fluxes, oscillation) if table.flux_uncertainty else source


def _components(raw: object, path: KeyPath, report: Report) -> list[str] | None:
    if not isinstance(raw, list) or not raw:
        report.add(path, f"found {written(raw)}, it must be a list of components: {_COMPONENTS}")
        return None
    found = [name for name in COMPONENTS if name in raw]
    for index, name in enumerate(raw):
        if name not in COMPONENTS:
            known = nearest_or_all(name if isinstance(name, str) else "", COMPONENTS)
            report.add((*path, index), f"unknown component {written(name)}, {known}")
        elif name in raw[:index]:
            report.add((*path, index), f"found {name} twice")
    return found if len(found) == len(raw) else None


def _fluxes(raw: object, path: KeyPath, report: Report) -> dict[str, float] | None:
    table = report.table(raw, path, "{ B8 = 5.46e6 }")
    found = {}
    for name, value in table.items():
        if name not in COMPONENTS:
            report.add((*path, name), f"unknown component, {nearest_or_all(name, COMPONENTS)}")
            continue
        flux = report.number(value, (*path, name))
        if not 0.0 <= flux <= LARGEST:
            report.add((*path, name), f"found {flux:g}, it must not be negative")
        found[name] = flux
    sound = isinstance(raw, dict) and len(found) == len(table) and all(flux >= 0.0 for flux in found.values())
    return found if sound else None


def _oscillation(raw: object, path: KeyPath, report: Report) -> tuple[Oscillation | None, bool]:
    """Return oscillation parameters, None without oscillations, and whether they are sound."""
    if raw == "none":
        return None, True
    table, bad = report.check(OscillationTable, raw, path, '{ sin2_theta12 = 0.308 }; or "none"')
    if bad or not isinstance(raw, dict):
        return None, False
    if abs(table.dm2_31_eV2) <= table.dm2_21_eV2:
        message = f"found {table.dm2_31_eV2:g}, it must be larger than dm2_21_eV2 = {table.dm2_21_eV2:g} in size"
        report.add((*path, "dm2_31_eV2"), message, (*path, "dm2_21_eV2"))
        return None, False
    return Oscillation(**table.model_dump()), True


def flux_nuisances(experiments: Iterable[Experiment], default: Source, given: Sequence[Nuisance]) -> list[Nuisance]:
    """Return a nuisance, in standard deviations, for each flux that sources call uncertain, but those given already."""
    taken = {nuisance.name for nuisance in given}
    variations: dict[str, list[ResponseVariation]] = {}
    for experiment in experiments:
        for name, sides in (experiment.source or default).varied.items():
            if name not in taken and experiment.signal_template is None:
                plus, minus = (replace(experiment, source=side) for side in sides)
                variations.setdefault(name, []).append(ResponseVariation(plus, minus))
    return [Nuisance(name, 1.0, responses=tuple(each)) for name, each in variations.items()]
