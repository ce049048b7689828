"""Vector NSI with quarks."""

from __future__ import annotations

import pytest

from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of

E, T = 30.0, 0.012


@pytest.mark.parametrize("quark", ["u", "d"])
@pytest.mark.parametrize(("flavour", "pair"), [("nu_e", "ee"), ("nu_mubar", "mm"), ("nu_taubar", "tt")])
def test_of_one_family_they_interfere(flavour: str, pair: str, quark: str) -> None:
    nsi = (0.3, 0.0) if quark == "u" else (0.0, 0.3)
    exact = naive.cross_section(E, T, nucleus_of("Ge76"), 0.8, 0.7, naive.Couplings(own=nsi), naive.Options())
    found = cross_section(physics(), recoil("Ge76", T, 0.8, 0.7), flavour, E, {f"eps_{pair}_{quark}V": 0.3})
    assert found == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("pair", ["em", "et", "mt"])
def test_between_families_they_add_to_both_alike_whatever_their_sign(pair: str) -> None:
    seen = recoil("Ge76", T, 0.8, 0.7)
    ends = {"e": "nu_e", "m": "nu_mu", "t": "nu_tau"}
    exact = naive.cross_section(
        E, T, nucleus_of("Ge76"), 0.8, 0.7, naive.Couplings(others=((0.2, -0.1), (0.0, 0.0))), naive.Options()
    )
    for sign in (1.0, -1.0):
        at = {f"eps_{pair}_uV": 0.2 * sign, f"eps_{pair}_dV": -0.1 * sign}
        for family, flavour in ends.items():
            found = cross_section(physics(), seen, flavour, E, at)
            expected = exact if family in pair else cross_section(physics(), seen, flavour, E)
            assert found == pytest.approx(expected, rel=1e-13)


def test_up_and_down_cancel_along_a_line_of_each_nucleus() -> None:
    """Z (2 u + d) + N (u + 2 d) = 0 without form factors."""
    seen, plain = recoil("Ar40", T), cross_section(physics(), recoil("Ar40", T), "nu_e", E)
    along = {"eps_ee_uV": 18 + 2 * 22.0, "eps_ee_dV": -(2 * 18 + 22.0)}
    assert cross_section(physics(), seen, "nu_e", E, along) == pytest.approx(plain, rel=1e-12)
