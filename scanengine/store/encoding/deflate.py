"""The filters shuffle and deflate, for numbers of which some bytes are noise: one zlib stream (RFC 1950) of planes.

The low mantissa bytes of a chi2 grid are noise, on which deflate spends most of its time and gains nothing: they go in
as stored blocks. Bytes that rounding has left empty are deflated once for all.
"""

from __future__ import annotations

import struct
import zlib
from itertools import groupby

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

LEVEL = 1
_SAMPLE_BYTES = 2048
_WORTHWHILE_OF_EXACT, _WORTHWHILE_OF_ROUNDED = 0.5, 0.9
"""To what part of itself a plane has to shrink: where most of the bytes are noise anyway, the time counts for more."""

_OF_EXPONENT = 2
"""Bytes in which a floating-point number has its sign and exponent, which hardly change from one to the next."""

_HEADER = b"\x78\x01"
"""Deflate, a window of 32 KiB, the fastest level."""
_LAST_BLOCK = b"\x03\x00"
"""A block without bytes, which says that it is the last."""
_MOST_IN_BLOCK = 65535
_BLOCK_HEADER = struct.Struct("<BHH")
"""That it is stored (and not the last), the length, and its complement: RFC 1951, 3.2.4."""
_ADLER_BYTES = 4
_ADLER_MODULUS = 65521


class Deflater:
    """Deflates numbers of the same size and number again and again, by their `planes` (bytes, n): the lowest first.

    Those of the `empty` lowest bytes are zero, and are left out of `planes`; there may be some if the numbers are
    `rounded`. Not `compiled`, it does without Numba.
    """

    def __init__(
        self, n: int, item_bytes: int, empty: int = 0, *, rounded: bool = False, compiled: bool = False
    ) -> None:
        self.planes = np.zeros((item_bytes - empty, n), dtype=np.uint8)
        self._stream = isal_zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._worthwhile = _WORTHWHILE_OF_ROUNDED if rounded else _WORTHWHILE_OF_EXACT
        self._empty = self._deflated(bytes(n * empty)) if empty else b""
        self._put_stored = put_stored
        if compiled:
            from scanengine_kernels import deflate as kernels

            self._put_stored = kernels.put_stored
        self._adler_of_empty = n * empty % _ADLER_MODULUS << 16 | 1

    @property
    def most_bytes(self) -> int:
        """The size of what does not shrink at all."""
        headers = _BLOCK_HEADER.size * sum(-(-plane.size // _MOST_IN_BLOCK) for plane in self.planes)
        return len(_HEADER + self._empty + _LAST_BLOCK) + headers + self.planes.size + _ADLER_BYTES

    def deflate(self, memory: NDArray[np.uint8]) -> int:
        """Write the planes as they are to memory, as a zlib stream, and return its length."""
        size = put(_HEADER + self._empty, memory, 0)
        for shrinks, numbers in groupby(range(len(self.planes)), key=self._shrinking().__getitem__):
            rows = list(numbers)
            data = self.planes[rows[0] : rows[-1] + 1].reshape(-1)
            deflated = self._deflated(data.data) if shrinks else b""
            if shrinks and len(deflated) < data.size:
                size = put(deflated, memory, size)
            else:
                size = self._put_stored(data, memory, size)
        adler = isal_zlib.adler32(self.planes.data, self._adler_of_empty)
        return put(_LAST_BLOCK + adler.to_bytes(_ADLER_BYTES, "big"), memory, size)

    def _deflated(self, data: bytes | memoryview) -> bytes:
        """Return blocks that end on a byte and look back at nothing before them."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FULL_FLUSH)

    def _shrinking(self) -> list[bool]:
        """Tell of each plane whether it is worth deflating: the two highest are, others if a sample of the middle is.

        Below a plane that is not there is nothing but noise, or one number.
        """
        n = self.planes.shape[1]
        middle = max(0, (n - _SAMPLE_BYTES) // 2)
        shrinking = [True] * _OF_EXPONENT
        for plane in self.planes[::-1][_OF_EXPONENT:]:
            sample = plane[middle : middle + _SAMPLE_BYTES]
            if all(shrinking):
                shrinking.append(len(self._deflated(sample.data)) < self._worthwhile * sample.size)
            else:
                shrinking.append(bool((sample == sample[0]).all()))
        return shrinking[::-1]


def put(data: bytes | NDArray[np.uint8], memory: NDArray[np.uint8], at: int) -> int:
    """Copy data to a place in memory, and return where it ends."""
    end = at + len(data)
    memory[at:end] = np.frombuffer(data, dtype=np.uint8)  # NumPy lets other threads run meanwhile
    return end


def put_stored(data: NDArray[np.uint8], memory: NDArray[np.uint8], at: int) -> int:
    """Copy data to a place in memory as deflate's stored blocks, which begin on a byte; return where they end."""
    for start in range(0, data.size, _MOST_IN_BLOCK):
        block = data[start : start + _MOST_IN_BLOCK]
        at = put(_BLOCK_HEADER.pack(0, block.size, _MOST_IN_BLOCK - block.size), memory, at)
        at = put(block, memory, at)
    return at
