"""Minima over planes found without storing chi2, against the minima of the stored grid: the same to the last bit."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.grids import PlaneMinima
from scanengine_kernels.quartic.grid import fill_quartic
from scanengine_kernels.quartic.profiles import reduce_quartic
from tests import naive
from tests.kernels.quartic.naive_squares import grid_of, random_values, squares_of
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def reduced(
    residuals: FloatArray, values: list[FloatArray], tile: list[int]
) -> tuple[dict[tuple[int, int], FloatArray], list[tuple[float, int]]]:
    """The minima over all axes but two, and of each tile in turn the lowest chi2 and its plane."""
    n, shape = len(values), [v.size for v in values]
    offsets, points = np.zeros((n, n), dtype=np.int64), 0
    for a, b in combinations(range(n), 2):
        offsets[a, b] = points
        points += shape[a] * shape[b]
    minima = np.full(points + 7, np.inf)
    lowest = []
    for start in product(*(range(0, s, t) for s, t in zip(shape, tile, strict=True))):
        part = [v[s : s + t] for v, s, t in zip(values, start, tile, strict=True)]
        squares = squares_of(residuals, n)
        lowest.append(
            reduce_quartic(squares, grid_of(part), np.array(start), PlaneMinima(np.array(shape), offsets, minima))
        )
    assert np.isinf(minima[points:]).all()
    planes = {
        (a, b): np.maximum(minima[offsets[a, b] :][: shape[a] * shape[b]], 0.0).reshape(shape[a], shape[b])
        for a, b in combinations(range(n), 2)
    }
    return planes, lowest


def stored(residuals: FloatArray, values: list[FloatArray]) -> tuple[FloatArray, int]:
    shape = [v.size for v in values]
    chi2 = np.empty(int(np.prod(shape)))
    squares = squares_of(residuals, len(values))
    squared = fill_quartic(squares, grid_of(values), False, chi2)
    return chi2.reshape(shape), squared


def assert_minima_of(grid: FloatArray, planes: dict[tuple[int, int], FloatArray]) -> None:
    for pair, plane in naive.profiles(grid)[1].items():
        assert np.array_equal(planes[pair], plane)


@settings(max_examples=150)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(1, 70), st.data(), SEEDS)
def test_minima_over_all_planes_whatever_the_tiles(
    outer: list[int], length: int, data: st.DataObject, seed: int
) -> None:
    shape = [*outer, length]
    random = np.random.default_rng(seed)
    residuals = data.draw(st.sampled_from([1.0, 1e4])) * random.normal(
        size=(3, len(Monomials.of(len(shape), 2).exponents))
    )
    values = random_values(random, shape)
    # tiles hold whole lines: of a part of one the bound may be kept where that of the whole is not
    cut = data.draw(st.integers(0, len(shape) - 2))
    tile = [1] * cut + [data.draw(st.integers(1, shape[cut]))] + shape[cut + 1 :]
    grid, _ = stored(residuals, values)
    planes, lowest = reduced(residuals, values, tile)
    assert_minima_of(grid, planes)
    assert min(chi2 for chi2, _ in lowest) == grid.min()


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 5, 9), (2, 2, 3, 3, 17)])
def test_first_plane_of_the_minimum_is_told(shape: tuple[int, ...]) -> None:
    """chi2 = (x - x_0)^2 of the last variable alone: every plane has the minimum, and the first counts."""
    n = len(shape)
    monomials = Monomials.of(n, 2)
    residuals = np.zeros((1, len(monomials.exponents)))
    residuals[0, monomials.column_of_product(0)], residuals[0, monomials.column_of_product(n)] = -0.25, 1.0
    values = [np.linspace(-1.0, 1.0, s) for s in shape]
    values[-1][1] = 0.25
    assert reduced(residuals, values, list(shape))[1] == [(0.0, 0)]
    # now a second residual, t - t_0 in the first variable: the minimum is in one plane of each first index
    residuals = np.concatenate((residuals, np.zeros_like(residuals)))
    residuals[1, monomials.column_of_product(0)], residuals[1, monomials.column_of_product(1)] = -1.0, 1.0
    planes_per_index = int(np.prod(shape[1:-2]))
    assert reduced(residuals, values, list(shape))[1] == [(0.0, (shape[0] - 1) * planes_per_index)]


def test_deep_valleys_are_reduced_from_squares() -> None:
    """r = 1e6 (x - y) (x + y + 0.6) + z-dependence: many lines cross the valley, and no quartic shows its depth."""
    monomials = Monomials.of(4, 2)
    residuals = np.zeros((2, len(monomials.exponents)))
    for product_of, c in (((4, 4), 1.0), ((3, 3), -1.0), ((4, 0), 0.6), ((3, 0), -0.6)):
        residuals[0, monomials.column_of_product(*product_of)] = 1e6 * c
    residuals[1, monomials.column_of_product(1)] = 3.0
    residuals[1, monomials.column_of_product(2)] = 2.0
    values = [np.linspace(-1.0, 1.0, n) for n in (2, 3, 9, 41)]
    grid, squared = stored(residuals, values)
    assert squared > 10
    planes, _ = reduced(residuals, values, [2, 3, 9, 41])
    assert_minima_of(grid, planes)


def test_points_that_are_no_number_are_passed_over() -> None:
    """A residual infinite at t = 0 of the first variable only there makes chi2 NaN or infinite; the rest is reduced."""
    residuals = np.ones((1, len(Monomials.of(3, 2).exponents)))
    values = [np.array([np.nan, 0.5]), np.linspace(-1.0, 1.0, 4), np.linspace(-1.0, 1.0, 9)]
    planes, lowest = reduced(residuals, values, [2, 4, 9])
    good, _ = stored(residuals, [values[0][1:], *values[1:]])
    assert np.array_equal(planes[1, 2], good[0])
    assert np.isinf(planes[0, 1][0]).all()
    assert lowest == [(good.min(), 1)]
