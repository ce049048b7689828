"""From squares to quartics along lines: coefficients, floors and bounds, and lines that need more care."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.polynomials import Monomials
from scanengine_kernels import quartic as kernels
from tests import naive
from tests.kernels.quartics import exact, products_of

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 3), st.integers(1, 12), SEEDS)
def test_squares_add_up_to_the_coefficients_of_one_quartic(n: int, number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    residuals = np.zeros((len(Monomials.of(n, 2).exponents), -(-number // 8) * 8))
    residuals[:, :number] = random.normal(size=(residuals.shape[0], number))
    quartic = Monomials.of(n, 4)
    coefficients = np.full(len(quartic.exponents), np.nan)
    bound = kernels.add_up_squares(residuals, products_of(n), coefficients)
    values = [random.uniform(-1.0, 1.0, size=4) for _ in range(n)]
    points = product(*(v.tolist() for v in values))
    quartics = np.array([naive.polynomial(coefficients.tolist(), quartic.exponents, t) for t in points])
    assert 0.0 < bound < 3e-11
    np.testing.assert_array_less(np.abs(quartics - exact(residuals.T, values)), bound)


@given(SEEDS, st.sampled_from([8, 16]), st.sampled_from([0.0, 1.0, 30.0]))
def test_lines_of_a_plane_and_what_they_are_not_below(seed: int, lines: int, constant: float) -> None:
    random = np.random.default_rng(seed)
    quartic = Monomials.of(2, 4)
    planes = random.normal(size=(15, 8))
    planes[quartic.column_of_product(0)] += constant
    y = random.uniform(-1.0, 1.0, size=lines)
    coefficients, floors = np.full((5, lines), np.nan), np.full(lines, np.nan)
    for sides, x in ((1, np.linspace(0.0, 1.0, 41)), (2, np.linspace(-1.0, 0.0, 41)), (3, np.linspace(-1.0, 1.0, 81))):
        assert kernels.sides_of_zero(x[1:] if sides == 1 else x) == sides
        lowest = kernels.tabulate_lines(planes, 3, y, sides, coefficients, 0, floors)
        assert lowest == floors.min()
        for line in range(lines):
            slow = [naive.polynomial(planes[:, 3].tolist(), quartic.exponents, (y[line], t)) for t in x.tolist()]
            fast = np.polynomial.polynomial.polyval(x, coefficients[:, line])
            np.testing.assert_allclose(fast, slow, atol=1e-13 * (1.0 + constant))
            assert floors[line] <= min(slow) + 1e-13 * (1.0 + constant)
            # not uselessly low either: within the size of what varies
            assert floors[line] >= constant - 15.0 * np.abs(planes[:, 3] - [constant, *[0.0] * 14]).max()


def test_floors_are_left_out_where_no_side_is_asked_for() -> None:
    floors = np.full(8, 7.0)
    assert kernels.tabulate_lines(np.ones((15, 8)), 0, np.ones(8), 0, np.empty((5, 8)), 0, floors) == np.inf
    assert np.all(floors == 7.0)


def test_floor_of_a_parabola_that_touches_zero_at_an_end() -> None:
    """(1 - x)^2 on [0, 1] is not below zero, and its Bernstein coefficients say just that."""
    planes = np.zeros((15, 8))
    for power, c in ((0, 1.0), (1, -2.0), (2, 1.0)):
        planes[Monomials.of(2, 4).column[0, power], 0] = c
    assert kernels.tabulate_lines(planes, 0, np.zeros(8), 1, np.empty((5, 8)), 0, np.empty(8)) == 0.0


@given(st.lists(st.floats(-10.0, 10.0), min_size=5, max_size=5), st.integers(1, 40), SEEDS)
def test_lowest_on_a_line(coefficients: list[float], points: int, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, size=points)
    lowest = kernels.lowest_on_line(np.array([coefficients, coefficients]).T.copy(), 1, x)
    slow = [naive.polynomial(coefficients, [(k,) for k in range(5)], [t]) for t in x.tolist()]
    assert lowest == pytest.approx(min(slow), abs=1e-13)


@given(st.integers(1, 30))
def test_axis_goes_around_up_to_a_whole_block(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    whole, longer = kernels.around(values, size, 0), kernels.around(values, size, 1)
    assert whole.size % 8 == 0
    assert 0 <= whole.size - size < 8
    assert longer.size == whole.size + 8
    assert np.array_equal(longer[: whole.size], whole)
    assert np.array_equal(longer, np.resize(values, longer.size))


@pytest.mark.parametrize("number", [1, 4])
def test_line_of_squares(number: int) -> None:
    random = np.random.default_rng(2)
    residuals, x = random.normal(size=(number, 6)), random.uniform(-1.0, 1.0, size=9)
    row = np.full(9, np.nan)
    kernels.fill_line_with_squares(residuals.T.copy(), x, row)
    np.testing.assert_allclose(row, exact(residuals[:, :3], [x]), rtol=1e-13)
