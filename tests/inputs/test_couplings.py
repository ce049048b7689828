"""Nucleon couplings as linear forms, against S4 and K's eqs. 2, 6 and 17 written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.couplings import WEAK_COUPLINGS, magnetic_coupling, nucleon_couplings
from scanengine.inputs.parameters import FLAVOURS, PARAMETER_INDEX
from tests import naive
from tests.naive import FloatArray

VALUES = st.lists(st.floats(-3.0, 3.0), min_size=25, max_size=25)
FLAVOUR = st.sampled_from(FLAVOURS)
SCHEMES = st.sampled_from(sorted(WEAK_COUPLINGS))
LETTER = {"e": "e", "mu": "m", "tau": "t"}


def written_out(flavour: str, theta: dict[str, float], pdg2012: bool) -> list[tuple[float, float]]:
    """Proton and neutron couplings to the own family, then to the others."""
    own = LETTER[flavour.removeprefix("nu_").removesuffix("bar")]
    r2 = theta[f"r2_{flavour}"]
    g_p, g_n = naive.Couplings(s2=theta["sin2_theta_w"], r2=r2, pdg2012=pdg2012).nucleon()
    result = []
    for other in (own, *(letter for letter in "emt" if letter != own)):
        pair = "".join(sorted(own + other, key="emt".index))
        u, d = theta[f"eps_{pair}_uV"], theta[f"eps_{pair}_dV"]
        result.append((2 * u + d + (g_p if other == own else 0), u + 2 * d + (g_n if other == own else 0)))
    return result


def couplings(flavour: str, scheme: str, theta: FloatArray) -> FloatArray:
    return nucleon_couplings(flavour, WEAK_COUPLINGS[scheme]) @ np.concatenate(([1.0], theta))


@given(FLAVOUR, SCHEMES, VALUES)
def test_equal_the_papers_formulas(flavour: str, scheme: str, values: list[float]) -> None:
    theta = {name: values[i] for name, i in PARAMETER_INDEX.items()}
    exact = written_out(flavour, theta, scheme == "pdg2012")
    ours = couplings(flavour, scheme, np.array(values))
    np.testing.assert_allclose(ours[0], exact[0], atol=1e-13)
    np.testing.assert_allclose(sorted(ours[1:].tolist()), sorted(map(list, exact[1:])), atol=1e-13)


@pytest.mark.parametrize("s2", [0.2, 0.2312, 0.24])
def test_pdg2012_is_kosmas_eq_2(s2: float) -> None:
    g_p, g_n = naive.Couplings(s2=s2, pdg2012=True).nucleon()
    weak = WEAK_COUPLINGS["pdg2012"]
    assert weak.g_p(s2) == pytest.approx(g_p, abs=1e-15)
    assert weak.g_n(s2) == pytest.approx(g_n, abs=1e-15)


def test_tree_couplings_of_the_proton_nearly_cancel() -> None:
    weak = WEAK_COUPLINGS["tree"]
    assert (weak.g_p(0.25), weak.g_n(0.25)) == (0.0, -0.5)


@pytest.mark.parametrize(("one", "other"), [("nu_mu", "nu_mubar"), ("nu_e", "nu_ebar"), ("nu_tau", "nu_taubar")])
def test_antineutrinos_share_all_but_moment_and_radius(one: str, other: str) -> None:
    theta = np.linspace(-1.0, 1.0, 25)
    theta[PARAMETER_INDEX[f"r2_{one}"]] = theta[PARAMETER_INDEX[f"r2_{other}"]] = 0.0
    assert np.array_equal(couplings(one, "tree", theta), couplings(other, "tree", theta))
    moved = theta.copy()
    moved[PARAMETER_INDEX[f"r2_{one}"]] = 1.0
    assert np.array_equal(couplings(other, "tree", moved), couplings(other, "tree", theta))
    assert not np.array_equal(couplings(one, "tree", moved), couplings(one, "tree", theta))


@given(FLAVOUR, SCHEMES, st.floats(-5.0, 5.0))
def test_charge_radius_is_a_shift_of_the_mixing_angle(flavour: str, scheme: str, r2: float) -> None:
    by_radius, by_angle = np.zeros(25), np.zeros(25)
    by_radius[PARAMETER_INDEX["sin2_theta_w"]] = 0.23
    by_radius[PARAMETER_INDEX[f"r2_{flavour}"]] = r2
    by_angle[PARAMETER_INDEX["sin2_theta_w"]] = 0.23 + r2 * CHARGE_RADIUS_SHIFT
    np.testing.assert_allclose(couplings(flavour, scheme, by_radius), couplings(flavour, scheme, by_angle), atol=1e-15)


@given(FLAVOUR, VALUES)
def test_magnetic_coupling_is_the_flavours_own_moment(flavour: str, values: list[float]) -> None:
    one_theta = np.concatenate(([1.0], values))
    assert magnetic_coupling(flavour) @ one_theta == values[PARAMETER_INDEX[f"mu_{flavour}"]]
