"""Global heaps, where HDF5 keeps text: looked at before HDF5 does, which reads a damaged one for ever."""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from pathlib import Path

_SIGNATURE = b"GCOL\x01"
_HEAP = struct.Struct("<8xQ")
_OBJECT = struct.Struct("<HH4xQ")
"""Of the HDF5 file format specification, III.E: a heap's header (with its size) and an object's (number, size)."""

_LOOKED_AT_BYTES = 1 << 26
"""At the front, where a header lies, and at the end; in between a large file has chunks alone."""


def check(path: Path) -> None:
    """Raise OSError unless in each global heap of a file the sizes of its objects lead from one to the next."""
    stat = path.stat()
    if not _are_sound(path, stat.st_size, stat.st_mtime_ns):
        raise OSError("a global heap is damaged")


@lru_cache(maxsize=64)
def _are_sound(path: Path, size: int, _changed_ns: int) -> bool:
    if not size:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return are_sound_in(data)


def are_sound_in(data: mmap.mmap) -> bool:
    """Tell whether the heaps in the bytes of a file are sound."""
    last = max(_LOOKED_AT_BYTES, len(data) - _LOOKED_AT_BYTES)
    for begin, end in ((0, _LOOKED_AT_BYTES + len(_SIGNATURE)), (last, len(data))):
        place = begin - 1
        while (place := data.find(_SIGNATURE, place + 1, end)) >= 0:
            if not _is_sound(data, place):
                return False
    return True


def _is_sound(data: mmap.mmap, heap: int) -> bool:
    if heap + _HEAP.size > len(data):
        return False
    end: int = heap + _HEAP.unpack_from(data, heap)[0]
    place = heap + _HEAP.size
    if not place <= end <= len(data):
        return False
    while place + _OBJECT.size <= end:
        number, _, size = _OBJECT.unpack_from(data, place)
        needed = _OBJECT.size + -(-size // 8) * 8 if number else size  # what is free counts its own header
        if needed < _OBJECT.size:
            return False
        place += needed
    return place <= end
