"""Stored blocks, as zlib reads them."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from scanengine_kernels.deflate import put_stored


@pytest.mark.parametrize("n", [0, 1, 65535, 65536, 200_000])
def test_stored_blocks_hold_data_as_they_are(n: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, size=n, dtype=np.uint8)
    memory = np.full(n + 100, 3, dtype=np.uint8)
    end = put_stored(data, memory, 7)
    last_block = b"\x03\x00"
    assert zlib.decompress(memory[7:end].tobytes() + last_block, -zlib.MAX_WBITS) == data.tobytes()
    assert (memory[end:] == 3).all()
