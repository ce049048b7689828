"""The bytes of a chunk of a stored grid: gathered by significance for deflate, and summed up for HDF5's checksum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._bytes import WORDS, gather_bytes
from scanengine_kernels._jit import jit

_LANES = 64
_ROWS = 256  # second sums stay below 65535 * 256 * 257 / 2 < 2^32


@jit
def byte_planes(words: NDArray[np.uint64], drop: int, planes: NDArray[np.uint8]) -> None:
    """Set planes (bytes, n) to the highest bytes of words (n,), lower ones first: HDF5's shuffle on little-endians.

    So many of the lowest bits are rounded away before, to zeros.
    """
    half, kept = np.uint64(0), ~np.uint64(0)
    if drop > 0:
        half, kept = np.uint64(1) << np.uint64(drop - 1), ~np.uint64(0) << np.uint64(drop)
    rows, size = planes.shape[0], words.itemsize
    whole = words.size - words.size % WORDS
    for i in range(0, whole, WORDS):
        gather_bytes(words, i, half, kept, planes)
    for i in range(whole, words.size):
        word = (np.uint64(words[i]) + half) & kept
        for p in range(rows):
            planes[p, i] = np.uint8((word >> np.uint64(8 * (size - rows + p))) & np.uint64(255))


@jit
def word_sums(words: NDArray[np.uint16]) -> tuple[np.uint64, np.uint64]:
    """Return the sum of words (n,) and the sum of (n - i) words[i], modulo 2^64: what Fletcher's checksum is made of.

    In rows of lanes, each with sums of its own, which fill vector registers.
    """
    n = words.size
    first = np.zeros(_LANES, np.uint32)
    second = np.zeros(_LANES, np.uint32)
    total, weighted = np.uint64(0), np.uint64(0)
    done = 0
    while done + _LANES <= n:
        rows = min(_ROWS, (n - done) // _LANES)
        first[:] = 0
        second[:] = 0
        block = words[done : done + rows * _LANES].reshape(rows, _LANES)
        for r in range(rows):
            row = block[r]
            for lane in range(_LANES):
                first[lane] += row[lane]
                second[lane] += first[lane]
        done += rows * _LANES
        # a word of row r has the weight LANES (rows - r) + (n - done) - lane, and counts rows - r times in second
        for lane in range(_LANES):
            total += np.uint64(first[lane])
            weighted += np.uint64(_LANES) * np.uint64(second[lane]) - np.uint64(lane) * np.uint64(first[lane])
            weighted += np.uint64(n - done) * np.uint64(first[lane])
    for i in range(done, n):
        total += np.uint64(words[i])
        weighted += np.uint64(n - i) * np.uint64(words[i])
    return total, weighted


@jit
def word_sums_of_copy(words: NDArray[np.uint16], copy: NDArray[np.uint16]) -> tuple[np.uint64, np.uint64]:
    """Copy words (n,) and return the sums of `word_sums`, in one call: two would contend twice for the interpreter."""
    for i in range(words.size):
        copy[i] = words[i]
    return word_sums(copy)
