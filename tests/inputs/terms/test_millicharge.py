"""Electric charges of neutrinos."""

from __future__ import annotations

from math import pi, sqrt

import pytest

from scanengine.inputs.flavours import FAMILY, FAMILY_WORDS, FLAVOURS
from scanengine.inputs.terms.millicharge import TERM
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.traces import GAMMA, GAMMA_LOW, Scattering

E, T, F_P, F_N = 30.0, 0.0004, 0.9, 0.85


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("q", [3.0, -250.0])
def test_interferes_with_the_weak_charge(flavour: str, q: float) -> None:
    """g_p + sqrt(2) pi alpha q / (G_F M T), the same for neutrinos and antineutrinos."""
    nucleus = nucleus_of("Ar40")
    g_p = 0.5 - 2 * 0.2312 + sqrt(2.0) * pi * naive.ALPHA * q * 1e-12 / (naive.G_F * nucleus.M * T)
    C = 18 * F_P * g_p - 22 * F_N / 2
    exact = naive.G_F**2 * nucleus.M / pi * naive.weak_factor(E, T, nucleus.M, True) * C**2 * naive.HBARC_CM**2
    name = f"q_nu_{FAMILY_WORDS[FAMILY[flavour]]}"
    found = cross_section(physics(kinematics="full"), recoil("Ar40", T, F_P, F_N), flavour, E, {name: q})
    assert found == pytest.approx(exact, rel=1e-12)


def test_is_the_trace_of_a_photon_and_a_contact_interaction_together() -> None:
    """M = [4 pi alpha q Z / Q^2 + sqrt(2) G_F C / 2 (V, A)...]: both left-handed, on a point nucleus of spin 1/2.

    L = -sqrt(2) G_F C nubar g^m P_L nu Nbar g_m N against e^2 q Z / q^2, q^2 = -2 M T: of a positive charge of the
    neutrino the photon repels it from the nucleus, the W and Z attract it (C < 0).
    """
    nucleus, q = nucleus_of("Ar40"), 60.0
    Q2 = 2.0 * nucleus.M * T
    C = 18 * (0.5 - 2 * 0.2312) - 22 / 2
    strength = sqrt(2.0) * naive.G_F * C + 4.0 * pi * naive.ALPHA * q * 1e-12 * 18 / Q2
    traced = Scattering(E, T, nucleus.M).per_recoil([strength * g for g in GAMMA], GAMMA_LOW) * naive.HBARC_CM**2
    found = cross_section(physics(kinematics="full"), recoil("Ar40", T), "nu_mu", E, {"q_nu_mu": q})
    assert found == pytest.approx(traced, rel=1e-9)


def test_is_no_part_of_a_rate_that_does_not_ask_for_it() -> None:
    assert not TERM.always
    assert [p.units for p in TERM.parameters] == ["1e-12 e"] * 3
