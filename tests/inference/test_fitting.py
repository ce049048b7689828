"""Best fits: against iminuit over parameters and nuisances together, and where there are several or no single one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import iminuit
import numpy as np
import pytest

from scanengine.api import Scan
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import Definition
from scanengine.errors import RunError
from scanengine.inference.fitting import find_minima
from scanengine.inference.objective import Objective
from tests.command_line import Printed
from tests.likelihood.test_profiled import (
    CHANGES,
    DATA,
    EPS,
    FALLING_KNOWN,
    FLAT_KNOWN,
    FLUX,
    dense,
    tables,
)
from tests.likelihoods import likelihood_of
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

NUISANCES = [FLUX, FLAT_KNOWN, FALLING_KNOWN]
ONE_TARGET_TWO_FLAVOURS = {
    "eps_ee_uV": {"min": -0.8, "max": 1.2, "points": 41},
    "eps_ee_dV": {"min": -0.9, "max": 1.1, "points": 41},
}


def scan_of(*args: Any, **keys: Any) -> Scan:
    return Scan(definition(*args, **keys))


@pytest.mark.parametrize(
    ("kinds", "nuisances"),
    [
        (("gaussian", "gaussian"), []),
        (("gaussian", "gaussian"), NUISANCES),
        (("poisson", "poisson"), NUISANCES),
        (("poisson", "gaussian"), [FLUX | {"pull": "log"}, FLAT_KNOWN]),
    ],
)
def test_gradient_is_that_of_differences(kinds: tuple[str, str], nuisances: list[Any]) -> None:
    scan = definition(tables(kinds), axes=EPS, nuisances=nuisances)
    objective = Objective.of(likelihood_of(scan), scan)
    inside = np.array([[0.55, 0.35], [0.2, 0.75], [0.95, 0.95]])
    assert objective.chi2(inside) == pytest.approx([objective(u)[0] for u in inside], rel=1e-12)
    for u in inside:
        chi2, gradient = objective(u)
        place = objective.place(u)
        assert objective.u(place) == pytest.approx(u, abs=1e-12)
        assert chi2 == pytest.approx(likelihood_of(scan).chi2(scan.parameters.values(place)), rel=1e-12)
        for i, step in enumerate(1e-5 * np.eye(2)):
            difference = (objective(u + step)[0] - objective(u - step)[0]) / 2e-5
            assert gradient[i] == pytest.approx(difference, rel=1e-6, abs=1e-5)


def by_minuit(scan: Definition, start: FloatArray) -> iminuit.Minuit:
    """MIGRAD and HESSE over the parameters and all nuisances, of chi2 as it is defined."""
    likelihood = likelihood_of(scan)
    n, at_zero = likelihood.data, likelihood.templates

    def chi2(values: FloatArray) -> float:
        axes = len(scan.axes)
        signal = likelihood.counts(scan.parameters.values(values[:axes]))
        templates = at_zero.of_signals(signal[None])
        N = templates[0] + values[axes:] @ templates[1 : 1 + len(scan.nuisances)]
        return float(np.sum(2.0 * (N - n + n * np.log(n / N))) + np.sum(values[axes:] ** 2))

    names = [*(axis.name for axis in scan.axes), *(nuisance.name for nuisance in scan.nuisances)]
    minuit = iminuit.Minuit(chi2, np.concatenate((start, np.zeros(len(scan.nuisances)))), name=names)
    minuit.errordef = 1.0
    minuit.tol = 1e-4
    minuit.strategy = 2
    minuit.migrad()
    minuit.hesse()
    return minuit


def test_agrees_with_minuit_on_parameters_errors_and_nuisances() -> None:
    axes = {"eps_ee_uV": {"min": -1.2, "max": 1.5, "points": 41}}
    scan = scan_of(tables(("poisson", "poisson")), axes=axes, nuisances=NUISANCES)
    minima = scan.fit()
    assert len(minima) == 2
    for found in minima:
        minuit = by_minuit(scan.definition, np.array(list(found.place.values())) + 0.004)
        assert minuit.valid
        assert found.chi2 == pytest.approx(minuit.fval, abs=1e-5)
        assert found.errors is not None
        for name, value in found.place.items():
            assert value == pytest.approx(minuit.values[name], abs=3e-3 * minuit.errors[name])
            assert found.errors[name] == pytest.approx(minuit.errors[name], rel=0.02)
        for nuisance in found.fit.nuisances:
            assert nuisance.pull == pytest.approx(minuit.values[nuisance.name], abs=3e-3)


def test_best_fit_is_nowhere_above_the_scan_and_the_dense_chi2_there() -> None:
    scan = scan_of(tables(("poisson", "gaussian")), axes=EPS, nuisances=NUISANCES)
    best, result = scan.fit()[0], scan.run()
    assert best.chi2 <= result.minimum
    theta = scan.definition.parameters.values(np.array(list(best.place.values())))
    assert best.chi2 == pytest.approx(dense(scan.definition, theta, CHANGES), rel=1e-9)
    assert best.fit.dof == 21 - 2


def test_both_minima_of_the_standard_model_and_its_mirror_image() -> None:
    """Of two targets with different N / Z both amplitudes change their sign at one other place."""
    tables = [
        experiment(name=name, target=name, channels={"all": ["nu_e"]}, form_factor="unity")
        for name in ("Ne20", "Xe132")
    ]
    minima = scan_of(tables, axes=ONE_TARGET_TWO_FLAVOURS).fit()
    at_zero, mirrored = sorted(minima, key=lambda each: abs(each.place["eps_ee_uV"]))
    s2 = 0.2312
    # Z (g_p + 2 u + d) + N (g_n + u + 2 d) changes its sign for every Z and N where 2 u + d = -2 g_p, u + 2 d = -2 g_n
    g_p, g_n = 0.5 - 2.0 * s2, -0.5
    u, d = (-4.0 * g_p + 2.0 * g_n) / 3.0, (-4.0 * g_n + 2.0 * g_p) / 3.0
    assert list(at_zero.place.values()) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert list(mirrored.place.values()) == pytest.approx([u, d], abs=1e-3)
    assert [each.chi2 for each in minima] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert at_zero.fit.dof is None


def test_covariance_is_that_of_a_parabola() -> None:
    """Of counts linear in a parameter, as sin2_theta_w is nearly: Delta chi2 = 1 at one standard deviation."""
    scan = scan_of(
        [experiment(mass_kg=1e6, recoil_window_keV=None, recoil_bins_keV=[10, 20, 30])],
        axes={
            "sin2_theta_w": {"min": 0.23, "max": 0.2324, "points": 11},
            "eps_mm_uV": {"min": -1e-3, "max": 1e-3, "points": 11},
        },
    )
    (best,) = scan.fit()
    assert best.covariance is not None
    for direction in np.linalg.cholesky(best.covariance).T:
        place = dict(zip(best.place, np.array(list(best.place.values())) + direction, strict=True))
        assert scan.chi2(**place) - best.chi2 == pytest.approx(1.0, rel=2e-2)


def test_valleys_are_one_minimum_each_without_errors() -> None:
    scan = scan_of([experiment(target="Ne20", channels={"all": ["nu_e"]})], axes=ONE_TARGET_TWO_FLAVOURS)
    minima = scan.fit()
    assert [each.is_parabolic for each in minima] == [False, False]
    assert [each.errors for each in minima] == [None, None]
    assert [each.chi2 for each in minima] == pytest.approx([0.0, 0.0], abs=1e-10)


def test_minimum_beyond_the_axes_is_at_their_end() -> None:
    wide, narrow = ({"eps_ee_uV": {"min": low, "max": 3.0, "points": 61}} for low in (-3.0, 1.5))
    scan = scan_of(tables(("poisson", "poisson")), axes=wide, nuisances=[FLUX])
    assert all(each.place["eps_ee_uV"] < 1.5 for each in scan.fit())
    (best,) = scan_of(tables(("poisson", "poisson")), axes=narrow, nuisances=[FLUX]).fit()
    assert best.place["eps_ee_uV"] == 1.5
    assert best.at_edge == ("eps_ee_uV",)
    assert best.covariance is None


def test_minimum_of_the_fourth_power_is_found_but_has_no_error() -> None:
    """A magnetic moment enters squared: chi2 rises as its fourth power from the Standard Model."""
    scan = scan_of([experiment(target="Ne20")], axes={"mu_nu": {"min": -20.0, "max": 20.0, "points": 8}})
    (best,) = scan.fit()
    assert best.place["mu_nu"] == pytest.approx(0.0, abs=0.05)
    assert best.chi2 < 1e-9
    assert not best.is_parabolic
    assert best.errors is None


def test_chi2_that_is_nowhere_finite_is_an_error() -> None:
    """An evaluator that finds no count where some were seen, at every point of the grid."""

    class Infinite(ScanEvaluator):
        cost = Cost.POLYNOMIALS

        def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:  # noqa: ARG002  (a grid like any)
            chi2[...] = np.inf

    scan = definition(tables(), axes=EPS)
    with pytest.raises(RunError, match="chi2 is infinite everywhere on the grid"):
        find_minima(Objective.of(likelihood_of(scan), scan), Infinite(), scan)


SCAN = """
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
[[experiments]]
name = "A"
target = "Ne20"
mass_kg = 10.0
live_time_yr = 1.0
distance_m = 20.0
recoil_bins_keV = [10.0, 20.0, 30.0]
channels = { all = ["nu_e", "nu_mu"] }
statistic = "poisson"
data = { counts = [30, 20] }
[[nuisances]]
name = "flux"
width = 0.1
signal = "all"
[axes]
eps_mm_uV = { min = -0.1, max = 0.1, points = 21 }
"""


def test_command_line(printed: Printed, tmp_path: Path) -> None:
    (tmp_path / "scan.toml").write_text(SCAN, encoding="utf-8")
    found = json.loads(printed("fit", "scan.toml", "--json"))
    assert found["minima"][0]["chi2"] == found["minimum"]
    assert found["minima"][0]["place"] == found["best_fit"]
    assert found["minima"][0]["dof"] == 1
    (nuisance,) = found["minima"][0]["nuisances"]
    assert nuisance["name"] == "flux"
    told = printed("fit", "scan.toml")
    assert "nuisance flux = " in told
    assert "goodness of fit: chi2 = " in told
    assert "for 1 degree of freedom" in told
    ran = printed("run", "scan.toml", "--no-figure")
    assert "nuisance flux = " in ran
    limits = json.loads(printed("limits", "scan.h5", "--json"))
    assert limits["dof"] == 1
    assert 0.0 < limits["p_value"] <= 1.0
    assert [each["name"] for each in limits["nuisances"]] == ["flux"]


def test_data_are_those_of_the_file() -> None:
    assert likelihood_of(definition(tables())).data.tolist() == [float(n) for n in (*DATA["A"], *DATA["B"])]
