"""Counts of the Sun's neutrinos, which arrive as a coherent mixture of flavours."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from scanengine.chi2.nodes import Nodes
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.inputs.solar.flavour import Oscillation, arriving
from scanengine.inputs.sources import Source, Spectrum, tabulated_spectrum
from scanengine.likelihood.counts import standard_model_counts, sum_over_flavours
from scanengine.response.integrals import responses
from scanengine.scan.problem import Problem
from scanengine.scan.statements import polynomial_likelihood
from tests.inputs.solar.test_propagation import by_diagonalisation
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

FLAVOURS = ("nu_e", "nu_mu", "nu_tau")
S2 = 0.23857
PHYSICS = {"sin2_theta_w": S2, "kinematics": "full"}
NSI = {"eps_ee_uV": 0.05, "eps_mt_uV": 0.3, "eps_em_uV": 0.1, "eps_et_dV": -0.2, "eps_tt_dV": -0.1}


C = 54 * (0.5 - 2.0 * S2) - 78 * 0.5


def amplitudes() -> np.ndarray:
    """zeta (3, 3) of xenon-132 as a point, in units of the weak charge's couplings."""
    zeta = C * np.eye(3)
    for (a, b), pair in {(0, 0): "ee", (1, 1): "mm", (2, 2): "tt", (0, 1): "em", (0, 2): "et", (1, 2): "mt"}.items():
        up, down = NSI.get(f"eps_{pair}_uV", 0.0), NSI.get(f"eps_{pair}_dV", 0.0)
        zeta[a, b] += 54 * (2.0 * up + down) + 78 * (up + 2.0 * down)
        zeta[b, a] = zeta[a, b]
    return zeta


ZETA = amplitudes()


def solar(fixed: dict[str, float] | None = None, source: dict[str, Any] | None = None, **keys: Any) -> Definition:
    """A tonne of xenon for a year, and what it sees of the Sun's 8B."""
    xenon = {"target": "Xe", "mass_kg": 1e3, "distance_m": None, "channels": {"all": FLAVOURS}}
    detector = experiment(**{"recoil_window_keV": [0.5, inf], **xenon, **keys})
    source = {"kind": "solar", "components": ["B8"], **(source or {})}
    return definition([detector], source=source, physics=PHYSICS, fixed=fixed)


def counts(found: Definition) -> float:
    theta = found.parameters.values(np.zeros(0))
    return float(sum_over_flavours(responses(found), theta)[0])


@pytest.mark.parametrize(
    ("threshold_keV", "expected"),
    [(0.1, 767.17768), (0.3, 490.78855), (0.5, 313.54223), (1.0, 95.92515), (2.0, 4.8021006), (3.0, 0.033287006)],
)
def test_boron_on_xenon_of_an_independent_quadrature(threshold_keV: float, expected: float) -> None:
    found = solar(recoil_window_keV=[threshold_keV, inf])
    assert standard_model_counts(found, responses(found))[0] == pytest.approx(expected, rel=3e-8)


def test_flavours_do_not_interfere_where_nothing_changes_them() -> None:
    found = solar({"eps_ee_uV": 0.3, "eps_mm_dV": -0.2, "mu_nu": 3.0})
    assert [each.flavour for each in responses(found)] == list(FLAVOURS)
    assert len(responses(solar(NSI))) == 6


def mixture(found: Definition, rho: np.ndarray) -> Definition:
    """The same with a density matrix of one's own at all energies."""
    whole = Spectrum.sum_of([each.times(1.0) for each in found.source.spectra.values()])
    spectra = {name: whole.times(float(rho[i, i])) for i, name in enumerate(FLAVOURS)}
    pairs = {f"{FLAVOURS[a]}-{FLAVOURS[b]}": whole.times(2.0 * float(rho[a, b])) for a, b in ((0, 1), (0, 2), (1, 2))}
    return replace(found, source=Source(spectra, found.source.reference_distance_m, coherences=pairs, at_earth=True))


@given(st.lists(st.floats(-1.0, 1.0), min_size=9, max_size=9).filter(lambda each: max(map(abs, each)) > 0.1))
@settings(max_examples=3, deadline=None)
def test_without_nsi_any_state_has_the_same_counts(elements: list[float]) -> None:
    root = np.array(elements).reshape(3, 3)
    rho = root @ root.T / np.trace(root @ root.T)
    found = solar(target="Xe132", form_factor="unity")
    # with a vanishing coupling that changes flavours, so that the coherences are there
    changing = replace(found, parameters=replace(found.parameters, matrix=np.where(
        found.parameters.matrix == 0.0, 1e-300, found.parameters.matrix)))  # fmt: skip
    assert counts(mixture(changing, rho)) == pytest.approx(counts(found), rel=1e-9)


