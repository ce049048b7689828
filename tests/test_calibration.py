"""Intervals by pseudo-experiments: against an exact enumeration, and Wilks' theorem where it holds and where not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from scanengine.api import Scan
from scanengine.calibration import allowed
from scanengine.errors import InputError
from tests.scan_files import definition, experiment
from tests.test_combined import EPS, FLAT_KNOWN, FLUX, tables
from tests.test_fitting import SCAN, run

pytestmark = pytest.mark.jit_only


def scan_of(*args: Any, **keys: Any) -> Scan:
    return Scan(definition(*args, **keys))


def counting(mass_kg: float, background: float, data: float, **axis: Any) -> Scan:
    """One Poisson count of a signal that a magnetic moment adds to, over a background."""
    table = experiment(
        target="Ne20",
        mass_kg=mass_kg,
        recoil_window_keV=[1.0, 50.0],
        channels={"all": ["nu_mu"]},
        backgrounds=[{"name": "b", "counts": [background]}],
        data={"counts": [data]},
        statistic="poisson",
    )
    return scan_of([table], axes={"mu_nu": axis})


@pytest.mark.parametrize("seen", [0.0, 3.0, 9.0])
def test_few_counts_have_the_critical_values_of_all_their_outcomes(seen: float) -> None:
    """The quantile of Delta chi2 with the probability of every count, as Feldman and Cousins enumerate them."""
    scan = counting(0.02, 2.0, seen, min=0.0, max=600.0, points=25)
    found = scan.calibrate((0.68, 0.90), pseudo_experiments=20_000, seed=5)
    N = scan.likelihood.counts(scan.definition.parameters.values(found.axis.values[:, None]))[:, 0] + 2.0
    assert N[0] < 4.0
    assert N[-1] > 10.0
    n = np.arange(120)
    chi2 = 2.0 * (N[:, None] - n * np.log(N)[:, None])  # but for what is the same at all values
    delta = chi2 - chi2.min(axis=0)
    for level, critical in zip(found.levels, found.critical, strict=True):
        for i in range(N.size):
            order = np.argsort(delta[i])
            share = np.cumsum(stats.poisson.pmf(n[order], N[i]))
            # between outcomes 1% apart in probability the pseudo-experiments may choose either
            low, high = (delta[i][order][np.searchsorted(share, level + step)] for step in (-0.01, 0.01))
            assert low - 1e-9 <= critical[i] <= high + 1e-9
    own = 2.0 * (N - seen * np.log(N))
    np.testing.assert_allclose(found.delta_chi2, own - own.min(), atol=1e-10)


def test_many_counts_of_a_parameter_that_may_take_any_value_obey_wilks() -> None:
    scan = scan_of(
        [experiment(mass_kg=1e5, recoil_window_keV=None, recoil_bins_keV=[10, 20, 40])],
        axes={"sin2_theta_w": {"min": 0.2262, "max": 0.2362, "points": 201}},
    )
    found = scan.calibrate((0.6827, 0.90), pseudo_experiments=4000, seed=2)
    middle = slice(70, 131, 10)
    assert found.critical[0, middle] == pytest.approx(np.full(7, 1.0), abs=0.1)
    assert found.critical[1, middle] == pytest.approx(np.full(7, 2.706), abs=0.25)


def test_a_signal_that_cannot_be_negative_needs_less_at_its_end() -> None:
    """Where the truth is the end of the axis half of the experiments fit best there: 1.64 in place of 2.71 for 90%."""
    scan = counting(5.0, 400.0, 700.0, min=0.0, max=60.0, points=61)
    found = scan.calibrate(0.90, pseudo_experiments=10_000, seed=3)
    half = float(stats.chi2.ppf(0.80, 1))
    assert half == pytest.approx(1.642, abs=1e-3)
    assert found.critical[0, 0] == pytest.approx(half, rel=0.07)
    assert found.critical[0, 45] == pytest.approx(2.706, rel=0.07)


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian"), ("poisson", "gaussian")])
def test_nuisances_that_are_known_change_nothing(kinds: tuple[str, str]) -> None:
    """The same data are drawn, and chi2 is that of matrix products and of minimisation after minimisation."""
    axes = {"eps_ee_uV": {"min": -0.5, "max": 1.0, "points": 11}}
    plain = scan_of(tables(kinds), axes=axes)
    known = scan_of(tables(kinds), axes=axes, nuisances=[FLUX | {"width": 1e-9}, FLAT_KNOWN | {"width": 1e-9}])
    results = [scan.calibrate(0.90, pseudo_experiments=50, seed=7) for scan in (plain, known)]
    np.testing.assert_allclose(results[0].critical, results[1].critical, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(results[0].delta_chi2, results[1].delta_chi2, rtol=1e-6, atol=1e-6)


def test_linear_nuisances_of_many_counts_obey_wilks() -> None:
    """Also with a flux known to 3%, which is most of the uncertainty: what is known of it scatters with the data."""
    table = experiment(mass_kg=1e4, recoil_window_keV=None, recoil_bins_keV=[10, 20, 40])
    scan = scan_of(
        [table],
        axes={"sin2_theta_w": {"min": 0.20, "max": 0.262, "points": 41}},
        nuisances=[FLUX | {"width": 0.03}],
    )
    found = scan.calibrate(0.6827, pseudo_experiments=1500, seed=4)
    assert found.critical[0, 20] == pytest.approx(1.0, abs=0.15)


def test_seed_and_not_threads_decide() -> None:
    scan = counting(1.0, 5.0, 9.0, min=0.0, max=20.0, points=5)
    first = scan.calibrate(0.90, pseudo_experiments=200, seed=1, threads=1)
    again = scan.calibrate(0.90, pseudo_experiments=200, seed=1, threads=2)
    other = scan.calibrate(0.90, pseudo_experiments=200, seed=2)
    assert np.array_equal(first.critical, again.critical)
    assert not np.array_equal(first.critical, other.critical)
    assert first.seed == 1


@pytest.mark.parametrize(
    ("excess", "intervals"),
    [
        ([1.0, -1.0, -1.0, 1.0], [(0.5, 2.5)]),
        ([-1.0, 1.0, 1.0, -3.0], [(None, 0.5), (2.25, None)]),
        ([-1.0, -1.0, -1.0, -1.0], [(None, None)]),
        ([1.0, 1.0, 1.0, 1.0], []),
        ([1.0, 0.0, 1.0, 1.0], [(1.0, 1.0)]),
    ],
)
def test_allowed_intervals(excess: list[float], intervals: list[Any]) -> None:
    assert allowed(np.arange(4.0), np.array(excess)) == intervals


def test_what_cannot_be_calibrated_says_so() -> None:
    axis = {"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 3}}
    with pytest.raises(InputError, match="a calibration needs one axis, and the others fixed: found 2"):
        scan_of(tables(), axes=EPS).calibrate()
    with pytest.raises(
        InputError, match=r"nuisances\.flux: pseudo-experiments are known for nuisances with a Gaussian"
    ):
        scan_of(tables(), axes=axis, nuisances=[FLUX | {"pull": "log"}]).calibrate()
    two_sides = {"kind": "gaussian", "sigma_above": 7.0, "sigma_below": 6.0}
    with pytest.raises(InputError, match="an error with two sides has no distribution"):
        scan_of(tables((two_sides, "poisson")), axes=axis).calibrate()
    with pytest.raises(InputError, match="at least one pseudo-experiment: found 0"):
        scan_of(tables(), axes=axis).calibrate(pseudo_experiments=0)


def test_command_line_keeps_the_seed_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "scan.toml").write_text(SCAN, encoding="utf-8")
    printed = run("calibrate", "scan.toml", "-n", "30", "--seed", "8", "-o", "out.json", folder=tmp_path)
    assert "30 pseudo-experiments at each of 21 values, seed 8" in printed
    assert "Wilks' theorem" in printed
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (record["seed"], record["pseudo_experiments"], record["parameter"]) == (8, 30, "eps_mm_uV")
    assert record["definition"] == SCAN
    (interval,) = record["intervals"]
    assert interval["cl"] == 90.0
    assert len(interval["critical_delta_chi2"]) == len(record["values"]) == 21
