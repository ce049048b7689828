"""Which files of the data folder a scan and its includes need, and where to get them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanengine.definition.reading.bundled import bundled_scans, find_scan, read_text
from scanengine.definition.reading.folders import DATA_VARIABLE, IN_DATA
from scanengine.definition.reading.toml import tables_of
from scanengine.errors import InputError


@dataclass(frozen=True)
class DataFiles:
    """Files of the data folder, relative to it, and sentences on where to get them."""

    files: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def missing(self, data: Path | None) -> str | None:
        """Return what is missing in a data folder, or of one that is not named, and what to do; None if nothing is."""
        absent = [name for name in self.files if data is None or not _is_there(data, name)]
        if not absent:
            return None
        one = len(absent) == 1
        where = f"the data folder {data}" if data is not None else "a data folder, and none is named"
        what = f"there is no file {absent[0]} in" if one else f"{len(absent)} files are not in"
        if data is None:
            what = f"the file {absent[0]} must be in" if one else f"{len(absent)} files must be in"
        names = "" if one else f" ({', '.join(absent)})"
        origins = "; ".join(self.origins)
        return (
            f"{what} {where}{names}: name the folder that holds {'it' if one else 'them'} with --data DIR or the "
            f"environment variable {DATA_VARIABLE}{f'; {origins}' if origins else ''}"
        )


def _is_there(data: Path, name: str) -> bool:
    """Whether a file is in the data folder, or one of those that a name with * stands for."""
    path = data / name
    if "*" not in path.name:
        return path.is_file()
    return path.parent.is_dir() and any(each.is_file() for each in path.parent.glob(path.name))


@dataclass
class _Found:
    files: dict[str, None] = field(default_factory=dict)
    origins: dict[str, None] = field(default_factory=dict)
    read: set[Path] = field(default_factory=set)


def data_files(path_or_name: str | Path) -> DataFiles:
    """Return the data files of a scan file, given its path or the name of a bundled scan, without reading them.

    Raises InputError if there is no such scan, or it is not TOML.
    """
    path = find_scan(path_or_name)
    return data_files_of(tables_of(read_text(path), str(path)), path.parent)


def data_files_of(raw: dict[str, Any], folder: Path) -> DataFiles:
    """Return the data files of the tables of a scan file in a folder; what it includes and cannot be read has none."""
    found = _Found()
    _collect(raw, folder, found)
    return DataFiles(tuple(found.files), tuple(found.origins))


def _collect(raw: dict[str, Any], folder: Path, found: _Found) -> None:
    origin = raw.get("data_from")
    names = [name.removeprefix(IN_DATA) for name in _texts(raw) if name.startswith(IN_DATA)]
    found.files |= dict.fromkeys(name for name in names if ".." not in name and not name.startswith("/"))
    if names and isinstance(origin, str) and origin:
        found.origins |= {origin.rstrip("."): None}
    included = raw.get("include")
    for name in included if isinstance(included, list) else ():
        path = bundled_scans().get(name, folder / name) if isinstance(name, str) else folder
        if path in found.read or not path.is_file():
            continue
        found.read.add(path)
        try:
            tables = tables_of(read_text(path), str(path))
        except InputError:
            continue  # which is told where the file itself is read
        _collect(tables, path.parent, found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def listing(of: DataFiles, data: Path | None) -> str:
    """Say which files a scan needs, which of them are there, and where to get them."""
    if not of.files:
        return "no data files are needed"
    lines = [f"{len(of.files)} files, in the folder that --data DIR or the environment variable {DATA_VARIABLE} names:"]
    for name in of.files:
        known = "" if data is None else "  (found)" if _is_there(data, name) else "  (missing)"
        lines.append(f"  {name}{known}")
    return "\n".join([*lines, *of.origins])
