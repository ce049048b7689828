"""The table [axes] of a scan file: the grid of each scanned parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, written
from scanengine.definition.reading.table import Number, Table
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.parameters import Parameter

_FORM = "{ min = -1.0, max = 1.0, points = 31 } or { values = [0.0, 0.5, 1.0] }"
_RESERVED = ("constant", "chi2", "profiles", "responses")
"""Names with a meaning of their own in ties and in result files."""

MAX_POINTS_PER_AXIS = 10_000_000


class AxisTable(Table):
    """The grid of one scanned parameter: min, max and points, or values."""

    min: Number | None = Field(None, description="First value, in the parameter's units.")
    max: Number | None = Field(None, description="Last value, in the parameter's units.")
    points: int | None = Field(None, ge=2, le=MAX_POINTS_PER_AXIS, description="Number of values, both ends included.")
    spacing: Literal["linear", "log"] = Field("linear", description="Equal steps, or equal ratios.")
    values: list[Number] | None = Field(None, min_length=2, description="The values themselves, increasing.")


def build_axes(
    raw: dict[str, Any], tied_to: set[str], known: Mapping[str, Parameter], report: Report
) -> tuple[Axis, ...]:
    """Return the axes without faults; only names in `tied_to`, which ties use, may be no `known` parameters."""
    axes = []
    for name, table in raw.items():
        path: KeyPath = ("axes", name)
        fault = _name_fault(name, tied_to, known)
        if fault:
            report.add(path, fault)
        values = axis_values(table, path, report)
        parameter = known.get(name)
        if values is not None and parameter is not None and parameter.root_of is not None and values[0] < 0.0:
            message = f"found values below zero: {name} is a coupling, of which only the square counts"
            report.add((*path, "values" if "values" in table else "min"), message)
            values = None
        if values is not None and not fault:
            axes.append(_axis(name, values, parameter))
    return tuple(axes)


def _axis(name: str, values: FloatArray, parameter: Parameter | None) -> Axis:
    if parameter is None:
        escaped = name.replace("_", r"\_")
        return Axis(name, values, long_name=name, symbol=rf"\mathrm{{{escaped}}}")
    return Axis(name, values, parameter.units, parameter.long_name, parameter.symbol)


def _name_fault(name: str, tied_to: set[str], known: Mapping[str, Parameter]) -> str | None:
    if name in known:
        return None
    if name in _RESERVED or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or "__" in name:
        taken = f", and not {listed(_RESERVED, 'or')}" if name in _RESERVED else ""
        return f"an axis' name must be letters, digits and single underscores{taken}"
    if name not in tied_to:
        return f"unknown parameter, {nearest_or_all(name, known)}; an axis of another name must be used in [tied]"
    return None


def axis_values(raw: object, path: KeyPath, report: Report) -> FloatArray | None:
    """Return the values of an axis, None after a fault."""
    table, bad = report.check(AxisTable, raw, path, _FORM)
    if not isinstance(raw, dict):
        return None
    if "values" in raw:
        others = [name for name in raw if name in ("min", "max", "points", "spacing")]
        if others:
            report.add((*path, others[0]), "found beside values, an axis is either", (*path, "values"))
        return _listed_values(table, path, report) if not bad and not others else None
    missing = [name for name in ("min", "max", "points") if name not in raw]
    if missing:
        if not report.misspelt(raw, missing, AxisTable):
            report.add(path, f"{listed(missing)} missing, it must be {_FORM}")
        return None
    if bad & {"min", "max"}:
        return None
    return _spaced_values(table, bad, path, report)


def _listed_values(table: AxisTable, path: KeyPath, report: Report) -> FloatArray | None:
    values = np.array(table.values, dtype=np.float64)
    steps = np.diff(values)
    if np.all(steps > 0.0):
        return values
    at = int(np.argmax(~(steps > 0.0))) + 1
    report.add((*path, "values", at), f"found {values[at]:g} after {values[at - 1]:g}, values must increase")
    return None


def _spaced_values(table: AxisTable, bad: frozenset[str], path: KeyPath, report: Report) -> FloatArray | None:
    low, high = float(table.min or 0.0), float(table.max or 0.0)
    if low >= high:
        message = f"found min = {written(table.min)} and max = {written(table.max)}, min must lie below max"
        report.add((*path, "max"), message, (*path, "min"))
        return None
    if "spacing" not in bad and table.spacing == "log" and low <= 0.0:
        message = f'found {written(table.min)}, it must be positive where spacing = "log"'
        report.add((*path, "min"), message, (*path, "spacing"))
        return None
    if bad:
        return None
    space = np.geomspace if table.spacing == "log" else np.linspace
    values: FloatArray = space(low, high, table.points or 0, dtype=np.float64)
    values[np.abs(values) < 1e-13 * (high - low)] = 0.0  # where linspace misses the zero by rounding
    if not np.all(np.isfinite(values)) or not np.all(np.diff(values) > 0.0):
        message = (
            f"found {table.points}, and that many points from {low:g} to {high:g} are not distinct in double precision"
        )
        report.add((*path, "points"), message)
        return None
    return values
