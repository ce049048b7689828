from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels.interpolation import piecewise_linear, points_up_to

POINTS = st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=20, unique=True).map(sorted)


@given(POINTS, st.floats(-11.0, 11.0))
def test_points_up_to_counts_like_numpy(points: list[float], x: float) -> None:
    array = np.array(points)
    assert points_up_to(array, x) == np.searchsorted(array, x, side="right")


@given(POINTS, st.data())
def test_a_point_itself_lies_up_to_itself(points: list[float], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(points) - 1))
    assert points_up_to(np.array(points), points[index]) == index + 1


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=20, unique=True).map(sorted), st.floats(-60.0, 60.0), st.data()
)
def test_piecewise_linear_interpolates_like_numpy(points: list[int], x: float, data: st.DataObject) -> None:
    values = np.array(data.draw(st.lists(st.floats(-1.0, 1.0), min_size=len(points), max_size=len(points))))
    array = np.array(points, dtype=np.float64)
    assert piecewise_linear(x, array, values) == pytest.approx(np.interp(x, array, values), abs=1e-14)
