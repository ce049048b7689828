"""The dipole portal."""

from __future__ import annotations

from math import pi

import pytest

from scanengine.inputs.flavours import FLAVOURS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.terms.dipole_portal import term
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.traces import GAMMA_LOW, Scattering

E, T, F_P = 40.0, 0.01, 0.8
NUCLEUS = nucleus_of("Cs133")


def found(mass: float, mu: float, flavour: str = "nu_e", F_p: float = F_P) -> float:
    choices = physics(mediators=(Mediator("N", "dipole", mass),))
    return cross_section(choices, recoil("Cs133", T, F_p), flavour, E, {"mu_N": mu}, kinds=("dipole",))


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("m", [0.5, 5.0, 12.0])
def test_rate(m: float, flavour: str) -> None:
    M = NUCLEUS.M
    bracket = 1 / T - 1 / E + m**2 * (T - 2 * E - M) / (4 * E**2 * T * M)
    bracket += m**4 * (T - M) / (8 * E**2 * T**2 * M**2)
    exact = pi * (naive.ALPHA * 7e-10 / naive.M_E) ** 2 * (55 * F_P) ** 2 * bracket * naive.HBARC_CM**2
    assert found(m, 7.0, flavour) == pytest.approx(exact, rel=1e-12)
    assert found(m, -7.0, flavour) == found(m, 7.0, flavour)


def test_is_a_trace() -> None:
    """mu = 7e-10 e / (2 m_e), L = (mu / 2) Nbar sigma_mn nu F^mn, on a point nucleus of spin 1/2."""
    scattering = Scattering(E, T, NUCLEUS.M, 5.0)
    e2 = 4.0 * pi * naive.ALPHA
    strength = e2 / (2.0 * naive.M_E) * 7e-10 * 55 / (2.0 * NUCLEUS.M * T)
    traced = scattering.per_recoil([strength * G for G in scattering.photon_vertices()], GAMMA_LOW)
    assert found(5.0, 7.0, F_p=1.0) == pytest.approx(traced * naive.HBARC_CM**2, rel=1e-8)


def test_without_a_mass_it_is_a_magnetic_moment() -> None:
    moment = cross_section(physics(), recoil("Cs133", T, F_P), "nu_mu", E, {"mu_nu_mu": 7.0}, kinds=("magnetic",))
    assert found(0.0, 7.0, "nu_mu") == pytest.approx(moment, rel=1e-14)


def test_only_without_a_mass_does_it_diverge_towards_zero_recoil() -> None:
    for mass, diverges in ((0.0, True), (1e-3, False)):
        couplings = term(Mediator("N", "dipole", mass)).couplings(physics())
        assert [coupling.amplitude.structure.recoil for coupling in couplings] == ["nucleus", "electron"]
        for coupling in couplings:
            assert coupling.amplitude.diverges == diverges
            assert coupling.amplitude.structure.final_mass_MeV == mass
