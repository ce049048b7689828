"""Sums over all outcomes of counts: Feldman and Cousins' published intervals, exact coverage, and ties."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import xlogy

from scanengine.api import Scan, open_calibration
from scanengine.cli import calibrate as command
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.calibration import Calibration
from scanengine.inference.contours import region
from scanengine.inference.expectations import OfOneLikelihood
from scanengine.inference.feldman_cousins import _quantiles, calibrate
from scanengine.inference.levels import delta_chi2
from scanengine.inference.outcomes import Outcomes
from scanengine.likelihood.profiled import Likelihood
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

MASS_KG = 139.67383042
"""Of hydrogen, with which mu_nu^2 is the number of events at 20 m in a year; sin2_theta_w = 1/4 leaves no others."""

NO_BACKGROUND = 1e-12
"""In place of zero: a bin in which the Standard Model expects nothing is left out."""

LEVELS = (0.6827, 0.90, 0.95)
MOMENT = {"min": 0.0, "max": 6.0, "points": 121}


def squared_moment(seen: float, background: float, axis: Any = MOMENT, name: str = "mu_nu", **keys: Any) -> Scan:
    """A count with the mean mu_nu^2 + background."""
    table = experiment(
        target="H1",
        mass_kg=MASS_KG,
        channels={"a": ["nu_e", "nu_mu", "nu_mubar"]},
        backgrounds=[{"name": "b", "counts": [background]}],
        data={"counts": [seen]},
        statistic="poisson",
    )
    return Scan(definition([table], axes={name: axis}, physics={"sin2_theta_w": 0.25}, **keys))


def intervals_of_the_mean(found: Calibration, level: float) -> list[tuple[float, float]]:
    return [
        (0.0 if low is None else low**2, np.inf if high is None else high**2) for low, high in found.intervals(level)
    ]


@cache
def belt(background: float, points: int = 121) -> list[Calibration]:
    """The calibrations of 0, 1, 2, ... counts."""
    scan = squared_moment(1.0, background, MOMENT | {"points": points})
    likelihood = scan.likelihood
    assert isinstance(likelihood, Likelihood)
    data = (likelihood.with_data(np.array([float(n)])) for n in range(46))
    expected = (OfOneLikelihood(each, scan.definition.parameters) for each in data)
    return [calibrate(each, scan.definition.axes, LEVELS, 1, 1) for each in expected]


PUBLISHED = {
    NO_BACKGROUND: [
        *((0.00, 2.44), (0.11, 4.36), (0.53, 5.91), (1.10, 7.42), (1.47, 8.60), (1.84, 9.99), (2.21, 11.47)),
        *((3.56, 12.53), (3.96, 13.99), (4.36, 15.30), (5.50, 16.50)),
    ],
    3.0: [
        *((0.00, 1.08), (0.00, 1.88), (0.00, 3.04), (0.00, 4.42), (0.00, 5.60), (0.00, 6.99), (0.15, 8.47)),
        *((0.89, 9.53), (1.51, 10.99), (1.88, 12.30), (2.63, 13.50)),
    ],
}
"""90% C.L. intervals of a Poisson mean on a background, for 0 to 10 counts: Feldman and Cousins, Phys. Rev. D 57, 3873
(1998), arXiv:physics/9711021, table IV.
"""


@pytest.mark.parametrize("background", PUBLISHED)
def test_the_intervals_that_feldman_and_cousins_published(background: float) -> None:
    """Their means are multiples of 0.005 and rounded to 0.01. Where the upper end does not fall with the background as
    it ought to, they lengthen the interval (section IV.B): without, no count on 3.0 gives 0.953 in place of 1.08.
    """
    for n, published in enumerate(PUBLISHED[background]):
        (found,) = intervals_of_the_mean(belt(background)[n], 0.90)
        expected = (0.0, 0.953) if (n, background) == (0, 3.0) else published
        assert found == pytest.approx(expected, abs=0.0075)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("background", "points"),
    [*(pytest.param(each, 121, marks=pytest.mark.slow) for each in PUBLISHED), (0.5, 41), (6.2, 41)],
)
def test_coverage_is_nowhere_below_the_level(background: float, level: float, points: int) -> None:
    """Of all means from 0 to 15, on the grid's points and between, and at the ends of the intervals themselves."""
    every = [intervals_of_the_mean(found, level) for found in belt(background, points)]
    ends = np.array([end for pieces in every for piece in pieces for end in piece])
    ends = ends[ends < 15.0]
    means = np.concatenate((np.linspace(0.0, 15.0, 6001), ends * (1.0 - 1e-6), ends * (1.0 + 1e-6)))
    covered = np.zeros(means.size)
    for n, pieces in enumerate(every):
        inside = np.any([(low <= means) & (means <= high) for low, high in pieces], axis=0)
        covered += stats.poisson.pmf(n, means + background) * inside
    assert covered.min() >= level - 1e-6


