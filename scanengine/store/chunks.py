"""One HDF5 chunk as bytes: the filters shuffle, deflate and Fletcher-32, run outside HDF5 so that threads share them.

HDF5 holds one lock around its own filters; NumPy, zlib and ISA-L release the interpreter instead.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from scanengine.grids import FloatArray

DEFLATE_LEVEL = 1
_SAMPLE_BYTES = 8192
_WORTHWHILE = 0.9
_ROW_WORDS = 4096


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a grid are kept: their type, a bound on their relative rounding, and the filters.

    With `relative_error` the mantissa is rounded to the fewest bits that keep to it, and zeros follow.
    """

    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype("<f8"))
    compression: Literal["deflate", "none"] = "deflate"
    relative_error: float | None = None

    @property
    def mantissa_bits(self) -> int:
        """Bits of the mantissa that are kept, without the leading one, which is not stored."""
        full = np.finfo(self.dtype).nmant
        if self.relative_error is None:
            return full
        return int(min(full, max(1, np.ceil(-np.log2(self.relative_error)) - 1)))

    @property
    def rounding(self) -> float:
        """The largest relative error that rounding makes, of doubles; zero where nothing is rounded."""
        lost = (
            [2.0 ** -(np.finfo(np.float32).nmant + 1)] if self.dtype.itemsize == np.dtype(np.float32).itemsize else []
        )
        if self.mantissa_bits < np.finfo(self.dtype).nmant:
            lost.append(2.0 ** -(self.mantissa_bits + 1))
        return float(sum(lost))

    @property
    def filters(self) -> dict[str, Any]:
        """What h5py calls the filters."""
        if self.compression == "none":
            return {"fletcher32": True}
        return {"shuffle": True, "compression": "gzip", "compression_opts": DEFLATE_LEVEL, "fletcher32": True}

    def encode(self, values: FloatArray, chunk_shape: tuple[int, ...]) -> bytes:
        """Return `values` as the bytes of one chunk: rounded, padded with zeros to `chunk_shape`, filtered.

        `values` may be smaller than the chunk in any dimension (a tile at the upper edge of the grid). Safe in any
        thread.
        """
        if values.shape == chunk_shape:
            padded = np.ascontiguousarray(values, dtype=self.dtype)
        else:
            padded = np.zeros(chunk_shape, dtype=self.dtype)
            padded[tuple(slice(n) for n in values.shape)] = values
        padded = round_mantissa(padded, self.mantissa_bits)
        if self.compression == "none":
            data = padded.tobytes()
        else:
            data = deflate_planes(
                np.ascontiguousarray(padded.reshape(-1).view(np.uint8).reshape(-1, self.dtype.itemsize).T)
            )
        return data + fletcher32(data).to_bytes(4, "little")


def round_mantissa(values: FloatArray, bits: int) -> FloatArray:
    """Return values, little-endian floats, rounded to so many bits of the mantissa; infinity stays what it is."""
    drop = np.finfo(values.dtype).nmant - bits
    if drop <= 0:
        return values
    unsigned = np.dtype(f"<u{values.dtype.itemsize}")
    words = values.view(unsigned) + unsigned.type(1 << (drop - 1))
    words &= unsigned.type(2 ** (8 * values.dtype.itemsize) - (1 << drop))
    return np.asarray(words.view(values.dtype))


def deflate_planes(planes: NDArray[np.uint8]) -> bytes:
    """Return one zlib stream (RFC 1950) of the rows of `planes`, shape (item size, items), compressing what compresses.

    The low mantissa bytes of a chi2 grid are noise, on which deflate spends most of its time and gains nothing: a row
    whose sample does not shrink goes in as stored blocks.
    """
    middle = max(0, (planes.shape[1] - _SAMPLE_BYTES) // 2)
    parts = [b"\x78\x01"]  # zlib header: deflate, 32 KiB window, fastest level
    for row in planes:
        sample = row[middle : middle + _SAMPLE_BYTES]
        shrinks = len(isal_zlib.compress(sample, DEFLATE_LEVEL)) < _WORTHWHILE * sample.size
        stream = (
            isal_zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            if shrinks
            else zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
        )
        parts += [stream.compress(row), stream.flush(zlib.Z_FULL_FLUSH)]  # ends on a byte, so that the rows join
    checksum = isal_zlib.adler32(planes.data)
    parts += [b"\x03\x00", checksum.to_bytes(4, "big")]  # an empty last block, and the checksum of zlib
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
