"""The fast path: a polynomial of degree four on a tensor grid, against sums of powers point by point."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from scanengine.polynomials import Monomials
from scanengine_kernels.quartic import fill_quartic
from tests import naive


def packed(values: list[naive.FloatArray]) -> naive.FloatArray:
    """Values of each axis in a rectangular array; what is beyond an axis' end must never be read."""
    array = np.full((len(values), max(v.size for v in values)), np.nan)
    for axis, v in enumerate(values):
        array[axis, : v.size] = v
    return array


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
@example([7], 0)
@example([2, 9], 0)
@example([3, 1, 2], 0)
def test_fills_a_grid(shape: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(len(shape), 4)
    coefficients = random.normal(size=len(monomials.exponents))
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    chi2 = np.full((int(np.prod(shape[:-1])), shape[-1]), np.nan)
    fill_quartic(coefficients, monomials.starts, monomials.groups, np.array(shape), packed(values), chi2)
    exact = [naive.polynomial(coefficients.tolist(), monomials.exponents, point) for point in product(*values)]
    np.testing.assert_allclose(chi2.ravel(), exact, rtol=0.0, atol=1e-14 * np.abs(coefficients).sum())


def test_single_point_of_a_known_polynomial() -> None:
    """(x - 2 y)^4 at x = 3, y = 5."""
    monomials = Monomials.of(2, 4)
    binomial = {(4, 0): 1.0, (3, 1): -8.0, (2, 2): 24.0, (1, 3): -32.0, (0, 4): 16.0}
    coefficients = np.array([binomial.get((e[0], e[1]), 0.0) for e in monomials.exponents])
    chi2 = np.empty((1, 1))
    fill_quartic(coefficients, monomials.starts, monomials.groups, np.array([1, 1]), np.array([[3.0], [5.0]]), chi2)
    assert chi2[0, 0] == 7.0**4
