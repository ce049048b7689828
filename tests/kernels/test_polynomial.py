"""Contracting polynomials variable by variable, and walking over the lines of a grid."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels import polynomial as kernels
from tests import naive


@given(variables=st.integers(1, 4), degree=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_fixing_all_variables_but_the_last_leaves_polynomials_of_one(variables: int, degree: int, seed: int) -> None:
    """Sixteen polynomials side by side."""
    random = np.random.default_rng(seed)
    monomials = Monomials.of(variables, degree)
    coefficients = random.normal(size=(len(monomials.exponents), 16))
    point = random.uniform(-1.0, 1.0, size=variables)
    left = coefficients
    for v in range(variables - 1):
        fixed = np.full((int(monomials.groups[v]), 16), np.nan)
        kernels.fix_variable_of_all(left, monomials.starts[v], int(monomials.groups[v]), point[v], fixed)
        left = fixed
    assert left.shape == (degree + 1, 16)
    for polynomial in range(16):
        given_coefficients = coefficients[:, polynomial]
        exact = naive.polynomial(given_coefficients.tolist(), monomials.exponents, point.tolist())
        here = sum(c * point[-1] ** k for k, c in enumerate(left[:, polynomial]))
        assert here == pytest.approx(exact, abs=1e-14 * np.abs(given_coefficients).sum())


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_lines_are_walked_in_c_order_and_the_first_index_that_moved_is_told(shape: list[int]) -> None:
    outer = list(product(*(range(n) for n in shape[:-1])))
    index = np.full(len(shape) - 1, -1)
    before = tuple(index.tolist())
    for line, expected in enumerate(outer):
        changed = kernels.first_changed(line, np.array(shape), index)
        assert tuple(index.tolist()) == expected
        moved = [axis for axis in range(len(shape) - 1) if expected[axis] != before[axis]]
        assert changed == (moved[0] if moved else len(shape) - 1)
        before = expected
