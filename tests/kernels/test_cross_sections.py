"""Kinematics of elastic scattering: its limits."""

from __future__ import annotations

from math import inf

import mpmath  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

from scanengine_kernels import cross_sections as kernels

ENERGIES = st.floats(1e-3, 1e3)
MASSES = st.floats(900.0, 2.5e5)


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
