"""The keys of an experiment in a scan file, and those of what its signal template was made with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.model import StatisticKind
from scanengine.definition.reading.table import File, FilePath, Name, NotNegative, Number, Positive, Share, Table
from scanengine.definition.tables.background_schema import BackgroundTable
from scanengine.definition.tables.detector_schema import (
    Acceptance,
    Counts,
    DataTable,
    LightYield,
    ProductTable,
    Quenching,
    Resolution,
    ResponseTable,
    TimeTable,
)
from scanengine.definition.tables.electron_schema import ElectronsTable
from scanengine.definition.tables.form_factors import FormFactorKey
from scanengine.definition.tables.nuisance_schema import ExperimentStatisticTable
from scanengine.definition.tables.recoil_efficiency import EfficiencyCurve
from scanengine.definition.tables.source_kinds import SourceTable
from scanengine.definition.tables.targets import TargetShares
from scanengine.inputs.parameters import FLAVOURS

_FLAVOURS = ", ".join(FLAVOURS)


class DetectorKeys(Table):
    """The keys of a real detector, beside those of every experiment."""

    source: str | None = Field(
        None, description='Name of one of [sources], or of a facility, such as "sns"; without it, [source].'
    )
    response: Annotated[ResponseTable | None, SkipValidation] = Field(
        None, description="Quenching, resolution, efficiency and bins in the reconstructed quantity."
    )
    time: Annotated[TimeTable | None, SkipValidation] = Field(None, description="Bins in arrival time.")
    extra_bins: Annotated[dict[str, list[Number]] | None, SkipValidation] = Field(
        None,
        description="Bins in one more quantity, by its name, between energy and time; the signal's distribution in it "
        "is that of signal_template.",
    )
    backgrounds: Annotated[list[BackgroundTable], SkipValidation] = Field(
        [], description="Tables [[experiments.backgrounds]]."
    )
    data: Annotated[DataTable | None, SkipValidation] = Field(
        None, description="The observed counts; by default Asimov data, the counts of the Standard Model."
    )
    signal_template: Annotated[Counts | ProductTable | None, SkipValidation] = Field(
        None,
        description="Signal counts that the Standard Model gives in each bin; others scale with the ratio of counts to "
        "the Standard Model's in each energy bin (and time bin, if the shares are given).",
    )


class IdealExperiment(Table):
    """One detector at one place, whatever it makes of the recoils."""

    name: Name = Field(description="Name, different for each experiment.")
    target: Annotated[Annotated[str, Field(max_length=100)] | TargetShares, SkipValidation] = Field(
        description='Nuclide "Ne20", natural element "Xe", or compound "CsI", with isotopes as in "Ge[76]O2"; '
        "or shares of nuclides and elements, such as { Ge76 = 0.88, Ge74 = 0.12 }."
    )
    mass_kg: Positive = Field(description="Mass of the target material, kg.")
    live_time_yr: Positive | None = Field(None, description="Live time, years of 365.25 d; or live_time_s.")
    live_time_s: Positive | None = Field(None, description="Live time, s; or live_time_yr.")
    distance_m: Positive | None = Field(None, description="Distance from the source, m; none for a solar source.")
    efficiency: Annotated[Share | FilePath | EfficiencyCurve | File, SkipValidation] = Field(
        1.0,
        description="Detection efficiency: a number, or a curve in true recoil energy (a file: keV, efficiency), "
        "constant beyond its first and last point.",
    )
    recoil_window_keV: Annotated[list[float], Field(min_length=2, max_length=2), SkipValidation] | None = Field(
        None, description="Lower and upper end of the one bin counted, keV; the upper may be inf. Or recoil_bins_keV."
    )
    recoil_bins_keV: Annotated[list[float], Field(min_length=2), SkipValidation] | None = Field(
        None,
        description="Increasing edges of the bins in recoil energy, keV. Or recoil_window_keV.",
    )
    form_factor: Annotated[FormFactorKey, SkipValidation] = Field(
        "helm",
        description="Nuclear form factor: a name, a table with kind and parameters, or a table of these by isotope.",
    )
    channels: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], SkipValidation] = Field(
        {},
        description=f"Per channel, the flavours that it counts together: {_FLAVOURS}. By default one channel, all, "
        "with every flavour of the source.",
    )
    systematic: NotNegative = Field(
        0.0, description="Relative uncertainty of the normalisation, common to channels and bins."
    )


class TemplateReferenceTable(Table):
    """What a signal template was made with. Where a number of the scan differs from the one here, the signal is the
    template times the ratio of the counts calculated with either; a number that is not here must not be changed.
    """

    sin2_theta_w: float | None = Field(None, gt=0, lt=1, description="As [physics] sin2_theta_w.")
    couplings: Literal["tree", "pdg2012", "radiative2020", "radiative2023"] | None = Field(
        None, description="As [physics] couplings."
    )
    kinematics: Literal["leading", "full"] | None = Field(None, description="As [physics] kinematics.")
    source: Annotated[SourceTable | None, SkipValidation] = Field(
        None, description="The source of the experiment, a table as [source]."
    )
    mass_kg: Positive | None = Field(None, description="Mass of the target material, kg.")
    live_time_yr: Positive | None = Field(None, description="Live time, years of 365.25 d; or live_time_s.")
    live_time_s: Positive | None = Field(None, description="Live time, s; or live_time_yr.")
    distance_m: Positive | None = Field(None, description="Distance from the source, m.")
    efficiency: Annotated[Share | FilePath | EfficiencyCurve | File | None, SkipValidation] = Field(
        None, description="Efficiency in true recoil energy, as that of the experiment."
    )
    form_factor: Annotated[FormFactorKey | None, SkipValidation] = Field(
        None, description="Nuclear form factor, as that of the experiment."
    )
    quenching: Annotated[Quenching | None, SkipValidation] = Field(
        None, description="As [experiments.response] quenching."
    )
    light_yield_PE_per_keVee: Annotated[LightYield | None, SkipValidation] = Field(
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

    recoils: Annotated[list[Literal["nucleus", "electron"]], Field(min_length=1), SkipValidation] = Field(
        ["nucleus"], description="What is counted: recoils of nuclei, of electrons, or both."
    )
    electrons: Annotated[ElectronsTable | None, SkipValidation] = Field(
        None, description="The electrons of the target, where they are counted: a table [experiments.electrons]."
    )
    template_reference: Annotated[TemplateReferenceTable | None, SkipValidation] = Field(
        None, description="What signal_template was made with: a table [experiments.template_reference]."
    )

    statistic: Annotated[StatisticKind | ExperimentStatisticTable | None, SkipValidation] = Field(
        None, description="How its counts are compared with its data; without it, as [statistic] says."
    )
