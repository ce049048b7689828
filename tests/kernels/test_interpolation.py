from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels.interpolation import points_up_to

POINTS = st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=20, unique=True).map(sorted)


@given(POINTS, st.floats(-11.0, 11.0))
def test_points_up_to_counts_like_numpy(points: list[float], x: float) -> None:
    array = np.array(points)
    assert points_up_to(array, x) == np.searchsorted(array, x, side="right")


@given(POINTS, st.data())
def test_a_point_itself_lies_up_to_itself(points: list[float], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(points) - 1))
    assert points_up_to(np.array(points), points[index]) == index + 1
