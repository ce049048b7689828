"""Minima over two linear variables in many cells, against SciPy's bounded least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.linear_minima import minimise_linear
from scanengine_kernels.minimise import Residuals
from tests.kernels.test_closed_form import linear_part
from tests.kernels.test_minimise import chi2_at, random_residuals
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def problem(random: np.random.Generator, s: int, K: int, kind: str) -> tuple[Residuals, LinearPart]:
    """Residuals of s variables and two more, which enter linearly."""
    residuals = random_residuals(random, K, s + 2)
    residuals.A[:, s:, :] = residuals.A[:, :, s:] = 0.0
    if kind == "parallel":
        residuals.b[:, s + 1] = -2.0 * residuals.b[:, s]
    elif kind == "absent":
        residuals.b[:, s] = 0.0
    lower = random.normal(size=2)
    upper = lower + random.choice([0.0, 0.3, 3.0, 30.0], size=2)
    return residuals, linear_part(residuals.b[:, s:].copy(), lower, upper)


def minimised(residuals: Residuals, linear: LinearPart, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    chi2, where = np.full(points.shape[1], np.nan), np.full((2, points.shape[1]), np.nan)
    minimise_linear(residuals, linear, points, chi2, where)
    return chi2, where


@given(SEEDS, st.integers(0, 3), st.integers(1, 6), st.sampled_from(["free", "parallel", "absent"]))
def test_the_minimum_of_every_cell(seed: int, s: int, K: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    residuals, linear = problem(random, s, K, kind)
    points = random.normal(size=(s, 16))
    chi2, where = minimised(residuals, linear, points)
    assert np.all((where >= linear.lower[:, None]) & (where <= linear.upper[:, None]))
    fixed = linear.lower == linear.upper
    for cell in range(16):
        assert chi2[cell] == pytest.approx(chi2_at(residuals, np.append(points[:, cell], where[:, cell])), abs=1e-9)
        held = np.append(points[:, cell], np.where(fixed, linear.lower, 0.0))
        r = residuals.c + residuals.b @ held + np.einsum("kij,i,j->k", residuals.A, held, held)
        best = float(r @ r)
        if not fixed.all():
            bounds = linear.lower[~fixed], linear.upper[~fixed]
            best = 2.0 * float(lsq_linear(linear.Q[:, ~fixed], -r, bounds, method="bvls", tol=1e-14).cost)
        assert chi2[cell] == pytest.approx(best, rel=1e-8, abs=1e-8)


def test_a_minimum_of_zero_comes_out_as_small_as_its_squares_are() -> None:
    """Terms of 1e12 cancel: the form of second degree would leave 1e-4 of them."""
    residuals = Residuals(np.array([1e6, -3e6]), np.array([[1e6, 0.0], [0.0, 1e6]]), np.zeros((2, 2, 2)))
    linear = linear_part(residuals.b.copy(), np.array([-2.0, 0.0]), np.array([0.0, 4.0]))
    chi2, where = minimised(residuals, linear, np.empty((0, 8)))
    assert np.all(chi2 < 1e-18)
    np.testing.assert_allclose(where[:, 0], [-1.0, 3.0])
