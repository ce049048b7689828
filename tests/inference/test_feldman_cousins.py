"""Intervals by pseudo-experiments: against an exact enumeration, and Wilks' theorem where it holds and where not."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from scanengine.api import Scan, open_calibration
from scanengine.cli.calibrate import check_outputs, write_all
from scanengine.errors import InputError, RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.calibration import Calibration, allowed
from scanengine.inference.contours import region
from tests.command_line import Command, Printed
from tests.inference.test_fitting import SCAN
from tests.likelihood.test_profiled import EPS, FLAT_KNOWN, FLUX, tables
from tests.scan_files import definition, experiment

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
    found = scan.calibrate((0.68, 0.90))
    assert found.is_exact
    assert not found.errors.any()
    N = scan.likelihood.counts(scan.definition.parameters.values(found.axes[0].values[:, None]))[:, 0] + 2.0
    assert N[0] < 4.0
    assert N[-1] > 10.0
    n = np.arange(120)
    chi2 = 2.0 * (N[:, None] - n * np.log(N)[:, None])  # but for what is the same at all values
    delta: FloatArray = chi2 - chi2.min(axis=0)
    for level, critical in zip(found.levels, found.critical, strict=True):
        for i in range(N.size):
            order = np.argsort(delta[i])
            share = np.cumsum(stats.poisson.pmf(n[order], N[i]))
            assert critical[i] == pytest.approx(delta[i][order][np.searchsorted(share, level)], abs=1e-9)
    own = 2.0 * (N - seen * np.log(N))
    np.testing.assert_allclose(found.delta_chi2, own - own.min(), atol=1e-10)
    as_high = delta >= (own - own.min())[:, None] - 1e-9
    assert found.p_values == pytest.approx(np.sum(stats.poisson.pmf(n, N[:, None]) * as_high, axis=1), abs=1e-12)


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
    found = scan.calibrate(0.90, pseudo_experiments=40_000, seed=3)
    half = float(stats.chi2.ppf(0.80, 1))
    assert half == pytest.approx(1.642, abs=1e-3)
    assert found.critical[0, 0] == pytest.approx(half, rel=0.07)
    assert found.critical[0, 45] == pytest.approx(2.706, rel=0.07)


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian"), ("poisson", "gaussian")])
@pytest.mark.parametrize("pull", ["gaussian", "log"])
def test_nuisances_that_are_known_change_nothing(kinds: tuple[str, str], pull: str) -> None:
    """chi2 by products of matrices, by squares and by minimisation after minimisation has the same quantiles."""
    axes = {"eps_ee_uV": {"min": -0.5, "max": 1.0, "points": 7}}
    plain = scan_of(tables(kinds), axes=axes).calibrate(0.90, pseudo_experiments=8000, seed=7)
    nuisances = [FLUX | {"width": 1e-4, "pull": pull}, FLAT_KNOWN | {"width": 1e-4}]
    known = scan_of(tables(kinds), axes=axes, nuisances=nuisances).calibrate(0.90, pseudo_experiments=8000, seed=8)
    error = np.hypot(plain.errors, known.errors)
    assert np.all(np.abs(known.critical - plain.critical) < 4.0 * error + 0.02)
    np.testing.assert_allclose(known.delta_chi2, plain.delta_chi2, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_an_error_with_two_sides_obeys_wilks() -> None:
    """((N - n) / sigma)^2 of n that scatters with that sigma is a chi2 of one degree of freedom, whatever the ratio."""
    table = experiment(
        target="Ne20",
        mass_kg=1e3,
        channels={"all": ["nu_mu", "nu_e", "nu_mubar"]},
        signal_template=[800.0],
        data={"counts": [800.0]},
        statistic={"kind": "gaussian", "sigma_above": 60.0, "sigma_below": 30.0},
    )
    scan = scan_of([table], axes={"sin2_theta_w": {"min": 0.17, "max": 0.29, "points": 61}})
    found = scan.calibrate((0.6827, 0.90), pseudo_experiments=2000, seed=1)
    assert found.critical[0, 25:36].mean() == pytest.approx(1.0, abs=0.06)
    assert found.critical[1, 25:36].mean() == pytest.approx(2.706, abs=0.12)


def test_two_parameters_that_may_take_any_value_obey_wilks_with_two_degrees_of_freedom() -> None:
    made = [
        experiment(name=flavour, mass_kg=1e5, channels={"all": [flavour]}, recoil_window_keV=[10.0, 100.0])
        for flavour in ("nu_e", "nu_mu")
    ]
    # 3.6 standard deviations to either side: the two couplings are known from one experiment each
    axes = {}
    for name in ("eps_ee_uV", "eps_mm_uV"):
        probe = scan_of(made, axes={name: {"values": [0.0, 1e-5]}})
        width = 3.6e-5 / probe.chi2(**{name: 1e-5}) ** 0.5
        axes[name] = {"min": -width, "max": width, "points": 25}
    found = scan_of(made, axes=axes).calibrate((0.6827, 0.90), pseudo_experiments=1500, seed=3)
    assert found.delta_chi2.shape == (25, 25)
    assert found.critical.shape == found.errors.shape == (2, 25, 25)
    middle = found.critical[:, 10:15, 10:15].mean(axis=(1, 2))
    assert middle[0] == pytest.approx(2.296, abs=0.07)
    assert middle[1] == pytest.approx(4.605, abs=0.15)
    assert found.best_fit == {"eps_ee_uV": 0.0, "eps_mm_uV": 0.0}


def test_region_is_where_delta_chi2_is_not_above_the_critical_values() -> None:
    axes = tuple(Axis(name, np.linspace(-1.0, 1.0, 81)) for name in ("x", "y"))
    x, y = np.meshgrid(*(axis.values for axis in axes), indexing="ij")
    critical = np.where(x < 0.0, 1.0, 4.0)[None] * 0.04
    found = Calibration(axes, x**2 + y**2, (0.9,), critical, 0.0 * critical, 1, 1)
    area = region(found.scaled(0.9, 4.605), 0.9, 2).area
    assert area == pytest.approx(0.5 * np.pi * (0.2**2 + 0.4**2), rel=0.02)


def test_errors_are_those_of_so_few_pseudo_experiments() -> None:
    """The scatter of the critical value from seed to seed."""
    scan = scan_of(
        [experiment(mass_kg=1e5, recoil_window_keV=None, recoil_bins_keV=[10, 20, 40])],
        axes={"sin2_theta_w": {"min": 0.2262, "max": 0.2362, "points": 21}},
    )
    runs = [scan.calibrate(0.90, pseudo_experiments=1000, seed=seed) for seed in range(40)]
    scatter = np.std([run.critical[0, 10] for run in runs])
    assert np.mean([run.errors[0, 10] for run in runs]) == pytest.approx(scatter, rel=0.35)


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
    scan = scan_of(tables(("poisson", "gaussian")), axes={"eps_ee_uV": {"min": -0.5, "max": 1.0, "points": 5}})
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
    third = EPS | {"mu_nu": {"min": 0.0, "max": 5.0, "points": 2}}
    with pytest.raises(InputError, match="a calibration needs one axis or two, and the others fixed: found 3"):
        scan_of(tables(), axes=third).calibrate()
    with pytest.raises(InputError, match="at least one pseudo-experiment: found 0"):
        scan_of(tables(), axes=axis).calibrate(pseudo_experiments=0)
    with pytest.raises(InputError, match=r"up to 1e\+08 pseudo-experiments at each point: found 1000000000"):
        scan_of(tables(), axes=axis).calibrate(pseudo_experiments=10**9)
    with pytest.raises(InputError, match="A confidence level is a fraction between 0 and 1: found 90"):
        scan_of(tables(), axes=axis).calibrate(90)


def test_command_line_keeps_the_seed_in_its_files(printed: Printed, tmp_path: Path) -> None:
    (tmp_path / "scan.toml").write_text(SCAN, encoding="utf-8")
    outputs = [option for name in ("out.json", "out.h5", "out.png") for option in ("-o", name)]
    told = printed("calibrate", "scan.toml", "-n", "30", "--seed", "8", *outputs)
    assert "30 pseudo-experiments at each of 21 values, seed 8" in told
    assert "Wilks' theorem" in told
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (record["seed"], record["pseudo_experiments"], record["parameters"]) == (8, 30, ["eps_mm_uV"])
    assert record["definition"] == SCAN
    (level,) = record["levels"]
    assert level["cl"] == 90.0
    assert len(level["critical_delta_chi2"]) == len(record["values"][0]) == 21
    found = open_calibration(tmp_path / "out.h5")
    assert (found.seed, found.pseudo_experiments, found.definition) == (8, 30, SCAN)
    assert found.critical[0].tolist() == level["critical_delta_chi2"]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    printed("plot", "out.h5", "-o", "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out.png").read_bytes()
    assert told in printed("info", "out.h5")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("out.txt", "out.txt: a calibration is written to .h5, .json, .png, .pdf or .svg, but this has '.txt'"),
        ("nowhere/out.json", "nowhere/out.json: there is no directory nowhere"),
        ("scan.json", "scan.json already exists: pass --overwrite to replace it"),
        ("there.h5", "there.h5 exists: pass --overwrite to replace it"),
    ],
)
def test_outputs_are_checked_before_anything_is_done(
    output: str, expected: str, command: Command, tmp_path: Path
) -> None:
    for name in ("scan.json", "there.h5"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    (tmp_path / "scan.toml").write_text(SCAN, encoding="utf-8")
    status, _, errors = command("calibrate", "scan.toml", "-n", "1000000000", "-o", output)
    assert status == 2
    assert expected in errors


def test_a_disk_without_room_is_seen_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = scan_of(tables(), axes={"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 3}})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    for name in ("out.h5", "out.json", "out.png"):
        with pytest.raises(InputError, match=r"only 1\.00 kB are free in"):
            check_outputs([tmp_path / name], scan, 40, overwrite=False)


def test_an_output_that_fails_keeps_none_of_the_others(tmp_path: Path) -> None:
    found = scan_of(tables(), axes={"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 3}}).calibrate(
        0.90, pseudo_experiments=20
    )
    (tmp_path / "out.h5").mkdir()  # somebody took the name meanwhile
    outputs = [tmp_path / name for name in ("out.h5", "out.json", "out.png")]
    with pytest.raises(RunError, match=r"out\.h5 is a directory"):
        write_all(found, outputs, overwrite=False)
    assert json.loads(outputs[1].read_text(encoding="utf-8"))["seed"] == found.seed
    assert outputs[2].exists()


@pytest.mark.slow
def test_ctrl_c_ends_in_a_word(tmp_path: Path) -> None:
    (tmp_path / "scan.toml").write_text(SCAN, encoding="utf-8")
    arguments = [sys.executable, "-u", "-m", "scanengine", "calibrate", "scan.toml", "-n", "100000000", "-o", "out.h5"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        # a log has a line of progress after ten seconds
        line = next(line for line in running.stderr if "pseudo-experiments" in line)
        assert "% of 2.1e+09 pseudo-experiments, about" in line
        running.send_signal(signal.SIGINT)
        *more, last = running.stderr.read().splitlines()
        assert last == "error: interrupted"
        assert all("pseudo-experiments" in line for line in more)
        assert running.wait(timeout=30) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan.toml"]
