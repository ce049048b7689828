"""The neutrino sources of a scan file, its tables [source] and [sources], and which of them an experiment names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted
from scanengine.definition.tables.reactor import reactor_notes
from scanengine.definition.tables.schema import ScanFile
from scanengine.definition.tables.source_kinds import build_source, written_out
from scanengine.definition.tables.sterile import sterile_notes
from scanengine.inputs.facilities import FACILITIES
from scanengine.inputs.sources import Source

_PRESETS = {name: {"preset": name} for name in FACILITIES}
"""The tables that experiments mean which name a facility."""


@dataclass(frozen=True)
class Sources:
    """The sources of a scan file that could be read: [source], if there is one, and those of [sources] by name.

    `given` says whether there is a [source]; a source with a fault is nothing.
    """

    default: Source | None
    given: bool
    named: Mapping[str, Source | None]

    def of(self, experiment: Mapping[str, Any], path: KeyPath, report: Report) -> Source | None:
        """Return the source that an experiment's table names, or None; an unknown name is a fault."""
        if "source" not in experiment:
            if not self.given and self.named:
                report.add(path, f"source is missing: name one of [sources], {listed(self.named, 'or')}")
            return self.default
        name = experiment["source"]
        if not isinstance(name, str):
            return None  # a fault of the table already
        if name not in self.named and name in FACILITIES:
            return _remembered(_PRESETS[name], (*path, "source"), report)
        if name not in self.named:
            known = nearest_or_all(name, [*self.named, *FACILITIES])
            report.add((*path, "source"), f"unknown source {quoted(name)}, {known}")
            return None
        return self.named[name]


def build_sources(raw: Mapping[str, Any], report: Report) -> Sources:
    """Return the sources of a scan file, after adding their faults to the report."""
    tables = report.table(raw.get("sources", {}), ("sources",), '{ reactor = { kind = "reactor", ... } }')
    named = {name: _remembered(table, ("sources", name), report) for name, table in tables.items()}
    given = "source" in raw
    experiments = raw["experiments"] if isinstance(raw.get("experiments"), list) else []
    named_by = [each.get("source") for each in experiments if isinstance(each, dict)]
    facilities = [name for name in named_by if isinstance(name, str) and name in FACILITIES]
    if not given and not named and not facilities and not report.misspelt(raw, ("source",), ScanFile):
        report.add(("source",), "missing, it must be given: neutrino source, a table [source], or several in [sources]")
    if given:
        return Sources(_remembered(raw["source"], ("source",), report), True, named)
    default = next(iter(named.values()), None)
    if not named and facilities:
        default = _remembered(_PRESETS[facilities[0]], ("source",), report)
    return Sources(default, False, named)


def _remembered(raw: object, path: KeyPath, report: Report) -> Source | None:
    return report.once(f"source {path}", (raw,), partial(build_source, raw, path, report))


def source_notes(raw: Mapping[str, Any]) -> list[str]:
    """Return notes on the reactors of a sound scan file, and on oscillations."""
    tables = {f"sources.{name}": table for name, table in raw.get("sources", {}).items()}
    tables |= {"source": raw["source"]} if "source" in raw else {}
    tables = {name: written_out(table) for name, table in tables.items()}
    reactors = {name: table for name, table in tables.items() if table["kind"] == "reactor"}
    notes = [note for name, table in reactors.items() for note in reactor_notes(name, table)]
    return notes + [note for name, table in tables.items() for note in sterile_notes(name, table)]
