"""The tables of a scan file: keys, types, units and ranges.

Each model checks the scalars of one table. Tables and lists inside it (`SkipValidation`) are left to the module that
reads them, which knows from the content which model they must follow; there the annotations serve the JSON schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.table import File, Name, NotNegative, Number, Positive, Share, Table
from scanengine.definition.tables.axes import AxisTable
from scanengine.definition.tables.detector_schema import Acceptance, DetectorKeys, Quenching, Resolution
from scanengine.definition.tables.form_factors import FormFactorKey
from scanengine.definition.tables.nuisance_schema import ExperimentStatisticTable, Kind, NuisanceTable, StatisticTable
from scanengine.definition.tables.output import OutputTable
from scanengine.definition.tables.targets import TargetShares
from scanengine.inputs.constants import SIN2_THETA_W
from scanengine.inputs.parameters import FLAVOURS, PARAMETERS

_FLAVOURS = ", ".join(FLAVOURS)
_PARAMETERS = "Names: " + ", ".join(p.name if p.units == "1" else f"{p.name} [{p.units}]" for p in PARAMETERS.values())


class SpectrumPoints(Table):
    """A spectrum given at points, joined by straight lines."""

    E_MeV: list[Number] = Field(description="Increasing neutrino energies, MeV.")
    flux: list[Number] = Field(
        description="Flux per energy at each point, /cm^2/s/MeV; any unit if flux_per_cm2_s is given."
    )


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


class FissionFractions(Table):
    """Shares of the fissions, which add up to 1."""

    U235: Share = Field(0.0, description="Of uranium-235.")
    U238: Share = Field(0.0, description="Of uranium-238.")
    Pu239: Share = Field(0.0, description="Of plutonium-239.")
    Pu241: Share = Field(0.0, description="Of plutonium-241.")


class PerFission(Table):
    """Antineutrinos per fission at points, joined by straight lines."""

    E_MeV: list[Number] = Field(description="Increasing neutrino energies, MeV.")
    per_fission_MeV: list[NotNegative] = Field(description="Antineutrinos per fission and MeV at each.")


class Reactor(Table):
    """Antineutrinos of fission products, nu_ebar, from a reactor's thermal power and fuel."""

    kind: Literal["reactor"]
    power_GW: Positive = Field(description="Thermal power, GW.")
    fission_fractions: Annotated[FissionFractions, SkipValidation] = Field(
        description="Shares of the fissions of U235, U238, Pu239 and Pu241."
    )
    above_2_MeV: Literal["mueller2011", "huber2011", "vogel-engel1989"] = Field(
        "mueller2011",
        description="Spectrum per fission from 2 to 8 MeV: Mueller et al., Phys. Rev. C 83, 054615 (2011); Huber, "
        "Phys. Rev. C 84, 024617 (2011), with Mueller's of U238; Vogel and Engel, Phys. Rev. D 39, 3378 (1989).",
    )
    below_2_MeV: Annotated[Literal["vogel-engel1989", "none"] | PerFission | File, SkipValidation] = Field(
        "vogel-engel1989",
        description="Spectrum per fission below 2 MeV: Vogel and Engel's table, of fission products without neutron "
        "captures; or lists, or a file with these two columns; or none.",
    )
    above_8_MeV: Annotated[Literal["none", "extrapolated"] | PerFission | File, SkipValidation] = Field(
        "none",
        description="Spectrum per fission from 8 MeV on, where the parametrisations end: none; or lists, or a file "
        "with these two columns; or extrapolated, the formula used up to 12 MeV, where it is not validated.",
    )


class Tabulated(Table):
    """A spectrum per flavour, given at points."""

    kind: Literal["tabulated"]
    reference_distance_m: Positive = Field(description="Distance at which the flux is given, m; it falls as 1/L^2.")
    flux_per_cm2_s: Positive | None = Field(
        None,
        description="Flux to which each spectrum is scaled, /cm^2/s; without it the spectra are absolute, /cm^2/s/MeV.",
    )
    spectra: Annotated[dict[str, SpectrumPoints | File], SkipValidation] = Field(
        description=f"Per flavour ({_FLAVOURS}), points E_MeV and flux, or a file with these two columns."
    )


