"""Magnetic moments of neutrinos."""

from __future__ import annotations

import pytest

from scanengine.inputs.flavours import FLAVOURS
from scanengine.inputs.terms.magnetic_moment import OF_ALL_FLAVOURS, TERM
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of

E, T = 25.0, 0.004


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(("full", "form_factor"), [(False, True), (True, True), (True, False)])
def test_each_flavour_has_its_own_which_adds_to_the_rate(flavour: str, full: bool, form_factor: bool) -> None:
    choices = physics(magnetic_moment="full" if full else "leading", magnetic_form_factor=form_factor)
    seen = recoil("I127", T, 0.8, 0.75)
    exact = naive.cross_section(
        E, T, nucleus_of("I127"), 0.8, 0.75, naive.Couplings(mu=7.0), naive.Options(False, full, form_factor)
    )
    assert cross_section(choices, seen, flavour, E, {f"mu_{flavour}": 7.0}) == pytest.approx(exact, rel=1e-13)
    others = {f"mu_{other}": 7.0 for other in FLAVOURS if other != flavour}
    assert cross_section(choices, seen, flavour, E, others) == cross_section(choices, seen, flavour, E)


def test_they_enter_by_their_squares() -> None:
    assert all(parameter.squared for parameter in (*TERM.parameters, OF_ALL_FLAVOURS))
    seen = recoil("I127", T, 0.8, 0.75)
    up, down = (cross_section(physics(), seen, "nu_mu", E, {"mu_nu_mu": mu}) for mu in (5.0, -5.0))
    assert up == down
