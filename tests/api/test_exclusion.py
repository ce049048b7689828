"""Upper limits on a coupling against the mass of a mediator: numbers, CSV, figures and the command line."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import numpy as np
import pytest

import scanengine
from scanengine import InputError, Result, Scan
from scanengine.api import draw_upper_limits
from tests.command_line import Command

MASS = "mediators.zp.mass_MeV"
AXIS = f'"{MASS}" = {{ min = 1.0, max = 300.0, points = 4, spacing = "log" }}'
G = 'g_zp = { min = 1e-6, max = 1e-2, points = 61, spacing = "log" }'
BOTH = f"axes={{ {AXIS}, {G} }}"


def load(charges: str = "B-L", axes: str = BOTH, profile: str = "grid") -> Scan:
    return scanengine.load(
        "mediators/universal", [f'mediators.zp.charges="{charges}"', axes, f'output.profile="{profile}"']
    )


@pytest.fixture(scope="module")
def b_l() -> Result:
    return load().run()


@pytest.mark.parametrize("profile", ["grid", "exact"])
def test_they_are_the_limits_of_scans_at_one_mass(profile: str) -> None:
    result = load(profile=profile).run()
    one_mass = load(axes=f"axes={{ {G} }}", profile=profile)
    found = scanengine.upper_limits(result, "g_zp", against=MASS, cl=[0.90, 0.95])
    for i, mass_MeV in enumerate(found[0].at.tolist()):
        alone = one_mass.at({MASS: mass_MeV}).run().limits([0.90, 0.95])
        for each, limits in zip(found, alone, strict=True):
            assert each.upper[i] == pytest.approx(limits.intervals[-1].hi, rel=1e-9)


def test_delta_chi2_counts_from_the_minimum_at_each_mass() -> None:
    """A heavy mediator with a small coupling cannot describe these data as well as a light one does."""
    result = load("universal").at({"experiments.CsI.data": {"counts": [400.0]}}).run()
    plane = result.profile(MASS, "g_zp").chi2
    (found,) = scanengine.upper_limits(result, "g_zp", against=MASS)
    assert np.ptp(plane.min(axis=1)) > 0.03
    g = result.axes[1].values
    for chi2, each in zip(plane, found.intervals, strict=True):
        inside = [any((i.lo or 0.0) <= x <= (i.hi or np.inf) for i in each) for x in g.tolist()]
        assert inside == (chi2 - chi2.min() <= found.level).tolist()


def test_a_limit_beyond_the_end_of_its_axis_is_nan() -> None:
    short = G.replace("1e-2", "1e-4")
    (found,) = scanengine.upper_limits(load(axes=f"axes={{ {AXIS}, {short} }}").run(), "g_zp", against=MASS)
    assert np.isnan(found.upper[-1])
    assert found.upper[0] < 1e-4
    gone = int(np.isnan(found.upper).sum())
    assert any(f"beyond 0.0001, the end of the axis, at {gone} of 4 values of {MASS}" in w for w in found.warnings)


def test_excluded_values_below_the_limit_are_told() -> None:
    """Universal charges interfere destructively: the sign of the amplitude can be turned."""
    fine = G.replace("points = 61", "points = 401")
    (found,) = scanengine.upper_limits(load("universal", f"axes={{ {AXIS}, {fine} }}").run(), "g_zp", against=MASS)
    several = [len(each) > 1 for each in found.intervals]
    assert any(several)
    assert any(f"at {sum(several)} of 4 values" in warning for warning in found.warnings)
    first = several.index(True)
    assert found.upper[first] == found.intervals[first].intervals[-1].hi


def test_figures_have_log_axes_and_say_from_where_delta_chi2_counts(b_l: Result) -> None:
    figure = draw_upper_limits({"one": b_l, "other": load("universal").run()}, "g_zp", against=MASS, cl=[0.90, 0.95])
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlim() == pytest.approx((1.0, 300.0))
    (legend,) = figure.legends
    said = [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    assert "1 dof" in said[0]
    assert "from the minimum at each" in said[0]
    assert said[1:] == ["one", "other", "excluded by one"]


def test_axes_that_are_not_there(b_l: Result) -> None:
    with pytest.raises(InputError, match="'mass' is not an axis of this scan"):
        scanengine.upper_limits(b_l, "g_zp", against="mass")
    with pytest.raises(InputError, match="one axis or two different ones"):
        scanengine.upper_limits(b_l, "g_zp", against="g_zp")
    with pytest.raises(InputError, match="nothing to draw"):
        draw_upper_limits({}, "g_zp", against=MASS)


def test_the_command_line(command: Command) -> None:
    result = load().run("b-l.h5")
    load("L_mu-L_tau").run("loops.h5")

    def run(arguments: str, status: int = 0) -> str:
        ended, output, errors = command("plot", *shlex.split(arguments))
        assert ended == status, errors
        return output + errors

    assert "figure: g.pdf" in run(f"b-l.h5 loops.h5 --upper-limit g_zp --against {MASS} -o g.pdf")
    assert "upper limits: g.csv" in run(f"b-l.h5 loops.h5 --upper-limit g_zp --against {MASS} --cl 90,95 -o g.csv")
    rows = list(csv.DictReader(Path("g.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 4
    (found, _) = scanengine.upper_limits(result, "g_zp", against=MASS, cl=[0.90, 0.95])
    assert [float(row["upper limit on g_zp"]) for row in rows[:4]] == found.upper.tolist()
    ends = [each.intervals[0].hi for each in found.intervals]
    assert [float(row["g_zp excluded from"]) for row in rows[:4]] == ends
    assert {row["result"] for row in rows} == {"b-l", "loops"}
    assert "go together" in run("b-l.h5 --upper-limit g_zp", 2)
    assert "takes no --show" in run(f"b-l.h5 --upper-limit g_zp --against {MASS} --axes g_zp", 2)
    assert "given twice" in run(f"b-l.h5 b-l.h5 --upper-limit g_zp --against {MASS}", 2)
