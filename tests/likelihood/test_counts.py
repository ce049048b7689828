"""The Gaussian chi2: its covariance, the symmetries of its counts, and its compiled polynomials."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.parameters import PARAMETER_INDEX, PHYSICAL_PARAMETERS
from scanengine.likelihood.profiled import Likelihood
from scanengine.likelihood.whitening import ExperimentWhitening, Whitening
from scanengine_kernels.quartic.squares import ROUNDING_GOAL
from tests import naive
from tests.likelihoods import deviation, filled, grid_points, likelihood_of
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

NAMES = [p.name for p in PHYSICAL_PARAMETERS]
SCALE = {"eps": 1.0, "mu": 20.0, "r2": 5.0}


def theta_of(s2: float = 0.2312, **values: float) -> FloatArray:
    theta = np.zeros(len(NAMES))
    theta[PARAMETER_INDEX["sin2_theta_w"]] = s2
    for name, value in values.items():
        theta[PARAMETER_INDEX[name]] = value
    return theta


@st.composite
def thetas(draw: st.DrawFn) -> FloatArray:
    """Any point of the 25-dimensional space."""
    unit = draw(st.lists(st.floats(-1.0, 1.0), min_size=len(NAMES), max_size=len(NAMES)))
    values = np.array([u * SCALE.get(name.split("_")[0], 1.0) for u, name in zip(unit, NAMES, strict=True)])
    values[PARAMETER_INDEX["sin2_theta_w"]] = 0.25 + 0.1 * unit[12]
    return values


TWO_TARGETS = likelihood_of(
    definition(
        [
            experiment(systematic=0.1),
            experiment(name="B", target="CsI", recoil_window_keV=None, recoil_bins_keV=[5, 8, 12, 30]),
        ]
    )
)
NEON = likelihood_of(definition([experiment(channels={"all": ["nu_e", "nu_mu", "nu_mubar"]})]))
NU_E_ON_XENON = likelihood_of(definition([experiment(target="Xe", channels={"all": ["nu_e"]})]))


# Covariance.


@st.composite
def measurements(draw: st.DrawFn) -> tuple[list[str], FloatArray, FloatArray, FloatArray]:
    """Experiment, expected counts, systematic and measured counts of each cell."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    names = [f"experiment {i}" for i, size in enumerate(sizes) for _ in range(size)]
    f = np.repeat([draw(st.sampled_from([0.0, 0.05, 0.1, 1.0, 10.0])) for _ in sizes], sizes)
    expected = np.array([draw(st.floats(1e-3, 1e6)) for _ in names])
    ratio = np.array([draw(st.floats(0.0, 3.0)) for _ in names])
    return names, expected, f, ratio * expected


class Covariance(NamedTuple):
    """The expected counts of cells, and what whitens their differences from them."""

    expected: FloatArray
    whitening: Whitening

    def chi2_of_counts(self, counts: FloatArray) -> FloatArray:
        return np.asarray((self.whitening.residuals(counts - self.expected) ** 2).sum(axis=-1))


def of_cells(names: list[str], expected: FloatArray, f: FloatArray) -> Covariance:
    places = [np.flatnonzero(np.array(names) == name) for name in dict.fromkeys(names)]
    experiments = tuple(ExperimentWhitening.of(at, 1.0 / np.sqrt(expected[at]), f[at] * expected[at]) for at in places)
    return Covariance(expected, Whitening(len(names), experiments))


def systematics_of(scan: Definition, likelihood: Likelihood) -> FloatArray:
    known = {experiment.name: experiment.systematic for experiment in scan.experiments}
    return np.array([known[cell.experiment] for cell in likelihood.cells])


def squares_of(likelihood: Likelihood, scan: Definition) -> ChiSquaredPolynomial:
    polynomial = likelihood.polynomial(scan.axes, scan.parameters)
    assert isinstance(polynomial, ChiSquaredPolynomial)
    return polynomial


