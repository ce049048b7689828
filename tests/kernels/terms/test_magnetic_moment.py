"""Magnetic moments, against the papers' formulas and Dirac traces."""

from __future__ import annotations

from math import pi

import mpmath  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.magnetic_moment import magnetic_moment
from tests import naive
from tests.kernels.terms.factors import factor_of
from tests.traces import GAMMA_LOW, Scattering

ENERGIES = st.floats(1e-3, 1e3)
MASSES = st.floats(900.0, 2.5e5)
SHARES = st.floats(1e-9, 1.0)

factor = factor_of(magnetic_moment)


@given(ENERGIES, MASSES, SHARES, st.booleans())
def test_is_the_papers_formula(E: float, M: float, share: float, full: bool) -> None:
    T = share * T_max(E, M)
    with mpmath.workdps(30):
        exact = float(naive.magnetic_factor(mpf(E), mpf(T), full))
    assert factor(E, T, M, full) == pytest.approx(exact, rel=1e-15)


@given(ENERGIES, MASSES, SHARES)
def test_full_factor_is_a_square(E: float, M: float, share: float) -> None:
    """1/T - 1/E + T/(4 E^2) = (1 - T/(2E))^2 / T: the moment flips the helicity, and never interferes."""
    T = share * T_max(E, M)
    assert factor(E, T, M, True) == pytest.approx((1.0 - T / (2.0 * E)) ** 2 / T, rel=1e-12)


@settings(max_examples=20)
@pytest.mark.parametrize("full", [False, True])
@given(st.floats(1.0, 300.0), st.floats(900.0, 2e4), st.floats(0.01, 0.99))
def test_factors_are_traces_over_nuclei_with_and_without_spin(full: bool, E: float, M: float, share: float) -> None:
    """Of L = (mu / 2) Nubar sigma_mn nu F^mn off a charge e: alpha mu^2 [...], the full one off a nucleus without spin,
    whose current is (p + p')_m, and the leading one off one of spin 1/2.
    """
    T = share * T_max(E, M)
    scattering = Scattering(E, T, M)
    photon = (4.0 * pi) ** 0.5 / (2.0 * M * T)  # e / q^2 for alpha = 1
    leptons = [photon * G for G in scattering.photon_vertices()]
    if full:
        traced = scattering.per_recoil(leptons, scattering.momenta(), spin=False)
        assert traced == pytest.approx(factor(E, T, M, True), rel=1e-10)
    else:
        traced = scattering.per_recoil(leptons, GAMMA_LOW)
        assert traced == pytest.approx(factor(E, T, M, False), rel=1e-10)
