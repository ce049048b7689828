"""What every table of a scan file is built from: the base of its models, and the types of its numbers and names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LARGEST, SMALLEST = 1e30, 1e-30
"""Numbers beyond these are no detector's, no source's and no parameter's, and their products overflow."""

Number = Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, ge=SMALLEST, le=LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^/\x00-\x1f]+$")]


class Table(BaseModel):
    """A table of a scan file: unknown keys, strings for numbers, NaN and infinity are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True, defer_build=True)


class File(Table):
    """A text file of columns, separated by blanks, commas or semicolons; # begins a comment."""

    file: str = Field(description="Path, relative to the scan file's directory, or {data}/... in the data folder.")
    columns: list[str] | None = Field(None, description="Names of its columns, if not the default ones in their order.")
