"""Interpolation between grid points, against SciPy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from scanengine.inference.interpolation import MonotoneCubic


@given(st.integers(2, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_monotone_cubic_is_scipys_pchip(points: int, seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.01, 2.0, points))
    y = rng.normal(size=points)
    if flat:
        y = np.round(y)
    between = np.concatenate((x, rng.uniform(x[0], x[-1], 20)))
    np.testing.assert_allclose(MonotoneCubic(x, y)(between), PchipInterpolator(x, y)(between), atol=1e-14)
