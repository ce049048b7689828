"""Axes of numbers of the scan file, named by their dotted keys: the file is read anew at each of their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scanengine.definition.model import Definition
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.overrides import NAMED, Override, applied, names_of, with_its_table
from scanengine.definition.reading.parsed import Parsed
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.tables.axes import axis_values
from scanengine.errors import Fault
from scanengine.grid.axes import Axis

_TABLES = ("source", "sources", "physics", "mediators", "experiments", "nuisances", "fixed", "tied")
"""What has numbers that a scan depends on."""

_OPTIONAL = ("physics", "fixed")
"""Of these all have values without a table."""

_WHAT = {key: what for key, (what, _) in NAMED.items()} | {"mediators": "mediator", "sources": "source"}
"""What one of the tables with a name each is."""

_UNITS = {
    "MeV": "MeV",
    "keV": "keV",
    "keVee": "keVee",
    "fm": "fm",
    "kg": "kg",
    "m": "m",
    "s": "s",
    "yr": "yr",
    "us": "us",
    "GW": "GW",
    "eV2": "eV^2",
    "per_keVee": "1/keVee",
}
"""Units by how a key ends."""

_SYMBOLS = (
    (r"mediators\.(\w+)\.mass_MeV", r"m_{{\mathrm{{{0}}}}}"),
    (r".*\.rms_n_fm", r"R_n"),
    (r".*\.rms_p_fm", r"R_p"),
    (r".*\.rms_fm", r"R"),
    (r".*\.threshold_keVee", r"E_{{\mathrm{{thr}}}}"),
    (r".*\.live_time_yr", r"t"),
    (r".*\.dm2_eV2", r"\Delta m^2"),
    (r".*\.sin2_2theta_(\w+)", r"\sin^2 2\theta_{{{0}}}"),
)


def is_outer(name: str) -> bool:
    """Whether the name of an axis is a key of the scan file."""
    return "." in name


class OuterAxes(NamedTuple):
    """The outer axes of a scan file, and the names of all axes in its order."""

    axes: tuple[Axis, ...]
    order: tuple[str, ...]
    inside: bool
    """Whether the definition is to be that at one value of each, without them."""

    def added_to(self, definition: Definition) -> Definition:
        """Return a definition of the other axes with these as well."""
        inner = definition.parameters
        by_name = {axis.name: axis for axis in (*self.axes, *definition.axes)}
        names = [name for name in self.order if name in by_name]
        matrix = np.zeros((len(inner.matrix), 1 + len(names)))
        matrix[:, 0] = inner.matrix[:, 0]
        for column, name in enumerate(inner.axes, start=1):
            matrix[:, 1 + names.index(name)] = inner.matrix[:, column]
        squared = dict(zip(inner.axes, inner.squared, strict=True))
        flags = tuple(squared.get(name, False) for name in names)
        parameters = replace(inner, axes=tuple(names), matrix=matrix, squared=flags)
        return replace(definition, axes=tuple(by_name[name] for name in names), parameters=parameters)


def without_outer(
    raw: dict[str, Any],
    parsed: Parsed,
    report: Report,
    overridden: dict[KeyPath, Override],
    at: Mapping[str, float] | None,
) -> tuple[dict[str, Any], OuterAxes, list[Fault]]:
    """Return the tables of a scan file at one value of each outer axis, which then is no axis; these axes; and faults.

    The values are those of `at`, or the first ones; `overridden` is told of them.
    """
    order = tuple(raw["axes"]) if isinstance(raw.get("axes"), dict) else ()
    tables = {name: raw["axes"][name] for name in order if is_outer(name)}
    if not tables:
        return raw, OuterAxes((), order, inside=False), []
    axes = build_outer_axes(tables, raw, report)
    changes = []
    for axis in axes:
        value = float(axis.values[0]) if at is None else at[axis.name]
        line = parsed.lines.get(("axes", axis.name), 1)
        where = f"{parsed.name}:{line}: axes.{axis.name} at {value:g}"
        changes.append(Override(tuple(axis.name.split(".")), value, f"{axis.name}={value!r}", where))
    others = {name: table for name, table in raw["axes"].items() if name not in tables}
    raw, by_axes, faults = applied({**raw, "axes": others}, changes)
    overridden.update(by_axes)
    return raw, OuterAxes(axes, order, inside=at is not None), faults


def build_outer_axes(tables: Mapping[str, Any], raw: Mapping[str, Any], report: Report) -> tuple[Axis, ...]:
    """Return the axes, without faults, of those tables of [axes] whose names are keys of the scan file `raw`."""
    axes = []
    for key, table in tables.items():
        fault = _fault(key, raw)
        if fault is not None:
            report.add(("axes", key), fault)
            continue
        values = axis_values(table, ("axes", key), report)
        if values is not None:
            axes.append(Axis(key, values, _units(key), key, _symbol(key)))
    return tuple(axes)


def _fault(key: str, raw: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the key of an axis, as far as the file tells."""
    parts = key.split(".")
    if not all(parts):
        return "a key of the scan file has no empty parts: it must be as mediators.zp.mass_MeV"
    if (whole := with_its_table(raw, parts)) is not None:
        return f"there is no table {parts[0]}: write {quoted(whole)}"
    if parts[0] not in _TABLES:
        return f"{quoted(parts[0])} has no numbers that can be an axis: keys begin with {listed(_TABLES, 'or')}"
    found: Any = raw.get(parts[0], {} if parts[0] in _OPTIONAL else None)
    if found is None:
        return f"there is no table {parts[0]} in this file"
    rest = parts[1:]
    if parts[0] in _WHAT:
        tables = _by_name(found)
        name = rest[0] if rest else ""
        if name not in tables:
            return f"there is no {_WHAT[parts[0]]} {quoted(name)}, {nearest_or_all(name, tables)}"
        found, rest = tables[name], rest[1:]
    for part in rest:
        if isinstance(found, list) and part in (there := names_of(found)):
            found = found[there.index(part)]
            continue
        if not isinstance(found, dict):
            return f"found {written(found)} there, not a table that could have a key {quoted(part)}: write it as one"
        found = found.get(part)
        if found is None:
            return None  # a key that is set by the axis alone
    if isinstance(found, bool) or not isinstance(found, int | float):
        return f"found {written(found)} there, an axis is over a number"
    return None


def _by_name(tables: object) -> dict[str, Any]:
    """Return tables by name, of a list of tables that have one or of a table of tables."""
    if isinstance(tables, list):
        return {str(each.get("name")): each for each in tables if isinstance(each, dict)}
    return dict(tables) if isinstance(tables, dict) else {}


def _units(key: str) -> str:
    last = key.rpartition(".")[2]
    for ending in sorted(_UNITS, key=len, reverse=True):
        if last.endswith(f"_{ending}"):
            return _UNITS[ending]
    return "1"


def _symbol(key: str) -> str:
    for pattern, symbol in _SYMBOLS:
        found = re.fullmatch(pattern, key)
        if found:
            return symbol.format(*(part.replace("_", r"\_") for part in found.groups()))
    words = key.replace("_", r"\_")
    return rf"\mathrm{{{words}}}"
