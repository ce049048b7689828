"""What is printed of limits, minima, events and detectors: one sign, one meaning."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from scanengine import Scan, cli
from scanengine.api import words
from scanengine.cli import words as cli_words
from scanengine.cli.events import print_events
from scanengine.cli.fit import fitted, print_minima
from scanengine.cli.limits import print_limits
from scanengine.cli.minimum import print_best_fit, print_fit
from scanengine.definition import STATISTICS
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Fit, FittedNuisance
from scanengine.inference.caveats import AtEnd, grouped
from scanengine.inference.fitting import Minimum
from scanengine.inference.intervals import Interval, Intervals
from scanengine.inference.resolution import narrow_interval
from tests.scan_files import definition, experiment

MU = Axis("mu_nu", np.linspace(0.0, 30.0, 31), "1e-10 mu_B", even=True)
EPS = Axis("eps_ee_uV", np.linspace(-1.0, 1.0, 21))
R2 = Axis("r2_nu_e", np.linspace(-50.0, 50.0, 21), "1e-32 cm^2")


def found(axis: Axis, *intervals: tuple[float | None, float | None]) -> Intervals:
    return Intervals(axis.name, 0.9, 1, 2.706, tuple(Interval(*each) for each in intervals))


@pytest.mark.parametrize(
    ("limits", "axis", "said"),
    [
        (found(MU, (None, 1.6238)), MU, "mu_nu < 1.624e-10 mu_B"),
        (found(MU, (0.5, None)), MU, "mu_nu > 0.5e-10 mu_B (allowed up to the end of its axis, 30)"),
        (found(EPS, (-0.03312, 0.03601), (0.15, 0.2)), EPS, "eps_ee_uV in [-0.03312, 0.03601] or [0.15000, 0.20000]"),
        (found(EPS, (None, 0.3)), EPS, "eps_ee_uV < 0.3 (allowed up to the end of its axis, -1)"),
        (
            found(EPS, (None, -0.5), (0.5, None)),
            EPS,
            "or [0.5000, 1.0000] (allowed up to the ends of its axis, -1 and 1)",
        ),
        (found(EPS, (None, None)), EPS, "eps_ee_uV: no limit on its axis, -1 to 1"),
        (found(EPS), EPS, "eps_ee_uV: no grid point allowed"),
        (found(R2, (-5.3, 4.1)), R2, "r2_nu_e in [-5.300, 4.100] x 1e-32 cm^2"),
        (found(R2, (-15.96, None)), R2, "r2_nu_e > -15.96e-32 cm^2 (allowed up to the end of its axis, 50)"),
    ],
)
def test_a_limit_is_written_as_it_is_said(limits: Intervals, axis: Axis, said: str) -> None:
    assert words.limit(limits, axis).endswith(said)


def test_a_best_fit_has_its_errors_where_both_are_known() -> None:
    assert words.errors(0.233, found(EPS, (0.209, 0.260)), EPS) == "0.233 +0.027 -0.024"
    assert words.errors(1.3, found(R2, (0.9, 1.5)), R2) == "1.30 +0.20 -0.40 x 1e-32 cm^2"
    assert words.errors(0.1, found(EPS, (None, 0.3)), EPS) == ""
    assert words.errors(0.1, found(EPS, (0.0, 0.2), (0.5, 0.6)), EPS) == ""


def test_a_number_keeps_the_power_of_ten_of_its_units() -> None:
    assert words.quantity(-15.961, "1e-32 cm^2") == "-15.96e-32 cm^2"
    assert words.quantity(-0.0, "1e-32 cm^2") == "0 cm^2"
    assert words.quantity(2.5e-7, "1e-10 mu_B") == "2.5e-17 mu_B"
    assert words.quantity(2.5e-7, "MeV") == "2.5e-07 MeV"
    assert words.with_error(-15.961, 3.21, "1e-32 cm^2") == "(-15.961 +- 3.21)e-32 cm^2"
    assert words.with_error(2.5e-7, 1e-7, "1e-10 mu_B") == "2.5e-07 +- 1e-07 x 1e-10 mu_B"
    assert words.with_error(0.25, 0.01, "1") == "0.25 +- 0.01"


def test_a_free_nuisance_has_no_pull_wherever_it_is_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    fitted = (FittedNuisance("flat", 0.0, 0.0, free=True), FittedNuisance("flux", -0.0, -1e-9))
    print_fit(0.0, Fit(fitted))
    assert capsys.readouterr().out.splitlines() == [
        "  nuisance flat = 0 (free)",
        "  nuisance flux = 0 (pull +0.000)",
    ]


def test_minima_that_rounding_does_not_tell_apart_are_as_low(capsys: pytest.CaptureFixture[str]) -> None:
    axes = {"eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 3}}
    minima = [Minimum(chi2, {"eps_ee_uV": 0.0}, (), True, None, Fit()) for chi2 in (1e-26, 2e-27, 0.3)]
    print_minima(Scan(definition(axes=axes)), minima)
    said = [line for line in capsys.readouterr().out.splitlines() if "minimum" in line]
    assert said == [
        "minimum 2: chi2 = 0 (as low as the best fit) at",
        "minimum 3: chi2 = 0.3, 0.3 above the best fit at",
    ]
    assert [each["delta_chi2"] for each in fitted(minima)["minima"]] == [0.0, 0.0, 0.3]


def test_one_grid_step_is_one() -> None:
    (one,), (more,) = (narrow_interval(EPS, width, "90% interval") for width in (1.0, 0.72))
    assert "only 1 grid step of eps_ee_uV wide" in one
    assert "only 0.72 grid steps of eps_ee_uV wide" in more


def test_ends_of_axes_are_one_warning() -> None:
    ends = [AtEnd.of("90% interval", "a", -1.0, "lower"), AtEnd.of("95% interval", "a", 1.0, "upper")]
    ends += [AtEnd.of("95% interval", "b", 3.0, "upper"), AtEnd.of("95% region", "a", -1.0, "lower")]
    assert grouped(["other", *ends, "other"]) == [
        "The allowed range reaches the ends of axes, a = -1 and 1, b = 3: extend them.",
        "other",
    ]
    assert grouped(ends[:1]) == ["The 90% interval touches a = -1, the lower end: extend the axis."]


def test_a_minimum_at_the_end_of_an_axis_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"counts": [2000.0]}
    table = experiment(channels={"all": ["nu_e"]}, statistic="poisson", data=data)
    result = Scan(definition([table], axes={"eps_ee_uV": {"min": -0.1, "max": 0.0, "points": 11}})).run()
    print_best_fit(result)
    print_limits(result, result.limits(cl=[0.9]))
    printed = capsys.readouterr().out
    assert "(at the end of its axis: the minimum may lie beyond)" in printed
    assert "allowed at 90% C.L., 1 dof (delta chi2 = 2.706):\n  eps_ee_uV" in printed
    moment = Scan(definition([experiment()], axes={"mu_nu": {"min": 0.0, "max": 60.0, "points": 61}})).run()
    print_best_fit(moment)
    print_limits(moment, moment.limits(cl=[0.9]))
    printed = capsys.readouterr().out
    assert "at the end" not in printed
    assert "\n  mu_nu < " in printed


def test_json_says_which_ends_are_those_of_the_axis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = {"eps_ee_uV": {"min": -0.01, "max": 1.0, "points": 102}}
    Scan(definition([experiment()], axes=axes)).run(tmp_path / "out.h5")
    monkeypatch.setattr(sys, "argv", ["scanengine", "limits", str(tmp_path / "out.h5"), "--json", "--cl", "90"])
    with pytest.raises(SystemExit):
        cli.main()
    (entry,) = json.loads(capsys.readouterr().out)["intervals"]
    assert entry["intervals"][0][0] is None
    assert entry["cut_by_axis"][0] == [True, False]
    assert len(entry["cut_by_axis"]) == len(entry["intervals"])


def test_events_have_backgrounds_and_data_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    table = experiment(
        channels={"all": ["nu_e", "nu_mu"]},
        recoil_window_keV=None,
        recoil_bins_keV=[10.0, 30.0, 200.0],
        statistic="poisson",
        backgrounds=[{"name": "neutrons", "counts": [22.0, 11.5]}],
        data={"counts": [400, 200]},
    )
    scan = Scan(definition([table]))
    print_events(scan)
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.split("nominal values:\n")[1].splitlines()]
    assert lines[0] == ["experiment", "channel", "energy", "signal", "neutrons", "data"]
    assert lines[1][-2:] == ["22", "400"]
    assert lines[2][-2:] == ["11.5", "200"]
    for line, counts in zip(lines[1:], scan.counts(), strict=True):
        assert float(line[-3]) == pytest.approx(float(counts), rel=1e-3)
    print_events(Scan(definition([experiment()])))
    assert "nominal values" not in capsys.readouterr().out


def test_each_statistic_has_its_words() -> None:
    assert set(cli_words.STATISTICS) == {*STATISTICS, "mixed"}
