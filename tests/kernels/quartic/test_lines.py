"""Quartics along lines, and what they are not below."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.quartic import lines as kernels
from scanengine_kernels.quartic.axes import sides_of_zero
from tests import naive

SEEDS = st.integers(0, 2**32 - 1)


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
        assert sides_of_zero(x[1:] if sides == 1 else x) == sides
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
