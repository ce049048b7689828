"""What is in files that nobody vouches for: nothing is followed out of a file, no size is believed unchecked."""

from __future__ import annotations

import math
from math import inf
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.store.layout import READING_ERRORS

_CHECKSUM_BYTES = 4

MAX_CHUNK_BYTES = 1 << 28
"""A chunk is read as a whole, and may take this much memory; ours take a few MB."""


_ATTRIBUTE_BYTES = 1 << 20
_TEXT_CHARACTERS = 20_000_000
"""What an attribute may have: as many as a scan file."""


class Damage(Exception):
    """What is missing or wrong in a file, as the end of a sentence."""


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
