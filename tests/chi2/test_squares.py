"""chi2 as polynomials: the bookkeeping of monomials, and what rounding leaves."""

from __future__ import annotations

from itertools import product
from math import comb

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from tests import naive
from tests.naive import FloatArray

VARIABLES = st.integers(1, 6)
SEEDS = st.integers(0, 2**32 - 1)
PROMISED = 1e-10


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


def random_polynomial(n: int, residuals: int, seed: int, size: float = 1.0) -> ChiSquaredPolynomial:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(n, 2)
    coefficients = size * random.normal(size=(residuals, len(monomials.exponents)))
    return ChiSquaredPolynomial(random.normal(size=n), random.uniform(0.5, 2.0, size=n), monomials, coefficients)


def exact_chi2(polynomial: ChiSquaredPolynomial, x: tuple[float, ...]) -> float:
    t = [float((v - c) / h) for v, c, h in zip(x, polynomial.centre, polynomial.half_width, strict=True)]
    exponents = polynomial.monomials.exponents
    return sum(naive.polynomial(r.tolist(), exponents, t) ** 2 for r in polynomial.residuals)


def filled(polynomial: ChiSquaredPolynomial, values: list[FloatArray]) -> FloatArray:
    chi2 = np.full([v.size for v in values], np.nan)
    polynomial.fill(values, chi2)
    return chi2


@settings(max_examples=150)
@given(n=st.integers(1, 5), residuals=st.integers(1, 6), seed=SEEDS, size=st.sampled_from([1.0, 1e3, 1e6]))
def test_fills_grids_of_points_in_parameter_space(n: int, residuals: int, seed: int, size: float) -> None:
    polynomial = random_polynomial(n, residuals, seed, size)
    steps = [-1.0, 0.1, 0.7][: 3 if n < 4 else 2]
    values = [c + h * np.array(steps) for c, h in zip(polynomial.centre, polynomial.half_width, strict=True)]
    exact = np.array([exact_chi2(polynomial, x) for x in product(*values)])
    chi2 = filled(polynomial, values).ravel()
    np.testing.assert_array_less(np.abs(chi2 - exact), PROMISED * (1.0 + exact))


@pytest.mark.parametrize("valley", [0.4137, -0.71, 0.0123])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_deep_and_narrow_valley_keeps_its_digits(valley: float, n: int) -> None:
    """r = 1e6 (t - v) (t + v + 0.6) in the last variable: chi2 reaches 1e12, is zero at v, and no quartic shows it."""
    monomials = Monomials.of(n, 2)
    residuals = np.zeros((1, len(monomials.exponents)))
    for power, coefficient in enumerate((-valley * (valley + 0.6), 0.6, 1.0)):
        residuals[0, monomials.column[(*(0,) * (n - 1), power)]] = 1e6 * coefficient
    polynomial = ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, residuals)
    x = valley + np.array([-1e-3, -1e-6, 0.0, 1e-7, 1e-5])
    with mpmath.workdps(30):
        c0, c1, c2 = (mpf(float(1e6 * c)) for c in (-valley * (valley + 0.6), 0.6, 1.0))
        exact = np.array([float((c0 + mpf(float(t)) * (c1 + mpf(float(t)) * c2)) ** 2) for t in x])
    chi2 = filled(polynomial, [np.array([-0.3, 0.5])] * (n - 1) + [x])
    assert np.all(np.abs(chi2 - exact) < PROMISED * (1.0 + exact))


def test_part_of_a_grid_is_the_same_as_in_the_whole() -> None:
    polynomial = random_polynomial(3, 5, 1)
    values = [np.linspace(-1.0, 1.0, n) for n in (4, 5, 9)]
    whole = filled(polynomial, values)
    part = filled(polynomial, [values[0][1:3], values[1][2:], values[2]])
    assert np.array_equal(part, whole[1:3, 2:])
