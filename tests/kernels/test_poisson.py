"""chi2 of Poisson counts on tensor grids, against the definition in mpmath."""

from __future__ import annotations

from itertools import product

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mpf

from scanengine.chi2.monomials import Monomials
from scanengine_kernels import poisson as kernels
from scanengine_kernels.grids import Polynomials
from tests import naive
from tests.kernels.quartic.naive_squares import grid_of
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def filled(excess: FloatArray, data: FloatArray, rest: FloatArray, values: list[FloatArray]) -> FloatArray:
    """chi2 of bins with excess (bins, monomials) = N / n - 1, and a quadratic (monomials,) that is added."""
    monomials = Monomials.of(len(values), 2)
    bins = data.size
    quadratics = np.full((len(monomials.exponents), (bins + 8) // 8 * 8), 7.0)  # what is beyond is not read
    quadratics[:, :bins], quadratics[:, bins] = excess.T, rest
    shape = [v.size for v in values]
    chi2 = np.full((int(np.prod(shape[:-1])), shape[-1]), np.nan)
    polynomials = Polynomials(quadratics, monomials.starts, monomials.groups)
    kernels.fill_poisson(polynomials, 2.0 * data, grid_of(values), chi2)
    return chi2.ravel()


def exact(excess: FloatArray, data: FloatArray, rest: FloatArray, values: list[FloatArray]) -> FloatArray:
    exponents = Monomials.of(len(values), 2).exponents
    found = []
    with mpmath.workdps(60):
        for t in product(*(map(mpf, v.tolist()) for v in values)):
            ratios = [1 + naive.polynomial(x, exponents, t) for x in excess.tolist()]
            counts = [n * ratio for ratio, n in zip(ratios, data.tolist(), strict=True)]
            added = naive.polynomial(rest.tolist(), exponents, t)
            found.append(float(naive.poisson_chi2(counts, data.tolist()) + added))
    return np.array(found)


def counts_of(random: np.random.Generator, bins: int, n: int) -> FloatArray:
    """N / n (bins, monomials) as counts are: two squares of linear functions, of order one, and a little more."""
    monomials = Monomials.of(n, 2)
    coefficients = np.zeros((bins, len(monomials.exponents)))
    coefficients[:, monomials.column_of_product(0)] = 0.01
    for linear in random.normal(size=(2, bins, 1 + n)):
        for i, j in product(range(1 + n), repeat=2):
            coefficients[:, monomials.column_of_product(i, j)] += linear[:, i] * linear[:, j]
    return coefficients


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 9), SEEDS, st.sampled_from([0.01, 1.0, 1e6]))
@example([19], 1, 0, 1.0)
@example([2, 9], 8, 0, 1e6)
@example([3, 1, 2], 7, 0, 1.0)
def test_fills_a_grid(shape: list[int], bins: int, seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    excess, data = counts_of(random, bins, len(shape)), size * random.uniform(0.1, 2.0, bins)
    excess[:, 0] -= 1.0
    rest = counts_of(random, 1, len(shape))[0]
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    slow = exact(excess, data, rest, values)
    np.testing.assert_array_less(np.abs(filled(excess, data, rest, values) - slow), 1e-12 * (1.0 + slow))


@pytest.mark.parametrize("length", range(1, 18))
def test_lines_of_any_length(length: int) -> None:
    """Also at the ends of the last block, where there are no neighbours."""
    excess, x = np.array([[-0.5, 0.25, 1.0]]), np.linspace(-1.0, 1.0, length)
    chi2 = filled(excess, np.array([40.0]), np.zeros(3), [np.array([0.0]), x][1:])
    ratio = 0.5 + x * (0.25 + x)
    np.testing.assert_allclose(chi2, 80.0 * (ratio - 1.0 - np.log(ratio)), rtol=1e-11)


@given(st.floats(1.0, 1e9), st.floats(-1e-3, 1e-3))
def test_minimum_keeps_all_its_digits(n: float, x: float) -> None:
    """n + n x counts: n x^2 (1 - 2 x / 3 + ...), in which the terms of the definition cancel to their rounding."""
    line = np.array([[0.0, 1.0, 0.0]]), np.array([n]), np.zeros(3), [np.array([x])]
    np.testing.assert_allclose(filled(*line), exact(*line), rtol=3e-13, atol=1e-40)


def test_minimum_of_a_million_counts_is_right_beside_chi2_of_one() -> None:
    random = np.random.default_rng(5)
    excess, data = counts_of(random, 12, 1), np.full(12, 1e6)
    excess[:, 0] -= 1.0
    # shifted so that every count is that of the data at x = 0.3
    excess[:, 0] -= excess[:, 0] + 0.3 * (excess[:, 1] + 0.3 * excess[:, 2])
    x = [0.3 + np.linspace(-3e-3, 3e-3, 61)]
    slow = exact(excess, data, np.zeros(3), x)
    assert slow.min() < 1e-3
    assert np.max(np.abs(filled(excess, data, np.zeros(3), x) - slow) / (1.0 + slow)) < 1e-11


def test_no_count_where_there_are_data_is_infinitely_unlikely() -> None:
    """N / n = t^2 / 4 vanishes at t = 0 only, in one of two bins."""
    excess = np.array([[-1.0, 0.0, 0.25], [0.0, 0.5, 0.0]])
    t = np.array([-0.5, -1e-7, 0.0, 1e-7, 0.5])
    data = np.array([3.0, 5.0])
    chi2 = filled(excess, data, np.zeros(3), [t])
    assert chi2[2] == np.inf
    finite = [0, 4]
    np.testing.assert_allclose(chi2[finite], exact(excess, data, np.zeros(3), [t])[finite], rtol=1e-12)
    # within 1e-16 of the counts of the data, and logarithms diverge slowly
    assert np.all((chi2[[1, 3]] > 150.0) & (chi2[[1, 3]] < 250.0))


def test_count_below_zero_by_rounding_is_none() -> None:
    excess = np.array([[-1.0 - 2.0**-52, 0.0, 1.0], [-5.0, 0.0, 0.0]])
    assert filled(excess[:1], np.array([3.0]), np.zeros(3), [np.array([0.0, 0.5])])[0] == np.inf
    assert np.all(filled(excess, np.array([3.0, 4.0]), np.zeros(3), [np.array([0.0, 0.5])]) == np.inf)


def test_counts_where_nothing_was_seen_are_added_and_never_negative() -> None:
    rest = np.array([0.0, 0.0, 4.0])
    assert filled(np.empty((0, 3)), np.empty(0), rest, [np.array([0.0, 0.5, -1.0])]).tolist() == [0.0, 1.0, 4.0]
    assert filled(np.empty((0, 3)), np.empty(0), -rest, [np.array([0.5])]).tolist() == [0.0]


@given(st.integers(1, 9), st.integers(1, 9), SEEDS)
def test_bins_add_up(first: int, second: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    excess, data = counts_of(random, first + second, 2), random.uniform(1.0, 100.0, first + second)
    excess[:, 0] -= 1.0
    values = [random.uniform(-1.0, 1.0, size=3) for _ in range(2)]
    parts = [filled(excess[s], data[s], np.zeros(6), values) for s in (slice(first), slice(first, None))]
    np.testing.assert_allclose(filled(excess, data, np.zeros(6), values), sum(parts), rtol=1e-13)
