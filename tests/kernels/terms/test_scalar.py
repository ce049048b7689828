"""Scalar interactions, against the papers' formula and Dirac traces."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.scalar import scalar
from tests.kernels.terms.factors import factor_of
from tests.traces import ONE, Scattering

ENERGIES = st.floats(1.0, 300.0)
MASSES = st.floats(900.0, 2e5)
SHARES = st.floats(0.01, 0.99)

factor = factor_of(scalar)


@given(ENERGIES, MASSES, SHARES)
def test_is_the_papers_formula(E: float, M: float, share: float) -> None:
    T = share * T_max(E, M)
    assert factor(E, T, M, False) == pytest.approx(M * T / E**2, rel=1e-14)
    assert factor(E, T, M, True) == pytest.approx((M + T / 2.0) * T / E**2, rel=1e-14)


@settings(max_examples=20)
@given(ENERGIES, MASSES, SHARES)
def test_full_factor_is_the_trace_of_two_scalar_currents(E: float, M: float, share: float) -> None:
    """Of L = nubar P_L nu Nbar N: dsigma/dT = (M / 4 pi) [...]."""
    T = share * T_max(E, M)
    traced = Scattering(E, T, M).per_recoil([ONE], [ONE])
    assert traced == pytest.approx(M / (4.0 * pi) * factor(E, T, M, True), rel=1e-9)
