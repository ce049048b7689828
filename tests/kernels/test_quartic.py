"""chi2 on tensor grids: sums of squared quadratics, evaluated as quartics where these keep enough digits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanengine.polynomials import Monomials
from scanengine_kernels import quartic as kernels
from tests import naive
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def products_of(n: int) -> tuple[naive.Real, Monomials]:
    """Where the product of two quadratic monomials of n variables goes among the quartic ones."""
    quadratic, quartic = Monomials.of(n, 2), Monomials.of(n, 4)
    sums = [[tuple(a + b for a, b in zip(e, f, strict=True)) for f in quadratic.exponents] for e in quadratic.exponents]
    return np.array([[quartic.column[total] for total in row] for row in sums]), quartic


def packed(values: list[FloatArray]) -> FloatArray:
    """Values of each axis in a rectangular array; what is beyond an axis' end must never be read."""
    array = np.full((len(values), max(v.size for v in values)), np.nan)
    for axis, v in enumerate(values):
        array[axis, : v.size] = v
    return array


def filled(residuals: FloatArray, values: list[FloatArray]) -> tuple[FloatArray, int]:
    """The grid, and how many lines of it were evaluated as squares."""
    monomials = Monomials.of(len(values), 2)
    products, plane = products_of(min(len(values), 2))
    shape = [v.size for v in values]
    chi2 = np.full((int(np.prod(shape[:-1])), shape[-1]), np.nan)
    squared = kernels.fill_quartic(
        residuals,
        monomials.starts,
        monomials.groups,
        products,
        plane.starts,
        plane.groups,
        products_of(1)[0],
        np.array(shape),
        packed(values),
        chi2,
    )
    return chi2.ravel(), squared


def exact(residuals: FloatArray, values: list[FloatArray]) -> FloatArray:
    exponents = Monomials.of(len(values), 2).exponents
    points = product(*(v.tolist() for v in values))
    return np.array([sum(naive.polynomial(r, exponents, t) ** 2 for r in residuals.tolist()) for t in points])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 4), SEEDS, st.sampled_from([1.0, 1e3, 1e6]))
@example([7], 1, 0, 1.0)
@example([2, 9], 3, 0, 1e6)
@example([3, 1, 2], 2, 0, 1.0)
def test_fills_a_grid(shape: list[int], number: int, seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    residuals = size * random.normal(size=(number, len(Monomials.of(len(shape), 2).exponents)))
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    chi2, _ = filled(residuals, values)
    slow = exact(residuals, values)
    np.testing.assert_array_less(np.abs(chi2 - slow), kernels.ROUNDING_GOAL * (1.0 + slow))


def test_single_point_of_a_known_polynomial() -> None:
    """(x^2 - 3 x y)^2 + (1 + y)^2 at x = 1/2, y = -1/4."""
    of = {(2, 0): (1.0, 0.0), (1, 1): (-3.0, 0.0), (0, 0): (0.0, 1.0), (0, 1): (0.0, 1.0)}
    residuals = np.array([of.get((e[0], e[1]), (0.0, 0.0)) for e in Monomials.of(2, 2).exponents]).T
    chi2, squared = filled(np.ascontiguousarray(residuals), [np.array([0.5]), np.array([-0.25])])
    assert (chi2[0], squared) == (0.625**2 + 0.75**2, 0)


def valley(where: float) -> FloatArray:
    """r = 1e6 (t - where) (t + where): chi2 reaches 1e12, and is zero in a valley a millionth wide."""
    return 1e6 * np.array([[-where * where, 0.0, 1.0]])


def test_line_through_a_deep_valley_is_evaluated_as_squares() -> None:
    residuals, t = valley(0.5), 0.5 + 2.0**-12 * np.array([-1.0, 0.0, 1.0])
    chi2, squared = filled(residuals, [t])
    assert squared == 1
    np.testing.assert_allclose(chi2, exact(residuals, [t]), rtol=1e-9, atol=1e-12)


def test_only_lines_that_need_it_are_evaluated_as_squares() -> None:
    """r = 1e5 (y - x) and a valley along x = y: lines far from it, where chi2 is large all along, stay quartics."""
    of = {(1, 0): -1e5, (0, 1): 1e5}
    residuals = np.array([[of.get((e[0], e[1]), 0.0) for e in Monomials.of(2, 2).exponents]])
    values = [np.array([-0.9, 0.1, 0.9]), np.linspace(0.0, 0.2, 5)]
    chi2, squared = filled(residuals, values)
    slow = exact(residuals, values)
    assert squared == 1
    np.testing.assert_array_less(np.abs(chi2 - slow), kernels.ROUNDING_GOAL * (1.0 + slow))


@given(st.integers(1, 2), st.integers(1, 5), SEEDS)
def test_squares_add_up_to_the_coefficients_of_one_quartic(n: int, number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    residuals = random.normal(size=(number, len(Monomials.of(n, 2).exponents)))
    products, quartic = products_of(n)
    coefficients = np.full(len(quartic.exponents), np.nan)
    bound = kernels.add_up_squares(residuals, products, coefficients)
    values = [random.uniform(-1.0, 1.0, size=4) for _ in range(n)]
    points = product(*(v.tolist() for v in values))
    quartics = np.array([naive.polynomial(coefficients.tolist(), quartic.exponents, t) for t in points])
    assert 0.0 < bound < 1e-11
    np.testing.assert_array_less(np.abs(quartics - exact(residuals, values)), bound)


@given(st.lists(st.floats(-10.0, 10.0), min_size=5, max_size=5), st.integers(1, 40), SEEDS)
def test_line_of_a_quartic_and_its_minimum(coefficients: list[float], points: int, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, size=points)
    row = np.full(points, np.nan)
    lowest = kernels.fill_line(np.array(coefficients), x, row)
    slow = [naive.polynomial(coefficients, [(k,) for k in range(5)], [t]) for t in x.tolist()]
    # chi2 is a sum of squares: what rounding leaves below zero becomes zero
    np.testing.assert_allclose(row, np.maximum(slow, 0.0), atol=1e-13)
    assert lowest == row.min()


@pytest.mark.parametrize("number", [1, 4])
def test_line_of_squares(number: int) -> None:
    random = np.random.default_rng(2)
    residuals, x = random.normal(size=(number, 6)), random.uniform(-1.0, 1.0, size=9)
    row = np.full(9, np.nan)
    kernels.fill_line_with_squares(residuals, x, row)
    np.testing.assert_allclose(row, exact(np.ascontiguousarray(residuals[:, :3]), [x]), rtol=1e-13)
