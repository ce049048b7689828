"""Deflate (RFC 1951) for what does not shrink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit

MOST_IN_BLOCK = 65535
BLOCK_HEADER_BYTES = 5


@jit
def put_stored(data: NDArray[np.uint8], memory: NDArray[np.uint8], at: int) -> int:
    """Copy data (n,) to memory, from `at` on, as stored blocks, none of them the last; return where they end.

    They begin on a byte (RFC 1951, 3.2.4): three bits and padding, the length, and its complement.
    """
    for start in range(0, data.size, MOST_IN_BLOCK):
        n = min(MOST_IN_BLOCK, data.size - start)
        memory[at] = 0
        memory[at + 1], memory[at + 2] = n & 255, n >> 8
        memory[at + 3], memory[at + 4] = 255 - (n & 255), 255 - (n >> 8)
        block, into = data[start : start + n], memory[at + BLOCK_HEADER_BYTES :]
        for i in range(n):
            into[i] = block[i]
        at += BLOCK_HEADER_BYTES + n
    return at
