"""Where a result may be written: the checks that come before a run, and the name it has while it runs."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from scanengine.errors import InputError

SUFFIXES = (".h5", ".hdf5")


def partial_path(path: Path) -> Path:
    """Return the name of the unfinished file: OUT.partial.h5 for OUT.h5. Raises `InputError` for an empty name."""
    if not path.name:
        raise InputError("the name of a result is empty; choose one that ends in .h5 with -o")
    return path.with_name(f"{path.stem}.partial{path.suffix}")


_SMALLER = 'use fewer points, precision = "float32" or keep = "profiles", or another disk with -o'


def check_output(path: str | Path, n_bytes: int, overwrite: bool = False, instead: str = _SMALLER) -> None:
    """Raise `InputError` unless a result of `n_bytes` (uncompressed) can be written to `path`; nothing is created.

    The name ends in .h5 or .hdf5, the directory exists and can be written, the file is not there unless `overwrite`,
    and the disk has room for the grid as it is before compression; `instead` says what would do if it has not.
    """
    path = Path(path)
    partial = partial_path(path)
    for name in (path, partial):
        try:
            name.exists()
        except OSError as error:
            raise InputError(f"{name} cannot be written: {error.strerror}; choose another name with -o") from None
    directory = path.parent
    if path.suffix not in SUFFIXES or path.stem.endswith(".partial"):
        raise InputError(
            f"{path}: the name of a result ends in .h5 or .hdf5 (and not in .partial.h5); choose another with -o"
        )
    if not directory.is_dir():
        raise InputError(f"{path}: there is no directory {directory}; create it, or write elsewhere with -o")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the directory {directory} cannot be written; write elsewhere with -o")
    if path.is_dir():
        raise InputError(f"{path} is a directory; choose another name with -o")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: pass --overwrite to replace it, or -o to write elsewhere")
    require_room(path, n_bytes, instead, _size_of_unfinished(partial))


def require_room(path: Path, n_bytes: int, instead: str, reusable: int = 0) -> None:
    """Raise `InputError`, with what would do `instead`, unless a file of `n_bytes` has room, beside `reusable` ones."""
    free = shutil.disk_usage(path.parent).free + reusable
    if n_bytes > free:
        raise InputError(
            f"{path}: the file takes {format_bytes(n_bytes)}, but only {format_bytes(free)} are free in {path.parent}; "
            f"{instead}"
        )


def check_not_read(output: Path, sources: Iterable[Path]) -> None:
    """Raise `InputError` if a result would take the place of a file that it is made from, by whatever name or link."""
    for name in (output, partial_path(output)):
        for source in sources:
            if _is_same(name, source):
                called = f" ({name})" if name != source else ""
                raise InputError(
                    f"the result would replace {source}{called}, which it is made from; choose another name"
                )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except OSError:  # one of them is not there
        return False


def _size_of_unfinished(partial: Path) -> int:
    """Return the size of an unfinished file, 0 without one. Raises `InputError` if something else has its name."""
    try:
        found = partial.lstat()
    except FileNotFoundError:
        return 0
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise InputError(f"{partial}, where the unfinished result would be, is {kind}: remove it, or use -o")
    return found.st_size


def fsync_directory(path: Path) -> None:
    """Have the names in a directory on the disk for good, where the system can. Raises OSError if the disk fails."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _DISK_FAILS:
            raise


_DISK_FAILS = (errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def format_bytes(n_bytes: float) -> str:
    """Return a size in decimal units with three digits, such as "1.23 GB"."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    size, step = float(n_bytes), 0
    while size >= 999.5 and step < len(units) - 1:
        size, step = size / 1000, step + 1
    if step == 0:
        return f"{size:.0f} bytes"
    return f"{size:#.3g}".rstrip(".") + f" {units[step]}"
