"""The last three axes, in whole blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels.quartic import axes as kernels

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 30))
def test_axis_goes_around_up_to_a_whole_block(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    whole, longer = kernels.around(values, size, 0), kernels.around(values, size, 1)
    assert whole.size % 8 == 0
    assert 0 <= whole.size - size < 8
    assert longer.size == whole.size + 8
    assert np.array_equal(longer[: whole.size], whole)
    assert np.array_equal(longer, np.resize(values, longer.size))
