"""Scattering on electrons, against the textbook's matrix element written out."""

from __future__ import annotations

from math import pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.inputs.flavours import ANTINEUTRINOS, FAMILY, FLAVOURS
from scanengine.inputs.mediators import CHARGES, Charges, Mediator
from tests import naive
from tests.interactions import cross_section, electron, physics

m = 0.51099895069
FLAVOUR = st.sampled_from(FLAVOURS)
COUPLING = st.floats(-2.0, 2.0)
ENERGY = st.floats(0.02, 50.0)
SHARE = st.floats(0.001, 0.999)
"""Of the highest recoil energy."""

KAPPA = sqrt(2.0) * pi * naive.ALPHA / (3.0 * naive.G_F) * 1e-32 / naive.HBARC_CM**2


def recoil_of(E: float, share: float) -> float:
    return share * 2.0 * E * E / (m + 2.0 * E)


def matrix_element(gV: float, gA: float, E: float, T: float) -> float:
    """dsigma/dT in cm^2/MeV of one electron, by the couplings to its two chiralities."""
    gL, gR = (gV + gA) / 2.0, (gV - gA) / 2.0
    bracket = gL**2 + gR**2 * (1.0 - T / E) ** 2 - gL * gR * m * T / E**2
    return float(2.0 * naive.G_F**2 * m / pi * bracket * naive.HBARC_CM**2)


def standard_model(flavour: str, s2: float) -> tuple[float, float]:
    gA = 0.5 if FAMILY[flavour] == "e" else -0.5
    return 2.0 * s2 + gA, -gA if flavour in ANTINEUTRINOS else gA


@given(FLAVOUR, st.floats(0.05, 0.6), ENERGY, SHARE)
def test_standard_model_is_the_matrix_element(flavour: str, s2: float, E: float, share: float) -> None:
    """At the tree level and with full kinematics, whatever nuclei have."""
    T = recoil_of(E, share)
    exact = matrix_element(*standard_model(flavour, s2), E, T)
    for choices in (physics(), physics(couplings="radiative2023", kinematics="full")):
        found = cross_section(choices, electron(T), flavour, E, {"sin2_theta_w": s2}, kinds=("electron",))
        assert found == pytest.approx(exact, rel=1e-11)


@given(FLAVOUR, COUPLING, COUPLING, COUPLING, COUPLING, ENERGY, SHARE)
def test_nsi_interfere_within_a_family_and_turn_sign_for_antineutrinos(
    flavour: str, own_V: float, own_A: float, other_V: float, other_A: float, E: float, share: float
) -> None:
    T, own = recoil_of(E, share), FAMILY[flavour]
    other = {"e": "em", "m": "em", "t": "et"}[own]
    at = {
        f"eps_{own}{own}_eV": own_V,
        f"eps_{own}{own}_eA": own_A,
        f"eps_{other}_eV": other_V,
        f"eps_{other}_eA": other_A,
    }
    gV, gA = standard_model(flavour, 0.2312)
    sign = -1.0 if flavour in ANTINEUTRINOS else 1.0
    exact = matrix_element(gV + own_V, gA + sign * own_A, E, T) + matrix_element(other_V, sign * other_A, E, T)
    assert cross_section(physics(), electron(T), flavour, E, at) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(("convention", "times"), [("form-factor", 1.0), ("kosmas2015", 2.0)])
def test_charge_radii_and_charges_shift_the_vector_coupling(convention: str, times: float) -> None:
    """On a charge of -1 with the sign opposite to that on protons."""
    E, T = 3.0, 0.004
    gV, gA = standard_model("nu_ebar", 0.2312)
    choices = physics(charge_radius=convention)
    radii = {"r2_nu_ebar": 40.0, "r2_em": 70.0}
    exact = matrix_element(gV + times * KAPPA * 40.0, gA, E, T) + matrix_element(times * KAPPA * 70.0, 0.0, E, T)
    assert cross_section(choices, electron(T), "nu_ebar", E, radii) == pytest.approx(exact, rel=1e-12)
    charge = -sqrt(2.0) * pi * naive.ALPHA * 3e-12 / (naive.G_F * m * T)
    found = cross_section(choices, electron(T), "nu_ebar", E, {"q_nu_e": 3.0})
    assert found == pytest.approx(matrix_element(gV + charge, gA, E, T), rel=1e-12)


def test_magnetic_moments_add_the_leading_bracket() -> None:
    E, T = 2.0, 0.003
    added = pi * (naive.ALPHA * 5e-10 * naive.HBARC_CM / m) ** 2 * (1.0 / T - 1.0 / E)
    for bracket in ("leading", "full"):
        choices = physics(magnetic_moment=bracket)
        found = [cross_section(choices, electron(T), "nu_mu", E, {"mu_nu_mu": mu}) for mu in (0.0, 5.0)]
        assert found[1] - found[0] == pytest.approx(added, rel=1e-10)


