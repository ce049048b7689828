"""Bounds by interval arithmetic, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from scanengine.chi2.intervals import expanded, lower_bounds, upper_bound
from tests.kernels.proof.exact import FAMILIES, exact_chi2
from tests.kernels.proof.test_bounds import low_points

pytestmark = pytest.mark.jit_only


@pytest.mark.parametrize("family", FAMILIES)
def test_no_bound_of_a_box_is_above_chi2_in_it(family: str) -> None:
    random = np.random.default_rng(5)
    close = 0
    for _ in range(60):
        case = FAMILIES[family](random)
        lower, upper = case.box
        middle, half = 0.5 * (lower + upper), 0.5 * (upper - lower) * (1.0 + 1e-15)
        lowest = min(exact_chi2(case.residuals, x) for x in low_points(case, random))
        (bound,) = lower_bounds(expanded(case.residuals, middle[None], half[None]), half[None], np.inf)
        assert Fraction(float(bound)) <= lowest
        close += bound >= 0.9 * float(lowest)
        found = expanded(case.residuals, middle[None], half[None])
        at = exact_chi2(case.residuals, middle)
        assert Fraction(float(found.chi2.low[0])) <= at <= Fraction(float(found.chi2.high[0]))
    assert close > 6


@pytest.mark.parametrize("family", FAMILIES)
def test_upper_bounds_along_a_plane_hold(family: str) -> None:
    random = np.random.default_rng(6)
    for _ in range(40):
        case = FAMILIES[family](random)
        lower, upper = case.box
        n = lower.size
        point = 0.5 * (lower + upper)
        directions = random.choice([-1.0, 0.0, 0.5], size=(min(2, n), n))  # whose products with halves are exact
        half = np.full(len(directions), 2.0 ** -random.integers(3, 30))
        bound = upper_bound(case.residuals, point, directions, half)
        for corner in product((-1.0, 0.0, 1.0), repeat=len(half)):
            shift = (np.array(corner) * half) @ directions
            x = point + shift
            if np.array_equal(x - point, shift):  # nothing was rounded
                assert exact_chi2(case.residuals, x) <= Fraction(bound)


def test_a_small_box_about_a_minimum_is_bounded_to_its_fourth_power() -> None:
    """chi2 = (1 + x y)^2 + (10 x + y^2)^2 is 1 at zero, from where it rises."""
    from scanengine_kernels.minimise import Residuals

    A = np.zeros((2, 2, 2))
    A[0, 0, 1] = A[0, 1, 0] = 0.5
    A[1, 1, 1] = 1.0
    residuals = Residuals(np.array([1.0, 0.0]), np.array([[0.0, 0.0], [10.0, 0.0]]), A)
    halves = [np.full((1, 2), w) for w in (0.02, 0.01)]
    gaps = [1.0 - lower_bounds(expanded(residuals, np.zeros((1, 2)), half), half, np.inf)[0] for half in halves]
    assert 0.0 < gaps[1] < 0.3 * gaps[0] < 0.01
