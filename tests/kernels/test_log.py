"""Logarithms in blocks of eight, over all of the numbers that they are meant for."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from scanengine_kernels import _log as kernels
from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, load, store
from tests.naive import FloatArray

ACCURACY = 2e-13
"""x - ln(1 + x) is right to this of itself: the polynomial's 1.4e-13 and roundings."""


@jit
def all_x_minus_log1p(x: FloatArray, result: FloatArray) -> None:
    for i in range(0, x.size, LANES):
        block = load(x, i)
        store(result, i, kernels.x_minus_log1p(block, block + 1.0))


@jit
def all_powers(y: FloatArray, power: FloatArray, inverse: FloatArray) -> None:
    for i in range(0, y.size, LANES):
        store(power, i, kernels.nearest_power(load(y, i)))
        store(inverse, i, kernels.inverse_power(load(y, i)))


@jit
def choose(y: FloatArray, a: FloatArray, b: FloatArray, result: FloatArray) -> None:
    for i in range(0, y.size, LANES):
        store(result, i, kernels.where_positive(load(y, i), load(a, i), load(b, i)))


def x_minus_log1p(x: FloatArray) -> FloatArray:
    whole = np.append(x, np.zeros(-x.size % LANES))
    result = np.full(whole.size, np.nan)
    all_x_minus_log1p(whole, result)
    return result[: x.size]


def deviations(x: FloatArray) -> FloatArray:
    """Relative to x - ln(1 + x) in 50 digits, by its series where these are not enough."""
    found = []
    with mpmath.workdps(50):
        for value, ours in zip(map(mpf, x.tolist()), x_minus_log1p(x).tolist(), strict=True):
            exact = value - mp.log1p(value) if abs(value) > 1e-10 else value**2 * (0.5 - value / 3 + value**2 / 4)
            found.append(float(abs(ours / exact - 1)))
    return np.array(found)


def test_polynomial_is_the_one_through_the_chebyshev_points() -> None:
    with mpmath.workdps(50):
        low, high = mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1
        number = len(kernels.Q)
        angles = [mp.pi * (2 * k + 1) / (2 * number) for k in range(number)]
        points = [(low + high) / 2 + (high - low) / 2 * mp.cos(angle) for angle in angles]
        vandermonde = mp.matrix([[f**j for j in range(number)] for f in points])
        through = mp.lu_solve(vandermonde, mp.matrix([(f - mp.log1p(f)) / f**2 for f in points]))
        assert [float(c) for c in through] == list(kernels.Q)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-15.9, -0.31), (-0.31, -0.14), (-0.16, 0.16), (0.14, 0.16), (0.16, 1.0), (1.0, 300.0)],
    ids=["to 1e-16", "next to 1/2", "around 1", "next to sqrt(2)", "to 10", "to 1e300"],
)
def test_right_to_13_digits_of_itself_at_any_ratio(low: float, high: float) -> None:
    ratio = 10.0 ** np.random.default_rng(3).uniform(low, high, 2000)
    assert deviations(ratio - 1.0).max() < ACCURACY


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_right_to_13_digits_of_itself_however_small(sign: float) -> None:
    """Down to where the square of x is no longer a normal number."""
    assert deviations(sign * 10.0 ** np.random.default_rng(4).uniform(-153.0, -0.6, 2000)).max() < ACCURACY


@given(st.floats(-1.0, 1e300, exclude_min=True))
def test_right_anywhere(x: float) -> None:
    if abs(x) > 1e-150:
        assert deviations(np.array([x]))[0] < ACCURACY
    assert x_minus_log1p(np.array([x]))[0] >= 0.0


def test_zero_at_zero() -> None:
    assert x_minus_log1p(np.array([0.0, -0.0])).tolist() == [0.0, 0.0]


@given(st.lists(st.floats(2.3e-308, 6e307), min_size=LANES, max_size=LANES))
def test_nearest_power_leaves_a_factor_of_at_most_sqrt_two(values: list[float]) -> None:
    y = np.array(values)
    power, inverse = np.full(LANES, np.nan), np.full(LANES, np.nan)
    all_powers(y, power, inverse)
    assert np.array_equal(inverse, 2.0**-power)
    assert np.all((y * inverse >= kernels.SQRT_HALF) & (y * inverse < 2.0 * kernels.SQRT_HALF))


@pytest.mark.parametrize("exponent", [-1021, -1, 0, 1, 53, 1021])
def test_nearest_power_on_both_sides_of_its_boundary(exponent: int) -> None:
    at = kernels.SQRT_HALF * 2.0**exponent
    y = np.array([np.nextafter(at, 0.0), at, np.nextafter(at, np.inf), 2.0**exponent] * 2)
    power, inverse = np.full(LANES, np.nan), np.full(LANES, np.nan)
    all_powers(y, power, inverse)
    assert power.tolist() == [exponent - 1.0, exponent, exponent, exponent] * 2


def test_where_positive_takes_zero_negative_and_nan_for_not() -> None:
    y = np.array([1.0, 5e-324, 0.0, -0.0, -1.0, np.nan, np.inf, -np.inf])
    a, b = np.arange(8.0), -np.arange(8.0) - 1.0
    result = np.empty(8)
    choose(y, a, b, result)
    assert result.tolist() == [0.0, 1.0, -3.0, -4.0, -5.0, -6.0, 6.0, -8.0]
