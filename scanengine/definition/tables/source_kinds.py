"""One neutrino source: a table of one of the kinds, as [source] or as one of [sources]."""

from __future__ import annotations

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.tables.reactor import Reactor, build_reactor
from scanengine.definition.tables.solar import Solar, build_solar
from scanengine.definition.tables.sterile import with_sterile
from scanengine.definition.tables.stopped_pion import StoppedPion, build_stopped_pion
from scanengine.definition.tables.tabulated_source import Tabulated, build_tabulated
from scanengine.inputs.sources import Source

SourceTable = StoppedPion | Tabulated | Reactor | Solar

_BUILDERS = {
    "stopped-pion": build_stopped_pion,
    "tabulated": build_tabulated,
    "reactor": build_reactor,
    "solar": build_solar,
}
_ANY_KIND = listed([quoted(kind) for kind in _BUILDERS], "or")


def build_source(raw: object, path: KeyPath, report: Report) -> Source | None:
    """Return a source, or None after adding its faults to the report."""
    if not isinstance(raw, dict):
        report.add(path, f"found {written(raw)}, it must be a table with kind = {_ANY_KIND}")
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
