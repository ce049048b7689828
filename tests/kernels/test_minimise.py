"""The damped Newton search in a box, against SciPy from the same start and the conditions of a minimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from scanengine_kernels import minimise as kernels
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def random_residuals(random: np.random.Generator, K: int, n: int) -> kernels.Residuals:
    A = random.normal(size=(K, n, n))
    return kernels.Residuals(random.normal(size=K), random.normal(size=(K, n)), A + A.transpose(0, 2, 1))


def chi2_at(residuals: kernels.Residuals, h: FloatArray) -> float:
    r = residuals.c + residuals.b @ h + np.einsum("i,kij,j->k", h, residuals.A, h)
    return float(r @ r)


@given(SEEDS, st.integers(1, 5), st.integers(0, 4))
def test_residuals_and_derivatives(seed: int, K: int, n: int) -> None:
    random = np.random.default_rng(seed)
    residuals = random_residuals(random, K, n)
    h, r, J = random.normal(size=n), np.empty(K), np.empty((K, n))
    assert kernels.residuals_at(residuals, h, r, J) == pytest.approx(chi2_at(residuals, h), rel=1e-10)
    assert r @ r == pytest.approx(chi2_at(residuals, h), rel=1e-10)
    slopes = residuals.b + 2.0 * np.einsum("kij,j->ki", residuals.A, h)
    assert np.allclose(J, slopes, rtol=1e-10, atol=1e-12)


@given(SEEDS, st.integers(1, 6), st.integers(1, 4))
def test_the_search_ends_where_no_step_inside_the_box_goes_down(seed: int, K: int, n: int) -> None:
    random = np.random.default_rng(seed)
    residuals = random_residuals(random, K, n)
    box = kernels.Box(-random.uniform(0.1, 1.0, size=n), random.uniform(0.1, 1.0, size=n))
    h = random.uniform(box.lower, box.upper)
    before = chi2_at(residuals, h)
    found = kernels.minimise_squares(residuals, box, h)
    assert found <= before
    assert np.all((h >= box.lower) & (h <= box.upper))
    assert found == pytest.approx(chi2_at(residuals, h), rel=1e-9, abs=1e-9)

    def value(x: FloatArray) -> float:
        return chi2_at(residuals, x)

    again = minimize(value, h, bounds=[(float(lo), float(hi)) for lo, hi in zip(*box, strict=True)])
    assert found <= again.fun + 1e-7 * (1.0 + again.fun)


def test_a_narrow_bent_valley_is_followed_to_the_bound_that_it_runs_into() -> None:
    """chi2 = (1000 (y - x^2))^2 + (x + 1)^2 with x >= 0: from anywhere in the valley down to the origin."""
    A = np.zeros((2, 2, 2))
    A[0, 0, 0] = -1000.0
    residuals = kernels.Residuals(np.array([0.0, 1.0]), np.array([[0.0, 1000.0], [1.0, 0.0]]), A)
    box = kernels.Box(np.array([0.0, -1.0]), np.array([1.0, 1.0]))
    for x in (0.05, 0.3, 0.9):
        h = np.array([x, x * x])
        assert kernels.minimise_squares(residuals, box, h) == pytest.approx(1.0, abs=1e-12)
        assert h == pytest.approx([0.0, 0.0], abs=1e-9)


def test_of_a_flat_bottom_any_point_will_do() -> None:
    """One residual of three variables vanishes on a surface: Newton's matrix has no inverse there."""
    residuals = kernels.Residuals(np.array([0.5]), np.array([[1.0, 1.0, 0.0]]), np.eye(3)[None] * 0.1)
    box = kernels.Box(np.full(3, -1.0), np.full(3, 1.0))
    assert kernels.minimise_squares(residuals, box, np.full(3, 0.9)) < 1e-12


def test_a_search_of_nothing_evaluates_the_residuals() -> None:
    residuals = kernels.Residuals(np.array([3.0, 4.0]), np.empty((2, 0)), np.empty((2, 0, 0)))
    assert kernels.minimise_squares(residuals, kernels.Box(np.empty(0), np.empty(0)), np.empty(0)) == 25.0
