"""One neutrino source: a table of one of the kinds, as [source] or as one of [sources]."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.reading.spelling import nearest
from scanengine.definition.reading.table import Table
from scanengine.definition.tables.reactor import Reactor, build_reactor
from scanengine.definition.tables.solar import Solar, build_solar
from scanengine.definition.tables.sterile import with_sterile
from scanengine.definition.tables.stopped_pion import StoppedPion, build_stopped_pion
from scanengine.definition.tables.tabulated_source import Tabulated, build_tabulated
from scanengine.inputs.facilities import FACILITIES, keys_of
from scanengine.inputs.sources import Source


class PresetSource(Table):
    """A source by name; its keys may be written beside it, and take the place of those that it stands for."""

    model_config = ConfigDict(extra="allow")

    preset: Literal["sns", "ess", "jsns2", "leibstadt", "brokdorf"] = Field(
        description="Name of a facility: " + "; ".join(f"{each.name}, {each.summary}" for each in FACILITIES.values())
    )


SourceTable = StoppedPion | Tabulated | Reactor | Solar | PresetSource

_BUILDERS = {
    "stopped-pion": build_stopped_pion,
    "tabulated": build_tabulated,
    "reactor": build_reactor,
    "solar": build_solar,
}
_ANY_KIND = listed([quoted(kind) for kind in _BUILDERS], "or")


_PRESETS = listed([quoted(name) for name in FACILITIES], "or")


def written_out(raw: object) -> object:
    """Return the table of a source with a preset and what that stands for; any other, or a fault, as it is."""
    name = raw.get("preset") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(name, str) or name not in FACILITIES:
        return raw
    return keys_of(FACILITIES[name], {key: value for key, value in raw.items() if key != "preset"})


def build_source(raw: object, path: KeyPath, report: Report) -> Source | None:
    """Return a source, or None after adding its faults to the report."""
    raw = written_out(raw)
    if not isinstance(raw, dict):
        report.add(path, f"found {written(raw)}, it must be a table with kind = {_ANY_KIND}, or one of {_PRESETS}")
        return None
    if "preset" in raw:
        name = raw["preset"]
        close = nearest(name, FACILITIES) if isinstance(name, str) else None
        hint = f" (the nearest is {close})" if close else ""
        report.add((*path, "preset"), f"found {written(name)}, it must be {_PRESETS}{hint}")
        return None
    kind = report.kind_of(raw, tuple(_BUILDERS), path)
    if kind is None:
        kind = "tabulated" if "spectra" in raw else "reactor" if "power_GW" in raw else "stopped-pion"
        build_source({**raw, "kind": kind}, path, report)
        return None
    source = _BUILDERS[kind](raw, path, report)
    if "sterile" not in raw or kind == "solar":
        return source
    oscillating = with_sterile(source or Source({}, 1.0), raw["sterile"], (*path, "sterile"), report)
    return None if source is None else oscillating
