"""Direct evaluation: the reference of the polynomials, and cross-sections of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, pi, sqrt
from typing import Any, TypeVar, cast

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from scanengine.api import Scan
from scanengine.chi2.direct import DirectEvaluator, differential_cross_section
from scanengine.chi2.given import OwnCrossSection
from scanengine.definition import Definition
from scanengine.errors import InputError, RunError
from scanengine.inputs.parameters import PARAMETER_INDEX
from tests import naive
from tests.likelihoods import filled, likelihood_of
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

CrossSection = TypeVar("CrossSection", bound=Callable[..., float])


def compiled(cross_section: CrossSection) -> CrossSection:
    """As a user compiles it."""
    return cast(CrossSection, numba.njit(cross_section))


S2 = PARAMETER_INDEX["sin2_theta_w"]
UU, UD = PARAMETER_INDEX["eps_ee_uV"], PARAMETER_INDEX["eps_ee_dV"]
MU_E = PARAMETER_INDEX["mu_nu_e"]
WEAK = naive.G_F**2 / pi * naive.HBARC_CM**2
MAGNETIC = pi * (naive.ALPHA * 1e-10 / naive.M_E * naive.HBARC_CM) ** 2


SCANS: dict[str, dict[str, Any]] = {
    "NSI": {
        "experiments": [experiment(systematic=0.1), experiment(name="B", target="CsI", recoil_window_keV=[5.0, 20.0])],
        "axes": {
            "eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 5},
            "eps_et_dV": {"min": -1.0, "max": 1.0, "points": 4},
        },
        "fixed": {"mu_nu": 3.0},
    },
    "everything in bins": {
        "experiments": [
            experiment(
                target="Ge76",
                recoil_window_keV=None,
                recoil_bins_keV=[2, 5, 9, 20, 90],
                efficiency={"recoil_keV": [1.0, 4.0, 12.0], "values": [0.0, 0.3, 0.9]},
                form_factor="klein-nystrand",
                channels={"all": ["nu_e", "nu_mu", "nu_mubar"]},
            )
        ],
        "axes": {
            "sin2_theta_w": {"min": 0.1, "max": 0.4, "points": 3},
            "mu_nu": {"min": 0.1, "max": 30.0, "points": 3, "spacing": "log"},
            "r2_nu_mu": {"min": -3.0, "max": 3.0, "points": 3},
        },
        "tied": {"eps_mm_uV": {"r2_nu_mu": 0.1}},
        "physics": {"kinematics": "full", "magnetic_moment": "full", "couplings": "pdg2012"},
    },
    "electrons": {
        "source": {
            "kind": "tabulated",
            "reference_distance_m": 20.0,
            "flux_per_cm2_s": 1e12,
            "spectra": {"nu_ebar": {"E_MeV": [1.8, 5.0, 8.0], "flux": [2.0, 0.4, 0.0]}},
        },
        "experiments": [
            experiment(
                target="Ge",
                recoil_window_keV=None,
                recoil_bins_keV=[0.2, 1.3, 20.0],
                channels={"all": ["nu_ebar"]},
                recoils=["nucleus", "electron"],
                electrons={"binding": "step", "efficiency": 0.7},
            )
        ],
        "axes": {
            "mu_N": {"min": 0.0, "max": 3.0, "points": 3},
            "eps_ee_eA": {"min": -1.0, "max": 1.0, "points": 3},
            "q_nu_e": {"min": -1.0, "max": 1.0, "points": 3},
        },
        "mediators": {"N": {"kind": "dipole", "mass_MeV": 0.3}},
    },
    "reactor": {
        "source": {
            "kind": "tabulated",
            "reference_distance_m": 20.0,
            "flux_per_cm2_s": 1e12,
            "spectra": {"nu_ebar": {"E_MeV": [1.8, 3.0, 5.0, 8.0], "flux": [2.0, 1.5, 0.4, 0.0]}},
        },
        "experiments": [experiment(target="Ge", recoil_window_keV=[0.2, inf], channels={"all": ["nu_ebar"]})],
        "axes": {"mu_nu_ebar": {"min": 0.0, "max": 3.0, "points": 7}},
        "physics": {"magnetic_form_factor": False},
    },
}


PE = {
    "quenching": 0.09,
    "light_yield_PE_per_keVee": 13.0,
    "resolution": {"kind": "poisson"},
    "efficiency": {"kind": "logistic", "height": 0.7, "steepness": 0.5, "midpoint": 10.0},
    "bins": [6, 12, 20, 40],
    "recoil_threshold_keV": 1.0,
}
PULSE = {"kind": "gaussian", "mean_us": 0.44, "width_us": 0.15}
IN_TIME = {"bins_us": [0.0, 1.0, 6.0], "prompt": PULSE, "delayed": PULSE}
REAL = experiment(target="CsI", recoil_window_keV=None, response=PE, channels={"all": ["nu_e", "nu_mu", "nu_mubar"]})
REAL_SCANS: dict[str, dict[str, Any]] = {
    "response": {"experiments": [REAL | {"systematic": 0.1}]},
    "times": {"experiments": [REAL | {"time": IN_TIME}], "statistic": "poisson"},
    "template": {"experiments": [REAL | {"signal_template": [30.0, 60.0, 20.0]}]},
}
MOMENTS = {"eps_ee_uV": {"values": [-0.3, 0.2]}, "mu_nu_e": {"values": [0.0, 30.0]}}


@pytest.mark.parametrize("name", list(REAL_SCANS))
def test_real_detectors_count_as_with_the_polynomial(name: str) -> None:
    scan = definition(axes=MOMENTS, **REAL_SCANS[name])
    likelihood = likelihood_of(scan)
    fast = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
    assert fast.max() > 10.0
    for cross_section in (None, standard):
        direct = filled(DirectEvaluator(scan, likelihood, cross_section), scan)
        np.testing.assert_array_less(np.abs(fast - direct), 1e-7 * (1.0 + fast))


@compiled
def elastic(E: float, M: float) -> float:
    return 2.0 * E * E / (M + 2.0 * E)


@compiled
def above_ten_MeV(E: float, M: float) -> float:
    """Half of what is elastic, above a threshold."""
    return E * E / (M + 2.0 * E) if E > 10.0 else 0.0


def test_elastic_recoils_may_be_given_too() -> None:
    scan = definition(axes=MOMENTS, **REAL_SCANS["response"])
    likelihood = likelihood_of(scan)
    fast = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
    own = filled(DirectEvaluator(scan, likelihood, OwnCrossSection(standard, elastic)), scan)
    np.testing.assert_array_less(np.abs(fast - own), 1e-7 * (1.0 + fast))


@compiled
def flat(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return float(1e-40 * parameters[-1] * E)


def test_recoils_end_where_the_user_says() -> None:
    """dsigma/dT = s E up to half of the elastic end: what is counted above the threshold, by SciPy over E."""
    scan = Scan(
        definition(
            [experiment(target="Ar40", recoil_window_keV=[5.0, 30.0], channels={"p": ["nu_mu"], "d": ["nu_e"]})],
            axes={"s": {"values": [0.0, 1.0]}},
            tied={"eps_tt_uV": {"s": 0.0}},
        ),
        OwnCrossSection(flat, above_ten_MeV),
    )
    target = naive.nucleus("Ar40")
    found = {each.flavour: each.counts for each in scan.events(s=1.0)}
    for flavour, counts in found.items():
        spectrum = naive.STOPPED_PION[flavour](1e7)

        def inside(E: float) -> float:
            return E * max(min(above_ten_MeV(E, target.M), 0.030) - 0.005, 0.0)

        total = sum(flux * inside(E) for E, flux in spectrum.lines)
        if spectrum.breaks:
            kinks = [sqrt(0.005 * target.M), sqrt(0.030 * target.M)]
            moving = lambda E, s=spectrum: float(s.continuum(E)) * inside(E)  # noqa: E731
            total += quad(moving, 10.0, spectrum.E_max, points=[k * 1.001 for k in kinks], limit=400)[0]
        assert counts == pytest.approx(1e-40 * total * 100.0 * target.per_kg * naive.YEAR_S, rel=1e-6)
    (sigma,) = scan.cross_section_cm2_per_keV("A", "nu_e", 40.0, np.array([20.0]), s=1.0).tolist()
    assert sigma == pytest.approx(1e-3 * 40e-40)
    (beyond,) = scan.cross_section_cm2_per_keV("A", "nu_e", 40.0, np.array([44.0]), s=1.0).tolist()
    assert beyond == 0.0


@compiled
def falling(E: float, M: float) -> float:
    return 0.1 / E


def test_recoils_whose_end_falls_with_energy_are_refused() -> None:
    scan = definition(axes=MOMENTS, **REAL_SCANS["response"])
    with pytest.raises(InputError, match="a number from zero on that does not fall as E rises: found"):
        DirectEvaluator(scan, likelihood_of(scan), OwnCrossSection(standard, falling))


@pytest.mark.parametrize("name", list(SCANS))
def test_equals_the_polynomial_at_every_point(name: str) -> None:
    scan = definition(**SCANS[name])
    likelihood = likelihood_of(scan)
    direct = filled(DirectEvaluator(scan, likelihood), scan)
    fast = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
    assert direct.max() > 10.0
    np.testing.assert_array_less(np.abs(fast - direct), 1e-10 * (1.0 + direct))


@settings(max_examples=10)
@given(
    target=st.sampled_from(["C12", "Ar40", "Xe132"]),
    threshold=st.floats(1.0, 8.0),
    names=st.lists(st.sampled_from(["eps_ee_uV", "eps_mt_dV", "eps_em_uV", "eps_mm_dV"]), min_size=1, unique=True),
    form_factor=st.sampled_from(["helm", "unity", "symmetrised-fermi"]),
)
def test_equals_the_polynomial_of_any_scan(target: str, threshold: float, names: list[str], form_factor: str) -> None:
    scan = definition(
        [experiment(target=target, recoil_window_keV=[threshold, inf], form_factor=form_factor, systematic=0.05)],
        axes={name: {"min": -0.7, "max": 0.4, "points": 2} for name in names},
    )
    likelihood = likelihood_of(scan)
    direct = filled(DirectEvaluator(scan, likelihood), scan)
    fast = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
    np.testing.assert_array_less(np.abs(fast - direct), 1e-10 * (1.0 + direct))


@compiled
def standard(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    """Tree couplings, flavour-diagonal NSI and moment of nu_e: what the scan below needs of S4 and K6."""
    Z, N, M, F_p, F_n = nucleus
    u, d, mu = 0.0, 0.0, 0.0
    if flavour == 0:
        u, d, mu = parameters[UU], parameters[UD], parameters[MU_E]
    C = Z * F_p * (0.5 - 2.0 * parameters[S2] + 2.0 * u + d) + N * F_n * (-0.5 + u + 2.0 * d)
    weak = WEAK * M * (1.0 - M * T / (2.0 * E * E)) * C * C
    return float(weak + MAGNETIC * mu * mu * Z * Z * F_p * F_p * (1.0 / T - 1.0 / E))


def test_cross_section_of_the_user_that_is_the_standard_one_reproduces_it() -> None:
    scan = definition(
        [experiment(target="Ar40", systematic=0.1)],
        axes={
            "eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 4},
            "mu_nu_e": {"min": 0.0, "max": 10.0, "points": 3},
        },
        fixed={"eps_ee_dV": 0.1},
    )
    likelihood = likelihood_of(scan)
    ours = filled(DirectEvaluator(scan, likelihood), scan)
    users = filled(DirectEvaluator(scan, likelihood, standard), scan)
    np.testing.assert_allclose(users, ours, rtol=1e-9, atol=1e-10)


@compiled
def mediator(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    """A light vector mediator coupled to baryon number; the scan's axes are its coupling and its mass in MeV."""
    Z, N, M, F_p, F_n = nucleus
    coupling, mass = parameters[-2], parameters[-1]
    C = Z * F_p * (0.5 - 2.0 * parameters[S2]) - 0.5 * N * F_n
    C += 3.0 * coupling * (Z * F_p + N * F_n) * 1e4 / (2.0 * M * T + mass * mass)
    return float(WEAK * M * (1.0 - M * T / (2.0 * E * E)) * C * C)


