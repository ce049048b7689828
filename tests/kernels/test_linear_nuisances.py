"""A Gaussian chi2 minimised over linear nuisances on tensor grids, against least squares at each point."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials, packed
from scanengine.likelihood.least_squares import minimum_of_squares
from scanengine_kernels.grids import Polynomials
from scanengine_kernels.linear_nuisances import fill_linear
from tests import naive
from tests.naive import FloatArray

ROUNDINGS = 20.0 * 2.0**-52
"""What chi2 may be rounded by, relative to effects that cancel."""

SEEDS = st.integers(0, 2**32 - 1)


def filled(templates: FloatArray, values: list[FloatArray]) -> FloatArray:
    """chi2 of templates (1 + nuisances, rows, monomials) on a grid."""
    columns, rows, _ = templates.shape
    monomials = Monomials.of(len(values), 2)
    quadratics = np.full((len(monomials.exponents), -(-columns * rows // 8) * 8), 7.0)  # what is beyond is not read
    quadratics[:, : columns * rows] = templates.reshape(columns * rows, -1).T
    grid = packed(values)
    chi2 = np.full((int(np.prod(grid.shape[:-1])), grid.shape[-1]), np.nan)
    fill_linear(Polynomials(quadratics, monomials.starts, monomials.groups), rows, columns - 1, grid, chi2)
    return chi2.ravel()


def dense(templates: FloatArray, values: list[FloatArray]) -> FloatArray:
    """The same by NumPy's least squares, with one row more for each pull."""
    monomials = Monomials.of(len(values), 2)
    nuisances = len(templates) - 1
    found = []
    for t in product(*(v.tolist() for v in values)):
        at = templates @ monomials.values(np.array(t))
        A = np.vstack((at[1:].T, np.eye(nuisances)))
        b = -np.concatenate((at[0], np.zeros(nuisances)))
        z = np.linalg.lstsq(A, b)[0]
        found.append(np.sum((A @ z - b) ** 2))
    return np.array(found)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 6), st.integers(0, 4), SEEDS, st.floats(-2, 3)
)
def test_is_the_least_squares_solution(shape: list[int], rows: int, nuisances: int, seed: int, power: float) -> None:
    random = np.random.default_rng(seed)
    templates = 10.0**power * random.normal(size=(1 + nuisances, rows, len(Monomials.of(len(shape), 2).exponents)))
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    exact = dense(templates, values)
    np.testing.assert_array_less(np.abs(filled(templates, values) - exact), 1e-11 * (1.0 + exact))


@pytest.mark.parametrize("length", range(1, 18))
def test_lines_of_any_length(length: int) -> None:
    """Of a residual 3 t with a template 4: 9 t^2 / (1 + 16)."""
    templates = np.array([[[0.0, 3.0, 0.0]], [[4.0, 0.0, 0.0]]])
    t = np.linspace(-1.0, 1.0, length)
    np.testing.assert_allclose(filled(templates, [t]), 9.0 * t * t / 17.0, rtol=1e-14)


def test_nuisances_that_do_the_same_share_the_work() -> None:
    """Two of the same effect are one with twice the variance, however strong: r^2 / (1 + 2 a^2)."""
    a = 1e6
    templates = np.array([[[a, 0.0, 0.0]], [[a, 0.0, 0.0]], [[a, 0.0, 0.0]]])
    np.testing.assert_allclose(filled(templates, [np.zeros(3)]), a * a / (1.0 + 2.0 * a * a), rtol=1e-3)


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e9, 1e12])
@pytest.mark.parametrize("nuisances", [1, 2, 5])
def test_effects_that_are_huge_and_cancel(scale: float, nuisances: int) -> None:
    """Normalisations of a signal that is nothing but too large, at 8 points and more, some of them without signal."""
    random = np.random.default_rng(nuisances)
    rows, points = 4, 11
    signal, data = random.uniform(0.3, 1.0, rows), random.normal(size=rows)
    templates = np.zeros((1 + nuisances, rows, 3))  # chi2 of t: the signal is scale t^2
    templates[0, :, 0] = -data
    templates[0, :, 2] = scale * signal
    templates[1:, :, 2] = scale * random.uniform(0.05, 0.3, nuisances)[:, None] * signal
    templates[1::3, :, 0] = random.normal(size=rows)  # and backgrounds
    templates[1::3, :, 2] = 0.0 if nuisances > 1 else templates[1::3, :, 2]
    t = np.append(0.0, np.linspace(0.3, 1.0, points - 1))
    monomials = Monomials.of(1, 2)
    at = [templates @ monomials.values(np.array([x])) for x in t.tolist()]
    none = np.zeros((1 + nuisances, 0))
    each = range(1, 1 + nuisances)
    exact = [naive.minimum_in_many_digits(none, none[0], rows_at, each, np.zeros(nuisances)) for rows_at in at]
    np.testing.assert_allclose(filled(templates, [t]), exact, rtol=1e-9, atol=ROUNDINGS * scale)
    chi2, z = minimum_of_squares(np.array(at))
    np.testing.assert_allclose(chi2, exact, rtol=1e-9, atol=ROUNDINGS * scale)
    left = np.array(at)[:, 0] + np.einsum("pk,pkr->pr", z, np.array(at)[:, 1:])
    np.testing.assert_allclose(np.sum(left**2, axis=1) + np.sum(z**2, axis=1), exact, rtol=1e-9, atol=ROUNDINGS * scale)


def test_without_nuisances_it_is_the_sum_of_squares() -> None:
    templates = np.array([[[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]])
    t = np.array([-1.0, 0.0, 0.5])
    np.testing.assert_allclose(filled(templates, [t]), (1.0 + 2.0 * t) ** 2 + t**4, rtol=1e-15)
