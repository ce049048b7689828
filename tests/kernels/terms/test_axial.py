"""Axial interactions, against the paper's formula and Dirac traces."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.axial import axial
from tests.kernels.terms.factors import factor_of
from tests.traces import GAMMA, GAMMA5, GAMMA_LOW, Scattering

ENERGIES = st.floats(1.0, 300.0)
MASSES = st.floats(900.0, 2e4)
SHARES = st.floats(0.01, 0.99)

factor = factor_of(axial)


@given(ENERGIES, MASSES, SHARES)
def test_is_the_papers_formula(E: float, M: float, share: float) -> None:
    T = share * T_max(E, M)
    assert factor(E, T, M) == pytest.approx(1.0 - T / E + M * T / (2.0 * E**2), rel=1e-14)


@settings(max_examples=20)
@given(ENERGIES, MASSES, SHARES)
def test_factor_is_the_trace_of_two_axial_currents_but_for_recoil_squared(E: float, M: float, share: float) -> None:
    """Of L = -sqrt(2) G_F nubar g^m P_L nu (g_A / 2) Nbar g_m g5 N, with G_F = g_A = 1: (M / 4 pi) [... + T^2/(2 E^2)],
    of which the paper drops the last.
    """
    T = share * T_max(E, M)
    nucleus = [0.5 * g @ GAMMA5 for g in GAMMA_LOW]
    traced = Scattering(E, T, M).per_recoil([2.0**0.5 * g for g in GAMMA], nucleus)
    assert traced == pytest.approx(M / (4.0 * pi) * (factor(E, T, M) + T**2 / (2.0 * E**2)), rel=1e-10)
