"""Heaps and trees, where HDF5 keeps text and names: looked at before HDF5 does, which does not survive some of them."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any

_SIGNATURES = re.compile(rb"GCOL\x01|BTHD\x00|FRHP\x00")
_HEAP = struct.Struct("<8xQ")
_OBJECT = struct.Struct("<HH4xQ")
"""Of the HDF5 file format specification, III.E: a heap's header (with its size) and an object's (number, size)."""

_TREE = struct.Struct("<5xBIHHxxQHQ")
"""III.A.2, the header of a B-tree: type, sizes of a node and of a record, depth, place of the root, records in it and
in all."""

_LEAF_BYTES = 6
"""What a leaf has before its records."""

_NAMES = struct.Struct("<5x105xHQQH10xH")
"""III.G, the header of a fractal heap: width of its table, smallest and largest block, bits of a place, rows in use."""

_NODE_BYTES = 10
"""What a node has beside its records."""

_RECORD_BYTES = {5: 11, 6: 15, 8: 17, 9: 13}
"""By type: names of links and of attributes, and their order; others are none of ours."""

_PLACES = {5: slice(4, 11), 6: slice(8, 15), 8: slice(0, 8), 9: slice(0, 8)}
"""By type: what part of a record says where in a heap of names something lies. III.G: flags, the place, and in two
bytes how long it is."""

_SUPERBLOCK_BYTES = 52
_END_AT = {0: 40, 1: 44, 2: 28, 3: 28}
"""II.A and II.B, by the version of the superblock: where it says how long the file is, in eight bytes."""

_LOOKED_AT_BYTES = 1 << 26
"""At the front, where a header lies, and at the end; in between a large file has chunks alone."""

_ENDS_BYTES = 1 << 18
"""So much of both ends is looked at before HDF5 tells where the chunks are."""

_BLOCK_BYTES = 1 << 20


def check(path: Path, chunks: tuple[int, int] | None = None) -> None:
    """Raise OSError unless in each global heap of a file the sizes of its objects lead from one to the next, and each
    tree's header agrees with itself.

    From the first to the second place in `chunks` there is none.
    """
    size = path.stat().st_size
    first, last = chunks or (size, 0)
    _check(path, min(first, _LOOKED_AT_BYTES), max(last, size - _LOOKED_AT_BYTES))


def check_ends(path: Path) -> None:
    """Do as `check` for the very front and the very end, before HDF5 has opened the file."""
    _check(path, _ENDS_BYTES, path.stat().st_size - _ENDS_BYTES)


def _check(path: Path, first: int, last: int) -> None:
    stat = path.stat()
    if not _are_sound(path, stat.st_size, stat.st_mtime_ns, first, max(first, last)):
        raise OSError("a global heap or a tree of names is damaged")


@lru_cache(maxsize=64)
def _are_sound(path: Path, size: int, _changed_ns: int, first: int, last: int) -> bool:
    """Tell whether all heaps and trees are sound that begin before the place `first` or from `last` on."""
    with path.open("rb", buffering=0) as file:
        return _are_sound_within(file, size, first, last)


def are_sound_in(data: mmap.mmap) -> bool:
    """Tell whether the heaps in the bytes of a file are sound."""
    first = min(len(data), _LOOKED_AT_BYTES)
    return _are_sound_within(data, len(data), first, max(first, len(data) - _LOOKED_AT_BYTES))


def _are_sound_within(file: FileIO | mmap.mmap, size: int, first: int, last: int) -> bool:
    size = min(size, _end(file))
    for begin, end in ((0, min(first, size)), (last, size)):
        for heap in _heaps(file, begin, end):
            if not _is_sound(file, heap, size):
                return False
    return True


def _end(file: FileIO | mmap.mmap) -> int:
    """Return where HDF5 takes a file to end: it reads nothing behind that, which a killed run may have left."""
    file.seek(0)
    head = file.read(_SUPERBLOCK_BYTES).ljust(_SUPERBLOCK_BYTES, b"\0")
    at = _END_AT.get(head[8])
    return int.from_bytes(head[at : at + 8], "little") if at else 1 << 64


def _heaps(file: FileIO | mmap.mmap, begin: int, end: int) -> Iterator[int]:
    """Yield where in a file something looks like a heap or a tree, from `begin` to before `end`.

    The file is read, not mapped: if it is being written it may become shorter meanwhile.
    """
    more = 4
    for start in range(begin, end, _BLOCK_BYTES):
        file.seek(start)
        data = file.read(min(_BLOCK_BYTES, end - start) + more)
        for found in _SIGNATURES.finditer(data):
            yield start + found.start()


def _is_sound(file: FileIO | mmap.mmap, place: int, file_size: int) -> bool:
    file.seek(place)
    check = {b"B": _is_sound_tree, b"F": _is_sound_heap_of_names, b"G": _is_sound_heap}[file.read(1)]
    return check(file, place, file_size)


def _is_sound_tree(file: FileIO | mmap.mmap, tree: int, file_size: int) -> bool:
    kind, node, record, depth, root, in_root, in_all = map(int, _unpacked(_TREE, file, tree))
    agrees = (
        record == _RECORD_BYTES.get(kind, record) > 0
        and in_root * record <= node - _NODE_BYTES
        and node * max(1, depth) <= file_size
        and in_root <= in_all <= file_size // record
        and (depth > 0 or in_root == in_all)
    )
    if not agrees or depth > 0 or in_root == 0 or kind not in _PLACES:
        return agrees
    if root + _LEAF_BYTES + in_root * record > file_size:
        return False
    file.seek(root + _LEAF_BYTES)
    leaf = file.read(in_root * record)
    return all(_is_within(leaf[at : at + record][_PLACES[kind]], file_size) for at in range(0, len(leaf), record))


def _is_within(place: bytes, file_size: int) -> bool:
    """Tell whether something lies within a heap of names, or outside of any, which other flags say."""
    first, length = int.from_bytes(place[1:-2], "little"), int.from_bytes(place[-2:], "little")
    return place[0] != 0 or first + length <= file_size


def _is_sound_heap_of_names(file: FileIO | mmap.mmap, heap: int, _: int) -> bool:
    width, smallest, largest, bits, rows = map(int, _unpacked(_NAMES, file, heap))
    powers_of_two = all(n > 0 and n & (n - 1) == 0 for n in (width, smallest, largest))
    return powers_of_two and smallest <= largest <= 1 << min(bits, 64) and bits <= 64 and rows <= 64


def _is_sound_heap(file: FileIO | mmap.mmap, heap: int, file_size: int) -> bool:
    end: int = heap + _unpacked(_HEAP, file, heap)[0]
    place = heap + _HEAP.size
    if not place <= end <= file_size:
        return False
    while place + _OBJECT.size <= end:
        number, _, size = _unpacked(_OBJECT, file, place)
        needed = _OBJECT.size + -(-size // 8) * 8 if number else size  # what is free counts its own header
        if needed < _OBJECT.size:
            return False
        place += needed
    return place <= end


def _unpacked(what: struct.Struct, file: FileIO | mmap.mmap, place: int) -> tuple[Any, ...]:
    """Return what lies at a place in a file; of numbers behind its end, zeros."""
    file.seek(place)
    return what.unpack(file.read(what.size).ljust(what.size, b"\0"))