def mediator_counts(coupling: float, mass: float) -> FloatArray:
    """Of the scan below, by SciPy: delayed and prompt."""
    target = naive.nucleus("Ar40")
    c = 1.23 * 40.0 ** (1.0 / 3.0) - 0.60
    R0 = sqrt(c * c + 7.0 / 3.0 * pi**2 * 0.52**2 - 5.0 * 0.81)
    M = target.M

    def rate(T: float, spectrum: naive.Spectrum) -> float:
        F = float(naive.helm(sqrt(2.0 * M * T) / naive.HBARC_FM, R0, 0.9))
        E_min = (T + sqrt(T * T + 2.0 * M * T)) / 2.0
        C = F * (18 * (0.5 - 2.0 * 0.2312) - 11.0 + 120.0 * coupling * 1e4 / (2.0 * M * T + mass * mass))
        flux = sum(flux * (1.0 - M * T / (2.0 * E**2)) for E, flux in spectrum.lines if E_min < E)
        if spectrum.breaks:
            inner = lambda E: float(spectrum.continuum(E)) * (1.0 - M * T / (2.0 * E * E))  # noqa: E731
            flux += quad(inner, E_min, spectrum.E_max, epsabs=0.0, epsrel=1e-12)[0]
        return float(1e40 * WEAK * M * flux * C * C)

    counts = []
    for flavours in (("nu_e", "nu_mubar"), ("nu_mu",)):
        total = 0.0
        for flavour in flavours:
            spectrum = naive.STOPPED_PION[flavour](1e7)
            T_max = 2.0 * spectrum.E_max**2 / (M + 2.0 * spectrum.E_max)
            total += quad(rate, 0.01, T_max, (spectrum,), epsabs=0.0, epsrel=1e-11, limit=200)[0]
        counts.append(1e-40 * total * 100.0 * target.per_kg * naive.YEAR_S)
    return np.array(counts)


