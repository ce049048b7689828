"""Where the files that a scan file names are: beside it, or in the folder of data that the user names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scanengine.definition.reading.sentences import quoted
from scanengine.errors import InputError

if TYPE_CHECKING:
    from scanengine.definition.reading.text_tables import FileRows, Lines

DATA_VARIABLE = "SCANENGINE_DATA"
"""The environment variable that names the data folder where no option does."""

_DATA = "{data}"
IN_DATA = f"{_DATA}/"
"""What the name of a file in the data folder begins with."""


@dataclass(frozen=True)
class Folders:
    """The scan file's own folder, that of the data if it is named, and a sentence on where to get the data.

    `tables` are those read already, by the name of their file and of their columns, `lines` the files.
    """

    own: Path
    data: Path | None = None
    data_from: str = ""
    tables: dict[tuple[str, tuple[str, ...]], FileRows] = field(default_factory=dict, repr=False, compare=False)
    lines: dict[str, Lines] = field(default_factory=dict, repr=False, compare=False)

    def find(self, name: str) -> Path:
        """Return the path of a file: relative to the scan file, or to the data folder if it begins with {data}/.

        Raises InputError if it leaves its folder, by symbolic links or otherwise, or is not in the data folder, whose
        own folders may be links that the user has put there.
        """
        in_data = name.startswith(IN_DATA)
        relative = PurePosixPath(name.removeprefix(IN_DATA))
        if relative.is_absolute() or ".." in relative.parts:
            raise InputError(
                f"found {quoted(name)}, it must lie in the scan file's directory, or in the data folder as {_DATA}/..."
            )
        if not in_data:
            return confined(self.own / relative, self.own)
        to_be_had = f"; {self.data_from.rstrip('.')}" if self.data_from else ""
        would_do = (
            f"name the folder that holds it with --data DIR or the environment variable {DATA_VARIABLE}{to_be_had}"
        )
        if self.data is None:
            raise InputError(f"found {quoted(name)}, and no data folder is named: {would_do}")
        if not (self.data / relative).is_file():
            raise InputError(f"there is no file {relative} in the data folder {self.data}: {would_do}")
        release = self.data.joinpath(*relative.parts[:-1][:1])
        return confined(self.data / relative, release)

    def names_in(self, folder: str) -> list[str]:
        """Return the names of what is in a folder, as `find` takes it before a file's name. Raises InputError as it."""
        in_data = folder == _DATA or folder.startswith(f"{_DATA}/")
        relative = PurePosixPath(folder.removeprefix(_DATA).removeprefix("/") if in_data else folder)
        if relative.is_absolute() or ".." in relative.parts:
            raise InputError(f"found {quoted(folder)}, it must lie in the scan file's directory, or in {_DATA}/...")
        if in_data and self.data is None:
            self.find(f"{folder}/*")  # tells that no folder is named
        base = self.own if not in_data or self.data is None else self.data
        try:
            return sorted(each.name for each in (base / relative).iterdir())
        except (OSError, ValueError):
            raise InputError(f"there is no folder {base / relative}") from None


def confined(path: Path, folder: Path) -> Path:
    """Return the path of a file in a folder. Raises InputError if symbolic links lead out of it."""
    try:
        real = os.path.realpath(path)
        if not Path(real).is_relative_to(os.path.realpath(folder)):
            raise InputError(f"{path} is a symbolic link to {real}, outside its folder: put a copy there")
    except ValueError as error:  # a path with a null character
        raise InputError(f"cannot read {quoted(str(path))}: {error}") from None
    return path
