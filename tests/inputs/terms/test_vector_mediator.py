"""Vector mediators: charges of quarks, and of loops of leptons."""

from __future__ import annotations

from math import pi, sqrt

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mp, mpf

from scanengine.inputs.mediators import CHARGES, Mediator
from scanengine.inputs.terms.vector_mediator import kinetic_mixing
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.traces import GAMMA, GAMMA_LOW, Scattering

E, T, F_P, F_N, G2, MASS = 40.0, 0.01, 0.8, 0.75, 4e-8, 60.0
NUCLEUS = nucleus_of("Cs133")
LEPTONS_MEV = {"e": naive.M_E, "m": naive.M_MU, "t": 1776.93}


def rate(C: float) -> float:
    factor = naive.weak_factor(E, T, NUCLEUS.M, True)
    return float(naive.G_F**2 * NUCLEUS.M / pi * factor * C**2 * naive.HBARC_CM**2)


def found(model: str, flavour: str, mass: float | None = MASS, strength: float = G2) -> float:
    choices = physics(kinematics="full", mediators=(Mediator("Z", "vector", mass, CHARGES[model]),))
    name = "eps_Z" if mass is None else "g2_Z"
    return cross_section(choices, recoil("Cs133", T, F_P, F_N), flavour, E, {name: strength})


STANDARD = 55 * F_P * (0.5 - 2 * 0.2312) - 78 * F_N / 2


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("model", "flavour", "of_neutrino", "of_quark"),
    [
        ("universal", "nu_e", 1.0, 1.0),
        ("B-L", "nu_mubar", -1.0, 1.0 / 3.0),
        ("B-3L_tau", "nu_tau", -3.0, 1.0 / 3.0),
        ("B-3L_tau", "nu_e", 0.0, 1.0 / 3.0),
        ("B-2L_e-L_mu", "nu_e", -2.0, 1.0 / 3.0),
    ],
)
def test_interferes_with_the_weak_charge(
    model: str, flavour: str, of_neutrino: float, of_quark: float, sign: float
) -> None:
    charge = of_neutrino * 3.0 * of_quark * (55 * F_P + 78 * F_N)
    C = STANDARD + sign * G2 * charge / (sqrt(2.0) * naive.G_F * (2 * NUCLEUS.M * T + MASS**2))
    assert found(model, flavour, strength=sign * G2) == pytest.approx(rate(C), rel=1e-12)


def test_quarks_of_other_charges() -> None:
    charges = CHARGES["universal"].__class__(u=2.0, d=-0.5, nu_e=1.5)
    choices = physics(kinematics="full", mediators=(Mediator("Z", "vector", MASS, charges),))
    ours = cross_section(choices, recoil("Cs133", T, F_P, F_N), "nu_e", E, {"g2_Z": G2})
    charge = 1.5 * (55 * F_P * (2 * 2.0 - 0.5) + 78 * F_N * (2.0 - 2 * 0.5))
    C = STANDARD + G2 * charge / (sqrt(2.0) * naive.G_F * (2 * NUCLEUS.M * T + MASS**2))
    assert ours == pytest.approx(rate(C), rel=1e-12)


def test_is_the_trace_of_both_exchanges_together() -> None:
    """L = -g Z'_m (nubar g^m P_L nu + sum_q qbar g^m q) on a point nucleus of spin 1/2, three quarks in a nucleon."""
    choices = physics(kinematics="full", mediators=(Mediator("Z", "vector", MASS),))
    ours = cross_section(choices, recoil("Cs133", T), "nu_mu", E, {"g2_Z": G2})
    strength = sqrt(2.0) * naive.G_F * (55 * (0.5 - 2 * 0.2312) - 78 / 2)
    strength += G2 * 3 * 133 / (2 * NUCLEUS.M * T + MASS**2)
    traced = Scattering(E, T, NUCLEUS.M).per_recoil([strength * g for g in GAMMA], GAMMA_LOW)
    assert ours == pytest.approx(traced * naive.HBARC_CM**2, rel=1e-9)


def test_a_contact_interaction_is_nsi_of_both_quarks() -> None:
    """g^2 / (sqrt(2) G_F m^2) = eps, charges 1: so eps^uV = eps^dV = eps."""
    by_nsi = cross_section(
        physics(kinematics="full"), recoil("Cs133", T, F_P, F_N), "nu_e", E, {"eps_ee_uV": 0.02, "eps_ee_dV": 0.02}
    )
    assert found("universal", "nu_e", None, 0.02) == pytest.approx(by_nsi, rel=1e-12)


def exact_mixing(one: str, other: str, Q2: float) -> float:
    a, b = mpf(LEPTONS_MEV[one]) ** 2, mpf(LEPTONS_MEV[other]) ** 2
    with mpmath.workdps(25):
        edges = [0, mpf(10) ** -8, mpf(10) ** -4, mpf(10) ** -2, mpf(1) / 2]
        half = mp.quad(lambda x: x * (1 - x) * mp.log((b + x * (1 - x) * Q2) / (a + x * (1 - x) * Q2)), edges)
        return float(2 * half)


@pytest.mark.parametrize("pair", ["em", "et", "mt"])
@pytest.mark.parametrize("Q2", [0.0, 1e-3, 1.0, 100.0, 1e4, 1e5])
def test_kinetic_mixing_is_the_loop_integral(pair: str, Q2: float) -> None:
    one, other = pair[0], pair[1]
    assert kinetic_mixing(one, other, np.array([Q2]))[0] == pytest.approx(exact_mixing(one, other, Q2), rel=1e-10)
    other_way = kinetic_mixing(other, one, np.array([Q2]))[0]
    assert other_way == pytest.approx(-kinetic_mixing(one, other, np.array([Q2]))[0], rel=1e-14)


def test_kinetic_mixing_of_muon_and_tau() -> None:
    mixing = kinetic_mixing("m", "t", np.array([0.0, 1000.0]))
    np.testing.assert_allclose(mixing, [0.9408105, 0.9378634], atol=6e-8)


@pytest.mark.parametrize(("flavour", "sign"), [("nu_mu", 1.0), ("nu_taubar", -1.0), ("nu_e", 0.0)])
def test_gauged_lepton_numbers_couple_to_protons_by_loops(flavour: str, sign: float) -> None:
    Q2 = 2 * NUCLEUS.M * T
    shift = sign * sqrt(2.0) * naive.ALPHA * G2 * exact_mixing("m", "t", Q2) / (pi * naive.G_F * (Q2 + MASS**2))
    assert found("L_mu-L_tau", flavour) == pytest.approx(rate(STANDARD + 55 * F_P * shift), rel=1e-11)
