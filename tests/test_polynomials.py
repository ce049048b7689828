"""chi2 as polynomials: the bookkeeping of monomials, both ways of evaluation, and the choice between them."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.polynomials import ChiSquaredPolynomial, Monomials
from tests import naive
from tests.naive import FloatArray

VARIABLES = st.integers(1, 6)
SEEDS = st.integers(0, 2**32 - 1)


@given(VARIABLES, st.integers(1, 4))
def test_every_monomial_up_to_the_degree_is_there_once(n: int, degree: int) -> None:
    exponents = Monomials.of(n, degree).exponents
    assert len(set(exponents)) == len(exponents) == comb(n + degree, degree)
    assert all(len(e) == n and sum(e) <= degree for e in exponents)


@given(VARIABLES, st.integers(1, 4))
def test_runs_of_neighbours_differ_in_the_first_variable_alone(n: int, degree: int) -> None:
    monomials = Monomials.of(n, degree)
    first, rest = monomials.starts[0], [e[1:] for e in monomials.exponents]
    for g in range(int(monomials.groups[0])):
        run = range(int(first[g]), int(first[g + 1]))
        assert [monomials.exponents[c][0] for c in run] == list(range(len(run)))
        assert len({rest[c] for c in run}) == 1
    assert int(first[monomials.groups[0]]) == len(monomials.exponents)


@given(st.integers(1, 4), st.integers(2, 4), SEEDS)
def test_values_are_products_of_powers(n: int, degree: int, seed: int) -> None:
    monomials = Monomials.of(n, degree)
    random = np.random.default_rng(seed)
    coefficients, t = random.normal(size=len(monomials.exponents)), random.uniform(-1.0, 1.0, size=(3, n))
    exact = [naive.polynomial(coefficients.tolist(), monomials.exponents, point) for point in t.tolist()]
    np.testing.assert_allclose(monomials.values(t) @ coefficients, exact, atol=1e-13 * len(coefficients))


def test_column_of_a_product_counts_variables_from_one() -> None:
    monomials = Monomials.of(3, 2)
    assert monomials.exponents[monomials.column_of_product(0)] == (0, 0, 0)
    assert monomials.exponents[monomials.column_of_product(0, 2)] == (0, 1, 0)
    assert monomials.exponents[monomials.column_of_product(3, 1)] == (1, 0, 1)
    assert monomials.exponents[monomials.column_of_product(2, 2)] == (0, 2, 0)


def random_polynomial(n: int, residuals: int, seed: int) -> ChiSquaredPolynomial:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(n, 2)
    coefficients = random.normal(size=(residuals, len(monomials.exponents)))
    return ChiSquaredPolynomial(random.normal(size=n), random.uniform(0.5, 2.0, size=n), monomials, coefficients)


def exact_chi2(polynomial: ChiSquaredPolynomial, x: tuple[float, ...]) -> float:
    t = [(v - c) / h for v, c, h in zip(x, polynomial.centre, polynomial.half_width, strict=True)]
    exponents = polynomial.monomials.exponents
    return sum(naive.polynomial(r.tolist(), exponents, t) ** 2 for r in polynomial.residuals)


def filled(polynomial: ChiSquaredPolynomial, values: list[FloatArray], method: str | None = None) -> FloatArray:
    """The grid by a method, or by the polynomial's own choice."""
    if method is not None:
        polynomial.__dict__["method"] = method
    chi2 = np.full([v.size for v in values], np.nan)
    polynomial.fill(values, chi2)
    return chi2


@pytest.mark.parametrize("method", ["quartic", "squares"])
@given(n=st.integers(1, 5), residuals=st.integers(1, 6), seed=SEEDS)
def test_both_methods_fill_grids_of_points_in_parameter_space(method: str, n: int, residuals: int, seed: int) -> None:
    polynomial = random_polynomial(n, residuals, seed)
    steps = [-1.0, 0.1, 0.7][: 3 if n < 4 else 2]
    values = [c + h * np.array(steps) for c, h in zip(polynomial.centre, polynomial.half_width, strict=True)]
    exact = np.array([exact_chi2(polynomial, x) for x in product(*values)])
    chi2 = filled(polynomial, values, method).ravel()
    np.testing.assert_array_less(np.abs(chi2 - exact), 1e-12 * (1.0 + exact))


def test_harmless_polynomial_is_evaluated_as_the_quartic() -> None:
    polynomial = random_polynomial(3, 4, 0)
    assert polynomial.quartic_rounding < 1e-13
    assert polynomial.method == "quartic"


@pytest.mark.xfail(reason="the rounding is sampled in steps of 0.05, and the valley is 1e-6 wide")
@pytest.mark.parametrize("valley", [0.4137, -0.71, 0.0123])
def test_deep_valley_is_found_and_evaluated_as_squares(valley: float) -> None:
    """r = 1e6 (t - v) (t + v + 0.6): chi2 reaches 1e12, and is zero at v."""
    monomials = Monomials.of(1, 2)
    residual = 1e6 * np.array([[-valley * (valley + 0.6), 0.6, 1.0]])
    polynomial = ChiSquaredPolynomial(np.zeros(1), np.ones(1), monomials, residual)
    assert polynomial.quartic_rounding > 1e-6
    assert polynomial.method == "squares"
    x = valley + np.array([-1e-6, 0.0, 1e-7])
    exact = (1e6 * (x - valley) * (x + valley + 0.6)) ** 2
    assert np.all(np.abs(filled(polynomial, [x]) - exact) < 1e-8 * (1.0 + exact))


@given(st.integers(1, 4), SEEDS)
def test_quartic_is_the_squares_added_up(n: int, seed: int) -> None:
    polynomial = random_polynomial(n, 3, seed)
    monomials, coefficients = polynomial.quartic
    t = np.random.default_rng(seed).uniform(-1.0, 1.0, size=(4, n))
    squares = (polynomial.monomials.values(t) @ polynomial.residuals.T) ** 2
    np.testing.assert_allclose(monomials.values(t) @ coefficients, squares.sum(-1), rtol=1e-10, atol=1e-11)


def test_part_of_a_grid_is_the_same_as_in_the_whole() -> None:
    polynomial = random_polynomial(3, 5, 1)
    values = [np.linspace(-1.0, 1.0, n) for n in (4, 5, 9)]
    for method in ("quartic", "squares"):
        whole = filled(polynomial, values, method)
        part = filled(polynomial, [values[0][1:3], values[1][2:], values[2]], method)
        assert np.array_equal(part, whole[1:3, 2:])
