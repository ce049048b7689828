"""The table [experiments.electrons] of a scan file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.table import File, FilePath, Share, Table
from scanengine.definition.tables.recoil_efficiency import EfficiencyCurve

Bound = Literal["free", "step"] | FilePath | File


class ElectronsTable(Table):
    """The electrons of the target's atoms."""

    binding: Annotated[Bound | dict[str, Bound], SkipValidation] = Field(
        "step",
        description='How many can recoil: all ("free"), those of shells whose binding energy is below the recoil '
        'energy ("step"), or a file with the columns T_keV and electrons; or a table of these by element.',
    )
    efficiency: Annotated[Share | FilePath | EfficiencyCurve | File | None, SkipValidation] = Field(
        None,
        description="Detection efficiency in the true recoil energy of electrons, as that of the experiment, which is "
        "the default.",
    )
