"""Lower bounds of chi2 over boxes, and the tiles that they leave, against every point of small grids."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels import bounds as kernels
from scanengine_kernels.minimise import Residuals
from tests.kernels.test_minimise import chi2_at, random_residuals
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def bound(residuals: Residuals, lower: FloatArray, upper: FloatArray, enough: float = np.inf) -> float:
    work = kernels.workspace(residuals)
    return kernels.lower_bound(residuals, kernels.coefficient_sizes(residuals), lower, upper, enough, work)


@given(SEEDS, st.integers(1, 5), st.integers(1, 4), st.sampled_from([0.0, 1e-9, 0.01, 0.3, 1.0]))
def test_chi2_is_nowhere_below_the_bound(seed: int, K: int, n: int, width: float) -> None:
    random = np.random.default_rng(seed)
    residuals = random_residuals(random, K, n)
    middle = random.uniform(-1.0, 1.0, size=n)
    lower, upper = np.maximum(middle - width, -1.0), np.minimum(middle + width, 1.0)
    corners = np.array(list(product(*zip(lower, upper, strict=True))))
    points = np.concatenate((corners, random.uniform(lower, upper, size=(30, n))))
    lowest = min(chi2_at(residuals, t) for t in points)
    for enough in (0.0, 0.5 * lowest, 0.99 * lowest, np.inf):  # the last is out of reach from the first direction on
        assert bound(residuals, lower, upper, enough) <= lowest


@given(SEEDS, st.integers(1, 5), st.integers(1, 4))
def test_the_bound_of_a_point_is_chi2_there_to_rounding(seed: int, K: int, n: int) -> None:
    random = np.random.default_rng(seed)
    residuals = random_residuals(random, K, n)
    t = random.uniform(-1.0, 1.0, size=n)
    chi2 = chi2_at(residuals, t)
    assert chi2 - 1e-9 * (1.0 + chi2) <= bound(residuals, t, t) <= chi2


def test_the_bound_approaches_the_minimum_with_the_square_of_the_width() -> None:
    """r = (x + 2, x^2 + y): linear parts cost nothing, the bending of x^2 over half a width w at most w^2."""
    A = np.zeros((2, 2, 2))
    A[1, 0, 0] = 1.0
    residuals = Residuals(np.array([2.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]]), A)
    lost = []
    for w in (0.4, 0.2, 0.1):
        lower, upper = np.array([-0.5 - w, 0.5 - w]), np.array([-0.5 + w, 0.5 + w])
        x, y = (np.linspace(lower[i], upper[i], 401) for i in (0, 1))
        minimum = float(((x + 2.0) ** 2 + ((x * x)[None, :] + y[:, None]) ** 2).min())
        lost.append(minimum - bound(residuals, lower, upper))
    assert all(0.0 <= loss <= w * w for loss, w in zip(lost, (0.4, 0.2, 0.1), strict=True))
    assert lost[2] < 0.1 * lost[0]


@given(SEEDS, st.lists(st.integers(2, 6), min_size=1, max_size=4), st.sampled_from([0.0, 0.5, 5.0, 1e9]), st.data())
def test_no_tile_that_holds_a_point_below_the_cutoff_is_left_out(
    seed: int, shape: list[int], delta: float, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    n = len(shape)
    residuals = random_residuals(random, 4, n)
    tile = [data.draw(st.integers(1, size)) for size in shape]
    values = [np.sort(random.uniform(-1.0, 1.0, size=size)) for size in shape]
    packed = np.full((n, max(shape)), np.nan)
    for axis, v in enumerate(values):
        packed[axis, : v.size] = v
    grid = np.array([chi2_at(residuals, np.array(t)) for t in product(*values)]).reshape(shape)
    first = float(grid.ravel()[0])
    numbers, bounds, minimum = kernels.relevant_tiles(residuals, packed, np.array(shape), np.array(tile), first, delta)
    assert grid.min() <= minimum + 1e-9
    assert minimum <= first
    assert len(set(numbers.tolist())) == numbers.size
    kept = dict(zip(numbers.tolist(), bounds.tolist(), strict=True))
    starts = product(*(range(0, size, t) for size, t in zip(shape, tile, strict=True)))
    boxes = [tuple(slice(s, s + t) for s, t in zip(start, tile, strict=True)) for start in starts]
    for number, box in enumerate(boxes):
        lowest = grid[box].min()
        if lowest <= grid.min() + delta:
            assert number in kept
        if number in kept:
            assert kept[number] <= lowest + 1e-9 * (1.0 + lowest)
    if delta > 1e8:
        assert sorted(kept) == list(range(len(boxes)))


def test_most_tiles_of_a_parabola_are_ruled_out() -> None:
    """chi2 = 1e4 (x^2 + y^2) <= 1 in a circle of radius 0.01, on a grid of steps of 0.02 in tiles of 5 x 101 points."""
    residuals = Residuals(np.zeros(2), 100.0 * np.eye(2), np.zeros((2, 2, 2)))
    values = np.tile(np.linspace(-1.0, 1.0, 101), (2, 1))
    shape, tile = np.array([101, 101]), np.array([5, 101])
    numbers, _, minimum = kernels.relevant_tiles(residuals, values, shape, tile, 2e4, 1.0)
    assert minimum == pytest.approx(0.0, abs=1e-20)
    assert 10 in numbers.tolist()
    assert numbers.size <= 3
