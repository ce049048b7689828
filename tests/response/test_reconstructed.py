"""Response integrals of real detectors: against mpmath, against ideal detectors, and as sums of their parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, nextafter
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf  # type: ignore[import-untyped]

from scanengine.definition import Definition
from scanengine.errors import InputError, RunError
from scanengine.inputs.acceptances import Acceptance, Logistic, constant
from scanengine.inputs.detectors import Efficiency, T_max_keV
from scanengine.inputs.nuclei import target
from scanengine.inputs.parameters import PARAMETER_INDEX
from scanengine.inputs.quenching import Lindhard, PolynomialQuenching, Quenching, TabulatedQuenching
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Gamma, Gaussian, Perfect, Poisson, Resolution, Shown
from scanengine.inputs.sources import stopped_pion
from scanengine.inputs.timing import Timing
from scanengine.response.integrals import responses
from scanengine.response.panels import inner_grid
from scanengine.response.recoils import Recoils
from scanengine.response.response import Response
from tests import naive
from tests.naive import FloatArray, Real
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

IDENTITY = PolynomialQuenching(np.array([0.0, 1.0]))
CONSTANT = PolynomialQuenching(np.array([0.0, 0.0878]))
EDGES = np.array([5.0, 8.0, 12.0, 20.0, 35.0, 60.0])


def real(
    reconstruction: Reconstruction, threshold_keV: float = 0.0, efficiency: Efficiency | None = None, **keys: object
) -> Definition:
    scan = definition([experiment(**keys)])
    (ideal,) = scan.experiments
    detector = replace(ideal, reconstruction=reconstruction, bin_edges_keV=np.array([threshold_keV, np.inf]))
    return replace(scan, experiments=(replace(detector, efficiency=efficiency or ideal.efficiency),))


def made(
    quenching: Quenching = IDENTITY,
    resolution: Resolution | None = None,
    edges: FloatArray = EDGES,
    light_yield: float | None = None,
    efficiency: Acceptance | None = None,
) -> Reconstruction:
    return Reconstruction(quenching, light_yield, resolution or Perfect(), efficiency or constant(1.0), edges)


def relative(found: tuple[Response, ...], expected: tuple[Response, ...]) -> float:
    differences = []
    for a, b in zip(found, expected, strict=True):
        assert (a.experiment, a.channel, a.flavour) == (b.experiment, b.channel, b.flavour)
        there = b.integrals != 0.0
        assert np.array_equal(a.integrals != 0.0, there)
        differences.append(np.abs(a.integrals[there] / b.integrals[there] - 1.0).max())
    return float(max(differences))


@pytest.mark.parametrize("target", ["Ne20", "CsI", "Ge"])
@pytest.mark.parametrize("threshold_keV", [0.0, 5.0, 2.0])
def test_perfect_response_is_the_ideal_detector(target: str, threshold_keV: float) -> None:
    ideal = definition([experiment(target=target, recoil_window_keV=None, recoil_bins_keV=EDGES.tolist())])
    assert relative(responses(real(made(), threshold_keV, target=target)), responses(ideal)) < 1e-11


def T_max(name: str, A: int) -> float:
    (isotope,) = (isotope for isotope in target(name).isotopes if isotope.A == A)
    return max(T_max_keV(spectrum.E_max_MeV, isotope.mass_MeV) for spectrum in stopped_pion(1.0, 1.0).spectra.values())


@pytest.mark.parametrize(
    ("name", "threshold_keV"),
    [
        ("CaWO4", 60.0),  # tungsten recoils by less
        ("CsI", T_max("CsI", 133)),
        ("CsI", nextafter(T_max("CsI", 133), 0.0)),
        ("CsI", nextafter(T_max("CsI", 133), inf)),
        ("NaI", 50.0),
    ],
)
def test_isotopes_below_the_threshold_count_nothing(name: str, threshold_keV: float) -> None:
    edges = np.array([threshold_keV, 1.02 * threshold_keV, 400.0])
    ideal = definition([experiment(target=name, recoil_window_keV=None, recoil_bins_keV=edges.tolist())])
    found = responses(real(made(edges=np.array([0.0, *edges[1:]])), threshold_keV, target=name))
    for a, b in zip(found, responses(ideal), strict=True):
        np.testing.assert_allclose(a.integrals, b.integrals, rtol=1e-9, atol=1e-12 * np.abs(b.integrals).max())


@pytest.mark.parametrize("below", [-1e-9, 0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3])
@pytest.mark.parametrize("A", [40, 43, 48])  # calcium 40 recoils by most
def test_any_threshold_near_the_highest_recoil_is_refused_or_counts_little(A: int, below: float) -> None:
    threshold_keV = T_max("Ca", A) * (1.0 - below)
    scattering = {"kind": "gaussian", "a": 1.0}
    response = {"quenching": 1.0, "bins": [0.0, 150.0, 300.0], "recoil_threshold_keV": threshold_keV}
    detectors: list[dict[str, Any]] = [
        {"recoil_window_keV": [threshold_keV, inf]},
        {"recoil_window_keV": None, "response": response},
        {"recoil_window_keV": None, "response": {**response, "resolution": scattering}},
    ]
    for detector in detectors:
        table = experiment(target="Ca", channels={"all": ["nu_e", "nu_mu", "nu_mubar"]}, **detector)
        if A == 40 and below < 1e-8:
            with pytest.raises(InputError, match="it must lie below the highest recoil energy"):
                definition([table])
            continue
        counts = np.array([found.integrals for found in responses(definition([table]))])
        whole = np.array([found.integrals for found in responses(definition([experiment(target="Ca")]))])
        assert np.all(counts >= 0.0)
        assert 0.0 < counts.sum() < (1.0 if A > 40 else max(below, 1e-9)) * whole.sum()


def test_a_scattered_response_counts_the_isotopes_that_reach_the_threshold() -> None:
    smeared = made(resolution=Gaussian(1.0, 0.0, 0.0), edges=np.array([60.0, 100.0]))
    (mixed,) = real(smeared, 60.0, target="CaWO4").experiments
    found = responses(real(smeared, 60.0, target="CaWO4"))
    parts = [
        [
            replace(mixed.target, isotopes=(isotope,), atoms_per_kg=(atoms,))
            for isotope, atoms in zip(mixed.target.isotopes, mixed.target.atoms_per_kg, strict=True)
            if isotope.Z in charges
        ]
        for charges in ({8, 20}, {74})
    ]
    light, tungsten = (
        sum(
            np.array([response.integrals for response in responses(alone)])
            for part in of_charge
            for scan in [real(smeared, 60.0, target="CaWO4")]
            for alone in [replace(scan, experiments=(replace(mixed, target=part),))]
        )
        for of_charge in parts
    )
    assert np.all(np.array(tungsten) == 0.0)
    np.testing.assert_allclose([response.integrals for response in found], light, rtol=1e-9)


def test_quenching_without_scatter_only_moves_the_edges() -> None:
    ideal = definition([experiment(target="CsI", recoil_window_keV=None, recoil_bins_keV=EDGES.tolist())])
    found = responses(real(made(CONSTANT, edges=EDGES * 0.0878 * 13.348, light_yield=13.348), target="CsI"))
    assert relative(found, responses(ideal)) < 1e-11


def test_efficiency_in_true_energy_acts_before_the_response() -> None:
    curve = Efficiency(np.array([3.0, 14.0, 15.0]), np.array([0.0, 0.9, 0.5]))
    scan = definition([experiment(recoil_window_keV=None, recoil_bins_keV=EDGES.tolist())])
    ideal = replace(scan, experiments=(replace(scan.experiments[0], efficiency=curve),))
    assert relative(responses(real(made(), efficiency=curve)), responses(ideal)) < 1e-11


# Against mpmath: one integral over T, with the shares and the moments of the spectrum in closed form.

Shares = Callable[[Real, float, float], Real]


EFFICIENCY = [mpf("0.6655") / (1 + mp.exp(-mpf("0.4942") * (k - mpf("10.8507")))) for k in range(60)]


def poisson_shares(T: Real, lo: float, hi: float) -> Real:
    mean = mpf("0.0878") * mpf("13.348") * T
    counted = range(int(lo), int(hi))
    return mp.exp(-mean) * sum(EFFICIENCY[k] * mean**k / mp.factorial(k) for k in counted)


def gaussian_shares(T: Real, lo: float, hi: float) -> Real:
    E = mpf("0.246") * T + mpf("0.00078") * T**2
    sigma = mpf("0.58") * mp.sqrt(E)
    return (mp.erf((hi - E) / sigma / mp.sqrt(2)) - mp.erf((lo - E) / sigma / mp.sqrt(2))) / 2


def gamma_shares(T: Real, lo: float, hi: float) -> Real:
    E = mpf("0.09") * T
    shape = 1 + mpf("9.56") * E
    mean = mpf("13.35") * E
    return mp.gammainc(shape, shape * lo / mean, shape * hi / mean, regularized=True)


def lindhard_shares(T: Real, lo: float, hi: float) -> Real:
    e = mpf("11.5") * mpf(32) ** (-mpf(7) / 3) * T
    g = 3 * e ** mpf("0.15") + mpf("0.7") * e ** mpf("0.6") + e
    E = T * mpf("0.157") * g / (1 + mpf("0.157") * g)
    sigma = mp.sqrt(mpf("0.06") ** 2 + mpf("0.03") ** 2 * E + mpf("0.01") ** 2 * E**2)
    return (mp.erf((hi - E) / sigma / mp.sqrt(2)) - mp.erf((lo - E) / sigma / mp.sqrt(2))) / 2


LOGISTIC = Logistic(0.6655, 0.4942, 10.8507, threshold=5.0)
DETECTORS: dict[str, tuple[str, Reconstruction, Shares]] = {
    "poisson": (
        "Cs133",
        made(CONSTANT, Poisson(), np.array([6.0, 8.0, 10.0, 20.0, 30.0]), 13.348, LOGISTIC),
        poisson_shares,
    ),
    "gaussian": (
        "Ar40",
        made(
            PolynomialQuenching(np.array([0.0, 0.246, 0.00078])), Gaussian(0.0, 0.58, 0.0), np.arange(0.0, 41.0, 10.0)
        ),
        gaussian_shares,
    ),
    "gamma": (
        "Xe132",
        made(PolynomialQuenching(np.array([0.0, 0.09])), Gamma(9.56), np.array([4.0, 8.0, 16.0, 40.0]), 13.35),
        gamma_shares,
    ),
    "lindhard": (
        "Ge76",
        made(Lindhard(0.157), Gaussian(0.06, 0.03, 0.01), np.array([1.5, 2.0, 4.0, 8.5])),
        lindhard_shares,
    ),
}


def exact(nuclide: str, flavour: str, shares: Shares, lo: float, hi: float) -> tuple[float, float]:
    """The integrals of the weak n-n term and of the magnetic term, per cm^2 of source distance, without constants."""
    nucleus = naive.nucleus(nuclide)
    M = mpf(nucleus.M)
    m = mpf(naive.M_MU)

    def moment(power: int, e: Real) -> Real:
        if flavour == "nu_mu":
            return mpf(naive.LINE) ** -power if e < naive.LINE else mpf(0)
        top = m / 2
        a, b = {"nu_e": (96 * m, -192), "nu_mubar": (48 * m, -64)}[flavour]
        p, q = 3 - power, 4 - power
        return (a * (top**p - e**p) / p + b * (top**q - e**q) / q) / m**4

    E_max = mpf(naive.LINE) if flavour == "nu_mu" else m / 2
    T_max = 2 * E_max**2 / (M + 2 * E_max)
    x, w = np.polynomial.legendre.leggauss(14)
    weak, magnetic = mpf(0), mpf(0)
    with mp.workdps(25):
        # in the root of T, in which everything is smooth
        for a, b in pairwise(mp.sqrt(T_max) * k / 30 for k in range(31)):
            for node, weight in zip(x.tolist(), w.tolist(), strict=True):
                root = (a + b) / 2 + (b - a) / 2 * node
                T = root**2
                e = (T + mp.sqrt(T**2 + 2 * M * T)) / 2
                share = (b - a) / 2 * weight * 2 * root * shares(T * 1000, lo, hi)
                weak += share * (moment(0, e) - M * T / 2 * moment(2, e))
                magnetic += share * (moment(0, e) / T - moment(1, e))
    return float(weak), float(magnetic)


@pytest.mark.parametrize("flavour", ["nu_mu", "nu_e", "nu_mubar"])
@pytest.mark.parametrize("name", DETECTORS)
def test_integrals_are_those_of_mpmath(name: str, flavour: str) -> None:
    nuclide, reconstruction, shares = DETECTORS[name]
    scan = real(reconstruction, target=nuclide, form_factor="unity", channels={"all": [flavour]})
    (found,) = responses(scan)
    nucleus = naive.nucleus(nuclide)
    exposure = 1e7 * 100.0 * naive.YEAR_S * nucleus.per_kg * naive.HBARC_CM**2
    weak = exposure * naive.G_F**2 * nucleus.M / np.pi * nucleus.N**2
    magnetic = exposure * np.pi * (naive.ALPHA * 1e-10 * nucleus.Z / naive.M_E) ** 2
    sees_any = reconstruction.edges[0] == 0.0
    largest = found.integrals.max(axis=0)
    for i, (lo, hi) in enumerate(pairwise(reconstruction.edges.tolist())):
        of_weak, of_magnetic = exact(nuclide, flavour, shares, lo, hi)
        bounds = 1e-12 * largest  # of bins far out in the tails
        assert found.integrals[i, 2] == pytest.approx(weak * of_weak, rel=1e-9, abs=bounds[2]), (lo, hi)
        # magnetic scattering diverges where recoils of no energy are seen: there it has no integral
        expected = 0.0 if sees_any else magnetic * of_magnetic
        assert found.integrals[i, 3] == pytest.approx(expected, rel=1e-9, abs=bounds[3]), (lo, hi)


# As sums of their parts.


@pytest.mark.parametrize("name", DETECTORS)
def test_splitting_bins_adds_up(name: str) -> None:
    nuclide, reconstruction, _ = DETECTORS[name]
    whole = replace(reconstruction, edges=reconstruction.edges[[0, -1]])
    channels = {"all": ["nu_e", "nu_mu"]}
    split, merged = (responses(real(each, target=nuclide, channels=channels)) for each in (reconstruction, whole))
    for fine, coarse in zip(split, merged, strict=True):
        np.testing.assert_allclose(fine.integrals.sum(axis=0), coarse.integrals[0], rtol=1e-10)


def test_a_compound_is_the_sum_of_its_elements() -> None:
    reconstruction = DETECTORS["poisson"][1]
    (compound,) = responses(real(reconstruction, target="CsI", channels={"all": ["nu_e"]}))
    masses = {"Cs133": 132.905451958, "I127": 126.904472592}
    total = np.zeros_like(compound.integrals)
    for nuclide, mass in masses.items():
        (part,) = responses(real(reconstruction, target=nuclide, channels={"all": ["nu_e"]}))
        total += part.integrals * mass / sum(masses.values())
    np.testing.assert_allclose(compound.integrals, total, rtol=1e-10)


def test_kinks_of_a_quenching_table_are_panel_edges() -> None:
    table = TabulatedQuenching(np.array([4.0, 11.3, 30.0]), np.array([0.05, 0.12, 0.08]))
    gaussian = Gaussian(0.3, 0.1, 0.0)
    edges = np.array([0.8, 1.5, 3.0])

    def share(T: float, lo: float, hi: float) -> Real:
        E = T * float(np.interp(T, table.T_keV, table.factors))
        sigma = mp.sqrt(mpf("0.09") + mpf("0.01") * E)
        return (mp.erf((hi - E) / sigma / mp.sqrt(2)) - mp.erf((lo - E) / sigma / mp.sqrt(2))) / 2

    nucleus = naive.nucleus("Ar40")
    T_max = 2e3 * naive.LINE**2 / (nucleus.M + 2.0 * naive.LINE)
    x, w = np.polynomial.legendre.leggauss(60)
    cuts = [0.0, 1.0, 4.0, 8.0, 11.3, 20.0, 30.0, 40.0, T_max]
    (found,) = responses(
        real(made(table, gaussian, edges), target="Ar40", channels={"all": ["nu_mu"]}, form_factor="unity")
    )
    constants = 1e7 * 100.0 * naive.YEAR_S * nucleus.per_kg * naive.HBARC_CM**2 * naive.G_F**2 * nucleus.M / np.pi
    for i, (lo, hi) in enumerate(pairwise(edges.tolist())):
        total = 0.0
        for a, b in pairwise(cuts):
            for node, weight in zip(x, w, strict=True):
                T = 0.5 * (a + b) + 0.5 * (b - a) * node
                rate = 1.0 - nucleus.M * T * 1e-3 / (2.0 * naive.LINE**2)
                total += 0.5e-3 * (b - a) * weight * float(share(T, lo, hi)) * rate
        assert found.integrals[i, 2] == pytest.approx(constants * nucleus.N**2 * total, rel=1e-9)


def test_compiled_and_interpreted_agree() -> None:
    nuclide, reconstruction, _ = DETECTORS["poisson"]
    scan = real(reconstruction, target=nuclide)
    (detector,), (isotope,) = scan.experiments, target(nuclide).isotopes
    spectra = list(scan.source.spectra.values())
    compiled, by_python = (
        Recoils.of(detector, isotope, spectra, [inner_grid(spectrum) for spectrum in spectra]).integrals(
            scan.interactions.interfering, detector.form_factors(isotope), compiled=compiled
        )
        for compiled in (True, False)
    )
    assert compiled.shape == (3, 4, 4)
    np.testing.assert_allclose(compiled, by_python, rtol=1e-12)


# Time.


def test_counts_are_shared_out_in_time_by_flavour() -> None:
    reconstruction = DETECTORS["poisson"][1]
    scan = real(reconstruction, target="CsI", channels={"all": ["nu_mu", "nu_e"]})
    shares = {"prompt": np.array([0.7, 0.2]), "delayed": np.array([0.1, 0.5])}
    timed = replace(scan.experiments[0], timing=Timing(np.array([0.0, 1.0, 6.0]), shares))
    for untimed, found in zip(responses(scan), responses(replace(scan, experiments=(timed,))), strict=True):
        own = shares["prompt" if found.flavour == "nu_mu" else "delayed"]
        assert found.binning.shape == (4, 2)
        by_bins = found.integrals.reshape(4, 2, 4)
        np.testing.assert_allclose(by_bins, untimed.integrals[:, None, :] * own[:, None], rtol=1e-14)
    bins = list(found.binning)
    assert [b.energy for b in bins[:3]] == [(6.0, 8.0), (6.0, 8.0), (8.0, 10.0)]  # time runs fastest
    assert [b.time_us for b in bins[:3]] == [(0.0, 1.0), (1.0, 6.0), (0.0, 1.0)]


# Templates.


def test_template_is_what_the_standard_model_gives_and_scales_with_the_counts() -> None:
    reconstruction = DETECTORS["gaussian"][1]
    scan = real(replace(reconstruction, edges=np.array([2.0, 5.0, 9.0])), target="Ar40", channels={"all": ["nu_e"]})
    template = np.array([3.0, 8.0])
    shaped = replace(scan, experiments=(replace(scan.experiments[0], signal_template=template),))
    (plain,), (like_template,) = responses(scan), responses(shaped)
    theta = np.zeros(len(PARAMETER_INDEX))
    theta[PARAMETER_INDEX["sin2_theta_w"]] = scan.physics.sin2_theta_w
    standard = plain.counts(theta)
    np.testing.assert_allclose(like_template.counts(theta), template, rtol=1e-12)
    theta[PARAMETER_INDEX["eps_ee_uV"]] = 0.3
    np.testing.assert_allclose(like_template.counts(theta), template * plain.counts(theta) / standard, rtol=1e-12)


def test_template_beyond_the_reach_of_the_response_is_refused() -> None:
    reconstruction = replace(DETECTORS["gaussian"][1], edges=np.array([2.0, 9.0, 900.0, 1000.0]))
    scan = real(reconstruction, target="Ar40", channels={"all": ["nu_e"]})
    shaped = replace(scan.experiments[0], signal_template=np.array([3.0, 8.0, 0.5]))
    with pytest.raises(InputError, match=r"signal_template: found 0.5 counts .* \[900, 1000\] keVee"):
        responses(replace(scan, experiments=(shaped,)))


# What cannot be integrated.


def test_resolution_that_is_too_fine_is_refused() -> None:
    with pytest.raises(InputError, match=r'standard deviations .* use kind = "none"'):
        responses(real(made(IDENTITY, Gaussian(0.0, 0.0, 1e-6)), 1.0))


@dataclass(frozen=True)
class Ragged:
    """A resolution whose shares jump where no panel ends."""

    def deviation(self, shown: Shown) -> FloatArray:
        return np.ones_like(shown.x)

    def shares(self, shown: Shown, edges: FloatArray, efficiency: Acceptance) -> FloatArray:
        del efficiency
        return np.tile(np.sign(np.sin(5.0 * shown.x)) + 1.0, (edges.size - 1, 1))


def test_shares_that_cannot_be_integrated_end_the_run() -> None:
    with pytest.raises(RunError, match=r"experiments.A: the recoil integral over Ne20 did not converge"):
        responses(real(made(IDENTITY, Ragged(), np.array([5.0, 6.0])), 5.0, channels={"all": ["nu_mu"]}))