def mediator_scan() -> Definition:
    """Two axes of the user's own, which the standard cross-section knows nothing of."""
    return definition(
        [experiment(target="Ar40", systematic=0.1)],
        axes={"coupling": {"values": [0.0, 1e-2]}, "mass": {"values": [1.0, 20.0, 100.0]}},
        tied={"eps_tt_uV": {"coupling": 0.0, "mass": 0.0}},
    )


def test_light_mediator() -> None:
    """Where nothing factorises: q^2 in the propagator, a smooth function of T with a scale far below the window's."""
    scan = mediator_scan()
    likelihood = likelihood_of(scan)
    chi2 = filled(DirectEvaluator(scan, likelihood, mediator), scan)
    names = [cell.experiment for cell in likelihood.cells]
    systematics = np.full(len(names), scan.experiments[0].systematic)
    for j, mass in enumerate([1.0, 20.0, 100.0]):
        exact = naive.chi2(mediator_counts(1e-2, mass), likelihood.expected, systematics, names)
        assert chi2[1, j] == pytest.approx(exact, rel=1e-7)
        assert chi2[0, j] == pytest.approx(0.0, abs=1e-12)


def user_scan() -> Definition:
    return definition(
        [experiment(channels={"p": ["nu_mu"]})], axes={"eps_mm_uV": {"min": -1.0, "max": 1.0, "points": 5}}
    )


