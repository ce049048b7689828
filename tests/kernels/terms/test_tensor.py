"""Tensor interactions, against the papers' formula and Dirac traces."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.tensor import tensor
from tests.kernels.terms.factors import factor_of
from tests.traces import SIGMA, SIGMA_LOW, Scattering

ENERGIES = st.floats(1.0, 300.0)
MASSES = st.floats(900.0, 2e4)
SHARES = st.floats(0.01, 0.99)

factor = factor_of(tensor)


@given(ENERGIES, MASSES, SHARES)
def test_is_the_papers_formula(E: float, M: float, share: float) -> None:
    T = share * T_max(E, M)
    exact = 1.0 - T / E - M * T / (4.0 * E**2) + T**2 / (4.0 * E**2)
    assert factor(E, T, M) == pytest.approx(exact, rel=1e-14)


@settings(max_examples=20)
@given(ENERGIES, MASSES, SHARES)
def test_factor_is_the_trace_of_two_tensor_currents(E: float, M: float, share: float) -> None:
    """Of L = nubar sigma_mn P_L nu Nbar sigma^mn N, all m and n: dsigma/dT = (4 M / pi) [...]."""
    T = share * T_max(E, M)
    twice = [(SIGMA[m, n], 2.0 * SIGMA_LOW[m, n]) for m in range(4) for n in range(m)]
    traced = Scattering(E, T, M).per_recoil(*zip(*twice, strict=True))
    assert traced == pytest.approx(4.0 * M / pi * factor(E, T, M), rel=1e-9)
