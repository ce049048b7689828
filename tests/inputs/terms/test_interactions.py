"""All interactions together, against S4 and K's eqs. 2, 6 and 17 written out."""

from __future__ import annotations

import pickle
from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.couplings import WEAK_COUPLINGS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.parameters import FAMILY, FLAVOURS, PARAMETER_INDEX
from scanengine.inputs.terms.interactions import Interactions, physical_parameters, standard_model_point
from tests import naive
from tests.interactions import cross_section, isotope, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.naive import FloatArray

FIRST = 25
VALUES = st.lists(st.floats(-3.0, 3.0), min_size=FIRST, max_size=FIRST)
FLAVOUR = st.sampled_from(FLAVOURS)
SCHEMES = st.sampled_from(sorted(WEAK_COUPLINGS))
COUPLING = st.floats(-2.0, 2.0)
PAIR = st.tuples(COUPLING, COUPLING)


def written_out(flavour: str, theta: dict[str, float], pdg2012: bool) -> list[tuple[float, float]]:
    """Proton and neutron couplings to the families e, m, t."""
    own = FAMILY[flavour]
    r2 = theta[f"r2_{flavour}"]
    g_p, g_n = naive.Couplings(s2=theta["sin2_theta_w"], r2=r2, pdg2012=pdg2012).nucleon()
    result = []
    for other in "emt":
        pair = "".join(sorted(own + other, key="emt".index))
        u, d = theta[f"eps_{pair}_uV"], theta[f"eps_{pair}_dV"]
        result.append((2 * u + d + (g_p if other == own else 0), u + 2 * d + (g_n if other == own else 0)))
    return result


def couplings(flavour: str, scheme: str, theta: FloatArray) -> FloatArray:
    """The proton's and the neutron's (families, 2), where parameters that came later are zero."""
    interactions = Interactions(physics(couplings=scheme))
    vector = interactions.interfering[0]
    assert [amplitude.name for amplitude in vector.amplitudes] == ["weak_p", "weak_n"]
    one_theta = np.zeros(1 + len(interactions.parameters))
    one_theta[: 1 + theta.size] = 1.0, *theta
    assert interactions.forms[flavour][0].shape == (3, 2, one_theta.size)
    return np.asarray(interactions.forms[flavour][0] @ one_theta)


@given(FLAVOUR, SCHEMES, VALUES)
def test_couplings_equal_the_papers_formulas(flavour: str, scheme: str, values: list[float]) -> None:
    theta = {name: values[i] for name, i in PARAMETER_INDEX.items() if i < FIRST}
    exact = written_out(flavour, theta, scheme == "pdg2012")
    np.testing.assert_allclose(couplings(flavour, scheme, np.array(values)), exact, atol=1e-13)


@pytest.mark.parametrize(("one", "other"), [("nu_mu", "nu_mubar"), ("nu_e", "nu_ebar"), ("nu_tau", "nu_taubar")])
def test_antineutrinos_share_all_but_moment_and_radius(one: str, other: str) -> None:
    theta = np.linspace(-1.0, 1.0, FIRST)
    theta[PARAMETER_INDEX[f"r2_{one}"]] = theta[PARAMETER_INDEX[f"r2_{other}"]] = 0.0
    assert np.array_equal(couplings(one, "tree", theta), couplings(other, "tree", theta))
    moved = theta.copy()
    moved[PARAMETER_INDEX[f"r2_{one}"]] = 1.0
    assert np.array_equal(couplings(other, "tree", moved), couplings(other, "tree", theta))
    assert not np.array_equal(couplings(one, "tree", moved), couplings(one, "tree", theta))


