"""Kinematics of elastic scattering: its limits, and the kinematic factors against the papers' formulas."""

from __future__ import annotations

from math import inf

import mpmath  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

from scanengine_kernels import cross_sections as kernels
from tests import naive

ENERGIES = st.floats(1e-3, 1e3)
MASSES = st.floats(900.0, 2.5e5)
SHARES = st.floats(1e-9, 1.0)


@given(ENERGIES, MASSES)
def test_highest_recoil_and_lowest_neutrino_energy_are_inverse(E: float, M: float) -> None:
    assert kernels.E_min(kernels.T_max(E, M), M) == pytest.approx(E, rel=1e-14)


def test_no_recoil_needs_no_energy() -> None:
    assert kernels.E_min(0.0, 18600.0) == 0.0
    assert kernels.T_max(0.0, 18600.0) == 0.0


@pytest.mark.jit_only
def test_infinite_recoil_needs_infinite_energy() -> None:
    assert kernels.E_min(inf, 18600.0) == inf


@given(ENERGIES, MASSES)
def test_highest_recoil_is_that_of_backward_scattering(E: float, M: float) -> None:
    """Energy and momentum are conserved for E -> -E': E = T + E', and E + E' = sqrt(T^2 + 2 M T)."""
    T = kernels.T_max(E, M)
    with mpmath.workdps(30):
        momentum = mpmath.sqrt(mpf(T) ** 2 + 2 * mpf(M) * T)
        assert float(E + (E - mpf(T))) == pytest.approx(float(momentum), rel=1e-14)


@given(ENERGIES, MASSES, SHARES, st.booleans())
def test_weak_factor(E: float, M: float, share: float, full: bool) -> None:
    T = share * kernels.T_max(E, M)
    with mpmath.workdps(30):
        exact = float(naive.weak_factor(mpf(E), mpf(T), mpf(M), full))
    assert kernels.weak_kinematics(E, T, M, full) == pytest.approx(exact, abs=4e-16)


@given(ENERGIES, MASSES, SHARES, st.booleans())
def test_magnetic_factor(E: float, M: float, share: float, full: bool) -> None:
    T = share * kernels.T_max(E, M)
    with mpmath.workdps(30):
        exact = float(naive.magnetic_factor(mpf(E), mpf(T), full))
    assert kernels.magnetic_kinematics(E, T, full) == pytest.approx(exact, rel=1e-15)


@given(ENERGIES, MASSES, SHARES)
def test_full_magnetic_factor_is_a_square(E: float, M: float, share: float) -> None:
    """1/T - 1/E + T/(4 E^2) = (1 - T/(2E))^2 / T: the moment flips the helicity, and never interferes."""
    T = share * kernels.T_max(E, M)
    assert kernels.magnetic_kinematics(E, T, True) == pytest.approx((1.0 - T / (2.0 * E)) ** 2 / T, rel=1e-12)


@given(ENERGIES, MASSES)
def test_full_weak_factor_at_the_end_point(E: float, M: float) -> None:
    """Backward scattering of a left-handed neutrino off a spinless nucleus is forbidden but for recoil: (T/E)^2 / 2 is
    left.
    """
    T = kernels.T_max(E, M)
    with mpmath.workdps(40):
        exact = naive.weak_factor(mpf(E), naive._T_max(E, mpf(M)), mpf(M), True)
        assert float(exact) == pytest.approx(T * T / (2.0 * E * E), rel=1e-12)
    assert kernels.weak_kinematics(E, T, M, True) == pytest.approx(float(exact), abs=1e-15)