@pytest.mark.parametrize("flavour", ["nu_e", "nu_mubar", "nu_tau"])
def test_vector_mediators_couple_to_the_electron_s_charge(flavour: str) -> None:
    E, T = 20.0, 0.02
    gV, gA = standard_model(flavour, 0.2312)
    for name, charge in (("B-L", (-1.0, -1.0, -1.0, -1.0)), ("L_e-L_mu", (1.0, 1.0, -1.0, 0.0))):
        of_electron, Q_nu = charge[0], charge[1 + "emt".index(FAMILY[flavour])]
        shift = 4e-9 * of_electron * Q_nu / (sqrt(2.0) * naive.G_F * (2.0 * m * T + 0.3**2))
        choices = physics(mediators=(Mediator("z", "vector", 0.3, CHARGES[name]),))
        found = cross_section(choices, electron(T), flavour, E, {"g2_z": 4e-9})
        assert found == pytest.approx(matrix_element(gV + shift, gA, E, T), rel=1e-11)


def test_loops_of_muons_and_taus_shift_it_by_the_electric_charge() -> None:
    """eps = 0.9408105 at no momentum transfer; with the opposite sign on protons."""
    E, T = 5.0, 0.002
    shift = -sqrt(2.0) * naive.ALPHA * 1e-7 * 0.9408105 / (pi * naive.G_F * (2.0 * m * T + 0.1**2))
    choices = physics(mediators=(Mediator("z", "vector", 0.1, CHARGES["L_mu-L_tau"]),))
    for flavour, sign in (("nu_mu", 1.0), ("nu_taubar", -1.0), ("nu_e", 0.0)):
        gV, gA = standard_model(flavour, 0.2312)
        found = cross_section(choices, electron(T), flavour, E, {"g2_z": 1e-7})
        assert found == pytest.approx(matrix_element(gV + sign * shift, gA, E, T), rel=1e-7)


def test_a_heavy_mediator_is_a_contact_interaction_and_nsi() -> None:
    E, T, eps = 40.0, 1.0, 0.03
    charges = Charges(electron=1.0, nu_e=1.0)
    nsi = cross_section(physics(), electron(T), "nu_e", E, {"eps_ee_eV": eps})
    contact = physics(mediators=(Mediator("z", "vector", None, charges),))
    assert cross_section(contact, electron(T), "nu_e", E, {"eps_z": eps}) == pytest.approx(nsi, rel=1e-12)
    heavy = physics(mediators=(Mediator("z", "vector", 1e5, charges),))
    g2 = eps * sqrt(2.0) * naive.G_F * 1e10
    assert cross_section(heavy, electron(T), "nu_e", E, {"g2_z": g2}) == pytest.approx(nsi, rel=1e-8)


@pytest.mark.parametrize("kinematics", ["leading", "full"])
def test_scalar_tensor_and_dipole_are_those_of_nuclei_with_charges_of_one(kinematics: str) -> None:
    E, T, mass, g2 = 8.0, 0.05, 0.4, 1e-10
    mediators = (Mediator("s", "scalar", mass), Mediator("t", "tensor", mass), Mediator("N", "dipole", mass))
    choices = physics(kinematics=kinematics, mediators=mediators)
    propagator = g2 / (2.0 * m * T + mass**2)
    scalar = propagator**2 * m * T * (m + (T / 2.0 if kinematics == "full" else 0.0)) / (4.0 * pi * E**2)
    tensor = propagator**2 * 4.0 * m / pi * (1.0 - T / E - m * T / (4.0 * E**2) + T**2 / (4.0 * E**2))
    dipole = 1.0 / T - 1.0 / E + mass**2 * (T - 2.0 * E - m) / (4.0 * E**2 * T * m)
    dipole = pi * (naive.ALPHA * 1e-10 / m) ** 2 * (dipole + mass**4 * (T - m) / (8.0 * E**2 * T**2 * m**2))
    for parameter, value, exact in (("g2_s", g2, scalar), ("g2_t", g2, tensor), ("mu_N", 1.0, dipole)):
        kind = {"g2_s": "electron scalar", "g2_t": "electron tensor", "mu_N": "electron dipole"}[parameter]
        found = cross_section(choices, electron(T), "nu_mu", E, {parameter: value}, kinds=(kind,))
        assert found == pytest.approx(exact * naive.HBARC_CM**2, rel=1e-12)
