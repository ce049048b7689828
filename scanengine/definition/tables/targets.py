"""The key `target` of an experiment: the name of a material, or a table of the shares of its isotopes."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import quoted, written
from scanengine.definition.reading.table import NotNegative, Table
from scanengine.errors import InputError
from scanengine.inputs.nuclei import Target, mixture, target

_LONGEST_NAME = 100
_SHARES = "{ Ge76 = 0.88, Ge74 = 0.12 }"


class TargetShares(Table):
    """A material by the shares of its nuclides or natural elements, which add up to 1."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, NotNegative]

    by: Literal["atoms", "mass"] = Field("atoms", description="Whether they are shares of the atoms, or of the mass.")


def build_target(raw: object, path: KeyPath, report: Report) -> Target | None:
    """Return the material, or None after adding a fault."""
    if isinstance(raw, dict):
        table, bad = report.check(TargetShares, raw, path, _SHARES)
        if bad:
            return None
        by, shares = table.by, table.model_extra or {}
    elif not isinstance(raw, str):
        report.add(
            path, f"found {written(raw)}, it must be a string in quotes, or a table of shares, such as {_SHARES}"
        )
        return None
    elif len(raw) > _LONGEST_NAME:
        report.add(path, f"found {quoted(raw)}, it must have at most {_LONGEST_NAME} characters")
        return None
    try:
        return target(raw) if isinstance(raw, str) else mixture(shares, by)
    except InputError as error:
        report.add(path, str(error))
        return None
