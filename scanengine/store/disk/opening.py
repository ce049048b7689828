"""Opening files that nobody vouches for, whoever else has them open, and whatever a killed run has left of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from scanengine.errors import InputError
from scanengine.store import layout
from scanengine.store.disk import heaps
from scanengine.store.disk.access import Damage, attribute, member
from scanengine.store.disk.committed import as_changed, is_half_changed
from scanengine.store.layout import READING_ERRORS
from scanengine.store.paths import partial_path

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def opened(path: Path, *, while_written: bool = False, just_written: bool = False) -> Iterator[h5py.File]:
    """Open an HDF5 file to read, perhaps while another process writes it; whatever is wrong becomes an `InputError`.

    A file whose run was killed as it wrote is read as the run that resumes it will find it. What this process has
    `just_written` is not searched for what would harm HDF5.
    """
    check_signature(path)
    file, as_it_lies = _open(path, while_written=while_written, just_written=just_written)
    try:
        with file:
            if as_it_lies:
                if is_half_changed(path):
                    raise InputError(_half_changed(path))
                if not just_written:
                    heaps.check(path, _chunks_of_grid(file))
            yield file
    except (Damage, *READING_ERRORS) as error:
        if as_it_lies and _is_open_to_write(path):
            raise InputError(
                f"{path} is open for writing in this process, and half changed; close it there first"
            ) from error
        what = str(error) if isinstance(error, Damage) else "HDF5 cannot read part of it"
        raise InputError(f"{path} is damaged: {what}; run the scan again, or copy the file again") from error


def _open(path: Path, *, while_written: bool, just_written: bool) -> tuple[h5py.File, bool]:
    """Open a file that begins as HDF5 does; tell whether it is read as it lies on the disk.

    Otherwise its run was killed as it wrote, and a copy in memory is opened. Raises InputError if it cannot be opened.
    """
    try:
        changed = as_changed(path)
        if changed is not None:
            if not heaps.are_sound_in(changed):
                raise OSError("a global heap is damaged")
            return h5py.File(changed, "r"), False
        if not just_written:
            heaps.check_ends(path)
        return _shared(path, locking=not while_written), True
    except BlockingIOError:
        raise InputError(
            f"{path} is open for writing, by a running scan or another program; wait until it has finished"
        ) from None
    except _HeldOtherwise as error:
        raise InputError(
            f"{path} is open in this process in a way that HDF5 does not share ({error}); close it there first"
        ) from None
    except READING_ERRORS as error:
        if is_half_changed(path):
            raise InputError(_half_changed(path)) from None
        truncated = "truncated file" in str(error)
        what = "is truncated" if truncated else "is damaged (HDF5 cannot open it)"
        raise InputError(f"{path} {what}; run the scan again, or copy the file again") from error


class _HeldOtherwise(Exception):
    """HDF5 has the file open already, with other settings: whoever opens it next has to take the same."""


def _shared(path: Path, *, locking: bool) -> h5py.File:
    """Open a file as h5py does for everybody else in this process, or as whoever has it open already did.

    `locking` is as the environment has it unless it must not be. Raises _HeldOtherwise if nothing fits.
    """
    settings: tuple[bool | str | None, ...] = (None, "best-effort", True, False)
    for setting in settings if locking else reversed(settings):
        try:
            return h5py.File(path, "r", locking=setting)
        except BlockingIOError:
            raise
        except OSError as error:
            if "match" not in str(error):
                raise
            unfit = error
    raise _HeldOtherwise(str(unfit))


def _is_open_to_write(path: Path) -> bool:
    try:
        with _shared(path, locking=False) as file:
            return bool(file.id.get_intent() & h5py.h5f.ACC_RDWR)
    except (_HeldOtherwise, *READING_ERRORS):
        return False


def require_known_version(path: Path, file: h5py.File) -> None:
    """Raise `InputError` for a file that a newer scanengine has written, whatever else may be in it."""
    version = attribute(file, "format_version")
    if not isinstance(version, np.integer) or version < 1:
        raise Damage(f"its format_version is {version} and not a whole number from 1 up")
    if version > layout.FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {version}, and this scanengine knows versions up to "
            f"{layout.FORMAT_VERSION}; upgrade scanengine to read it"
        )


def _chunks_of_grid(file: h5py.File) -> tuple[int, int] | None:
    """Return from where to where the chunks of the grid lie, by the first and the last one; None without them."""
    grid = member(file, layout.CHI2)
    if not isinstance(grid, h5py.Dataset) or not grid.chunks or not grid.size:
        return None
    ends = [tuple((n - 1) // c * c * last for n, c in zip(grid.shape, grid.chunks, strict=True)) for last in (0, 1)]
    found = [grid.id.get_chunk_info_by_coord(end) for end in ends]
    if any(chunk.byte_offset is None for chunk in found):
        return None
    return min(chunk.byte_offset for chunk in found), max(chunk.byte_offset + chunk.size for chunk in found)


def check_signature(path: Path) -> None:
    """Raise `InputError` unless there is a file that begins as HDF5 does."""
    try:
        special = path.exists() and not (path.is_file() or path.is_dir())  # a pipe would be waited for
        head = b"" if special else _head(path)
    except FileNotFoundError:
        partial = partial_path(path)
        hint = f"{partial} is there: its scan has not finished" if partial.exists() else "`scanengine run` makes one"
        raise InputError(f"{path}: there is no such file; {hint}") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if special:
        raise InputError(f"{path} cannot be read: it is not a regular file")
    if head != HDF5_SIGNATURE:
        if HDF5_SIGNATURE.startswith(head):
            raise InputError(f"{path} is empty or truncated ({len(head)} bytes); run the scan again")
        raise InputError(f"{path} is not a result of scanengine (not an HDF5 file); `scanengine run` makes one")


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(len(HDF5_SIGNATURE))


def _half_changed(path: Path) -> str:
    return f"{path} is unfinished: its run was killed while writing; the command that started it repairs and resumes it"
