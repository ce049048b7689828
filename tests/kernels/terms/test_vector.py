"""Vector interactions, against the papers' formula and Dirac traces."""

from __future__ import annotations

from math import pi

import mpmath  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.vector import vector
from tests import naive
from tests.kernels.terms.factors import factor_of
from tests.traces import GAMMA, GAMMA_LOW, Scattering

ENERGIES = st.floats(1e-3, 1e3)
MASSES = st.floats(900.0, 2.5e5)
SHARES = st.floats(1e-9, 1.0)

factor = factor_of(vector)


@given(ENERGIES, MASSES, SHARES, st.booleans())
def test_is_the_papers_formula(E: float, M: float, share: float, full: bool) -> None:
    T = share * T_max(E, M)
    with mpmath.workdps(30):
        exact = float(naive.weak_factor(mpf(E), mpf(T), mpf(M), full))
    assert factor(E, T, M, full) == pytest.approx(exact, abs=6e-16)


@given(ENERGIES, MASSES)
def test_full_factor_at_the_end_point(E: float, M: float) -> None:
    """Backward scattering of a left-handed neutrino off a spinless nucleus is forbidden but for recoil: (T/E)^2 / 2 is
    left.
    """
    T = T_max(E, M)
    with mpmath.workdps(40):
        exact = naive.weak_factor(mpf(E), naive._T_max(E, mpf(M)), mpf(M), True)
        assert float(exact) == pytest.approx(T * T / (2.0 * E * E), rel=1e-12)
    assert factor(E, T, M, True) == pytest.approx(float(exact), abs=1e-15)


@settings(max_examples=20)
@given(st.floats(1.0, 300.0), st.floats(900.0, 2e4), st.floats(0.01, 0.99))
def test_full_factor_is_the_trace_of_two_vector_currents(E: float, M: float, share: float) -> None:
    """Of L = -sqrt(2) G_F nubar g^m P_L nu C Nbar g_m N, with G_F = C = 1: dsigma/dT = (M / pi) [...]."""
    T = share * T_max(E, M)
    traced = Scattering(E, T, M).per_recoil([2.0**0.5 * g for g in GAMMA], GAMMA_LOW)
    assert traced == pytest.approx(M / pi * factor(E, T, M, True), rel=1e-10)
