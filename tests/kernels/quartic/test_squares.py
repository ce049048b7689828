"""Sums of squares: added up to one quartic, and evaluated as they are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.quartic import squares as kernels
from tests import naive
from tests.kernels.quartic.naive_squares import exact, products_of

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 3), st.integers(1, 12), SEEDS)
def test_squares_add_up_to_the_coefficients_of_one_quartic(n: int, number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    residuals = np.zeros((len(Monomials.of(n, 2).exponents), -(-number // 8) * 8))
    residuals[:, :number] = random.normal(size=(residuals.shape[0], number))
    quartic = Monomials.of(n, 4)
    coefficients = np.full(len(quartic.exponents), np.nan)
    bound = kernels.add_up_squares(residuals, products_of(n), coefficients)
    values = [random.uniform(-1.0, 1.0, size=4) for _ in range(n)]
    points = product(*(v.tolist() for v in values))
    quartics = np.array([naive.polynomial(coefficients.tolist(), quartic.exponents, t) for t in points])
    assert 0.0 < bound < 3e-11
    np.testing.assert_array_less(np.abs(quartics - exact(residuals.T, values)), bound)


@pytest.mark.parametrize("number", [1, 4])
def test_line_of_squares(number: int) -> None:
    random = np.random.default_rng(2)
    residuals, x = random.normal(size=(number, 6)), random.uniform(-1.0, 1.0, size=9)
    row = np.full(9, np.nan)
    kernels.fill_line_with_squares(residuals.T.copy(), x, row)
    np.testing.assert_allclose(row, exact(residuals[:, :3], [x]), rtol=1e-13)