@given(FLAVOUR, SCHEMES, st.floats(-5.0, 5.0))
def test_charge_radius_is_a_shift_of_the_mixing_angle(flavour: str, scheme: str, r2: float) -> None:
    by_radius, by_angle = np.zeros(FIRST), np.zeros(FIRST)
    by_radius[PARAMETER_INDEX["sin2_theta_w"]] = 0.23
    by_radius[PARAMETER_INDEX[f"r2_{flavour}"]] = r2
    by_angle[PARAMETER_INDEX["sin2_theta_w"]] = 0.23 + r2 * CHARGE_RADIUS_SHIFT
    np.testing.assert_allclose(couplings(flavour, scheme, by_radius), couplings(flavour, scheme, by_angle), atol=1e-15)


@given(FLAVOUR, VALUES)
def test_magnetic_coupling_is_the_flavours_own_moment(flavour: str, values: list[float]) -> None:
    interactions = Interactions(physics())
    one_theta = np.zeros(1 + len(interactions.parameters))
    one_theta[: 1 + FIRST] = 1.0, *values
    found = (interactions.forms[flavour][1] @ one_theta)[:, 0]
    own = "emt".index(FAMILY[flavour])
    assert found[own] == values[PARAMETER_INDEX[f"mu_{flavour}"]]
    assert np.count_nonzero(np.delete(found, own)) == 0


@given(
    own=PAIR,
    others=st.tuples(PAIR, PAIR),
    mu=st.floats(-20.0, 20.0),
    r2=st.floats(-5.0, 5.0),
    E=st.floats(5.0, 60.0),
    share=st.floats(1e-3, 1.0),
    form_factors=st.tuples(st.floats(-0.2, 1.0), st.floats(-0.2, 1.0)),
    options=st.builds(naive.Options, st.booleans(), st.booleans(), st.booleans()),
    target=st.sampled_from(list(naive.MASSES)),
    scheme=SCHEMES,
)
def test_standard_cross_section(
    own: tuple[float, float],
    others: tuple[tuple[float, float], tuple[float, float]],
    mu: float,
    r2: float,
    E: float,
    share: float,
    form_factors: tuple[float, float],
    options: naive.Options,
    target: str,
    scheme: str,
) -> None:
    """Of nu_taubar, as S4, S6, K3 and K6 have it."""
    nucleus = nucleus_of(target)
    T = share * 2.0 * E * E / (nucleus.M + 2.0 * E)
    exact_couplings = naive.Couplings(own, others, mu=mu, r2=r2, pdg2012=scheme == "pdg2012")
    at = {"mu_nu_taubar": mu, "r2_nu_taubar": r2}
    for pair, (u, d) in zip(("tt", "et", "mt"), (own, *others), strict=True):
        at |= {f"eps_{pair}_uV": u, f"eps_{pair}_dV": d}
    choices = physics(
        couplings=scheme,
        kinematics="full" if options.full_kinematics else "leading",
        magnetic_moment="full" if options.full_magnetic else "leading",
        magnetic_form_factor=options.magnetic_form_factor,
    )
    exact = naive.cross_section(E, T, nucleus, *form_factors, exact_couplings, options)
    # the size of the terms, where they cancel
    bound = naive.cross_section(E, 1e-3 * T, nucleus, 1.0, 1.0, naive.Couplings((2.0, 2.0), mu=0.0), options)
    found = cross_section(choices, recoil(target, T, *form_factors), "nu_taubar", E, at)
    assert found == pytest.approx(exact, rel=1e-12, abs=1e-14 * bound)


def test_the_standard_model_is_the_weak_charge_alone() -> None:
    choices = physics(sin2_theta_w=0.25)
    theta = standard_model_point(choices)
    assert np.count_nonzero(theta) == 1
    assert theta[PARAMETER_INDEX["sin2_theta_w"]] == 0.25
    nucleus, T, E = nucleus_of("Ar40"), 0.01, 30.0
    by_neutrons = naive.G_F**2 * nucleus.M / pi * (1 - nucleus.M * T / (2 * E**2)) * (nucleus.N / 2) ** 2
    found = cross_section(choices, recoil("Ar40", T), "nu_e", E)
    assert found == pytest.approx(by_neutrons * naive.HBARC_CM**2, rel=1e-13)


