"""The filters shuffle and deflate, for numbers of which some bytes are noise: one zlib stream (RFC 1950) of planes.

The low mantissa bytes of a chi2 grid are noise, on which deflate spends most of its time and gains nothing: they go in
as stored blocks. Bytes that rounding has left empty are deflated once for all.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

LEVEL = 1
_SAMPLE_BYTES = 2048
_WORTHWHILE = 0.9

_HEADER = b"\x78\x01"
"""Deflate, a window of 32 KiB, the fastest level."""
_LAST_BLOCK = b"\x03\x00"
"""A block without bytes, which says that it is the last."""
_MOST_STORED = 65535
_ADLER_BYTES = 4
_ADLER_MODULUS = 65521


class Deflater:
    """Deflates numbers of the same size and number again and again, by their `planes` (bytes, n): the lowest first.

    Those of the `empty` lowest bytes are zero, and are left out of `planes`.
    """

    def __init__(self, n: int, item_bytes: int, empty: int = 0) -> None:
        self.planes = np.zeros((item_bytes - empty, n), dtype=np.uint8)
        self._stream = isal_zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._empty = self._deflated(bytes(n * empty)) if empty else b""
        self._adler_of_empty = n * empty % _ADLER_MODULUS << 16 | 1

    @property
    def most_bytes(self) -> int:
        """The size of what does not shrink at all."""
        blocks = sum(-(-rows.size // _MOST_STORED) for rows in self.planes)
        overhead = len(_HEADER + self._empty + _LAST_BLOCK) + 5 * blocks + _ADLER_BYTES
        return self.planes.size + overhead

    def deflate(self, memory: NDArray[np.uint8]) -> int:
        """Write the planes as they are to memory, as a zlib stream, and return its length."""
        size = 0
        for part in self._parts():
            n = len(part)
            memory[size : size + n] = np.frombuffer(part, dtype=np.uint8)  # NumPy lets other threads run meanwhile
            size += n
        return size

    def _parts(self) -> Iterator[bytes | memoryview]:
        yield _HEADER + self._empty
        for shrinks, numbers in groupby(range(len(self.planes)), key=self._shrinking().__getitem__):
            rows = list(numbers)
            data = self.planes[rows[0] : rows[-1] + 1].reshape(-1).data
            deflated = self._deflated(data) if shrinks else data
            if len(deflated) < len(data):
                yield deflated
            else:
                yield from stored(data)
        yield _LAST_BLOCK + isal_zlib.adler32(self.planes.data, self._adler_of_empty).to_bytes(_ADLER_BYTES, "big")

    def _deflated(self, data: bytes | memoryview) -> bytes:
        """Return blocks that end on a byte and look back at nothing before them."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FULL_FLUSH)

    def _shrinking(self) -> list[bool]:
        """Tell of each plane whether it is worth deflating, by a sample of its middle.

        Below a plane that is not there is nothing but noise, or one number.
        """
        n = self.planes.shape[1]
        middle = max(0, (n - _SAMPLE_BYTES) // 2)
        shrinking: list[bool] = []
        for plane in self.planes[::-1]:
            sample = plane[middle : middle + _SAMPLE_BYTES]
            if all(shrinking):
                shrinking.append(len(self._deflated(sample.data)) < _WORTHWHILE * sample.size)
            else:
                shrinking.append(bool((sample == sample[0]).all()))
        return shrinking[::-1]


def stored(data: memoryview) -> Iterator[bytes | memoryview]:
    """Yield deflate's blocks that hold data as they are."""
    for start in range(0, len(data), _MOST_STORED):
        block = data[start : start + _MOST_STORED]
        yield b"\x00" + len(block).to_bytes(2, "little") + (_MOST_STORED - len(block)).to_bytes(2, "little")
        yield block