@pytest.mark.parametrize("flavour", range(3))
def test_a_pure_state_is_its_flavour(flavour: int) -> None:
    rho = np.zeros((3, 3))
    rho[flavour, flavour] = 1.0
    found = solar(NSI, target="Xe132", form_factor="unity")
    alone = replace(found, source=replace(mixture(found, rho).source, coherences={}))
    assert counts(mixture(found, rho)) == pytest.approx(counts(alone), rel=1e-12)


def test_interference_is_the_trace_of_the_state_with_the_squared_amplitudes() -> None:
    """A state that is the same at all energies counts as the flavour that it is: Tr[rho zeta^T zeta]."""
    found = solar(NSI, target="Xe132", form_factor="unity")
    state = np.array([0.6, -0.3, 0.5])
    state /= np.linalg.norm(state)
    expected = float(np.sum((ZETA @ state) ** 2)) / C**2 * counts(solar(target="Xe132", form_factor="unity"))
    assert counts(mixture(found, np.outer(state, state))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("recoil", "coupling"), [("nucleus", "uV"), ("electron", "eV"), ("electron", "eA")])
def test_a_sum_of_flavours_has_what_changes_them_for_a_coupling_of_its_own(recoil: str, coupling: str) -> None:
    """(nu_mu + nu_tau) / sqrt(2) stays what it is, with the couplings of nu_mu and eps_mt for eps_mm."""
    keys: dict[str, Any] = {"target": "Xe132", "recoils": [recoil], "recoil_window_keV": [0.9, 60.0]}
    of_sum = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    both = mixture(solar({f"eps_mt_{coupling}": 0.15}, **keys), of_sum)
    alone = mixture(solar({f"eps_mm_{coupling}": 0.15}, **keys), np.diag([0.0, 1.0, 0.0]))
    assert counts(both) == pytest.approx(counts(alone), rel=1e-9)
    assert abs(counts(both) / counts(mixture(solar({}, **keys), of_sum)) - 1.0) > 0.03


def test_the_arriving_state_interferes_energy_by_energy() -> None:
    """Against int dE flux Tr[rho zeta^T zeta] sigma, with the state as it is calculated at each energy."""
    found = solar(NSI, target="Xe132", form_factor="unity", recoil_window_keV=[1.0, inf])
    isotope = found.experiments[0].target.isotopes[0]
    E = np.linspace(7.0, 16.35, 40001)
    state = arriving(Oscillation(), "B8", E, 16.36)
    M, T = isotope.mass_MeV, 1.0e-3
    highest = np.maximum(2.0 * E**2 / (M + 2.0 * E), T)
    sigma = highest - T - (M / E + 2.0) * (highest**2 - T**2) / (4.0 * E) + (highest**3 - T**3) / (6.0 * E**2)
    weight = sum(each.per_cm2_s_MeV(E) for each in found.source.spectra.values()) * sigma
    ratio = np.trapezoid(weight * np.einsum("nab,fa,fb->n", state, ZETA, ZETA), E) / np.trapezoid(weight, E)
    alone = solar(target="Xe132", form_factor="unity", recoil_window_keV=[1.0, inf])
    assert counts(found) / counts(alone) == pytest.approx(ratio / C**2, rel=1e-7)
    incoherent = replace(found, source=replace(found.source, coherences={}))
    assert abs(counts(incoherent) / counts(found) - 1.0) > 0.05


def test_count_forms_are_the_counts() -> None:
    found = solar(NSI, recoil_window_keV=[1.0, inf])
    theta = found.parameters.values(np.zeros(0))
    for response in responses(found):
        Q = response.count_forms(np.concatenate(([1.0], theta))[:, None])
        assert_allclose(Q[:, 0, 0], response.counts(theta), rtol=1e-13)


def test_direct_integrals_have_the_interference() -> None:
    rough = tabulated_spectrum(np.array([1.0, 7.0, 15.0]), np.array([0.0, 1.0, 0.0]), 1e7)
    found = solar(NSI, target="Xe132", recoil_window_keV=[1.0, inf])
    found = replace(found, source=Source(dict.fromkeys(FLAVOURS, rough), found.source.reference_distance_m))
    found = mixture(found, np.array([[0.3, 0.2, -0.1], [0.2, 0.4, -0.25], [-0.1, -0.25, 0.3]]))
    theta = found.parameters.values(np.zeros(0))
    nodes = Nodes.of(found, 1, {})
    assert_allclose(np.concatenate(nodes.by_channel(nodes.counts(theta))), counts(found), rtol=1e-8)


