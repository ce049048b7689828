"""The bytes of a chunk: against NumPy's own view of them, and the definition of Fletcher's sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine_kernels.chunks import byte_planes, word_sums, word_sums_of_copy


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 700), st.integers(0, 2**32 - 1))
def test_sums_of_words_are_those_of_the_definition(n: int, seed: int) -> None:
    words = np.random.default_rng(seed).integers(0, 2**16, size=n, dtype=np.uint16)
    first, second = word_sums(words)
    assert int(first) == sum(words.tolist())
    assert int(second) == sum((n - i) * word for i, word in enumerate(words.tolist()))
    copy = np.zeros_like(words)
    assert word_sums_of_copy(words, copy) == (first, second)
    assert np.array_equal(copy, words)


@pytest.mark.jit_only
@pytest.mark.parametrize("n", [64 * 256 - 1, 64 * 256, 64 * 256 + 63, 64 * 256 * 3 + 5])
def test_the_largest_words_overflow_no_lane(n: int) -> None:
    first, second = word_sums(np.full(n, 65535, dtype=np.uint16))
    assert int(first) == 65535 * n
    assert int(second) == 65535 * n * (n + 1) // 2


@pytest.mark.parametrize("dtype", ["<u4", "<u8"])
@pytest.mark.parametrize(("drop", "left_out"), [(0, 0), (3, 0), (8, 1), (21, 2)])
def test_planes_hold_the_bytes_of_each_rounded_word_in_turn(dtype: str, drop: int, left_out: int) -> None:
    words = np.random.default_rng(2).integers(0, 2**24, size=117).astype(dtype) * np.dtype(dtype).type(129)
    planes = np.empty((words.itemsize - left_out, words.size), dtype=np.uint8)
    byte_planes(words, drop, planes)
    unit = 2**drop
    rounded = [(word + unit // 2) // unit * unit for word in words.tolist()]
    for p, plane in enumerate(planes):
        assert plane.tolist() == [(word >> (8 * (p + left_out))) & 255 for word in rounded]