@compiled
def jumps(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return 1e-40 if T < 0.0431 else 2e-40


@compiled
def not_a_number(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return np.nan


@compiled
def infinite_at_one_point(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return float(1e-40 / abs(parameters[-1] - 0.5))


@pytest.mark.parametrize(
    ("cross_section", "words"),
    [(jumps, "must be a smooth function of E and T, finite"), (not_a_number, "counts that are not finite")],
    ids=["jumps", "not a number"],
)
def test_cross_section_that_cannot_be_integrated_ends_the_run(cross_section: Any, words: str) -> None:
    scan = user_scan()
    with pytest.raises(RunError, match=words):
        DirectEvaluator(scan, likelihood_of(scan), cross_section)


def test_cross_section_that_is_infinite_at_a_point_of_the_grid_ends_the_run() -> None:
    scan = user_scan()
    evaluator = DirectEvaluator(scan, likelihood_of(scan), infinite_at_one_point)
    with pytest.raises(RunError, match="not finite somewhere on the grid"):
        filled(evaluator, scan)


@compiled
def resonance(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    """At T = 50 keV; height and width in MeV are the scan's axes."""
    return float(parameters[-2] / (1.0 + ((T - 0.05) / parameters[-1]) ** 2))


def test_sharp_cross_section_is_integrated_with_finer_panels() -> None:
    """A resonance far narrower than the standard panels resolve, and that in one corner of the grid alone."""
    scan = definition(
        [experiment(channels={"p": ["nu_mu"]})],
        axes={"height": {"values": [0.0, 1e-38]}, "width": {"values": [1e-3, 1.0]}},
        tied={"eps_tt_uV": {"height": 0.0, "width": 0.0}},
    )
    likelihood = likelihood_of(scan)
    chi2 = filled(DirectEvaluator(scan, likelihood, resonance), scan)
    M, E = naive.nucleus("Ne20").M, naive.LINE
    T_max = 2.0 * E * E / (M + 2.0 * E)
    for j, width in enumerate([1e-3, 1.0]):
        integral = 1e-38 * width * (np.arctan((T_max - 0.05) / width) - np.arctan((0.01 - 0.05) / width))
        counts = 1e7 * 100.0 * naive.nucleus("Ne20").per_kg * naive.YEAR_S * integral
        exact = (counts - likelihood.expected[0]) ** 2 / likelihood.expected[0]
        assert chi2[1, j] == pytest.approx(exact, rel=1e-7)
        assert chi2[0, j] == pytest.approx(likelihood.expected[0], rel=1e-12)


COUPLED = naive.Couplings(own=(0.1, -0.05), others=((0.05, 0.02), (0.0, 0.0)), mu=4.0)


@pytest.mark.parametrize("full", [False, True])
def test_differential_cross_section_of_a_compound_is_the_mean_over_its_atoms(full: bool) -> None:
    """S4 and S6 with couplings, for the iodine and caesium of CsI; nothing beyond the largest recoil energy."""
    kind = "full" if full else "leading"
    scan = definition(
        [experiment(target="CsI", form_factor="klein-nystrand")],
        axes={"eps_ee_uV": {"values": [0.0, 0.1]}, "mu_nu_e": {"values": [0.0, 4.0]}},
        fixed={"eps_ee_dV": -0.05, "eps_et_uV": 0.05, "eps_et_dV": 0.02},
        physics={"kinematics": kind, "magnetic_moment": kind, "magnetic_form_factor": not full},
    )
    E, T_MeV = 40.0, np.array([1e-5, 0.004, 0.012, 0.0255, 0.0265, 0.03])
    options = naive.Options(full, full, not full)
    nuclei = [naive.nucleus("I127"), naive.nucleus("Cs133")]

    def exact(T: float, target: naive.Nucleus) -> float:
        if not naive.reaches(E, T, target.M):
            return 0.0
        q = sqrt(2.0 * target.M * T) / naive.HBARC_FM
        F = naive.klein_nystrand(q, 1.2 * (target.Z + target.N) ** (1.0 / 3.0), 0.7)
        return float(naive.cross_section(E, T, target, F, F, COUPLED, options))

    mean = [0.5 * sum(exact(T, target) for target in nuclei) for T in T_MeV]
    assert [value > 0.0 for value in mean] == [True] * 5 + [False]
    assert exact(0.0265, nuclei[0]) > 0.0 == exact(0.0265, nuclei[1])
    ours = differential_cross_section(scan, scan.experiments[0], "nu_e", np.array([0.1, 4.0]), E, T_MeV)
    assert ours == pytest.approx(mean, rel=1e-9)


def test_differential_cross_section_may_be_the_user_s() -> None:
    """Protons and neutrons have one form factor here, which drops out of the ratio."""
    scan = mediator_scan()
    x = np.array([1e-2, 20.0])
    theta = scan.parameters.values(x)
    T = np.array([0.01, 0.05])
    ours = differential_cross_section(scan, scan.experiments[0], "nu_mu", x, 30.0, T, mediator)
    standard_one = differential_cross_section(scan, scan.experiments[0], "nu_mu", np.array([0.0, 20.0]), 30.0, T)
    target = naive.nucleus("Ar40")
    change = 3.0 * 40.0 * 1e-2 * 1e4 / (2.0 * target.M * T + 400.0)
    standard_charge = 18 * (0.5 - 2.0 * theta[S2]) - 11.0
    assert ours == pytest.approx(standard_one * ((standard_charge + change) / standard_charge) ** 2, rel=1e-12)