@given(measurements())
def test_chi2_is_that_of_the_inverted_covariance(drawn: tuple[list[str], FloatArray, FloatArray, FloatArray]) -> None:
    names, expected, f, counts = drawn
    exact = naive.chi2(counts, expected, f, names)
    assert of_cells(names, expected, f).chi2_of_counts(counts) == pytest.approx(exact, rel=1e-9, abs=1e-12)


@given(measurements())
def test_chi2_of_many_points_is_that_of_each(drawn: tuple[list[str], FloatArray, FloatArray, FloatArray]) -> None:
    names, expected, f, counts = drawn
    likelihood = of_cells(names, expected, f)
    grid = np.array([[counts, expected], [expected, 2.0 * counts]])
    before = grid.copy()
    chi2 = likelihood.chi2_of_counts(grid)
    assert np.array_equal(grid, before)
    assert chi2.shape == (2, 2)
    assert chi2[0, 1] == chi2[1, 0] == 0.0
    assert chi2[0, 0] == pytest.approx(likelihood.chi2_of_counts(counts), rel=1e-12)


@pytest.mark.parametrize("f", [0.0, 0.05, 0.10])
def test_one_count_is_scholbergs_chi2(f: float) -> None:
    chi2 = of_cells(["A"], np.array([400.0]), np.array([f])).chi2_of_counts(np.array([430.0]))
    assert chi2 == pytest.approx(30.0**2 / (400.0 + (f * 400.0) ** 2), rel=1e-14)


def test_normalisation_is_one_for_all_channels_and_bins_of_an_experiment() -> None:
    """All counts 20% high at once is one deviation of the total; some up and some down is many."""
    scan = definition(
        [experiment(systematic=0.1, recoil_window_keV=None, recoil_bins_keV=[10, 20, 40]), experiment(name="B")]
    )
    likelihood = likelihood_of(scan)
    first = np.array([cell.experiment == "A" for cell in likelihood.cells])
    assert (first.sum(), (~first).sum()) == (4, 2)
    N_A, N_B = likelihood.expected[first].sum(), likelihood.expected[~first].sum()
    high = likelihood.chi2_of_counts(1.2 * likelihood.expected)
    assert high == pytest.approx(0.04 * (N_A / (1.0 + 0.01 * N_A) + N_B), rel=1e-12)


def test_normalisations_of_two_experiments_are_independent() -> None:
    both = likelihood_of(definition([experiment(systematic=0.1), experiment(name="B", systematic=0.1)]))
    single = likelihood_of(definition([experiment(systematic=0.1)]))
    theta = theta_of(eps_ee_uV=0.2, mu_nu_mu=5.0)
    assert both.chi2(theta) == pytest.approx(2.0 * single.chi2(theta), rel=1e-12)


def test_bins_without_events_are_left_out() -> None:
    detector = experiment(target="Ar40", recoil_window_keV=None, recoil_bins_keV=[10, 40, 60, 200])
    likelihood = likelihood_of(definition([detector]))
    low, middle, high = (10.0, 40.0), (40.0, 60.0), (60.0, 200.0)
    kept = [(cell.channel, cell.bin.energy) for cell in likelihood.cells]
    assert kept == [*(("delayed", bin_keV) for bin_keV in (low, middle, high)), ("prompt", low), ("prompt", middle)]
    assert np.all(likelihood.expected > 0.0)
    assert likelihood.counts(theta_of()).shape == (5,)
    # the direct evaluation hands over all six
    assert likelihood.chi2_of_counts(np.concatenate((likelihood.expected, [7.0]))) == 0.0


def test_experiment_without_events_is_an_input_error() -> None:
    scan = definition([experiment(), experiment(name="B")])
    blind = replace(scan.experiments[1], bin_edges_keV=np.array([1000.0, inf]))
    scan = replace(scan, experiments=(scan.experiments[0], blind))
    with pytest.raises(InputError, match=r"experiments\.B: no event is expected in any bin"):
        likelihood_of(scan)


# Counts.


@given(thetas())
def test_chi2_is_never_negative(theta: FloatArray) -> None:
    assert TWO_TARGETS.chi2(theta) >= 0.0


