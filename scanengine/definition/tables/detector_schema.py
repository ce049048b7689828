"""The tables of a real detector in a scan file: its response, arrival times, backgrounds and data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.table import FilePath, NotNegative, Number, Positive, Share, Table

_ENERGY = "reconstructed quantity, PE or keVee"


class PolynomialTable(Table):
    """The electron-equivalent energy in keVee as a polynomial in the recoil energy in keV."""

    kind: Literal["polynomial"]
    coefficients: list[Number] = Field(min_length=1, description="Coefficients of T^0, T^1, ...: keVee per keV^k.")


class LindhardTable(Table):
    """Lindhard's quenching, with the charge of each isotope."""

    kind: Literal["lindhard"]
    k: Positive = Field(description="Lindhard's k, such as 0.157 for germanium.")


class QuenchingTable(Table):
    """Quenching factors at recoil energies, joined by straight lines, constant beyond the ends: lists, or a file."""

    kind: Literal["table"] = "table"
    recoil_keV: list[Number] | None = Field(None, description="Increasing recoil energies, keV.")
    factors: list[NotNegative] | None = Field(None, description="Quenching factor at each.")
    file: str | None = Field(None, description="File with columns recoil_keV and factor.")
    columns: list[str] | None = Field(
        None, description="Names of the file's columns, in their order; or those of its header that are these two."
    )
    per_cent: bool = Field(False, description="Whether the file's second column is in per cent.")


QUENCHING: dict[str, type[Table]] = {"polynomial": PolynomialTable, "lindhard": LindhardTable, "table": QuenchingTable}


class NoResolution(Table):
    """No smearing: the reconstructed quantity is its mean."""

    kind: Literal["none"]


class PoissonResolution(Table):
    """A whole number of photo-electrons, with Poisson's distribution."""

    kind: Literal["poisson"]


class GaussianResolution(Table):
    """Standard deviation sqrt(a^2 + b^2 x + c^2 x^2) of the reconstructed quantity x, in its units."""

    kind: Literal["gaussian"]
    a: NotNegative = Field(0.0, description=f"Noise, in the {_ENERGY}.")
    b: NotNegative = Field(0.0, description=f"Coefficient of the square root, root of the {_ENERGY}.")
    c: NotNegative = Field(0.0, description="Relative resolution.")


class GammaResolution(Table):
    """A gamma distribution with shape 1 + shape_per_keVee E, E the electron-equivalent energy in keVee."""

    kind: Literal["gamma"]
    shape_per_keVee: Positive = Field(description="Growth of the shape with the electron-equivalent energy, /keVee.")


RESOLUTIONS: dict[str, type[Table]] = {
    "none": NoResolution,
    "poisson": PoissonResolution,
    "gaussian": GaussianResolution,
    "gamma": GammaResolution,
}


class LogisticTable(Table):
    """height / (1 + exp(-steepness (x - midpoint))) + offset, zero where negative or below the threshold."""

    kind: Literal["logistic"]
    height: Number = Field(description="Height of the step.")
    steepness: Number = Field(description=f"Steepness, per unit of the {_ENERGY}.")
    midpoint: Number = Field(description=f"Middle of the step, in the {_ENERGY}.")
    offset: Number = Field(0.0, description="Added to the step.")
    threshold: Number | None = Field(None, description=f"Zero below it, in the {_ENERGY}.")


class CurveTable(Table):
    """Efficiencies at points joined by straight lines, constant beyond the ends: lists, or a file."""

    kind: Literal["curve"] = "curve"
    energies: list[Number] | None = Field(None, description=f"Increasing points of the {_ENERGY}.")
    values: list[Number] | None = Field(None, description="Efficiency at each, in [0, 1].")
    file: str | None = Field(None, description="File with columns energy and efficiency.")
    columns: list[str] | None = Field(
        None, description="Names of the file's columns, in their order; or those of its header that are these two."
    )
    per_cent: bool = Field(False, description="Whether the file's second column is in per cent.")
    threshold: Number | None = Field(None, description=f"Zero below it, in the {_ENERGY}.")