class PhysicsTable(Table):
    """Choices of the cross-section."""

    couplings: Literal["tree", "pdg2012"] = Field("tree", description="Vector couplings of the nucleons.")
    sin2_theta_w: float = Field(
        SIN2_THETA_W, gt=0, lt=1, description="Weak mixing angle at which the Asimov data are generated."
    )
    kinematics: Literal["leading", "full"] = Field(
        "leading", description='Kinematic factor; "leading" is 1 - M T / (2 E^2).'
    )
    magnetic_moment: Literal["leading", "full"] = Field(
        "leading", description='Magnetic term; "full" has T / (4 E^2) too.'
    )
    magnetic_form_factor: bool = Field(
        True, description="Whether the magnetic term has the proton form factor squared."
    )
    evaluation: Literal["polynomial", "direct"] = Field(
        "polynomial", description='How a scan evaluates counts; "direct" is a double integral at every grid point.'
    )


class EfficiencyCurve(Table):
    """Detection efficiency at true recoil energies, joined by straight lines, constant beyond the ends."""

    recoil_keV: list[Number] = Field(description="Increasing true recoil energies, keV.")
    values: list[Number] = Field(description="Efficiency at each, in [0, 1].")


class IdealExperiment(Table):
    """One detector at one place, whatever it makes of the recoils."""

    name: Name = Field(description="Name, different for each experiment.")
    target: Annotated[Annotated[str, Field(max_length=100)] | TargetShares, SkipValidation] = Field(
        description='Nuclide "Ne20", natural element "Xe", or compound "CsI", with isotopes as in "Ge[76]O2"; '
        "or shares of nuclides and elements, as { Ge76 = 0.88, Ge74 = 0.12 }."
    )
    mass_kg: Positive = Field(description="Mass of the target material, kg.")
    live_time_yr: Positive | None = Field(None, description="Live time, years of 365.25 d; or live_time_s.")
    live_time_s: Positive | None = Field(None, description="Live time, s; or live_time_yr.")
    distance_m: Positive = Field(description="Distance from the source, m.")
    efficiency: Annotated[Share | EfficiencyCurve | File, SkipValidation] = Field(
        1.0,
        description="Detection efficiency: a number, or a curve in true recoil energy (a file: keV, efficiency), "
        "constant beyond its first and last point.",
    )
    recoil_window_keV: Annotated[list[float], Field(min_length=2, max_length=2), SkipValidation] | None = Field(
        None, description="Lower and upper end of the one bin counted, keV; the upper may be inf. Or recoil_bins_keV."
    )
    recoil_bins_keV: Annotated[list[float], Field(min_length=2), SkipValidation] | None = Field(
        None,
        description="Increasing edges of the bins counted in keV, 1e-6 of themselves apart. Or recoil_window_keV.",
    )
    form_factor: Annotated[FormFactorKey, SkipValidation] = Field(
        "helm",
        description="Nuclear form factor: a name, a table with kind and parameters, or a table of these by isotope.",
    )
    channels: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], SkipValidation] = Field(
        description=f"Per channel, the flavours that it counts together: {_FLAVOURS}."
    )
    systematic: NotNegative = Field(
        0.0, description="Relative uncertainty of the normalisation, common to channels and bins."
    )


class TemplateReferenceTable(Table):
    """What a signal template was made with. Where a number of the scan differs from the one here, the signal is the
    template times the ratio of the counts calculated with either; a number that is not here must not be changed.
    """

    sin2_theta_w: float | None = Field(None, gt=0, lt=1, description="As [physics] sin2_theta_w.")
    couplings: Literal["tree", "pdg2012"] | None = Field(None, description="As [physics] couplings.")
    kinematics: Literal["leading", "full"] | None = Field(None, description="As [physics] kinematics.")
    source: Annotated[StoppedPion | Tabulated | Reactor | None, SkipValidation] = Field(
        None, description="The source of the experiment, a table as [source]."
    )
    mass_kg: Positive | None = Field(None, description="Mass of the target material, kg.")
    live_time_yr: Positive | None = Field(None, description="Live time, years of 365.25 d; or live_time_s.")
    live_time_s: Positive | None = Field(None, description="Live time, s; or live_time_yr.")
    distance_m: Positive | None = Field(None, description="Distance from the source, m.")
    efficiency: Annotated[Share | EfficiencyCurve | File | None, SkipValidation] = Field(
        None, description="Efficiency in true recoil energy, as that of the experiment."
    )
    form_factor: Annotated[FormFactorKey | None, SkipValidation] = Field(
        None, description="Nuclear form factor, as that of the experiment."
    )
    quenching: Annotated[Quenching | None, SkipValidation] = Field(
        None, description="As [experiments.response] quenching."
    )
    light_yield_PE_per_keVee: Positive | None = Field(
        None, description="As [experiments.response] light_yield_PE_per_keVee."
    )
    resolution: Annotated[Resolution | None, SkipValidation] = Field(
        None, description="As [experiments.response] resolution."
    )
    response_efficiency: Annotated[Acceptance | None, SkipValidation] = Field(
        None, description="As [experiments.response] efficiency."
    )
    recoil_threshold_keV: NotNegative | None = Field(
        None, description="As [experiments.response] recoil_threshold_keV."
    )


