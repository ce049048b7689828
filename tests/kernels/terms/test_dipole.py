"""The dipole portal, against the paper's formula and Dirac traces."""

from __future__ import annotations

from math import pi, sqrt

import mpmath  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.terms.dipole import dipole
from scanengine_kernels.terms.magnetic_moment import magnetic_moment
from tests.kernels.terms.factors import factor_of
from tests.traces import GAMMA_LOW, Scattering

ENERGIES = st.floats(20.0, 300.0)
NUCLEI = st.floats(900.0, 2e5)
STERILE = st.floats(0.0, 15.0)
SHARES = st.floats(0.05, 0.95)

factor = factor_of(dipole)


def written_out(E: float, T: float, M: float, m: float) -> float:
    with mpmath.workdps(30):
        E, T, M, m = mpf(E), mpf(T), mpf(M), mpf(m)
        massive = m**2 * (T - 2 * E - M) / (4 * E**2 * T * M) + m**4 * (T - M) / (8 * E**2 * T**2 * M**2)
        return float(1 / T - 1 / E + massive)


def recoils(E: float, M: float, m: float) -> tuple[float, float]:
    """The ends of the recoils, from the centre of mass: momenta p and p' there, and a boost to the nucleus at rest."""
    s = M * M + 2.0 * M * E
    p, p_out = M * E / sqrt(s), sqrt((s - (M + m) ** 2) * (s - (M - m) ** 2)) / (2.0 * sqrt(s))
    energy, energy_out = sqrt(M * M + p * p), sqrt(M * M + p_out * p_out)
    ends = [(energy * energy_out - sign * p * p_out) / M - M for sign in (1.0, -1.0)]
    return ends[0], ends[1]


@given(ENERGIES, NUCLEI, STERILE, SHARES)
def test_is_the_papers_formula(E: float, M: float, m: float, share: float) -> None:
    low, high = recoils(E, M, m)
    T = low + share * (high - low)
    assert factor(E, T, M, m) == pytest.approx(written_out(E, T, M, m), rel=1e-13, abs=1e-14 / T)


@given(ENERGIES, NUCLEI, SHARES)
def test_without_a_mass_it_is_a_magnetic_moment(E: float, M: float, share: float) -> None:
    T = share * T_max(E, M)
    assert dipole(T, M, 0.0) == magnetic_moment(T, M, False)


@settings(max_examples=20)
@given(ENERGIES, st.floats(900.0, 2e4), STERILE, SHARES)
def test_factor_is_a_trace(E: float, M: float, m: float, share: float) -> None:
    """Of L = (mu / 2) Nbar sigma_mn nu F^mn off a charge e: dsigma/dT = alpha mu^2 [...]."""
    low, high = recoils(E, M, m)
    T = low + share * (high - low)
    scattering = Scattering(E, T, M, m)
    photon = sqrt(4.0 * pi) / (2.0 * M * T)  # e / q^2 for alpha = 1
    traced = scattering.per_recoil([photon * G for G in scattering.photon_vertices()], GAMMA_LOW)
    assert traced == pytest.approx(factor(E, T, M, m), rel=1e-8)
