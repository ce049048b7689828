"""Weak couplings of nucleons, against S4, K's eq. 2 and the published numbers with radiative corrections."""

from __future__ import annotations

from math import log, pi, sqrt

import pytest

from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT, M_E_MEV, M_MU_MEV, M_TAU_MEV
from scanengine.inputs.couplings import SCHEMES, WEAK_COUPLINGS, weak_couplings
from scanengine.inputs.flavours import FLAVOURS
from tests import naive


@pytest.mark.parametrize("s2", [0.2, 0.2312, 0.24])
def test_pdg2012_is_kosmas_eq_2(s2: float) -> None:
    g_p, g_n = naive.Couplings(s2=s2, pdg2012=True).nucleon()
    weak = WEAK_COUPLINGS["pdg2012"]
    assert weak.g_p(s2) == pytest.approx(g_p, abs=1e-15)
    assert weak.g_n(s2) == pytest.approx(g_n, abs=1e-15)


def test_tree_couplings_of_the_proton_nearly_cancel() -> None:
    weak = WEAK_COUPLINGS["tree"]
    assert (weak.g_p(0.25), weak.g_n(0.25)) == (0.0, -0.5)


@pytest.mark.parametrize(
    ("scheme", "g_p", "g_n"),
    [
        ("radiative2020", (0.040086, 0.031830, 0.027459), -0.509466),
        ("radiative2023", (0.038244, 0.029987, 0.025617), -0.511698),
    ],
)
def test_radiative_couplings_are_the_published_ones(scheme: str, g_p: tuple[float, ...], g_n: float) -> None:
    """At sin2_theta_w = 0.23857, of nu_e, nu_mu and nu_tau."""
    for flavour, published in zip(("nu_e", "nu_mu", "nu_tau"), g_p, strict=True):
        weak = weak_couplings(scheme, flavour)
        assert weak.g_p(0.23857) == pytest.approx(published, abs=1e-6)
        assert weak.g_n(0.23857) == pytest.approx(g_n, abs=1e-6)
        assert weak.p_slope == -2.0 * 1.00063


def standard_model_radius(lepton_mass_MeV: float) -> float:
    """In 1e-32 cm^2: -G_F / (2 sqrt(2) pi^2) [3 - 2 ln(m^2 / M_W^2)] (J. Bernabeu et al.)."""
    bracket = 3.0 - 2.0 * log(lepton_mass_MeV**2 / 80379.0**2)
    return -naive.G_F / (2.0 * sqrt(2.0) * pi**2) * bracket * naive.HBARC_CM**2 / 1e-32


def test_flavours_differ_by_the_charge_radii_of_the_standard_model() -> None:
    radii = [standard_model_radius(mass) for mass in (M_E_MEV, M_MU_MEV, M_TAU_MEV)]
    assert radii == pytest.approx([-0.8275, -0.4805, -0.2969], abs=1e-4)
    for scheme in ("radiative2020", "radiative2023"):
        without = [
            weak_couplings(scheme, flavour).p_constant + CHARGE_RADIUS_SHIFT * radius
            for flavour, radius in zip(("nu_e", "nu_mu", "nu_tau"), radii, strict=True)
        ]
        assert without == pytest.approx([without[0]] * 3, abs=1e-15)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_couplings_of_all_flavours_lie_within_radiative_corrections_of_tree_ones(scheme: str) -> None:
    for flavour in FLAVOURS:
        weak, tree = weak_couplings(scheme, flavour), WEAK_COUPLINGS["tree"]
        assert weak.g_p(0.2312) == pytest.approx(tree.g_p(0.2312), abs=0.03)
        assert weak.g_n(0.2312) == pytest.approx(tree.g_n(0.2312), rel=0.03)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("one", "other"), [("nu_mu", "nu_mubar"), ("nu_e", "nu_ebar"), ("nu_tau", "nu_taubar")])
def test_antineutrinos_have_the_couplings_of_their_neutrinos(one: str, other: str, scheme: str) -> None:
    assert weak_couplings(scheme, one) == weak_couplings(scheme, other)