MEDIATORS = (Mediator("Z", "vector", 30.0), Mediator("phi", "scalar", 0.0), Mediator("N", "dipole", 8.0))


def test_what_no_parameter_calls_for_is_left_out() -> None:
    """Integrals of it would take time, and would change the rounding of scans that know nothing of it."""
    choices = physics(mediators=MEDIATORS)
    assert Interactions(choices).pairs == ("weak_p weak_p", "weak_p weak_n", "weak_n weak_n", "magnetic magnetic")
    charge = Interactions(choices, frozenset({"q_nu_mu"}))
    assert "weak_n millicharge" in charge.pairs
    assert len(charge.pairs) == 6 + 1
    everything = frozenset(p.name for p in physical_parameters(choices))
    groups = Interactions(choices, everything).interfering
    assert [group.structure.name for group in groups] == ["vector", "magnetic", "scalar phi", "dipole N"]
    assert [amplitude.name for amplitude in groups[0].amplitudes] == ["weak_p", "weak_n", "millicharge", "Z"]
    assert groups[3].structure.final_mass_MeV == 8.0


def test_parameters_of_mediators_follow_and_roots_are_none_of_a_rate() -> None:
    names = [p.name for p in physical_parameters(physics(mediators=MEDIATORS))]
    assert names[: len(PARAMETER_INDEX)] == list(PARAMETER_INDEX)
    assert names[len(PARAMETER_INDEX) :] == ["g2_Z", "g2_phi", "mu_N"]


def test_rates_that_diverge_towards_zero_recoil() -> None:
    """Moments, electric charges and forces of infinite range."""
    choices = physics(mediators=MEDIATORS)
    everything = frozenset(p.name for p in physical_parameters(choices))
    expected = {f"mu_{flavour}" for flavour in FLAVOURS} | {"q_nu_e", "q_nu_mu", "q_nu_tau", "g2_phi"}
    assert Interactions(choices, everything).diverging == expected


def test_interactions_travel_between_processes() -> None:
    interactions = Interactions(physics(mediators=MEDIATORS), frozenset({"g2_Z"}))
    assert interactions.pairs  # what is worked out stays behind
    there = pickle.loads(pickle.dumps(interactions))
    assert (there.physics, there.used, there.pairs) == (interactions.physics, interactions.used, interactions.pairs)


def test_all_amplitudes_of_a_structure_interfere_within_a_family() -> None:
    """At any point the rate is that of the summed amplitudes, squared."""
    choices, E, T = physics(mediators=MEDIATORS[:1]), 40.0, 0.02
    seen = recoil("Xe132", T, 0.6, 0.5)
    M, Z, N = isotope("Xe132").mass_MeV, 54 * 0.6, 78 * 0.5
    at = {"eps_mm_uV": 0.1, "eps_em_dV": -0.2, "r2_nu_mu": 3.0, "q_nu_mu": 40.0, "g2_Z": 3e-8, "r2_em": 2.0}
    kappa = sqrt(2.0) * pi * naive.ALPHA / (3.0 * naive.G_F) * 1e-32 / naive.HBARC_CM**2
    C = Z * (0.5 - 2 * (0.2312 + kappa * 3.0) + 0.2) + N * (-0.5 + 0.1)
    C += sqrt(2.0) * pi * naive.ALPHA * 40e-12 * Z / (naive.G_F * M * T)
    C += 3e-8 * 3.0 * (Z + N) / (sqrt(2.0) * naive.G_F * (2 * M * T + 30.0**2))
    other = Z * (-0.2 - 2 * kappa * 2.0) + N * (-0.4)
    exact = naive.G_F**2 * M / pi * (1 - M * T / (2 * E**2)) * (C**2 + other**2) * naive.HBARC_CM**2
    assert cross_section(choices, seen, "nu_mu", E, at) == pytest.approx(exact, rel=1e-13)
