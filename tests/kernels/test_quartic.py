"""From squares to quartics along lines: coefficients, floors and bounds, and lines that need more care."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels import quartic as kernels
from tests import naive
from tests.kernels.quartics import exact, packed, products_of, squares_of

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


@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 19), st.integers(1, 12), SEEDS)
def test_volumes_and_their_planes(outer: list[int], along: int, number: int, seed: int) -> None:
    """Up to eight neighbours at a time, every volume of the grid once; each quartic within its bound of the squares."""
    random = np.random.default_rng(seed)
    shape = np.array([*outer, along, 3, 1, 1])
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    residuals = random.normal(size=(number, len(Monomials.of(len(shape), 2).exponents)))
    squares = squares_of(residuals, len(shape))
    volumes, planes = kernels.new_volumes(squares, len(shape)), np.full((15, 2, 8), np.nan)
    z = np.resize(values[-3], 8)
    b = 0
    while b < shape[:-3].prod():
        found = kernels.go_to_volumes(volumes, b, squares, shape, packed(values))
        assert found == min(8, along - b % along)
        for volume in range(found):
            kernels.tabulate_planes(volumes.quartics, volume, z, 0, planes, 1)
            at = [np.array([v[i]]) for v, i in zip(values, np.unravel_index(b + volume, shape[:-3]), strict=False)]
            slow = exact(residuals, [*at, *values[-3:]])
            for k in range(3):
                quartic = Monomials.of(2, 4)
                point = [float(values[-2][0]), float(values[-1][0])]
                fast = naive.polynomial(planes[:, 1, k].tolist(), quartic.exponents, point)
                assert abs(fast - slow[k]) < volumes.bounds[volume] < 1e-10
        b += found
    assert b == shape[:-3].prod()


def test_of_three_axes_there_is_one_volume() -> None:
    residuals = np.random.default_rng(1).normal(size=(5, len(Monomials.of(3, 2).exponents)))
    squares = squares_of(residuals, 3)
    volumes, planes = kernels.new_volumes(squares, 3), np.empty((15, 1, 8))
    values = [np.linspace(-1.0, 1.0, 8), np.array([0.3]), np.array([-0.7])]
    assert kernels.go_to_volumes(volumes, 0, squares, np.array([8, 1, 1]), packed(values)) == 1
    kernels.tabulate_planes(volumes.quartics, 0, values[0], 0, planes, 0)
    fast = [naive.polynomial(planes[:, 0, k].tolist(), Monomials.of(2, 4).exponents, [0.3, -0.7]) for k in range(8)]
    np.testing.assert_allclose(fast, exact(residuals, values), rtol=1e-13)


@given(SEEDS, st.sampled_from([8, 16]), st.sampled_from([0.0, 1.0, 30.0]))
def test_lines_of_a_plane_and_what_they_are_not_below(seed: int, lines: int, constant: float) -> None:
    random = np.random.default_rng(seed)
    quartic = Monomials.of(2, 4)
    planes = random.normal(size=(15, 2, 8))
    planes[quartic.column_of_product(0)] += constant
    plane = planes[:, 1, 3]
    y = random.uniform(-1.0, 1.0, size=lines)
    coefficients, floors = np.full((5, lines), np.nan), np.full(lines, np.nan)
    for sides, x in ((1, np.linspace(0.0, 1.0, 41)), (2, np.linspace(-1.0, 0.0, 41)), (3, np.linspace(-1.0, 1.0, 81))):
        assert kernels.sides_of_zero(x[1:] if sides == 1 else x) == sides
        lowest = kernels.tabulate_lines(planes, 1, 3, y, sides, coefficients, 0, floors)
        assert lowest == floors.min()
        for line in range(lines):
            slow = [naive.polynomial(plane.tolist(), quartic.exponents, (y[line], t)) for t in x.tolist()]
            fast = np.polynomial.polynomial.polyval(x, coefficients[:, line])
            np.testing.assert_allclose(fast, slow, atol=1e-13 * (1.0 + constant))
            assert floors[line] <= min(slow) + 1e-13 * (1.0 + constant)
            # not uselessly low either: within the size of what varies
            assert floors[line] >= constant - 15.0 * np.abs(plane - [constant, *[0.0] * 14]).max()


def test_floors_are_left_out_where_no_side_is_asked_for() -> None:
    floors = np.full(8, 7.0)
    assert kernels.tabulate_lines(np.ones((15, 1, 8)), 0, 0, np.ones(8), 0, np.empty((5, 8)), 0, floors) == np.inf
    assert np.all(floors == 7.0)


def test_floor_of_a_parabola_that_touches_zero_at_an_end() -> None:
    """(1 - x)^2 on [0, 1] is not below zero, and its Bernstein coefficients say just that."""
    planes = np.zeros((15, 1, 8))
    for power, c in ((0, 1.0), (1, -2.0), (2, 1.0)):
        planes[Monomials.of(2, 4).column[0, power], 0, 0] = c
    assert kernels.tabulate_lines(planes, 0, 0, np.zeros(8), 1, np.empty((5, 8)), 0, np.empty(8)) == 0.0


@given(st.lists(st.floats(-10.0, 10.0), min_size=5, max_size=5), st.integers(1, 5), SEEDS)
def test_lowest_on_a_line(coefficients: list[float], blocks: int, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, size=8 * blocks)
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
