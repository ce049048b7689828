"""Scan files: those that come with the package, by name, and the user's own, by path."""

from __future__ import annotations

import re
from pathlib import Path

from scanengine.definition.reading.sentences import listed
from scanengine.definition.reading.spelling import alike
from scanengine.errors import InputError

_PACKAGE = Path(__file__).parents[2]
_FOLDERS = (_PACKAGE / "scans", _PACKAGE.parent / "scans")
"""In an installed package, and in a source tree."""

MAX_BYTES = 20_000_000
"""A scan file takes some fifty times its size in memory; what is larger is a table, in a file of its own."""


def scans_folder() -> Path | None:
    """Return the folder of the scans that come with the package; None in a package without them."""
    return next((folder for folder in _FOLDERS if folder.is_dir()), None)


def bundled_scans() -> dict[str, Path]:
    """Return the scans that come with the package, by name, such as "large/nsi-5d"."""
    folder = scans_folder()
    if folder is None:
        return {}
    return dict(sorted((path.relative_to(folder).with_suffix("").as_posix(), path) for path in folder.rglob("*.toml")))


def find_scan(path_or_name: str | Path) -> Path:
    """Return the path of a scan file, given it or a bundled scan's name.

    Raises InputError, with the nearest names, if there is neither.
    """
    path = Path(path_or_name)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # a name too long or with a null character is no file either
        pass
    bundled = bundled_scans()
    name = str(path_or_name)
    if name in bundled:
        return bundled[name]
    close = alike(name.removesuffix(".toml"), bundled)
    hint = f"the nearest bundled one is {close}" if close else f"bundled are {listed(bundled)}"
    if (beside := nearest_file(path)) is not None:
        hint = f"the nearest file is {beside}"
    raise InputError(f"there is no scan file {name}, and no bundled scan of that name: {hint}")


def nearest_file(path: Path) -> Path | None:
    """Return the file with the same ending in the same directory whose name is most like one that is not there."""
    try:
        names = [each.name for each in path.parent.iterdir() if each.suffix == path.suffix and each.is_file()]
    except (OSError, ValueError):
        return None
    close = alike(path.name, names)
    return None if close is None or not path.suffix else path.with_name(close)


def copy_of_bundled(name: str) -> str:
    """Return the text of a bundled scan for a copy elsewhere: what it includes from beside it is named as bundled.

    Raises InputError if there is no such scan.
    """
    bundled = bundled_scans()
    if name.removesuffix(".toml") not in bundled:
        close = alike(name, bundled)
        hint = f"the nearest is {close}" if close else f"there are {listed(bundled)}"
        raise InputError(f"there is no bundled scan {name}: {hint}")
    name = name.removesuffix(".toml")
    folder = name.rpartition("/")[0]
    text = read_text(bundled[name])
    line = re.compile(r"^include\s*=.*$", re.MULTILINE)
    return line.sub(lambda found: re.sub(r'"([^"/]+)\.toml"', rf'"{folder}/\1"', found[0]), text)


def read_text(path: Path) -> str:
    """Return the text of a scan file with its line ends as they are. Raises InputError if it cannot be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise InputError(f"{path} is not a scan file: it is not a regular file")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES / 1e6:g} MB: this cannot be a scan file")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a scan file: it is not text in UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
