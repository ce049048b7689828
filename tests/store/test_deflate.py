"""Planes of bytes as one zlib stream, whatever they hold."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.store.encoding.deflate import Deflater, put_stored


def stream(deflater: Deflater) -> bytes:
    memory = np.zeros(deflater.most_bytes, dtype=np.uint8)
    return bytes(memory[: deflater.deflate(memory)])


def test_noise_is_stored_and_the_rest_is_deflated() -> None:
    deflater = Deflater(50_000, 4)
    deflater.planes[1:3] = np.random.default_rng(0).integers(0, 256, size=(2, 50_000), dtype=np.uint8)
    found = stream(deflater)
    assert zlib.decompress(found) == deflater.planes.tobytes()
    assert 100_000 < len(found) < 101_000


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 70_000),
    item_bytes=st.sampled_from([4, 8]),
    empty=st.integers(0, 3),
    kinds=st.lists(st.sampled_from(["noise", "one number", "steps"]), min_size=8, max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_planes_come_back(n: int, item_bytes: int, empty: int, kinds: list[str], seed: int) -> None:
    deflater = Deflater(n, item_bytes, empty)
    rng = np.random.default_rng(seed)
    for _ in range(2):  # and nothing is left of the first time
        for plane, kind in zip(deflater.planes, kinds, strict=False):
            noise = rng.integers(0, 256, size=n, dtype=np.uint8)
            plane[:] = {"noise": noise, "one number": noise[0], "steps": np.arange(n) // 50 % 256}[kind]
        found = stream(deflater)
        assert zlib.decompress(found) == bytes(n * empty) + deflater.planes.tobytes()


def test_what_only_its_middle_makes_look_worth_deflating_takes_no_more_than_it_is() -> None:
    deflater = Deflater(30_000, 8)
    deflater.planes[:] = np.random.default_rng(0).integers(0, 256, size=(8, 30_000), dtype=np.uint8)
    deflater.planes[:, 14_000:16_000] = 7
    found = stream(deflater)
    assert zlib.decompress(found) == deflater.planes.tobytes()
    assert len(found) < deflater.planes.size * 1.001


@pytest.mark.parametrize("n", [0, 1, 65535, 65536, 200_000])
def test_stored_blocks_hold_data_as_they_are(n: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, size=n, dtype=np.uint8)
    memory = np.full(n + 100, 3, dtype=np.uint8)
    end = put_stored(data, memory, 7)
    last_block = b"\x03\x00"
    assert zlib.decompress(memory[7:end].tobytes() + last_block, -zlib.MAX_WBITS) == data.tobytes()
    assert (memory[end:] == 3).all()