@pytest.mark.parametrize("couplings", ["tree", "pdg2012"])
@pytest.mark.parametrize("s2", [0.2, 0.2312, 0.24])
def test_chi2_is_zero_where_the_data_were_generated(s2: float, couplings: str) -> None:
    scan = definition([experiment(systematic=0.1)], physics={"sin2_theta_w": s2, "couplings": couplings})
    likelihood = likelihood_of(scan)
    assert likelihood.chi2(theta_of(s2)) == 0.0
    assert likelihood.chi2(theta_of(s2 + 0.05)) > 1.0


def flipped(theta: FloatArray, names: tuple[str, ...]) -> FloatArray:
    signs = np.array([-1.0 if name.startswith(names) else 1.0 for name in NAMES])
    return np.asarray(theta * signs)


@given(thetas(), st.sampled_from([f"mu_{f}" for f in ("nu_e", "nu_mu", "nu_mubar")]))
def test_sign_of_a_magnetic_moment_is_not_seen(theta: FloatArray, name: str) -> None:
    assert np.array_equal(TWO_TARGETS.counts(flipped(theta, (name,))), TWO_TARGETS.counts(theta))


@given(thetas(), st.sampled_from(["em", "et", "mt"]))
def test_sign_of_off_diagonal_nsi_is_not_seen(theta: FloatArray, pair: str) -> None:
    """That of NSI and of the transition radius of the same pair together, which interfere."""
    names = (f"eps_{pair}", f"r2_{pair}")
    assert np.array_equal(TWO_TARGETS.counts(flipped(theta, names)), TWO_TARGETS.counts(theta))


@pytest.mark.parametrize("name", ["C12", "O16", "Ne20", "Si28", "Ca40"])
@settings(max_examples=25)
@given(theta=thetas())
def test_quarks_are_interchangeable_in_nuclei_of_as_many_protons_as_neutrons(name: str, theta: FloatArray) -> None:
    if name not in SYMMETRIC:
        SYMMETRIC[name] = likelihood_of(definition([experiment(target=name)]))
    exchanged = theta.copy()
    exchanged[0:12:2], exchanged[1:12:2] = theta[1:12:2], theta[0:12:2]
    np.testing.assert_allclose(SYMMETRIC[name].counts(exchanged), SYMMETRIC[name].counts(theta), rtol=1e-11)


SYMMETRIC: dict[str, Likelihood] = {}


@given(thetas(), st.floats(-3.0, 3.0))
def test_equal_charge_radii_are_a_shift_of_the_mixing_angle(theta: FloatArray, r2: float) -> None:
    by_radius, by_angle = theta.copy(), theta.copy()
    for name in ("r2_nu_e", "r2_nu_mu", "r2_nu_mubar"):
        by_radius[PARAMETER_INDEX[name]] += r2
    by_angle[PARAMETER_INDEX["sin2_theta_w"]] += r2 * CHARGE_RADIUS_SHIFT
    np.testing.assert_allclose(NEON.counts(by_radius), NEON.counts(by_angle), rtol=1e-10)


def test_mixing_angle_is_shifted_by_0_0238_per_1e_32_cm2() -> None:
    """K17."""
    by_radius = NEON.counts(theta_of(0.2312, r2_nu_e=1.0, r2_nu_mu=1.0, r2_nu_mubar=1.0))
    np.testing.assert_allclose(by_radius, NEON.counts(theta_of(0.2312 + 0.0238)), rtol=1e-4)


@given(st.floats(-2.0, 2.0), st.booleans(), st.sampled_from(["Ne20", "Ar40", "Xe132"]))
def test_counts_are_the_standard_ones_on_scholbergs_two_lines(u: float, second: bool, name: str) -> None:
    """S5: (A + Z) eps_u + (A + N) eps_d is 0, or -2 (Z g_p + N g_n)."""
    Z, N, _ = naive.MASSES[name]
    if name not in DELAYED:
        DELAYED[name] = likelihood_of(definition([experiment(target=name, channels={"d": ["nu_e", "nu_mubar"]})]))
    g_p, g_n = naive.Couplings(s2=0.2312).nucleon()
    offset = -2.0 * (Z * g_p + N * g_n) if second else 0.0
    d = (offset - (2 * Z + N) * u) / (Z + 2 * N)
    degenerate = DELAYED[name].counts(theta_of(eps_ee_uV=u, eps_ee_dV=d))
    np.testing.assert_allclose(degenerate, DELAYED[name].expected, rtol=1e-12)


