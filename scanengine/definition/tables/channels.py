"""The key `channels` of an experiment: which flavours are counted together."""

from __future__ import annotations

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.sources import Source


def build_channels(
    raw: object, source: Source | None, path: KeyPath, report: Report
) -> dict[str, tuple[str, ...]] | None:
    """Return the flavours of each channel, by its name, or None after adding the faults."""
    table = report.table(raw, path, '{ delayed = ["nu_e", "nu_mubar"] }')
    if not table:
        if isinstance(raw, dict):
            report.add(path, 'found no channel, it must have at least one, such as { delayed = ["nu_e", "nu_mubar"] }')
        return None
    sound = True
    for name, flavours in table.items():
        if not name.strip() or "/" in name:
            report.add((*path, name), "a channel's name must be a word without slashes")
            sound = False
        if not isinstance(flavours, list) or not flavours:
            report.add(
                (*path, name), f'found {written(flavours)}, it must be a list of flavours, such as ["nu_e", "nu_mubar"]'
            )
            sound = False
            continue
        for position, flavour in enumerate(flavours):
            fault = _flavour_fault(flavour, flavours[:position], source)
            if fault:
                report.add((*path, name, position), fault)
                sound = False
    return {name: tuple(flavours) for name, flavours in table.items()} if sound else None


def _flavour_fault(flavour: object, before: list[object], source: Source | None) -> str | None:
    if not isinstance(flavour, str):
        return f"found {written(flavour)}, it must be a flavour in quotes: {listed(FLAVOURS, 'or')}"
    if flavour not in FLAVOURS:
        return f"unknown flavour {quoted(flavour)}, {nearest_or_all(flavour, FLAVOURS)}"
    if flavour in before:
        return f"found {quoted(flavour)} twice, a channel counts a flavour once"
    if source is not None and flavour not in source.spectra:
        return f"found {quoted(flavour)}, of which the source has no flux: it has {listed(source.spectra)}"
    return None