ACCEPTANCES: dict[str, type[Table]] = {"logistic": LogisticTable, "curve": CurveTable}


_Quenching = Positive | FilePath | PolynomialTable | LindhardTable | QuenchingTable
_Resolution = NoResolution | PoissonResolution | GaussianResolution | GammaResolution
Quenching = _Quenching | dict[str, _Quenching]
LightYield = Positive | dict[str, Positive]
Resolution = _Resolution | dict[str, _Resolution]
Acceptance = Share | FilePath | LogisticTable | CurveTable


class ElectronResponseTable(Table):
    """The response to electron recoils, where it differs from that to nuclear recoils."""

    quenching: Annotated[Quenching, SkipValidation] = Field(
        1.0, description="Quenching factor of electron recoils, keVee per keV."
    )
    light_yield_PE_per_keVee: Annotated[LightYield | None, SkipValidation] = Field(
        None, description="Photo-electrons per keVee; by default as for nuclei."
    )
    resolution: Annotated[Resolution | None, SkipValidation] = Field(
        None, description="Resolution of the reconstructed quantity; by default as for nuclei."
    )
    efficiency: Annotated[Acceptance | None, SkipValidation] = Field(
        None, description="Efficiency in the reconstructed quantity; by default as for nuclei."
    )
    recoil_threshold_keV: NotNegative = Field(
        0.0, description="True recoil energy of electrons below which nothing is detected, keV."
    )


class ResponseTable(Table):
    """The response of a detector to recoils, in place of recoil_bins_keV and recoil_window_keV."""

    quenching: Annotated[Quenching, SkipValidation] = Field(
        description="Quenching factor, keVee (electron-equivalent) per keV: a number, the path of a file with columns "
        "recoil_keV and factor, or a table with its kind; or one of these for each element or isotope of the target, "
        'as { Na = "na.csv", I = 0.09 }.'
    )
    light_yield_PE_per_keVee: Annotated[LightYield | None, SkipValidation] = Field(
        None,
        description="Photo-electrons per keVee; with it the reconstructed quantity is PE, without it keVee. A number, "
        "or one for each element or isotope.",
    )
    resolution: Annotated[Resolution, SkipValidation] = Field(
        default_factory=lambda: NoResolution(kind="none"),
        description="Resolution of the reconstructed quantity: a table with its kind, or one for each element or "
        "isotope.",
    )
    efficiency: Annotated[Acceptance, SkipValidation] = Field(
        1.0,
        description=f"Efficiency in the {_ENERGY}: a number, the path of a file with columns energy and efficiency, or "
        "a table with its kind.",
    )
    bins: Annotated[list[Number], Field(min_length=2), SkipValidation] = Field(
        description=f"Increasing edges of the bins in the {_ENERGY}; lo <= k < hi for k photo-electrons."
    )
    threshold_keVee: NotNegative | None = Field(
        None,
        description="Reconstructed energy at which the bins begin, keVee; with a light yield it is that times as many "
        "PE. Counts in lists stay those of `bins`, of which the lower ones are left out.",
    )
    recoil_threshold_keV: NotNegative = Field(
        0.0, description="True recoil energy below which nothing is detected, keV."
    )
    electron: Annotated[ElectronResponseTable | None, SkipValidation] = Field(
        None, description="How electron recoils differ: a table [experiments.response.electron]."
    )


class PulseTable(Table):
    """A Gaussian pulse of the beam, convolved with the decays of pi+ and, for the delayed flux, mu+."""

    kind: Literal["gaussian"]
    mean_us: Number = Field(description="Middle of the pulse, us.")
    width_us: Positive = Field(description="Standard deviation of the pulse, us.")


