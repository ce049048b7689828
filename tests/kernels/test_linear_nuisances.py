"""A Gaussian chi2 minimised over linear nuisances on tensor grids, against least squares at each point."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials, packed
from scanengine_kernels.grids import Polynomials
from scanengine_kernels.linear_nuisances import fill_linear
from tests.naive import FloatArray

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


def test_without_nuisances_it_is_the_sum_of_squares() -> None:
    templates = np.array([[[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]])
    t = np.array([-1.0, 0.0, 0.5])
    np.testing.assert_allclose(filled(templates, [t]), (1.0 + 2.0 * t) ** 2 + t**4, rtol=1e-15)
