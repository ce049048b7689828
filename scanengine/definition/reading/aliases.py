"""Other spellings of names in scan files: eps_mumu_uV for eps_mm_uV, nu_mu_bar for nu_mubar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scanengine.definition.reading.lines import KeyPath
from scanengine.inputs.aliases import canonical

_OF_PARAMETERS = ("axes", "fixed", "tied")


def with_canonical_names(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of a scan file with its parameters, and the flavours of channels and spectra, as they are spelt
    here, and with sources that are given by a name as tables. A name that would be there twice stays as it is.
    """
    found = dict(raw)
    for key in _OF_PARAMETERS:
        if isinstance(raw.get(key), dict):
            found[key] = _renamed(raw[key])
    if isinstance(found.get("tied"), dict):
        found["tied"] = {name: _renamed(tie) if isinstance(tie, dict) else tie for name, tie in found["tied"].items()}
    if "source" in raw:
        found["source"] = _source(raw["source"])
    if isinstance(raw.get("sources"), dict):
        found["sources"] = {name: _source(table) for name, table in raw["sources"].items()}
    if isinstance(raw.get("experiments"), list):
        found["experiments"] = [_experiment(table) for table in raw["experiments"]]
    return found if found != raw else raw


def canonical_lines(lines: Mapping[KeyPath, int]) -> dict[KeyPath, int]:
    """Return the lines of keys that may have been renamed, under both spellings."""
    renamed = {
        tuple(canonical(part) if isinstance(part, str) else part for part in path): line
        for path, line in lines.items()
        if path and path[0] in (*_OF_PARAMETERS, "source", "sources")
    }
    return {**renamed, **lines}


def canonical_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of a dotted key with the names of parameters as they are spelt here."""
    keys = tuple(keys)
    return tuple(map(canonical, keys)) if keys[0] in _OF_PARAMETERS else keys


def _renamed(table: dict[str, Any]) -> dict[str, Any]:
    names = {name: name if "." in name else canonical(name) for name in table}
    if len(set(names.values())) < len(names):
        return table
    return {names[name]: value for name, value in table.items()}


def _source(table: object) -> object:
    """Return a source; one that is named is a table with a preset, so that there is one to set keys of."""
    if isinstance(table, str):
        return {"preset": table}
    if not isinstance(table, dict) or not isinstance(table.get("spectra"), dict):
        return table
    return {**table, "spectra": _renamed(table["spectra"])}


def _experiment(table: object) -> object:
    channels = table.get("channels") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(channels, dict):
        return table
    spelt = {name: _flavours(flavours) for name, flavours in channels.items()}
    return table if spelt == channels else {**table, "channels": spelt}


def _flavours(flavours: object) -> object:
    if not isinstance(flavours, list):
        return flavours
    return [canonical(each) if isinstance(each, str) else each for each in flavours]
