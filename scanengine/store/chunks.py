"""One HDF5 chunk as bytes: the filters shuffle, deflate and Fletcher-32, run outside HDF5 so that threads share them.

HDF5 holds one lock around its own filters; NumPy, zlib and ISA-L release the interpreter instead.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from scanengine.grids import FloatArray
from scanengine.store.blocks import Block, at_page

DEFLATE_LEVEL = 1
_SAMPLE_BYTES = 2048
_WORTHWHILE = 0.9
_ROW_WORDS = 4096
_CHECKSUM_BYTES = 4

WordSums = Callable[[NDArray[np.uint16]], tuple[np.uint64, np.uint64]]


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
        """Return a tile as the bytes of one chunk, as an `Encoder` makes them."""
        return bytes(Encoder(self, chunk_shape).encode(values).data)


class Encoder:
    """Turns tiles into the bytes of chunks, one at a time, in memory of its own: fresh memory would cost more than all.

    The bytes of a chunk stay where they are until the next is encoded. Not `compiled`, it does without Numba.
    """

    def __init__(self, encoding: Encoding, chunk_shape: tuple[int, ...], *, compiled: bool = False) -> None:
        self._encoding = encoding
        n_bytes = prod(chunk_shape) * encoding.dtype.itemsize
        self._bytes = at_page(n_bytes + _CHECKSUM_BYTES)
        stored = encoding.compression == "none"
        numbers = self._bytes[:n_bytes] if stored else np.zeros(n_bytes, dtype=np.uint8)
        self._numbers = numbers.view(encoding.dtype).reshape(chunk_shape)
        self._planes = np.empty((0 if stored else encoding.dtype.itemsize, self._numbers.size), dtype=np.uint8)
        self._byte_planes, self._word_sums = byte_planes, word_sums
        if compiled:
            from scanengine_kernels import chunks as kernels

            self._byte_planes, self._word_sums = kernels.byte_planes, kernels.word_sums

    def encode(self, values: FloatArray, give_back: Callable[[], None] = lambda: None) -> Block:
        """Return `values` as the bytes of one chunk: rounded, padded to the shape of a chunk, filtered, summed up.

        `values` may be smaller than the chunk in any dimension (a tile at the upper edge of the grid).
        """
        if values.shape != self._numbers.shape:  # beyond the edge there is nothing of an earlier tile
            self._numbers.fill(0.0)
        self._numbers[tuple(slice(n) for n in values.shape)] = values
        round_mantissa(self._numbers, self._encoding.mantissa_bits)
        size = self._numbers.nbytes if self._encoding.compression == "none" else self._deflate()
        whole = self._bytes[: size + _CHECKSUM_BYTES]
        checksum = fletcher32(whole[:size].data, self._word_sums)
        whole[size:] = np.frombuffer(checksum.to_bytes(_CHECKSUM_BYTES, "little"), dtype=np.uint8)
        return Block(whole.data, give_back)

    def _deflate(self) -> int:
        """Put the numbers, shuffled and deflated, where the bytes are, and return how many these are."""
        numbers = self._numbers.reshape(-1)
        self._byte_planes(numbers.view(f"<u{numbers.itemsize}"), self._planes)
        size = 0
        for part in deflated(self._planes):
            n = len(part)
            if size + n + _CHECKSUM_BYTES > self._bytes.size:  # what does not compress grows a little
                larger = at_page(n + self._bytes.size * 9 // 8)
                larger[:size] = self._bytes[:size]
                self._bytes = larger
            # NumPy lets other threads run meanwhile
            self._bytes[size : size + n] = np.frombuffer(part, dtype=np.uint8)
            size += n
        return size


def byte_planes(words: NDArray[np.uint64], planes: NDArray[np.uint8]) -> None:
    """Set planes (item size, n) to the bytes of little-endian words (n,), the lowest ones first: HDF5's shuffle."""
    np.copyto(planes, words.view(np.uint8).reshape(-1, words.itemsize).T)


def round_mantissa(values: FloatArray, bits: int) -> None:
    """Round values, little-endian floats, to so many bits of the mantissa, in place; infinity stays what it is."""
    drop = np.finfo(values.dtype).nmant - bits
    if drop <= 0:
        return
    unsigned = np.dtype(f"<u{values.dtype.itemsize}")
    words = values.view(unsigned)
    words += unsigned.type(1 << (drop - 1))
    words &= unsigned.type(2 ** (8 * values.dtype.itemsize) - (1 << drop))


def deflated(planes: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield one zlib stream (RFC 1950) of the rows of `planes`, shape (item size, items), compressing what compresses.

    The low mantissa bytes of a chi2 grid are noise, on which deflate spends most of its time and gains nothing: a row
    whose sample does not shrink goes in as stored blocks.
    """
    middle = max(0, (planes.shape[1] - _SAMPLE_BYTES) // 2)
    yield b"\x78\x01"  # zlib header: deflate, 32 KiB window, fastest level
    for row in planes:
        sample = row[middle : middle + _SAMPLE_BYTES]
        shrinks = len(isal_zlib.compress(sample, DEFLATE_LEVEL)) < _WORTHWHILE * sample.size
        stream = (
            isal_zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            if shrinks
            else zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
        )
        yield stream.compress(row)
        yield stream.flush(zlib.Z_FULL_FLUSH)  # ends on a byte, so that the rows join
    yield b"\x03\x00"  # an empty last block
    yield isal_zlib.adler32(planes.data).to_bytes(4, "big")


def fletcher32(data: bytes | memoryview, sums: WordSums | None = None) -> int:
    """Return the checksum that HDF5's filter appends to a chunk (H5_checksum_fletcher32 in H5checksum.c).

    The sums run modulo 65535 over big-endian 16-bit words, an odd last byte being the high half of a word. Swapping the
    bytes of a word multiplies it by 256 modulo 65535, so the words are summed as little-endian, by sums or else by
    `word_sums`, and swapped at the end.
    """
    words = np.frombuffer(data, dtype="<u2", count=len(data) // 2)
    first, second = map(int, (sums or word_sums)(words))
    if len(data) % 2:
        second += first + data[-1]  # one more word behind them
        first += data[-1]
    return _swapped_residue(second) << 16 | _swapped_residue(first)


def word_sums(words: NDArray[np.uint16]) -> tuple[np.uint64, np.uint64]:
    """Return the sum of words (n,) and the sum of (n - i) words[i], modulo 2^64."""
    n_rows = len(words) // _ROW_WORDS
    table = words[: n_rows * _ROW_WORDS].reshape(n_rows, _ROW_WORDS)
    rest = words[n_rows * _ROW_WORDS :].astype(np.uint64)
    row_sums = table.sum(axis=1, dtype=np.uint32).astype(np.uint64)
    column_sums = table.sum(axis=0, dtype=np.uint64)
    first = int(row_sums.sum()) + int(rest.sum())
    # the second sum counts word i (n - i) times, and i = row * _ROW_WORDS + column
    second = int(row_sums @ (len(words) - _ROW_WORDS * np.arange(n_rows, dtype=np.uint64)))
    second -= int(column_sums @ np.arange(_ROW_WORDS, dtype=np.uint64))
    second += int(rest @ (len(words) - n_rows * _ROW_WORDS - np.arange(len(rest), dtype=np.uint64)))
    return np.uint64(first), np.uint64(second)


def _swapped_residue(total: int) -> int:
    """Fold a sum of byte-swapped words to 16 bits; HDF5's folding gives 65535, never 0, for a positive multiple."""
    return (256 * total - 1) % 65535 + 1 if total else 0
