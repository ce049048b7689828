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


FilePath = Annotated[str, Field(pattern="[./]")]
"""The path of a file, where its name alone will do."""


def is_path(text: object) -> bool:
    """Whether a text is the path of a file, and no name."""
    return isinstance(text, str) and ("." in text or "/" in text)


def file_of(raw: object) -> object:
    """Return the table of a file of which the path alone is given; anything else as it is."""
    return {"file": raw} if is_path(raw) else raw


class File(Table):
    """A text file of columns, separated by blanks, tabs, commas or semicolons; # begins a comment, and there may be a
    header. The path alone will do where its columns are the default ones.
    """

    file: str = Field(description="Path, relative to the scan file's directory, or {data}/... in the data folder.")
    columns: list[str] | None = Field(
        None,
        description="Names of its columns, if not the default ones in their order; or those of its header that are the "
        "default ones.",
    )
    per_cent: bool = Field(False, description="Whether all columns but the first are in per cent.")
