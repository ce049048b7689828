"""Charge radii in their two conventions, and those of transitions."""

from __future__ import annotations

from itertools import product
from math import pi, sqrt

import pytest

from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.flavours import FAMILY, FLAVOURS
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of

E, T, F_P, F_N = 30.0, 0.012, 0.8, 0.7
KAPPA = sqrt(2.0) * pi * naive.ALPHA / (3.0 * naive.G_F) * 1e-32 / naive.HBARC_CM**2


def rate(C: float, other: float = 0.0) -> float:
    nucleus = nucleus_of("Ge76")
    factor = naive.weak_factor(E, T, nucleus.M, False)
    return float(naive.G_F**2 * nucleus.M / pi * factor * (C**2 + other**2) * naive.HBARC_CM**2)


def charge(g_p: float, g_n: float = -0.5) -> float:
    return 32 * F_P * g_p + 44 * F_N * g_n


def test_unit() -> None:
    assert pytest.approx(0.02379559, rel=1e-6) == CHARGE_RADIUS_SHIFT
    assert pytest.approx(KAPPA, rel=1e-14) == CHARGE_RADIUS_SHIFT


@pytest.mark.parametrize(("convention", "strength"), [("kosmas2015", 2.0), ("form-factor", 1.0)])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_radius_of_a_flavour_with_tree_couplings(flavour: str, convention: str, strength: float) -> None:
    choices, seen = physics(charge_radius=convention), recoil("Ge76", T, F_P, F_N)
    found = cross_section(choices, seen, flavour, E, {f"r2_{flavour}": -4.0})
    assert found == pytest.approx(rate(charge(0.5 - 2 * 0.2312 + strength * KAPPA * 4.0)), rel=1e-13)
    others = {f"r2_{other}": -4.0 for other in FLAVOURS if other != flavour}
    assert cross_section(choices, seen, flavour, E, others) == cross_section(choices, seen, flavour, E)


@pytest.mark.parametrize(("scheme", "slope"), [("pdg2012", 2.0 * 1.0086 * 0.9978), ("radiative2020", 2.0 * 1.00063)])
def test_kosmas_radius_moves_the_angle_of_every_scheme(scheme: str, slope: float) -> None:
    seen = recoil("Ge76", T, F_P, F_N)
    shifted = physics(couplings=scheme, sin2_theta_w=0.2312 + KAPPA * 2.5)
    by_radius = cross_section(physics(couplings=scheme), seen, "nu_mu", E, {"r2_nu_mu": 2.5})
    assert by_radius == pytest.approx(cross_section(shifted, seen, "nu_mu", E), rel=1e-12)
    modern = physics(couplings=scheme, charge_radius="form-factor")
    as_strong = cross_section(modern, seen, "nu_mu", E, {"r2_nu_mu": 2.5 * slope})
    assert as_strong == pytest.approx(by_radius, rel=1e-12)


@pytest.mark.parametrize(("convention", "strength"), [("kosmas2015", 2.0), ("form-factor", 1.0)])
@pytest.mark.parametrize(("flavour", "families"), list(product(FLAVOURS, ("em", "et", "mt"))))
def test_radius_of_a_transition_ends_in_another_family(
    flavour: str, families: str, convention: str, strength: float
) -> None:
    choices, seen = physics(charge_radius=convention), recoil("Ge76", T, F_P, F_N)
    found = cross_section(choices, seen, flavour, E, {f"r2_{families}": 6.0})
    other = 32 * F_P * strength * KAPPA * 6.0 if FAMILY[flavour] in families else 0.0
    assert found == pytest.approx(rate(charge(0.5 - 2 * 0.2312), other), rel=1e-13)


def test_radius_of_a_transition_interferes_with_nsi_of_the_same_pair() -> None:
    choices, seen = physics(charge_radius="form-factor"), recoil("Ge76", T, F_P, F_N)
    found = cross_section(choices, seen, "nu_tau", E, {"r2_mt": 6.0, "eps_mt_uV": 0.1, "eps_et_uV": 0.2})
    both = charge(2 * 0.1 - KAPPA * 6.0, 0.1)
    exact = rate(charge(0.5 - 2 * 0.2312), both) + rate(charge(2 * 0.2, 0.2))
    assert found == pytest.approx(exact, rel=1e-13)