DELAYED: dict[str, Likelihood] = {}


@given(thetas())
def test_counts_are_coherent_sums_over_protons_and_neutrons(theta: FloatArray) -> None:
    """Of nu_mubar on argon with unity form factors, from the two integrals that are then left."""
    at = dict(zip(NAMES, theta.tolist(), strict=True))
    mm, em, mt = ((at[f"eps_{pair}_uV"], at[f"eps_{pair}_dV"]) for pair in ("mm", "em", "mt"))
    # a transition radius adds to the protons' coupling alone, as these NSI do
    shifts = {pair: -2.0 * CHARGE_RADIUS_SHIFT * at[f"r2_{pair}"] for pair in ("em", "mt")}
    em, mt = ((u + 2.0 * shifts[pair] / 3.0, d - shifts[pair] / 3.0) for pair, (u, d) in (("em", em), ("mt", mt)))
    point = naive.Couplings(mm, (em, mt), s2=at["sin2_theta_w"], r2=at["r2_nu_mubar"])
    mu = at["mu_nu_mubar"]
    Z, N, _ = naive.MASSES["Ar40"]
    standard = naive.Couplings(s2=0.2312).bracket(Z, N, 1.0, 1.0)
    per_mu2 = POINT_ARGON.counts(theta_of(mu_nu_mubar=1.0)) - POINT_ARGON.expected
    exact = POINT_ARGON.expected * point.bracket(Z, N, 1.0, 1.0) / standard + mu**2 * per_mu2
    np.testing.assert_allclose(POINT_ARGON.counts(theta), exact, rtol=1e-9)


POINT_ARGON = likelihood_of(
    definition([experiment(target="Ar40", form_factor="unity", channels={"all": ["nu_mubar"]})])
)


@given(thetas())
def test_other_families_and_flavours_are_not_seen(theta: FloatArray) -> None:
    seen = ("eps_ee", "eps_em", "eps_et", "sin2", "mu_nu_e", "r2_nu_e", "r2_em", "r2_et")
    mask = np.array([name.startswith(seen) and not name.endswith("bar") for name in NAMES])
    assert np.array_equal(NU_E_ON_XENON.counts(theta), NU_E_ON_XENON.counts(np.where(mask, theta, 0.0)))


def test_scholbergs_fig_12_at_no_eps_tautau() -> None:
    """chi2 = 290 of 100 kg yr of neon, delayed flux, 10%: the LMA-0 point eps_11 = -0.065, eps_12 = -0.15."""
    likelihood = likelihood_of(definition([experiment(systematic=0.1, channels={"delayed": ["nu_e", "nu_mubar"]})]))
    et = 0.15 / (2.0 * np.sqrt(0.5))
    chi2 = likelihood.chi2(theta_of(eps_ee_uV=-0.065, eps_ee_dV=-0.065, eps_et_uV=et, eps_et_dV=et))
    assert chi2 == pytest.approx(290.0, rel=0.01)


# Polynomials.

AXES: dict[str, tuple[float, float]] = {name: (-1.0, 1.0) for name in NAMES if name.startswith("eps")} | {
    "sin2_theta_w": (0.15, 0.32),
    "mu_nu": (0.0, 20.0),
    "mu_nu_e": (-10.0, 30.0),
    "mu_nu_mubar": (0.1, 10.0),
    "r2_nu_mu": (-4.0, 5.0),
    "r2_nu_e": (-1.0, 1.0),
}


