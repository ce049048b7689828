"""The careful path: a sum of squared quadratics on a tensor grid, against sums of powers point by point."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from scanengine.polynomials import Monomials
from scanengine_kernels.squares import fill_squares
from tests import naive


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 4), st.integers(0, 2**32 - 1))
@example([7], 1, 0)
@example([2, 9], 3, 0)
def test_fills_a_grid(shape: list[int], number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(len(shape), 2)
    residuals = random.normal(size=(number, len(monomials.exponents)))
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    packed = np.full((len(shape), max(shape)), np.nan)
    for axis, v in enumerate(values):
        packed[axis, : v.size] = v
    chi2 = np.full((int(np.prod(shape[:-1])), shape[-1]), np.nan)
    fill_squares(residuals, monomials.starts, monomials.groups, np.array(shape), packed, chi2)
    exact = [
        sum(naive.polynomial(r.tolist(), monomials.exponents, point) ** 2 for r in residuals)
        for point in product(*values)
    ]
    np.testing.assert_allclose(chi2.ravel(), exact, rtol=0.0, atol=1e-14 * float((np.abs(residuals).sum(1) ** 2).sum()))


def test_small_chi2_beside_large_terms_keeps_its_digits() -> None:
    """r = 1e6 (t - 1/2)^2: the quartic that r^2 expands to would be off by 1e-4 here."""
    monomials = Monomials.of(1, 2)
    residuals = 1e6 * np.array([[0.25, -1.0, 1.0]])
    chi2, t = np.empty((1, 1)), 0.5 + 2.0**-12
    fill_squares(residuals, monomials.starts, monomials.groups, np.array([1]), np.array([[t]]), chi2)
    np.testing.assert_allclose(chi2, 1e12 * 2.0**-48, rtol=1e-8)
