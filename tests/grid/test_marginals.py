"""Weights of the trapezoidal rule, and sums of twice the digits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.grid.axes import Axis
from scanengine.grid.marginals import BROKEN, Marginal, RunningSums, every_second, half_trapezoid, trapezoid

STEPS = st.lists(st.floats(0.01, 10.0), min_size=1, max_size=30)


@given(STEPS, st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_straight_lines_are_integrated_exactly(steps: list[float], c: float, slope: float) -> None:
    x = np.cumsum([0.0, *steps])
    right = c * x[-1] + 0.5 * slope * x[-1] ** 2
    for weights in (trapezoid(x), half_trapezoid(x)) if x.size > 2 else (trapezoid(x),):
        assert weights @ (c + slope * x) == pytest.approx(right, abs=1e-9)


def test_half_the_points() -> None:
    assert every_second(5).tolist() == [0, 2, 4]
    assert every_second(6).tolist() == [0, 2, 4, 5]
    assert half_trapezoid(np.arange(6.0)).tolist() == [1.0, 0.0, 2.0, 0.0, 1.5, 0.5]
    assert half_trapezoid(np.array([1.0, 4.0])).tolist() == [3.0, 0.0]
    assert trapezoid(np.array([3.0])).tolist() == half_trapezoid(np.array([3.0])).tolist() == [1.0]


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(-40, 40)), min_size=1, max_size=40), st.randoms())
def test_sums_do_not_depend_on_their_order(terms: list[tuple[float, int]], random: object) -> None:
    exact = sum(Fraction(value) * Fraction(2) ** exponent for value, exponent in terms)
    found = []
    for order in (terms, sorted(terms)):
        sums = RunningSums.nothing(1)
        for value, exponent in order:
            sums.add(RunningSums(np.array([[value], [0.0]]), np.zeros((2, 1)), exponent, 1))
        assert sums.tiles == len(terms)
        found.append(float(sums.high[0, 0] + sums.low[0, 0]) * 2.0**sums.exponent)
    assert found[0] == found[1] == float(exact)


def test_an_addition_that_was_broken_off_is_known() -> None:
    sums = RunningSums.nothing(1)
    sums.add(RunningSums.nothing(1))
    sums.begin()
    sums.tiles += 3
    assert sums.tiles < 0
    assert sums.tiles == BROKEN + 3


def test_error_is_the_largest_difference_relative_to_the_maximum() -> None:
    axis = Axis("x", np.arange(5.0))
    marginal = Marginal((axis,), np.array([0.0, 1.0, 2.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.5, 1.2, 0.0]), ("y",))
    assert marginal.error == 0.25
    assert marginal.thinned().density.tolist() == [0.0, 1.5, 0.0]
    assert "integrated over y; error 0.25" in repr(marginal)
