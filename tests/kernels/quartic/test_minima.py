"""chi2 minimised over hidden axes in registers, against the minima of sums of squares at every point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.quartic.minima import minimise_quartic
from scanengine_kernels.quartic.squares import ROUNDING_GOAL
from tests.kernels.quartic.naive_squares import exact, grid_of, random_values, squares_of
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def minimised(residuals: FloatArray, values: list[FloatArray], shown: int, *, parabolas: bool = False) -> FloatArray:
    """The minima on the grid of the axes shown, which are all that is written to."""
    shape = [v.size for v in values]
    points = int(np.prod(shape[:shown]))
    memory = np.full(points + 16, np.nan)
    squares = squares_of(residuals, len(values))
    minimise_quartic(squares, grid_of(values), shown, parabolas, memory[8 : 8 + points])
    assert np.isnan(memory[:8]).all()
    assert np.isnan(memory[8 + points :]).all()
    return memory[8 : 8 + points].reshape(shape[:shown])


def slowly(residuals: FloatArray, values: list[FloatArray], shown: int) -> FloatArray:
    shape = [v.size for v in values]
    return np.asarray(exact(residuals, values).reshape(shape).min(axis=tuple(range(shown, len(shape)))))


def linear_in_the_last(residuals: FloatArray, n: int) -> FloatArray:
    """Without the products of the last variable with any."""
    return np.where([e[-1] > 1 or (e[-1] == 1 and sum(e) > 1) for e in Monomials.of(n, 2).exponents], 0.0, residuals)


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.integers(1, 90),
    st.data(),
    SEEDS,
    st.sampled_from([1.0, 1e3, 1e5]),
    st.booleans(),
)
def test_minima_over_the_hidden_axes(
    outer: list[int], length: int, data: st.DataObject, seed: int, size: float, parabolas: bool
) -> None:
    """However many are hidden, whatever the lengths; large residuals are where the quartics lose their digits."""
    shape = [*outer, length]
    shown = data.draw(st.integers(1, len(shape) - 1))
    random = np.random.default_rng(seed)
    residuals = size * random.normal(size=(3, len(Monomials.of(len(shape), 2).exponents)))
    if parabolas:
        residuals = linear_in_the_last(residuals, len(shape))
    values = random_values(random, shape)
    slow = slowly(residuals, values, shown)
    found = minimised(residuals, values, shown, parabolas=parabolas)
    np.testing.assert_array_less(np.abs(found - slow), ROUNDING_GOAL * (1.0 + slow))
    if size == 1.0:
        np.testing.assert_array_less(np.abs(found - slow), 1e-11 * (1.0 + slow))


@pytest.mark.parametrize("rows", [7, 31, 150])
@pytest.mark.parametrize("length", [8, 39, 40, 41, 100])
def test_long_lines_and_large_planes(rows: int, length: int) -> None:
    """Planes are taken together or one by one, and forty points or eight at a time: every one of them once."""
    random = np.random.default_rng(rows * length)
    residuals = random.normal(size=(4, len(Monomials.of(4, 2).exponents)))
    values = [np.linspace(-1.0, 1.0, n) for n in (2, 3, rows, length)]
    for shown in (1, 2, 3):
        slow = slowly(residuals, values, shown)
        np.testing.assert_array_less(np.abs(minimised(residuals, values, shown) - slow), 1e-11 * (1.0 + slow))


@pytest.mark.parametrize("length", [31, 64, 90])
@pytest.mark.parametrize("parabolas", [False, True])
def test_many_blocks_and_planes(length: int, parabolas: bool) -> None:
    """Volumes are prepared by eights: more than those, in one cell or in several."""
    random = np.random.default_rng(length)
    residuals = 1e3 * random.normal(size=(4, len(Monomials.of(5, 2).exponents)))
    if parabolas:
        residuals = linear_in_the_last(residuals, 5)
    values = random_values(random, [2, 11, 9, 3, length])
    for shown in (1, 2, 3, 4):
        slow = slowly(residuals, values, shown)
        found = minimised(residuals, values, shown, parabolas=parabolas)
        np.testing.assert_array_less(np.abs(found - slow), ROUNDING_GOAL * (1.0 + slow))


@pytest.mark.parametrize("shown", [1, 2, 3])
def test_the_bottom_of_a_deep_valley_is_taken_from_squares(shown: int) -> None:
    """r = 1e6 (x - y) (x + y + 0.6) and little else: in the valley chi2 is below one, where its terms reach 1e13."""
    monomials = Monomials.of(4, 2)
    residuals = np.zeros((3, len(monomials.exponents)))
    for product_of, c in (((4, 4), 1.0), ((3, 3), -1.0), ((4, 0), 0.6), ((3, 0), -0.6)):
        residuals[0, monomials.column_of_product(*product_of)] = 1e6 * c
    residuals[1, monomials.column_of_product(1)] = 0.3
    residuals[1, monomials.column_of_product(2)] = 0.2
    residuals[2, monomials.column_of_product(4)] = 1.0
    residuals[2, monomials.column_of_product(0)] = -0.3
    values = [np.linspace(-1.0, 1.0, n) for n in (2, 3, 9, 41)]
    slow = slowly(residuals, values, shown)
    assert np.count_nonzero(slow < 1.0) > slow.size // 10
    np.testing.assert_allclose(minimised(residuals, values, shown), slow, rtol=1e-9, atol=1e-10)


def test_of_many_equal_minima_any_does() -> None:
    """chi2 = 1e8 (x^2 - 1/4)^2, whatever the other axes: every line is as deep, and none lower than zero."""
    monomials = Monomials.of(5, 2)
    residuals = np.zeros((1, len(monomials.exponents)))
    residuals[0, monomials.column_of_product(5, 5)] = 1e4
    residuals[0, monomials.column_of_product(0)] = -0.25e4
    values = [np.linspace(-1.0, 1.0, n) for n in (2, 2, 3, 4, 21)]
    for shown in (1, 2, 3, 4):
        assert np.array_equal(minimised(residuals, values, shown), np.zeros([2, 2, 3, 4][:shown]))
