"""One HDF5 chunk as bytes: the filters shuffle, deflate and Fletcher-32, run outside HDF5 so that threads share them.

HDF5 holds one lock around its own filters; NumPy, zlib and ISA-L release the interpreter instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine.store.disk.blocks import at_page
from scanengine.store.encoding import deflate

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
        return {"shuffle": True, "compression": "gzip", "compression_opts": deflate.LEVEL, "fletcher32": True}

    def encode(self, values: FloatArray, chunk_shape: tuple[int, ...]) -> bytes:
        """Return a tile as the bytes of one chunk, as an `Encoder` makes them."""
        encoder = Encoder(self, chunk_shape)
        return bytes(encoder.encode(values, encoder.room()))


class Encoder:
    """Turns tiles into the bytes of chunks, for one thread, in memory of its own: fresh memory would cost too much.

    Not `compiled`, it does without Numba.
    """

    def __init__(self, encoding: Encoding, chunk_shape: tuple[int, ...], *, compiled: bool = False) -> None:
        self._encoding = encoding
        self._shape = chunk_shape
        self._drop = np.finfo(encoding.dtype).nmant - encoding.mantissa_bits
        self._numbers = np.zeros(chunk_shape, dtype=encoding.dtype)
        self._deflater = None
        if encoding.compression == "deflate":
            size, item_bytes, empty = self._numbers.size, encoding.dtype.itemsize, self._drop // 8
            self._deflater = deflate.Deflater(size, item_bytes, empty, rounded=self._drop > 0, compiled=compiled)
        self._byte_planes, self._word_sums, self._word_sums_of_copy = byte_planes, word_sums, word_sums_of_copy
        if compiled:
            from scanengine_kernels import chunks as kernels

            self._byte_planes, self._word_sums = kernels.byte_planes, kernels.word_sums
            self._word_sums_of_copy = kernels.word_sums_of_copy

    def room(self) -> NDArray[np.uint8]:
        """Return memory in which any chunk has room."""
        n_bytes = self._numbers.nbytes if self._deflater is None else self._deflater.most_bytes
        return at_page(n_bytes + _CHECKSUM_BYTES)

    def encode(self, values: FloatArray, memory: NDArray[np.uint8]) -> memoryview:
        """Return `values` as the bytes of one chunk, in memory: rounded, padded to its shape, filtered, summed up.

        `values` may be smaller than the chunk in any dimension (a tile at the upper edge of the grid).
        """
        as_it_is = values.shape == self._shape and values.dtype == self._numbers.dtype
        if self._deflater is None:
            size = self._numbers.nbytes
            numbers = memory[:size].view(self._encoding.dtype).reshape(self._shape)
            if as_it_is and self._drop <= 0:
                words = values.reshape(-1, copy=False).view("<u2")
                checksum = fletcher32(memory[:size].data, lambda copy: self._word_sums_of_copy(words, copy))
            else:
                self._put(values, numbers)
                round_mantissa(numbers, self._encoding.mantissa_bits)
                checksum = fletcher32(memory[:size].data, self._word_sums)
        else:
            if not as_it_is:
                self._put(values, self._numbers)
                values = self._numbers
            self._byte_planes(
                values.reshape(-1, copy=False).view(f"<u{values.itemsize}"), self._drop, self._deflater.planes
            )
            size = self._deflater.deflate(memory)
            checksum = fletcher32(memory[:size].data, self._word_sums)
        memory[size : size + _CHECKSUM_BYTES] = np.frombuffer(checksum.to_bytes(_CHECKSUM_BYTES, "little"), np.uint8)
        return memory[: size + _CHECKSUM_BYTES].data

    def _put(self, values: FloatArray, numbers: FloatArray) -> None:
        if values.shape != self._shape:  # beyond the edge there is nothing of an earlier tile
            numbers.fill(0.0)
        numbers[tuple(slice(n) for n in values.shape)] = values


def byte_planes(words: NDArray[np.uint64], drop: int, planes: NDArray[np.uint8]) -> None:
    """Set planes (bytes, n) to the highest bytes of little-endian words (n,), lower ones first: HDF5's shuffle.

    So many of the lowest bits are rounded away before.
    """
    first = words.itemsize - planes.shape[0]
    np.copyto(planes, rounded(words, drop).view(np.uint8).reshape(-1, words.itemsize).T[first:])


def round_mantissa(values: FloatArray, bits: int) -> None:
    """Round values, little-endian floats, to so many bits of the mantissa, in place; infinity stays what it is."""
    words = values.view(f"<u{values.dtype.itemsize}")
    words[...] = rounded(words, np.finfo(values.dtype).nmant - bits)


def rounded(words: NDArray[np.uint64], drop: int) -> NDArray[np.uint64]:
    """Return words with the lowest bits rounded away, to zeros; carries go up as they do in floating-point numbers."""
    if drop <= 0:
        return words
    unsigned = words.dtype.type
    return (words + unsigned(1 << (drop - 1))) & unsigned(2 ** (8 * words.itemsize) - (1 << drop))


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


def word_sums_of_copy(words: NDArray[np.uint16], copy: NDArray[np.uint16]) -> tuple[np.uint64, np.uint64]:
    """Copy words (n,) and return the sums of `word_sums`."""
    np.copyto(copy, words)
    return word_sums(copy)


def _swapped_residue(total: int) -> int:
    """Fold a sum of byte-swapped words to 16 bits; HDF5's folding gives 65535, never 0, for a positive multiple."""
    return (256 * total - 1) % 65535 + 1 if total else 0
