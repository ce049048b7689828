"""Reducing tiles of a grid to its profiles, against NumPy's minima of the whole grid."""

from __future__ import annotations

from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels import profiles as kernels
from scanengine_kernels import small
from scanengine_kernels.grids import LineMinima, PlaneMinima
from tests import naive

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=5)
VALUES = np.array([0.0, 0.5, 1.0, 2.0, 3.0])
"""Few, so that minima occur more than once."""


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=40))
def test_smallest(row: list[float]) -> None:
    assert kernels.smallest(np.array(row, dtype=np.float64)) == min(row)


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), max_size=20))
def test_lower(pairs: list[tuple[float, float]]) -> None:
    lowest, row = (np.array([pair[i] for pair in pairs], dtype=np.float64) for i in (0, 1))
    kernels.lower(lowest, row)
    assert lowest.tolist() == [min(pair) for pair in pairs]


@given(SHAPES, st.data(), st.booleans())
def test_tiles_reduce_to_the_minima_of_the_grid(shape: list[int], data: st.DataObject, with_planes: bool) -> None:
    n = len(shape)
    grid = VALUES[data.draw(st.lists(st.integers(0, 4), min_size=prod(shape), max_size=prod(shape)))].reshape(shape)
    # a tile spans the last axes whole: cut one axis, single out those before
    cut_axis = data.draw(st.integers(0, n - 1))
    tile = [1] * cut_axis + [data.draw(st.integers(1, shape[cut_axis]))] + shape[cut_axis + 1 :]
    pairs = list(combinations(range(n), 2)) if with_planes or n > 2 else []
    offsets, points = np.zeros((n, n), dtype=np.int64), 0
    for a, b in pairs:
        offsets[a, b] = points
        points += shape[a] * shape[b]
    line_offsets = np.concatenate(([0], np.cumsum(shape)))
    planes, lines = np.full(points, np.inf), np.full(sum(shape), np.inf)
    best, best_index = np.inf, np.zeros(n, dtype=np.int64)
    for start in product(*(range(0, s, t) for s, t in zip(shape, tile, strict=True))):
        box = tuple(slice(s, min(s + t, m)) for s, t, m in zip(start, tile, shape, strict=True))
        chi2 = np.ascontiguousarray(grid[box])
        best = kernels.reduce_tile(
            chi2.reshape(-1, chi2.shape[-1]),
            np.array(chi2.shape),
            np.array(start),
            PlaneMinima(np.array(shape), offsets, planes),
            LineMinima(line_offsets, lines),
            best,
            best_index,
        )
    exact_lines, exact_planes = naive.profiles(grid)
    for a, b in pairs:
        plane = planes[offsets[a, b] : offsets[a, b] + shape[a] * shape[b]].reshape(shape[a], shape[b])
        assert np.array_equal(plane, exact_planes[a, b])
    for a in range(max(n - 2, 0), n):
        assert np.array_equal(lines[line_offsets[a] : line_offsets[a + 1]], exact_lines[a])
    assert best == grid.min()
    assert tuple(best_index) == np.unravel_index(np.argmin(grid), shape)


@pytest.mark.parametrize("length", [3, 8, 20])
def test_what_is_no_number_is_passed_over(length: int) -> None:
    row = np.full(length, np.nan)
    assert kernels.smallest(row) == np.inf
    minima = np.ones(length)
    kernels.lower(minima, row)
    assert np.array_equal(minima, np.ones(length))
    row[-1] = 0.5
    assert kernels.smallest(row) == 0.5
    kernels.lower(minima, row)
    assert minima.tolist() == [1.0] * (length - 1) + [0.5]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 17])
def test_minimum_is_found_in_every_lane_and_in_the_rest(length: int) -> None:
    for place in range(length):
        row = np.full(length, 2.0)
        row[place] = 1.0
        assert kernels.smallest(row) == 1.0


@pytest.mark.parametrize("reduce_tile", [kernels.reduce_tile, small.reduce_tile])
def test_the_place_of_the_minimum_is_that_of_a_number(reduce_tile: Any) -> None:
    """Of a line, and of a plane, in which some points are no numbers."""
    for shape in ((9,), (3, 4)):
        chi2 = np.linspace(3.0, 1.0, int(np.prod(shape))).reshape(shape)
        chi2.flat[[0, 5]] = np.nan
        n = len(shape)
        offsets, lines, index = (
            np.zeros((n, n), dtype=np.int64),
            np.full(sum(shape), np.inf),
            np.zeros(n, dtype=np.int64),
        )
        places = np.concatenate(([0], np.cumsum(shape)))
        sizes, start = np.array(shape), np.zeros(n, dtype=np.int64)
        rows = chi2.reshape(-1, shape[-1])
        planes = np.full(chi2.size, np.inf) if n > 1 else np.empty(0)
        best = reduce_tile(
            rows, sizes, start, PlaneMinima(sizes, offsets, planes), LineMinima(places, lines), np.inf, index
        )
        assert best == 1.0
        assert tuple(index) == tuple(m - 1 for m in shape)
        assert lines.min() == 1.0
        assert not np.isnan(lines).any()
