"""Reading from files that nobody vouches for: nothing is followed out of a file, no size is believed unchecked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.store import layout
from scanengine.store.disk import heaps
from scanengine.store.disk.committed import as_changed, is_half_changed
from scanengine.store.layout import READING_ERRORS
from scanengine.store.paths import partial_path

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_CHECKSUM_BYTES = 4

MAX_CHUNK_BYTES = 1 << 28
"""A chunk is read as a whole, and may take this much memory; ours take a few MB."""


_ATTRIBUTE_BYTES = 1 << 20
_TEXT_CHARACTERS = 20_000_000
"""What an attribute may have: as many as a scan file."""


class Damage(Exception):
    """What is missing or wrong in a file, as the end of a sentence."""


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


def member(file: h5py.Group, name: str) -> h5py.HLObject | None:
    """Return a member of this very file, reached by its own names alone: no link leads elsewhere. None without one."""
    found: Any = file
    try:
        for part in name.split("/"):
            if not isinstance(found, h5py.Group) or not isinstance(found.get(part, getlink=True), h5py.HardLink):
                return None
            found = found[part]
    except READING_ERRORS as error:
        raise unreadable(name, error) from error
    return found


def group(file: h5py.File, name: str) -> h5py.Group:
    """Return a group of this very file."""
    found = member(file, name)
    if not isinstance(found, h5py.Group):
        raise Damage(f"{name} is missing")
    return found


def dataset(file: h5py.Group, name: str, shape: tuple[int, ...] | None = None, *, view: bool = False) -> h5py.Dataset:
    """Return a dataset of this very file, of the given shape; only as a `view` may its numbers lie elsewhere."""
    found = member(file, name)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise Damage(f"{name} is missing")
    if shape is not None and found.shape != shape:
        raise Damage(f"{name} has the shape {found.shape} in place of {shape}")
    check_own(found, view=view)
    return found


def check_own(found: h5py.Dataset, *, view: bool = False) -> None:
    """Raise `Damage` if a dataset's numbers lie in other files, or a chunk of it would take too much memory."""
    if found.external or (found.is_virtual and not view):
        raise Damage(f"{_name(found)} lies in another file")
    if found.chunks is not None and math.prod(found.chunks) * found.dtype.itemsize > MAX_CHUNK_BYTES:
        raise Damage(f"{_name(found)} has chunks that are too large to read")


