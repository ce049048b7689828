"""The table of a background in a scan file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.table import Name, NotNegative, Number, Positive, Table
from scanengine.definition.tables.detector_schema import Counts, ProductTable

SPECTRA: Mapping[str, Mapping[str, bool]] = {
    "constant": {},
    "exponential": {"slope_keV": True, "at_keV": False},
    "power": {"index": True, "at_keV": False},
    "line": {"energy_keV": True, "width_keV": True, "per_kg_day": False},
}
"""The keys of each spectrum, and whether they must be given."""


class BackgroundTable(Table):
    """Counts that no parameter changes: in each bin, or as a spectrum in reconstructed energy (of an ideal detector, in
    recoil energy), which is integrated over the bins as it is, without an efficiency, and spread evenly over bins in
    time. A nuisance may leave its normalisation free.
    """

    name: Name = Field(description="Name, different for each background of the experiment.")
    counts: Annotated[Positive | Counts | ProductTable | None, SkipValidation] = Field(
        None,
        description="Expected counts: a list per energy bin, of lists per time bin if there are any, or files; with a "
        "Gaussian statistic they may be negative. With a spectrum, a number: the counts in all bins.",
    )
    spectrum: Literal["constant", "exponential", "power", "line"] | None = Field(
        None,
        description="1, exp(-(E - at_keV) / slope_keV), (E / at_keV)^index, or a Gaussian of energy_keV and width_keV; "
        "energies are in keV of recoil, or in keVee for a detector with a response.",
    )
    per_kg_day_keV: Positive | None = Field(
        None,
        description="Rate at at_keV, or in the middle of a line, /kg/day/keV; times mass and live time. Or counts.",
    )
    per_kg_day: Positive | None = Field(None, description="Rate of a whole line, /kg/day; or per_kg_day_keV.")
    slope_keV: Number | None = Field(None, description="Energy in which an exponential falls by e, keV.")
    index: Number | None = Field(None, description="Exponent of a power law: -1 for 1/E.")
    at_keV: NotNegative | None = Field(
        None, description="Where per_kg_day_keV is the rate, keV; by default 0 for an exponential, 1 for a power law."
    )
    energy_keV: NotNegative | None = Field(None, description="Middle of a line, keV.")
    width_keV: Positive | None = Field(None, description="Standard deviation of a line, keV.")
    nonnegative: bool = Field(
        False, description="Whether nuisances are kept from making its counts negative in any bin."
    )
