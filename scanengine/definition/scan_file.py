"""From a scan file, or its text, to a `Definition`, or to all its faults at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scanengine.definition.build import defined
from scanengine.definition.data_files import data_files_of
from scanengine.definition.include import parsed
from scanengine.definition.model import Definition
from scanengine.definition.reading.bundled import find_scan, read_text
from scanengine.definition.reading.folders import DATA_VARIABLE, IN_DATA, Folders
from scanengine.definition.reading.overrides import from_texts, from_values
from scanengine.definition.reading.toml import tables_of
from scanengine.errors import DefinitionError, Fault

Overrides = Sequence[str] | Mapping[str, object]
"""Texts KEY=VALUE, or values by their dotted keys."""


def read(
    path_or_name: str | Path,
    overrides: Overrides = (),
    *,
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
) -> Definition:
    """Read a scan file, given its path or the name of a bundled scan; `overrides` as `parse` takes them.

    Raises InputError if there is no such file, DefinitionError with all its faults if it is wrong.
    """
    path = find_scan(path_or_name)
    text = read_text(path)
    return parse(text, path=path, overrides=overrides, require_axes=require_axes, own_axes=own_axes, data=data)


def parse(
    text: str,
    *,
    path: Path | None = None,
    directory: Path | None = None,
    overrides: Overrides = (),
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
) -> Definition:
    """Return what the text of a scan file defines; its files are relative to `directory`, by default that of `path`.

    `overrides` are texts KEY=VALUE, as `--set` takes them, or values by their dotted key. Files written as {data}/...
    are in the folder `data`, by default that of the environment variable SCANENGINE_DATA. With `own_axes` an axis may
    have any name, for a cross-section that makes use of it.

    Raises DefinitionError with all faults of the text and the overrides.
    """
    data = data or os.environ.get(DATA_VARIABLE)
    folders = Folders(directory or (path.parent if path else Path()), Path(data) if data else None)
    name = str(path) if path else "scan"
    missing = data_files_of(tables_of(text, name), folders.own).missing(folders.data)
    if missing is not None:
        line = text.count("\n", 0, max(text.find(IN_DATA), 0)) + 1
        raise DefinitionError([Fault(f"{name}:{line}", missing)])
    file = replace(parsed(text, path, folders, (), {}), require_axes=require_axes, own_axes=own_axes)
    found = from_values(overrides, "overrides") if isinstance(overrides, Mapping) else from_texts(overrides)
    return defined(file, list(found))
