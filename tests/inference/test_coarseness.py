"""Intervals by the points of a grid that is coarse beside its valleys: said, and right where nothing is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine.api import Result, Scan, open_result
from scanengine.cli import warn
from scanengine.definition import Output
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inference.coarseness import grid_errors
from scanengine.inference.intervals import Intervals
from scanengine.inference.levels import delta_chi2
from scanengine.inference.resolution import GRID_ERROR
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

CHANNELS = {"prompt": ["nu_mu"], "delayed": ["nu_e", "nu_mubar"]}
ARGON = experiment(
    name="Ar",
    target="Ar",
    recoil_window_keV=None,
    recoil_bins_keV=[20, 25, 30, 35, 40, 45, 50],
    channels=CHANNELS,
    systematic=0.10,
)
CAESIUM = {**ARGON, "name": "CsI", "target": "CsI", "recoil_bins_keV": [5, 6, 7, 8, 9, 10, 12, 14]}
BOTH = [ARGON, CAESIUM]
WIDE = {"eps_ee_uV": (-1.2, 1.2, 100), "eps_ee_dV": (-1.2, 1.4, 100)}
MAGNETIC = {"eps_ee_uV": (-0.5, 0.7, 31), "mu_nu": (0.0, 30.0, 7), "eps_et_uV": (-0.4, 0.4, 9)}


def scan_of(axes: dict[str, tuple[float, float, int]], experiments: Any = BOTH, **output: Any) -> Scan:
    tables = {name: {"min": lo, "max": hi, "points": n} for name, (lo, hi, n) in axes.items()}
    made = definition(experiments, tables)
    object.__setattr__(made, "output", Output(**{"keep": "profiles", "precision": "float64", **output}))
    return Scan(made)


def advice(found: list[Intervals]) -> dict[str, int]:
    """The points that warnings say would do."""
    points: dict[str, int] = {}
    for entry in found:
        for warning in entry.warnings:
            for number, name in re.findall(r"(\d+) points on (\w+)", warning):
                points[name] = max(points.get(name, 0), int(number))
    return points


def misses(found: list[Intervals]) -> list[str]:
    return [warning for entry in found for warning in entry.warnings if "miss the valley" in warning]


@pytest.mark.parametrize("cl", [0.6827, 0.90, 0.95])
@pytest.mark.parametrize(
    ("axes", "experiments"),
    [
        (WIDE, BOTH),
        ({"eps_ee_uV": (-1.2, 1.2, 41), "eps_ee_dV": (-1.2, 1.4, 57)}, BOTH),
        ({"eps_ee_uV": (-0.3, 0.6, 24), "sin2_theta_w": (0.1, 0.35, 17)}, [ARGON]),
        (MAGNETIC, [ARGON]),
    ],
    ids=["two", "coarser", "another", "three axes"],
)
def test_following_the_advice_leaves_no_warning_and_intervals_that_are_right(
    axes: dict[str, tuple[float, float, int]], experiments: Any, cl: float
) -> None:
    coarse = scan_of(axes, experiments).run().limits(cl)
    assert misses(coarse)
    assert all("output.profile=exact" in warning for warning in misses(coarse))
    points = advice(coarse)
    finer = {name: (lo, hi, points.get(name, n)) for name, (lo, hi, n) in axes.items()}
    followed = scan_of(finer, experiments).run().limits(cl)
    assert not misses(followed)
    exact = scan_of(finer, experiments, profile="exact").run().limits(cl)
    assert not misses(exact)
    for ours, right in zip(followed, exact, strict=True):
        assert len(ours) == len(right)
        for interval, true in zip(ours, right, strict=True):
            widths = [end for end in true if end is not None]
            width = widths[1] - widths[0] if len(widths) == 2 else abs(widths[0]) if widths else 1.0
            for end, there in zip(interval, true, strict=True):
                assert (end is None) == (there is None)
                if end is not None and there is not None:
                    assert abs(end - there) < 0.5 * GRID_ERROR * width


def test_the_warning_is_in_the_file_and_with_the_limits_and_the_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = scan_of(WIDE)
    in_memory, in_file = scan.run(), scan.run(tmp_path / "out.h5")
    opened = open_result(tmp_path / "out.h5")
    warnings = [misses(result.limits(0.9)) for result in (in_memory, in_file, opened)]
    assert len(warnings[0]) == 2
    assert warnings[0] == warnings[1] == warnings[2]
    warn.forget_warnings()
    warn.warn_about([opened.profile("eps_ee_uV")], (0.9,))
    assert warnings[0][0] in capsys.readouterr().err


def test_a_grid_as_fine_as_its_valleys_is_not_warned_about() -> None:
    for axes in ({"eps_ee_uV": (-0.3, 0.5, 401), "mu_nu": (0.0, 20.0, 101)}, {"eps_ee_uV": (-0.3, 0.5, 401)}):
        assert not misses(scan_of(axes, [ARGON]).run().limits((0.6827, 0.90, 0.95)))


class Valley:
    """chi2 = ((y + slope x - shift) / width)^2 + x^2 + ..., whose minimum over y is x^2."""

    def __init__(self, width: float, slope: float, shift: float) -> None:
        self.width, self.slope, self.shift = width, slope, shift

    def fill(self, values: Any, chi2: FloatArray) -> None:
        x, y, *more = np.meshgrid(*values, indexing="ij")
        chi2[...] = ((y + self.slope * x - self.shift) / self.width) ** 2 + x**2
        for z in more:
            chi2 += ((z - x) / self.width) ** 2


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("width", [0.03, 0.1, 0.4])
def test_the_errors_are_those_of_the_profile(width: float, dimensions: int) -> None:
    """Of parabolas they are exact."""
    axes = [Axis(name, np.linspace(-3.0, 3.0, 31)) for name in ("x", "y", "z")[:dimensions]]
    valley = Valley(width, 0.61, 0.0)
    profiles = scan_grid(valley, axes, NoSink(), compiled=False)
    errors = grid_errors(valley, axes, profiles)["x"]
    assert len(errors) > 15
    line = dict(zip(np.round(profiles.lines["x"] - profiles.minimum, 9), axes[0].values, strict=True))
    for _, delta, error, *_ in errors.tolist():
        x = line[round(delta, 9)]
        assert error == pytest.approx(abs(delta - x**2), abs=1e-6)


CUT = {"r2_nu_mu": (-2.0, 2.0, 200), "r2_nu_e": (-2.0, 2.0, 41)}


@pytest.mark.parametrize("height", [2.71, 4.0, 30.0, 300.0])
def test_an_interval_beside_what_was_not_looked_at_is_the_same_or_said_to_be_uncertain(height: float) -> None:
    whole, cut = (scan_of(CUT, [ARGON], **output).run().limits(0.9) for output in ({}, {"delta_chi2_max": height}))
    step = {name: (hi - lo) / (n - 1) for name, (lo, hi, n) in CUT.items()}
    for expected, found in zip(whole, cut, strict=True):
        same = all(
            (a is None and b is None) or (a is not None and b is not None and abs(a - b) < 1e-3 * step[found.axis])
            for one, other in zip(expected, found, strict=True)
            for a, b in zip(one, other, strict=True)
        )
        assert same or any("not evaluated" in warning for warning in found.warnings)
        assert same or height < 30.0


def test_a_region_beside_what_was_not_looked_at_is_said_to_be_uncertain() -> None:
    level = delta_chi2(0.9, 2)

    def region_of(height: float) -> Any:
        result: Result = scan_of(CUT, [ARGON], delta_chi2_max=height).run()
        return result.region("r2_nu_mu", "r2_nu_e", cl=0.9)

    assert any("not evaluated" in warning for warning in region_of(1.01 * level).warnings)
    assert not any("not evaluated" in warning for warning in region_of(1000.0).warnings)
