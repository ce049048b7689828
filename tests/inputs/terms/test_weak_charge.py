"""The weak charge of nuclei."""

from __future__ import annotations

from math import pi

import pytest

from scanengine.inputs.terms.weak_charge import SIN2_THETA_W, TERM, neutron_charge, proton_charge, vector_structure
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of


@pytest.mark.parametrize("flavour", ["nu_e", "nu_mubar", "nu_tau"])
@pytest.mark.parametrize("full", [False, True])
def test_rate_is_scholbergs_of_the_couplings_of_each_flavour(flavour: str, full: bool) -> None:
    nucleus, E, T = nucleus_of("Cs133"), 35.0, 0.015
    factor = naive.weak_factor(E, T, nucleus.M, full)
    for scheme, g_p in (("tree", {}), ("radiative2023", {"nu_e": 0.038244, "nu_mubar": 0.029987, "nu_tau": 0.025617})):
        choices = physics(couplings=scheme, kinematics="full" if full else "leading", sin2_theta_w=0.23857)
        found = cross_section(choices, recoil("Cs133", T, 0.7, 0.65), flavour, E)
        g_n = -0.511698 if g_p else -0.5
        weak = 55 * 0.7 * g_p.get(flavour, 0.5 - 2 * 0.23857) + 78 * 0.65 * g_n
        exact = naive.G_F**2 * nucleus.M / pi * factor * weak**2 * naive.HBARC_CM**2
        assert found == pytest.approx(exact, rel=1e-13 if scheme == "tree" else 1e-5)


def test_all_vector_interactions_share_one_structure() -> None:
    names = {neutron_charge(physics()).structure.name, proton_charge(physics()).structure.name}
    assert names == {vector_structure(physics()).name} == {"vector"}


def test_it_is_part_of_every_rate() -> None:
    assert TERM.always
    assert TERM.parameters == (SIN2_THETA_W,)