def naive_sums(
    means: FloatArray, every: FloatArray, levels: Sequence[float]
) -> tuple[list[float], FloatArray, FloatArray]:
    """Critical values (levels,), and Delta chi2 and the probability (outcomes,) of each outcome, one by one, where so
    much is expected (counts,) among all points (points, counts).
    """
    numbers = [range(int(mean + 8.0 * np.sqrt(mean) + 10.0)) for mean in means]
    outcomes = np.array(list(product(*numbers)), dtype=np.float64)
    chi2 = 2.0 * (every.sum(axis=1) - xlogy(outcomes[:, None], every).sum(axis=-1))
    own = 2.0 * (means.sum() - xlogy(outcomes, means).sum(axis=-1))
    delta: FloatArray = own - np.minimum(chi2.min(axis=1), own)
    probability: FloatArray = np.prod(stats.poisson.pmf(outcomes, means), axis=1)
    critical = []
    for level in levels:
        accepted = 0.0
        for place in np.argsort(delta):
            accepted += probability[place]
            if accepted >= level:
                critical.append(float(delta[place]))
                break
    return critical, delta, probability


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_a_few_counts_are_summed_as_one_by_one(seed: int, number: int, is_split: bool) -> None:
    """Also with one count split in two of the same proportion everywhere, and one that is the same everywhere."""
    random = np.random.default_rng(seed)
    counts = random.uniform(0.0, 2.0, (6, number)) * (random.random((6, number)) < 0.9)
    counts[0] += 0.5
    data = random.poisson(counts[0]).astype(np.float64)
    given_counts, given_data = counts, data
    if is_split:
        share = np.floor(random.random() * (data[0] + 1.0))
        given_counts = np.column_stack((0.3 * counts[:, 0], np.full(6, 2.5), 0.7 * counts[:, 0], counts[:, 1:]))
        given_data = np.concatenate(([share, 4.0, data[0] - share], data[1:]))
    ends = np.array([True, False, False, False, False, True])
    outcomes = Outcomes.of(given_counts, given_data, ends)
    assert outcomes is not None
    observed = 2.0 * (counts.sum(axis=1) - np.sum(xlogy(data, counts), axis=1))
    for place in range(6):
        found = outcomes.sums(given_counts[place], LEVELS)
        critical, delta, probability = naive_sums(counts[place], counts, LEVELS)
        np.testing.assert_allclose(found.critical, critical, rtol=1e-6, atol=1e-6)
        above = observed[place] - observed.min()
        p_value = probability[delta >= above - 1e-7 * (1.0 + above)].sum() if np.isfinite(above) else 0.0
        assert found.p_value == pytest.approx(p_value, abs=1e-9)
        assert outcomes.probability_below(given_counts[place]) == pytest.approx(1.0 - p_value, abs=1e-9)


def test_where_nothing_is_expected_nothing_is_seen() -> None:
    outcomes = Outcomes.of(np.array([[0.0], [1.0], [2.0]]), np.array([1.0]), np.zeros(3, dtype=np.bool_))
    assert outcomes is not None
    sums = outcomes.sums(np.array([0.0]), [0.9])
    assert (sums.critical[0], sums.p_value) == (0.0, 0.0)


def test_too_many_outcomes_are_not_summed() -> None:
    none = np.zeros(2, dtype=np.bool_)
    grow = np.array([[1.0], [2.0]])
    assert Outcomes.of(grow * 1e4, np.array([1.0]), none) is not None
    assert Outcomes.of(grow * 1e6, np.array([1.0]), none) is None
    separate = np.array([np.ones(7), np.linspace(1.0, 2.0, 7)])
    assert Outcomes.of(separate, np.ones(7), none) is None
    together = np.outer([1.0, 2.0], np.ones(1000))
    assert Outcomes.of(together, np.ones(1000), none) is not None


