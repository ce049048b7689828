"""The tables of statistics and nuisances in a scan file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.model import StatisticKind
from scanengine.definition.reading.table import FilePath, Name, Positive, Table
from scanengine.definition.tables.detector_schema import (
    Acceptance,
    HistogramFile,
    ProductTable,
    Quenching,
)
from scanengine.definition.tables.response_matrix import MatrixVariation


class StatisticTable(Table):
    """How counts are compared with the data."""

    kind: StatisticKind = Field(
        "gaussian",
        description="chi2 with the covariance of counts and normalisations, or the Poisson likelihood of each bin.",
    )


class CovarianceFile(Table):
    """A file with a row per bin, of as many numbers."""

    file: str = Field(description="Path, relative to the scan file's directory or {data}/...")


class ExperimentStatisticTable(Table):
    """How the counts of one experiment are compared with its data."""

    kind: StatisticKind = Field("gaussian", description="As the key kind of [statistic].")
    variance: Annotated[list[Any] | FilePath | HistogramFile | None, SkipValidation] = Field(
        None, description="Variance of the data in each bin, in the same form as counts; by default the expected count."
    )
    covariance: Annotated[list[list[float]] | FilePath | CovarianceFile | None, SkipValidation] = Field(
        None, description="Covariance of the data, a list per bin; or variance."
    )
    sigma_above: Annotated[float | list[float] | None, SkipValidation] = Field(
        None,
        description="Standard deviation of the data where the expectation is above them: one for all bins, or each.",
    )
    sigma_below: Annotated[float | list[float] | None, SkipValidation] = Field(
        None, description="The same where the expectation is below the data."
    )


class ShapeTable(Table):
    """Counts of a background, or of the signal, at one standard deviation to either side."""

    experiment: str = Field(description="Name of an experiment with a single channel.")
    background: str | None = Field(None, description="Name of one of its backgrounds; or signal.")
    signal: Literal[True] | None = Field(
        None,
        description="true: the counts are those of the Standard Model's signal, and scale with the calculated ones.",
    )
    plus: Annotated[list[Any] | FilePath | HistogramFile | ProductTable, SkipValidation] = Field(
        description="Counts in each bin at +1 standard deviation."
    )
    minus: Annotated[list[Any] | FilePath | HistogramFile | ProductTable | None, SkipValidation] = Field(
        None,
        description="Counts in each bin at -1 standard deviation; by default as far below nominal as plus is above.",
    )
    normalised: bool = Field(
        True,
        description="Whether each is scaled to the nominal sum, so that only the shape changes; without the key a note "
        "says so where the sums differ.",
    )


class QuenchingVariation(Table):
    """Quenching at one standard deviation to either side, each as in [experiments.response]."""

    plus: Annotated[Quenching, SkipValidation] = Field(description="At +1 standard deviation.")
    minus: Annotated[Quenching, SkipValidation] = Field(description="At -1 standard deviation.")


class EfficiencyVariation(Table):
    """Efficiency at one standard deviation to either side, each as in [experiments.response]."""

    plus: Annotated[Acceptance, SkipValidation] = Field(description="At +1 standard deviation.")
    minus: Annotated[Acceptance, SkipValidation] = Field(description="At -1 standard deviation.")


class NuisanceTable(Table):
    """A nuisance parameter: it changes counts, and chi2 is minimised over it at every point.

    Its effects add up, and those of several nuisances too: counts are linear in each.
    """

    name: Name = Field(description="Name, different for each nuisance.")
    width: Annotated[Positive | Annotated[list[Positive], Field(min_length=2, max_length=2)], SkipValidation] = Field(
        1.0,
        description="Standard deviation of the parameter x, or two, below and above zero. Without it a factor on "
        "signals or backgrounds alone is free, with a flat prior; of shapes and responses it is 1.",
    )
    pull: Literal["gaussian", "log"] = Field(
        "gaussian", description='What it adds to chi2: x^2 / width^2, or by "log" 2 (x - ln(1 + x)) / width^2.'
    )
    signal: Annotated[Literal["all"] | list[str] | None, SkipValidation] = Field(
        None, description='Experiments whose signal is multiplied by 1 + x; or "all".'
    )
    background: Annotated[list[str] | None, SkipValidation] = Field(
        None, description='Backgrounds that are multiplied by 1 + x, such as "CsI2017.neutrons".'
    )
    shape: Annotated[list[ShapeTable] | None, SkipValidation] = Field(
        None, description="Shapes that change, linearly on either side, by x / width standard deviations."
    )
    parameter: str | None = Field(
        None,
        description='Parameter of a background with a spectrum, e.g. "NaI.falling.slope_keV": x is added to it; '
        "the counts are those at one width to either side, and linear in between.",
    )
    quenching: Annotated[dict[str, Positive | QuenchingVariation] | None, SkipValidation] = Field(
        None,
        description="By experiment, one standard deviation of a constant quenching factor, or the quenching to either "
        "side; counts are linear on either side.",
    )
    matrix: Annotated[dict[str, MatrixVariation] | None, SkipValidation] = Field(
        None, description="By experiment, its response matrix to either side; counts are linear on either side."
    )
    efficiency: Annotated[dict[str, EfficiencyVariation] | None, SkipValidation] = Field(
        None,
        description="By experiment, the efficiency of its response to either side; counts are linear on either side.",
    )
