"""One HDF5 chunk as bytes: the filters shuffle, deflate and Fletcher-32, run outside HDF5 so that threads share them.

HDF5 holds one lock around its own filters; NumPy and zlib release the interpreter instead.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scanengine.grids import FloatArray

DEFLATE_LEVEL = 1
_SAMPLE_BYTES = 8192
_WORTHWHILE = 0.9
_ROW_WORDS = 4096


def encode_chunk(values: FloatArray, chunk_shape: tuple[int, ...], dtype: DTypeLike) -> bytes:
    """Return `values` as the bytes of one chunk: cast, padded with zeros to `chunk_shape`, filtered, checksummed.

    `values` may be smaller than the chunk in any dimension (a tile at the upper edge of the grid). Safe in any thread.
    """
    dtype = np.dtype(dtype)
    if values.shape == chunk_shape:
        padded = np.ascontiguousarray(values, dtype=dtype)
    else:
        padded = np.zeros(chunk_shape, dtype=dtype)
        padded[tuple(slice(n) for n in values.shape)] = values
    planes = np.ascontiguousarray(padded.reshape(-1).view(np.uint8).reshape(-1, dtype.itemsize).T)
    compressed = deflate_planes(planes)
    return compressed + fletcher32(compressed).to_bytes(4, "little")


def deflate_planes(planes: NDArray[np.uint8]) -> bytes:
    """Return one zlib stream (RFC 1950) of the rows of `planes`, shape (item size, items), compressing what compresses.

    The low mantissa bytes of a chi2 grid are noise, on which deflate spends most of its time and gains nothing: a row
    whose sample does not shrink goes in as stored blocks. Same size as deflating everything, about eight times faster.
    """
    middle = max(0, (planes.shape[1] - _SAMPLE_BYTES) // 2)
    parts = [b"\x78\x01"]  # zlib header: deflate, 32 KiB window, fastest level
    for row in planes:
        sample = row[middle : middle + _SAMPLE_BYTES]
        shrinks = len(zlib.compress(sample, DEFLATE_LEVEL)) < _WORTHWHILE * sample.size
        stream = zlib.compressobj(DEFLATE_LEVEL if shrinks else 0, zlib.DEFLATED, -zlib.MAX_WBITS)
        parts += [stream.compress(row), stream.flush(zlib.Z_FULL_FLUSH)]  # ends on a byte, so that the rows join
    parts += [
        b"\x03\x00",
        zlib.adler32(planes.data).to_bytes(4, "big"),
    ]  # an empty last block, and the checksum of zlib
    return b"".join(parts)


def fletcher32(data: bytes) -> int:
    """Return the checksum that HDF5's filter appends to a chunk (H5_checksum_fletcher32 in H5checksum.c).

    The sums run modulo 65535 over big-endian 16-bit words, an odd last byte being the high half of a word. Swapping the
    bytes of a word multiplies it by 256 modulo 65535, so the words are summed as little-endian and swapped at the end.
    """
    n_words = (len(data) + 1) // 2
    words = np.frombuffer(data, dtype="<u2", count=len(data) // 2)
    n_rows = len(words) // _ROW_WORDS
    table = words[: n_rows * _ROW_WORDS].reshape(n_rows, _ROW_WORDS)
    rest = words[n_rows * _ROW_WORDS :].astype(np.uint64)
    row_sums = table.sum(axis=1, dtype=np.uint32).astype(np.uint64)
    column_sums = table.sum(axis=0, dtype=np.uint64)
    first = int(row_sums.sum()) + int(rest.sum())
    # the second sum counts word i (n_words - i) times, and i = row * _ROW_WORDS + column
    second = int(row_sums @ (n_words - _ROW_WORDS * np.arange(n_rows, dtype=np.uint64)))
    second -= int(column_sums @ np.arange(_ROW_WORDS, dtype=np.uint64))
    second += int(rest @ (n_words - n_rows * _ROW_WORDS - np.arange(len(rest), dtype=np.uint64)))
    if len(data) % 2:
        first += data[-1]
        second += data[-1]
    return _swapped_residue(second) << 16 | _swapped_residue(first)


def _swapped_residue(total: int) -> int:
    """Fold a sum of byte-swapped words to 16 bits; HDF5's folding gives 65535, never 0, for a positive multiple."""
    return (256 * total - 1) % 65535 + 1 if total else 0