def test_one_count_in_many_bins_of_the_same_shape_is_one_count() -> None:
    """Without a background bins of recoil energy are known to have their shape from the one parameter: the sum is all
    that counts, and how it came about is not.
    """
    edges = [0.5, 1.0, 2.0, 4.0, 8.0]
    found = []
    for bins, seen in ((edges, [2, 0, 1, 1]), ([0.5, 8.0], [4])):
        table = experiment(
            target="H1",
            mass_kg=400.0,
            recoil_window_keV=None,
            channels={"a": ["nu_mu"]},
            backgrounds=[{"name": "b", "counts": [NO_BACKGROUND] * len(seen)}],
            recoil_bins_keV=bins,
            data={"counts": seen},
            statistic="poisson",
        )
        axes = {"mu_nu": {"min": 0.0, "max": 6.0, "points": 61}}
        found.append(Scan(definition([table], axes=axes, physics={"sin2_theta_w": 0.25})).calibrate(0.9))
    assert found[0].is_exact
    np.testing.assert_allclose(found[0].critical, found[1].critical, rtol=1e-6, atol=1e-6)
    assert found[0].intervals(0.9)[0] == pytest.approx(found[1].intervals(0.9)[0], rel=1e-6)


def sampled(monkeypatch: pytest.MonkeyPatch, scan: Scan, number: int) -> Calibration:
    monkeypatch.setattr("scanengine.inference.outcomes.MOST_OUTCOMES", 0)
    return scan.calibrate(0.90, pseudo_experiments=number, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("seen", [0.0, 3.0, 6.0, 8.0])
def test_pseudo_experiments_of_counts_that_tie_allow_the_same(seen: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count as high as the data's is allowed with it, however rounding goes: one interval, to a step of the axis."""
    scan = squared_moment(seen, 3.0, {"min": 0.0, "max": 5.0, "points": 101})
    exact = scan.calibrate(0.90)
    found = sampled(monkeypatch, scan, 20_000)
    assert not found.is_exact
    ((low, high),) = found.intervals(0.90)
    ((least, most),) = exact.intervals(0.90)
    assert (low is None) == (least is None)
    assert (low or 0.0) == pytest.approx(least or 0.0, abs=0.1)
    assert high == pytest.approx(most, abs=0.1)
    assert found.p_values == pytest.approx(exact.p_values, abs=0.015)
    assert found.at_open_ends == pytest.approx(exact.at_open_ends, abs=0.015)
    # a critical value is off by a whole step of the outcomes or not at all, and its error knows
    off = np.abs(found.critical - exact.critical)
    assert np.mean(off <= found.errors + 1e-9) > 0.9
    assert np.any(found.errors == 0.0)


def test_an_error_of_separate_values_is_a_whole_step() -> None:
    drawn = np.repeat([0.0, 1.0, 5.0], [500, 400, 100])
    quantiles, errors = _quantiles(drawn, [0.3, 0.5, 0.7, 0.9])
    assert quantiles == [0.0, 0.0, 1.0, 1.0]
    assert errors == [0.0, 1.0, 0.0, 4.0]


def test_a_quantile_is_not_exceeded_by_the_level() -> None:
    for n in (10, 19, 20, 1000):
        for level in (0.5, 0.9, 0.95):
            ((quantile,), _) = _quantiles(np.arange(1.0, n + 1.0), [level])
            assert np.mean(np.arange(1.0, n + 1.0) <= quantile) >= level - 1e-12
            assert np.mean(np.arange(1.0, n + 1.0) < quantile) < level


@pytest.mark.parametrize("level", LEVELS)
def test_points_whose_critical_values_an_end_of_the_axis_lowers_are_known(level: float) -> None:
    """Against an axis that is longer: 1.449 in place of 2.971 for a mean of 16 at the end of the axis."""
    short, long = (
        squared_moment(3.0, 3.0, {"min": 0.0, "max": top, "points": points}).calibrate(LEVELS)
        for top, points in ((4.0, 81), (8.0, 161))
    )
    right = long.of(level)[:81]
    off = np.abs(short.of(level) - right)
    if level == 0.90:
        assert right[-1] == pytest.approx(2.971, abs=0.02)
        assert short.of(level)[-1] == pytest.approx(1.449, abs=0.02)
    assert np.all(short.cut_short(level)[off > 0.3])
    assert not np.any(short.cut_short(level)[:40])
    assert short.cut_short(level)[-1]
    assert short.intervals(level) == long.intervals(level)


def test_an_axis_that_ends_where_the_parameter_does_is_not_cut() -> None:
    """A magnetic moment, also by another name and on an axis with equal ratios, has nothing beyond zero."""
    for name, axis, tied in (
        ("mu_nu", {"min": 0.0, "max": 6.0, "points": 31}, {}),
        ("m", {"min": 0.5, "max": 3.5, "points": 31}, {"mu_nu": {"m": 2.0, "constant": -1.0}}),
        ("mu_nu", {"min": 1e-3, "max": 6.0, "points": 31, "spacing": "log"}, {}),
    ):
        found = squared_moment(2.0, 3.0, axis, name, tied=tied).calibrate(0.9)
        assert found.at_open_ends is not None
        assert found.at_open_ends[0] < 1e-6
        assert found.at_open_ends[-1] > 0.3
    found = squared_moment(2.0, 3.0, {"min": 0.5, "max": 6.0, "points": 31}).calibrate(0.9)
    assert found.at_open_ends is not None
    assert found.at_open_ends[0] > 0.3


def test_a_region_of_few_counts_is_where_they_are_allowed() -> None:
    """Two counts and two parameters: critical values jump from point to point, and the border lies between points."""
    made = [
        experiment(
            name=flavour,
            target="H1",
            mass_kg=3.0 * MASS_KG,
            channels={"a": [flavour]},
            backgrounds=[{"name": "b", "counts": [1.0]}],
            data={"counts": [seen]},
            statistic="poisson",
        )
        for flavour, seen in (("nu_e", 2), ("nu_mu", 7))
    ]
    axes = {name: {"min": 0.0, "max": 4.0, "points": 21} for name in ("mu_nu_e", "mu_nu_mu")}
    found = Scan(definition(made, axes=axes, physics={"sin2_theta_w": 0.25})).calibrate(0.90)
    assert found.is_exact
    height = delta_chi2(0.90, 2)
    drawn = found.scaled(0.90, height)
    np.testing.assert_array_equal(drawn.chi2 <= height, found.excess(0.90) <= 0.0)
    step = 0.2
    area = region(drawn, 0.90, 2).area
    assert (found.inside(0.90) - 30) * step**2 < area < (found.inside(0.90) + 30) * step**2


def test_a_tie_with_the_critical_value_is_inside_a_region_of_pseudo_experiments() -> None:
    axes = tuple(Axis(name, np.arange(5.0)) for name in ("x", "y"))
    delta = np.full((5, 5), 2.0)
    delta[0] = 9.0
    critical = np.full((1, 5, 5), 2.0 * (1.0 - 1e-9))
    found = Calibration(axes, delta, (0.9,), critical, 0.0 * critical, 100, 1)
    assert found.inside(0.9) == 20
    assert np.sum(found.scaled(0.9, 4.605).chi2 <= 4.605) == 20


def test_the_command_says_what_was_summed_and_where_the_axis_is_too_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = squared_moment(3.0, 3.0, {"min": 0.0, "max": 2.2, "points": 23}).calibrate((0.6827, 0.9))
    command.show(found)
    printed = capsys.readouterr()
    assert "allowed, by all outcomes at each of 23 values, summed exactly:" in printed.out
    assert "+-" not in printed.out
    assert "warning: 90% C.L.: best fits lie at the end of an axis that is not a bound of the parameter" in printed.err
    assert "to 2.2 (" in printed.err
    command.write(found, tmp_path / "c.json", overwrite=False)
    command.write(found, tmp_path / "c.h5", overwrite=False)
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["method"] == "all outcomes"
    again = open_calibration(tmp_path / "c.h5")
    capsys.readouterr()
    command.show(again)
    assert capsys.readouterr() == printed
    assert again.exact_intervals == found.exact_intervals
    assert np.array_equal(again.p_values, found.p_values)  # type: ignore[arg-type]