@st.composite
def scans(draw: st.DrawFn) -> dict[str, Any]:
    """The tables of a scan file: up to three experiments and six axes, with ties and fixed values."""
    experiments = []
    for i, name in enumerate(draw(st.lists(st.sampled_from(["Ne20", "Ar40", "CsI", "Xe132"]), min_size=1, max_size=3))):
        binned = draw(st.booleans())
        experiments.append(
            experiment(
                name=f"experiment {i}",
                target=name,
                mass_kg=draw(st.floats(1.0, 1000.0)),
                systematic=draw(st.sampled_from([0.0, 0.05, 0.1, 0.3])),
                recoil_window_keV=None if binned else [draw(st.floats(1.0, 10.0)), inf],
                recoil_bins_keV=np.linspace(3.0, 25.0, draw(st.integers(2, 40))).tolist() if binned else None,
                channels=draw(
                    st.sampled_from(
                        [{"all": ["nu_e", "nu_mu", "nu_mubar"]}, {"d": ["nu_e", "nu_mubar"], "p": ["nu_mu"]}]
                    )
                ),
            )
        )
    names = draw(st.lists(st.sampled_from(list(AXES)), min_size=1, max_size=6, unique=True))
    axes: dict[str, Any] = {}
    for name in names:
        low, high = AXES[name]
        points = draw(st.integers(2, 4 if len(names) < 5 else 3))
        log = low > 0.0 and draw(st.booleans())
        axes[name] = {"min": low, "max": high, "points": points, "spacing": "log" if log else "linear"}
    left = st.sampled_from([name for name in AXES if name not in names])
    fixed = {name: draw(st.floats(*AXES[name])) for name in draw(st.lists(left, max_size=3, unique=True))}
    tied = {}
    for name in draw(st.lists(left.filter(lambda n: n.startswith("eps") and n not in fixed), max_size=2, unique=True)):
        tied[name] = {draw(st.sampled_from(names)): draw(st.floats(-0.1, 0.1)), "constant": draw(st.floats(-0.5, 0.5))}
    physics = {
        "couplings": draw(st.sampled_from(["tree", "pdg2012"])),
        "kinematics": draw(st.sampled_from(["leading", "full"])),
    }
    return {"experiments": experiments, "axes": axes, "fixed": fixed, "tied": tied, "physics": physics}


@settings(max_examples=60)
@given(scans())
def test_polynomial_is_the_direct_chi2_at_every_point(tables: dict[str, Any]) -> None:
    scan = definition(**tables)
    likelihood = likelihood_of(scan)
    polynomial = squares_of(likelihood, scan)
    assert polynomial.residuals.shape[0] <= polynomial.residuals.shape[1] or len(likelihood.cells) <= 40
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(polynomial, scan), exact) < ROUNDING_GOAL


def test_chi2_of_a_scan_by_hand() -> None:
    """Axes, ties, fixed values and the common moment put into parameters by hand, chi2 by the covariance."""
    scan = definition(
        [
            experiment(systematic=0.1, recoil_window_keV=None, recoil_bins_keV=[10, 20, 40]),
            experiment(name="B", target="CsI", systematic=0.05),
        ],
        axes={"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 5}, "mu_nu": {"values": [0.0, 1.0, 7.0]}},
        fixed={"eps_mm_dV": 0.1, "mu_nu_e": 2.0},
        tied={
            "eps_ee_dV": {"eps_ee_uV": -0.9, "constant": 0.02},
            "eps_et_uV": {"eps_ee_dV": 2.0},
        },
    )
    likelihood = likelihood_of(scan)
    chi2 = filled(squares_of(likelihood, scan), scan)
    names = [cell.experiment for cell in likelihood.cells]
    for (i, u), (j, mu) in product(enumerate(np.linspace(-0.5, 0.5, 5)), enumerate([0.0, 1.0, 7.0])):
        d = 0.02 - 0.9 * u
        nsi = {"eps_ee_uV": u, "eps_ee_dV": d, "eps_et_uV": 2.0 * d, "eps_mm_dV": 0.1}
        theta = theta_of(**nsi, mu_nu_e=2.0, mu_nu_mu=mu, mu_nu_mubar=mu)
        exact = naive.chi2(likelihood.counts(theta), likelihood.expected, systematics_of(scan, likelihood), names)
        assert chi2[i, j] == pytest.approx(exact, abs=ROUNDING_GOAL * (1.0 + exact))


def test_more_bins_than_monomials_are_reduced_without_loss() -> None:
    scan = definition(
        [experiment(recoil_window_keV=None, recoil_bins_keV=np.linspace(10.0, 60.0, 101).tolist(), systematic=0.1)],
        axes={"eps_ee_uV": {"min": -1, "max": 1, "points": 21}, "eps_et_dV": {"min": -1, "max": 1, "points": 21}},
    )
    likelihood = likelihood_of(scan)
    polynomial = squares_of(likelihood, scan)
    assert len(likelihood.cells) == 200
    assert polynomial.residuals.shape == (6, 6)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(polynomial, scan), exact) < ROUNDING_GOAL


