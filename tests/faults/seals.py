"""Checksums within HDF5 files: where they are, and put right after a change, which HDF5 would refuse otherwise."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_uncached

SIGNATURES = re.compile(b"OHDR|OCHK|FRHP|FHDB|FHIB|BTHD|BTLF|BTIN|FAHD|FADB|EAHD|EAIB|EASB|EADB|FSHD|FSSE|SMTB|SMLI")
"""Of the HDF5 file format specification: parts of the index that end in a checksum."""

SUPERBLOCK_BYTES = 44
"""What follows is the checksum of later versions than 1, which have one."""

LONGEST = 2000


def seals(data: bytes | bytearray) -> list[tuple[int, int]]:
    """Return where parts of the index begin that end in a checksum, and the number of bytes before it."""
    found = [(0, SUPERBLOCK_BYTES)]
    for part in SIGNATURES.finditer(data):
        rest = np.frombuffer(data[part.start() : part.start() + LONGEST], dtype=np.uint8)
        if n := sealed_bytes(rest):
            found.append((part.start(), n))
    return found


def seal(data: bytearray, start: int, n: int) -> None:
    """Put the checksum right that is behind n bytes."""
    part = np.frombuffer(data[start : start + n], dtype=np.uint8)
    data[start + n : start + n + 4] = lookup3(part).to_bytes(4, "little")


@jit_uncached
def sealed_bytes(data: NDArray[np.uint8]) -> int:
    """Return how many bytes at the beginning have their checksum behind them; 0 if that is nowhere."""
    for n in range(8, data.size - 3):
        found = data[n] | data[n + 1] << 8 | data[n + 2] << 16 | data[n + 3] << 24
        if lookup3(data[:n]) == found:
            return n
    return 0


@jit_uncached
def lookup3(data: NDArray[np.uint8]) -> int:
    """Return the checksum of HDF5's index: hashlittle of B. Jenkins, lookup3.c (2006), beginning with 0."""
    mask = 0xFFFFFFFF
    n = data.size
    word = np.zeros(-(-n // 12) * 3, dtype=np.int64)
    for i in range(n):
        word[i // 4] |= np.int64(data[i]) << 8 * (i % 4)
    a = b = c = (0xDEADBEEF + n) & mask
    for i in range(0, word.size, 3):
        a, b, c = (a + word[i]) & mask, (b + word[i + 1]) & mask, (c + word[i + 2]) & mask
        if i + 3 < word.size:
            for bits in (4, 6, 8, 16, 19, 4):
                a = ((a - c) & mask) ^ ((c << bits | c >> (32 - bits)) & mask)
                c = (c + b) & mask
                a, b, c = b, c, a
        else:
            for bits in (14, 11, 25, 16, 4, 14, 24):
                c = ((c ^ b) - ((b << bits | b >> (32 - bits)) & mask)) & mask
                a, b, c = b, c, a
            a, b, c = c, a, b
    return c