def test_a_tabulated_form_of_the_survival_probability_is_an_incoherent_sum() -> None:
    found = solar(source={"oscillation": "none"})
    assert found.source.spectra["nu_mu"].total_per_cm2_s == 0.0
    assert counts(found) == pytest.approx(313.54223, rel=3e-8)


PROPAGATED = {"nsi_in_propagation": True}


def test_nsi_in_the_sun_change_the_counts_as_in_a_plain_integral() -> None:
    """Xenon-132 as a point: dsigma/dT is a polynomial of T, and each energy has its own diagonalised state."""
    found = solar(NSI, PROPAGATED, target="Xe132", form_factor="unity", recoil_window_keV=[1.5, inf])
    (experiment,) = found.experiments
    (isotope,) = experiment.target.isotopes
    M, T_min = isotope.mass_MeV, 1.5e-3
    whole = Spectrum.sum_of([each.times(1.0) for each in solar().source.spectra.values()])
    knots, (x, w) = whole.knots_MeV, np.polynomial.legendre.leggauss(3)
    half, middle = 0.5 * np.diff(knots), 0.5 * (knots[1:] + knots[:-1])
    E, weights = (middle[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()
    seen = T_min < 2.0 * E * E / (M + 2.0 * E)
    E, weights = E[seen], weights[seen]
    T_max = 2.0 * E * E / (M + 2.0 * E)
    # of 1 - T/E - M T / (2 E^2) + T^2 / (2 E^2)
    span = T_max - T_min - (1.0 / E + 0.5 * M / E**2) * (T_max**2 - T_min**2) / 2.0
    span += (T_max**3 - T_min**3) / (6.0 * E**2)
    rho = by_diagonalisation(Oscillation(), "B8", E, NSI)
    trace = np.einsum("ab,nbc,ca->n", ZETA, rho, ZETA)
    barn = (1.1663788e-5 * 1e-6 * 197.3269804e-13) ** 2 * M / np.pi
    exposure = experiment.target.atoms_per_kg[0] * experiment.mass_kg * experiment.live_time_s
    expected = exposure * barn * float(np.sum(weights * whole.per_cm2_s_MeV(E) * span * trace))
    assert counts(found) == pytest.approx(expected, rel=1e-6)
    plain = solar(NSI, target="Xe132", form_factor="unity", recoil_window_keV=[1.5, inf])
    assert counts(found) != pytest.approx(counts(plain), rel=1e-2)


def test_nsi_in_the_sun_without_any_are_as_if_left_out() -> None:
    tiny = {"eps_et_dV": 1e-14}
    assert counts(solar(tiny, PROPAGATED)) == pytest.approx(counts(solar(tiny)), rel=1e-8)
    assert len(responses(solar(None, PROPAGATED))) == 3  # and flavours that nothing changes are as they were


def test_nsi_in_the_sun_scale_a_template_and_vary_with_the_flux() -> None:
    keys = {"signal_template": [100.0], "template_reference": {"sin2_theta_w": S2}}
    plain, scaled = counts(solar(NSI, PROPAGATED)), counts(solar(NSI, PROPAGATED, **keys))
    assert scaled == pytest.approx(100.0 * plain / counts(solar(None, PROPAGATED)), rel=1e-8)


def test_chi2_with_nsi_in_the_sun_is_on_the_grid_as_at_points() -> None:
    detector = experiment(
        target="Xe",
        mass_kg=2e4,
        distance_m=None,
        channels={"all": FLAVOURS},
        recoil_bins_keV=[0.7, 1.5, 3.0],
        recoil_window_keV=None,
    )
    axes = {"eps_ee_dV": {"min": -0.3, "max": 0.5, "points": 5}, "eps_et_uV": {"min": -0.2, "max": 0.2, "points": 3}}
    source = {"kind": "solar", "components": ["B8"], "flux_uncertainty": True, **PROPAGATED}
    problem = Problem(definition([detector], axes=axes, source=source, physics=PHYSICS, statistic="poisson"))
    chi2 = np.empty((5, 3))
    problem.evaluator.fill([axis.values for axis in problem.definition.axes], chi2)
    for i, j in ((0, 0), (2, 1), (4, 2)):
        assert chi2[i, j] == pytest.approx(problem.chi2(np.array([-0.3 + 0.2 * i, -0.2 + 0.2 * j])), rel=1e-10)
    with pytest.raises(InputError, match="a calibration needs chi2 as a polynomial"):
        polynomial_likelihood(problem, "a calibration")