class TimeEfficiency(Table):
    """1 before the start, exp(-rate (t - start)) after it."""

    kind: Literal["exponential"]
    start_us: Number = Field(description="Start of the decrease, us.")
    rate_per_us: NotNegative = Field(description="Rate of the decrease, /us.")


class HistogramFile(Table):
    """A file with one row per bin (a column counts) or per event (none), its rows added up in the bins they lie in."""

    file: str | None = Field(None, description="Path, relative to the scan file's directory or {data}/...; or files.")
    files: list[str] | None = Field(None, description="Several files, whose rows are added; or file.")
    columns: Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        description='Names of the columns, in their order: "energy", "time_us", "counts", the extra quantity; others '
        "are not read. By default those that are binned, in this order with the extra quantity second, and counts; or "
        "the names in the file's header, if they are these.",
    )
    energy_range: list[Number] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Only rows with energies from the first number to below the second are read.",
    )
    energy_shift: Number = Field(0.0, description="Added to each row's energy.")
    time_efficiency: bool = Field(False, description="Whether [experiments.time] efficiency applies to its rows.")
    smeared: bool = Field(
        False, description="Whether a row's energy is a mean reconstructed energy, before resolution and efficiency."
    )
    projections: bool = Field(False, description="Whether to take the product of its projections on energy and time.")
    total: Positive | None = Field(None, description="Counts in all bins to which it is scaled; or factor.")
    factor: Positive | None = Field(None, description="Factor on all counts; or total.")


class ArrayFile(Table):
    """An array of counts in an HDF5 file, with a dimension for each quantity that is binned."""

    file: str = Field(description="Path, relative to the scan file's directory or {data}/...")
    dataset: str = Field(description="Name of the array in it, such as templates/template.")
    total: Positive | None = Field(None, description="Counts in all bins to which it is scaled; or factor.")
    factor: Positive | None = Field(None, description="Factor on all counts, such as an exposure; or total.")


class FallingFactor(Table):
    """Counts falling with time as exp(-rate t)."""

    kind: Literal["exponential"]
    rate_per_us: NotNegative = Field(description="Rate, /us; 0 for a uniform background.")


Counts = list[Any] | FilePath | HistogramFile | ArrayFile


class ProductTable(Table):
    """Counts as the product of a factor in energy and one in time."""

    energy: Annotated[list[NotNegative] | FilePath | HistogramFile, SkipValidation] = Field(
        description="Per energy bin."
    )
    time: Annotated[list[NotNegative] | FilePath | HistogramFile | FallingFactor, SkipValidation] = Field(
        description="Per time bin."
    )
    total: Positive | None = Field(None, description="Counts in all bins to which the product is scaled; or factor.")
    factor: Positive | None = Field(None, description="Factor on all counts; or total.")


class TimeTable(Table):
    """Bins in arrival time, and when the neutrinos of a stopped-pion source arrive."""

    bins_us: Annotated[list[Number], Field(min_length=2), SkipValidation] = Field(
        description="Increasing edges of the bins in time after the beam's pulse, us."
    )
    prompt: Annotated[list[NotNegative] | FilePath | PulseTable | HistogramFile | None, SkipValidation] = Field(
        None, description="Share of the nu_mu that arrives in each bin: numbers, a file with counts, or a pulse."
    )
    delayed: Annotated[list[NotNegative] | FilePath | PulseTable | HistogramFile | None, SkipValidation] = Field(
        None, description="Share of the nu_e and nu_mubar that arrives in each bin, as prompt."
    )
    efficiency: Annotated[Share | TimeEfficiency, SkipValidation] = Field(
        1.0,
        description="Efficiency in time: a number, or a table with its kind; of numbers and files its bin averages.",
    )


class DataTable(Table):
    """The counts that were seen."""

    counts: Annotated[Counts, SkipValidation] = Field(
        description="A list per energy bin, of lists per time bin if there are any, or files; with a Gaussian "
        "statistic they may be negative, as after a subtraction."
    )