def stored_chunks(found: h5py.Dataset) -> NDArray[np.uint8]:
    """Return how often each chunk of a dataset is in the file, by its place in each dimension: once, if all is well.

    Raises `Damage` if one of them has a size that it cannot have: HDF5 would read past its end.
    """
    counts = tuple(-(-n // chunk) for n, chunk in zip(found.shape, found.chunks, strict=True))
    n_bytes = found.file.id.get_filesize()
    if math.prod(counts) > n_bytes:  # each takes some bytes in the index alone
        raise Damage(f"{_name(found)} claims to have more chunks than its file has room for")
    stored = np.zeros(counts, dtype=np.uint8)
    checksum = _CHECKSUM_BYTES if found.fletcher32 else 0
    whole = math.prod(found.chunks) * found.dtype.itemsize + checksum
    wrong: list[tuple[int, ...]] = []

    def note(chunk: Any) -> None:
        stored[tuple(o // n for o, n in zip(chunk.chunk_offset, found.chunks, strict=True))] += 1
        sizes = range(checksum + 1, n_bytes + 1) if found.compression else (whole,)
        if chunk.filter_mask or chunk.size not in sizes:
            wrong.append(chunk.chunk_offset)

    try:
        found.id.chunk_iter(note)
    except READING_ERRORS as error:
        raise unreadable(_name(found), error) from error
    if wrong:
        raise Damage(f"the chunk of {_name(found)} at {wrong[0]} has a size that it cannot have")
    return stored


def missing(values: FloatArray, found: h5py.Dataset) -> NDArray[np.bool_]:
    """Tell which numbers of a grid are what HDF5 gives for a chunk that it does not find, by a damaged index or none.

    In files of version 0.1 that is NaN.
    """
    return np.isnan(values) if np.isnan(found.fillvalue) else values == found.fillvalue


def check_size(found: h5py.Dataset) -> None:
    """Raise `Damage` if a small member is larger than its file: such members are stored uncompressed."""
    if found.nbytes > found.file.id.get_filesize():
        raise Damage(f"{_name(found)} claims to be larger than the file")


def read(found: h5py.Dataset, dtype: str = "f8") -> Any:
    """Return a small dataset whole."""
    if found.dtype != np.dtype(dtype):
        raise Damage(f"{_name(found)} is of type {found.dtype} in place of {np.dtype(dtype)}")
    check_size(found)
    if found.chunks is not None and (stored_chunks(found) != 1).any():
        raise Damage(f"{_name(found)} is not whole")
    try:
        return found[()]
    except READING_ERRORS as error:
        raise unreadable(_name(found), error) from error


def increasing(file: h5py.File, name: str) -> FloatArray:
    """Return a small member of one dimension whose numbers increase."""
    found = dataset(file, name)
    if found.ndim != 1:
        raise Damage(f"the axis {name} has {found.ndim} dimensions in place of one")
    values: FloatArray = read(found)
    if not (values.size and np.isfinite(values).all() and (np.diff(values) > 0).all()):
        raise Damage(f"the values of the axis {name} do not increase")
    return values


def axis(file: h5py.File, path: str, name: str) -> Axis:
    """Return an axis with its texts."""
    values, member = increasing(file, path), dataset(file, path)
    units, long_name, symbol = (text(member, name) for name in ("units", "long_name", "symbol"))
    return Axis(name, values, units, long_name, symbol, _is_even(member, name), _bounds(member, name))


def _is_even(member: h5py.Dataset, name: str) -> bool:
    """Whether only the square of an axis enters the counts; files of 0.1.0 do not say it of their parameters."""
    if "even" in member.attrs:
        return bool(np.all(attribute(member, "even") == 1))
    from scanengine.inputs.parameters import PARAMETERS

    return name in PARAMETERS and PARAMETERS[name].squared


def _bounds(member: h5py.Dataset, name: str) -> tuple[float, float]:
    """Return beyond what an axis means nothing."""
    if "bounds" not in member.attrs:
        return -inf, inf
    found = np.asarray(attribute(member, "bounds"))
    if found.shape != (2,) or found.dtype.kind != "f" or not found[0] < found[1]:
        raise Damage(f"the bounds of the axis {name} are {found!r}, not two numbers that increase")
    return float(found[0]), float(found[1])


def is_scale(found: h5py.Dataset) -> bool:
    """Tell whether a dataset is a dimension scale. HDF5 itself frees memory twice if a letter is wrong."""
    if "CLASS" not in found.attrs or found.attrs.get_id("CLASS").dtype != _SCALE.dtype:
        return False
    return bool(np.all(attribute(found, "CLASS") == _SCALE))


def check_scale(found: h5py.Dataset) -> None:
    """Raise `Damage` unless a dataset is a dimension scale; HDF5 does not look before it attaches one."""
    references = found.attrs.get_id(_REFERENCES) if _REFERENCES in found.attrs else None
    if not is_scale(found) or (references and (len(references.shape) != 1 or references.dtype.names != _REFERENCE)):
        raise Damage(f"{_name(found)} is no dimension scale")


_SCALE = np.array(b"DIMENSION_SCALE", dtype="S16")
_REFERENCES, _REFERENCE = "REFERENCE_LIST", ("dataset", "dimension")
"""Of the HDF5 dimension scale specification: what makes a scale; who has it, and as which dimension."""


def attribute(target: h5py.HLObject, name: str) -> Any:
    """Return an attribute as h5py does, unless it is larger than any of ours."""
    try:
        found = target.attrs.get_id(name)
        size = found.get_space().get_select_npoints() * found.get_type().get_size()
        value = target.attrs[name] if size <= _ATTRIBUTE_BYTES else None
        if value is None or (isinstance(value, str | bytes) and len(value) > _TEXT_CHARACTERS):
            raise Damage(f"the attribute {name} of {target.name} is too large")
    except KeyError:
        raise Damage(f"the attribute {name} of {target.name} is missing") from None
    except READING_ERRORS as error:
        raise unreadable(f"the attribute {name} of {target.name}", error) from error
    return value


def text(target: h5py.HLObject, name: str) -> str:
    """Return an attribute that is text."""
    value = attribute(target, name)
    if not isinstance(value, str):
        raise Damage(f"the attribute {name} of {target.name} is not text")
    return value


def text_list(target: h5py.HLObject, name: str) -> tuple[str, ...]:
    """Return an attribute that is a list of texts."""
    values = np.asarray(attribute(target, name))
    if values.ndim != 1 or not all(isinstance(value, str) for value in values):
        raise Damage(f"the attribute {name} of {target.name} is not a list of texts")
    return tuple(values)


def numbers(target: h5py.HLObject, name: str) -> tuple[float, ...]:
    """Return an attribute that is one floating-point number or several."""
    values = np.atleast_1d(attribute(target, name))
    if values.ndim != 1 or values.dtype.kind != "f":
        raise Damage(f"the attribute {name} of {target.name} is not a number or list of numbers")
    return tuple(values.tolist())


def number(target: h5py.HLObject, name: str) -> float:
    """Return an attribute that is one finite floating-point number."""
    values = numbers(target, name)
    if len(values) != 1 or not np.isfinite(values[0]):
        raise Damage(f"the attribute {name} of {target.name} is not a number")
    return values[0]


def pair(file: h5py.File, name: str) -> tuple[int, int]:
    """Return an attribute of two whole numbers."""
    values = np.asarray(attribute(file, name))
    if values.shape != (2,) or values.dtype.kind not in "iu":
        raise Damage(f"the attribute {name} is not a pair of whole numbers")
    return int(values[0]), int(values[1])


def unreadable(name: str, error: BaseException) -> Damage:
    """Return what to raise where HDF5 could not read something."""
    if "filter returned failure" in str(error):  # the checksum is the first filter on the way back
        return Damage(f"the checksum of {name} does not match, so the file is damaged")
    return Damage(f"{name} cannot be read")


def _name(found: h5py.Dataset) -> str:
    return str(found.name).lstrip("/")