class ExperimentTable(DetectorKeys, IdealExperiment):
    """One detector at one place."""

    template_reference: Annotated[TemplateReferenceTable | None, SkipValidation] = Field(
        None, description="What signal_template was made with: a table [experiments.template_reference]."
    )

    statistic: Annotated[Kind | ExperimentStatisticTable | None, SkipValidation] = Field(
        None, description="How its counts are compared with its data; without it, as [statistic] says."
    )


class ScanFile(Table):
    """A scan: a source, what experiments count of its neutrinos, and the parameters to scan."""

    title: str = Field("", description="Title of results and figures; any text.")
    include: list[str] | None = Field(
        None,
        description="Other scan files in the same directory, whose experiments, sources and nuisances are taken over; "
        "a nuisance of this file takes the place of theirs of the same name. Their axes and output are not.",
    )
    source: Annotated[StoppedPion | Tabulated | Reactor | None, SkipValidation] = Field(
        None, description="Neutrino source: a table [source]; it may be left out where every experiment names another."
    )
    sources: Annotated[dict[str, StoppedPion | Tabulated | Reactor], SkipValidation] = Field(
        {}, description="More sources by name, as [sources.reactor], for experiments to name."
    )
    data_from: str = Field("", description="Where to obtain the files in {data}, in a sentence.")
    physics: Annotated[PhysicsTable, SkipValidation] = Field(
        default_factory=lambda: PhysicsTable.model_validate({}), description="Cross-section."
    )
    experiments: Annotated[list[ExperimentTable], Field(min_length=1), SkipValidation] = Field(
        description="Detectors: one or more tables [[experiments]]."
    )
    statistic: Annotated[StatisticTable, SkipValidation] = Field(
        default_factory=lambda: StatisticTable.model_validate({}), description="Comparison with the data."
    )
    nuisances: Annotated[list[NuisanceTable], SkipValidation] = Field(
        [], description="Parameters to minimise over at every point: tables [[nuisances]]."
    )
    correlations: Annotated[list[tuple[str, str, Number]], SkipValidation] = Field(
        [],
        description='Pairs of correlated nuisances, with their correlation, as [["a", "b", 0.5]]; their '
        "pulls are z^T C^-1 z.",
    )
    axes: Annotated[dict[str, AxisTable], SkipValidation] = Field(
        {}, description=f"Scanned parameters, in the order of the grid's dimensions. {_PARAMETERS}"
    )
    fixed: Annotated[dict[str, Number], SkipValidation] = Field(
        {}, description="Parameters held at a value, in their units."
    )
    tied: Annotated[dict[str, dict[str, Number]], SkipValidation] = Field(
        {}, description="Parameters that are linear functions of others: factors by name, and a constant."
    )
    output: Annotated[OutputTable, SkipValidation] = Field(
        default_factory=lambda: OutputTable.model_validate({}), description="Result file."
    )


def schema() -> dict[str, Any]:
    """Return the JSON schema of scan files, with descriptions and units."""
    tidied: dict[str, Any] = _tidied(ScanFile.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "scanengine scan file"} | tidied


def _tidied(node: Any) -> Any:
    """Without titles, which repeat the key, and nulls: what pydantic calls nullable is a key that may be left out."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _tidied(value)
        for key, value in node.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept |= choices[0]
    elif choices:
        kept["anyOf"] = choices
    return kept
