"""Tiles cover a grid once, whatever its shape."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.grid.tiling import Tiling


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple), st.integers(1, 300))
def test_tiles_cover_every_point_once(shape: tuple[int, ...], points: int) -> None:
    tiling = Tiling.of(shape, points)
    hits = np.zeros(shape, dtype=int)
    starts = list(tiling.starts())
    for start in starts:
        box = tuple(slice(s, s + n) for s, n in zip(start, tiling.shape_at(start), strict=True))
        hits[box] += 1
    assert np.all(hits == 1)
    assert len(tiling) == len(starts) == len(set(starts))
    assert starts == sorted(starts)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=6).map(tuple), st.integers(1, 10**6))
def test_tiles_are_contiguous_and_no_larger_than_twice_what_is_wanted(shape: tuple[int, ...], points: int) -> None:
    tile = Tiling.of(shape, points).tile_shape
    assert prod(tile) < 2 * points or prod(tile) == 1
    cut = [axis for axis in range(len(shape)) if tile[axis] < shape[axis]]
    if cut:
        assert all(n == 1 for n in tile[: cut[-1]])
        assert tile[cut[-1] + 1 :] == shape[cut[-1] + 1 :]


def test_tiles_along_an_axis_are_nearly_equal() -> None:
    """Nine lines, at most four a tile: 3 + 3 + 3, not 4 + 4 + 1."""
    tiling = Tiling.of((9, 100), 400)
    assert [tiling.shape_at(start)[0] for start in tiling.starts()] == [3, 3, 3]


@pytest.mark.parametrize("shape", [(401, 401), (31,) * 4, (40,) * 5])
def test_a_grid_has_tiles_for_many_workers(shape: tuple[int, ...]) -> None:
    for tiling in (Tiling.of(shape), Tiling.for_minima(shape)):
        assert 9 <= len(tiling) < 1000
        assert prod(tiling.tile_shape) <= prod(shape) // 9