@pytest.mark.parametrize("half_width", [10.0, 1e3])
@pytest.mark.parametrize("systematic", [0.0, 0.1])
def test_promise_is_kept_on_axes_far_beyond_sense(half_width: float, systematic: float) -> None:
    axis = {"min": -half_width, "max": half_width, "points": 101}
    scan = definition([experiment(systematic=systematic)], axes={"eps_ee_uV": axis, "eps_ee_dV": axis})
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(squares_of(likelihood, scan), scan), exact) < ROUNDING_GOAL


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("eps_ee_uV", -3.0, 3.3),
        ("mu_nu", 0.0, 40.0),
        ("mu_nu", 0.0, 200.0),
        ("eps_ee_uV", -30.0, 33.0),
        ("eps_ee_uV", -100.0, 110.0),
    ],
)
def test_promise_is_kept_along_a_fine_axis(name: str, low: float, high: float) -> None:
    scan = definition(axes={name: {"min": low, "max": high, "points": 100001}})
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(squares_of(likelihood, scan), scan), exact) < ROUNDING_GOAL


@pytest.mark.parametrize("mass_kg", [1.0, 1e4, 1e8])
def test_promise_is_kept_with_very_many_events(mass_kg: float) -> None:
    scan = definition(
        [experiment(mass_kg=mass_kg), experiment(name="B", target="Xe132", mass_kg=mass_kg)],
        axes={
            "eps_ee_uV": {"min": -1, "max": 1, "points": 31},
            "mu_nu": {"min": 0, "max": 20, "points": 11},
            "sin2_theta_w": {"min": 0.15, "max": 0.32, "points": 31},
        },
    )
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(squares_of(likelihood, scan), scan), exact) < ROUNDING_GOAL


@pytest.mark.parametrize("high", [1e2, 1e3, 1e4, 1e5])
def test_promise_is_kept_on_log_axes_over_many_decades(high: float) -> None:
    scan = definition(axes={"mu_nu": {"min": 1e-3, "max": high, "points": 201, "spacing": "log"}})
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(squares_of(likelihood, scan), scan), exact) < ROUNDING_GOAL


@pytest.mark.parametrize(
    "axes",
    [
        {"eps_ee_uV": {"min": 1e-6, "max": 1e4, "points": 301, "spacing": "log"}},
        {"sin2_theta_w": {"min": 1e-3, "max": 0.99, "points": 301, "spacing": "log"}},
        {"mu_nu": {"values": [0.0, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e5]}, "eps_et_uV": {"values": [-1e4, -1.0, -1e-3, 1.0]}},
        {
            "eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 51},
            "eps_et_uV": {"min": 1e-6, "max": 1e3, "points": 51, "spacing": "log"},
        },
    ],
    ids=["log eps", "log angle", "lists", "log and linear"],
)
@pytest.mark.parametrize("systematic", [0.0, 0.1])
def test_promise_is_kept_on_uneven_axes(axes: dict[str, Any], systematic: float) -> None:
    scan = definition(
        [experiment(systematic=systematic), experiment(name="B", target="Xe132", systematic=systematic)], axes=axes
    )
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(squares_of(likelihood, scan), scan), exact) < ROUNDING_GOAL
