"""Axes of numbers of the scan file: every result is that of single scans at their values."""

from __future__ import annotations

import pickle
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import scanengine
from scanengine.api import open_calibration
from scanengine.api.scan import Scan
from scanengine.chi2.evaluator import ScanEvaluator
from scanengine.errors import DefinitionError, InputError
from scanengine.grid.axes import FloatArray
from scanengine.response.recoils import Recoils
from scanengine.scan.conclusions import conclude
from scanengine.scan.grid_scan import GridScan, grid_profiles
from scanengine.scan.outer import Inside
from scanengine.store import write_calibration
from tests.scan_files import SOURCE, definition, experiment

MASS = "mediators.zp.mass_MeV"
RADIUS = "experiments.A.form_factor.rms_n_fm"
ZP = {"zp": {"kind": "vector", "charges": "B-L", "mass_MeV": 30.0}}
MASSES = {"min": 3.0, "max": 300.0, "points": 3, "spacing": "log"}
COUPLING = {"min": 0.0, "max": 4e-5, "points": 9}
NSI = {"min": -0.3, "max": 0.3, "points": 7}
HELM = {"kind": "helm", "rms_p_fm": 3.0, "rms_n_fm": 3.1}
COMMON = {"kind": "helm", "rms_fm": 3.1}


def scan(axes: dict[str, Any], **tables: Any) -> Scan:
    return Scan(definition(axes=axes, **{"mediators": ZP, **tables}))


def single(axes: dict[str, Any], at: dict[str, float], **tables: Any) -> Scan:
    """The same scan at values of numbers of the file, by changing these."""
    return Scan(definition(axes=axes, **{"mediators": ZP, **tables}).at(at))


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.max(np.abs(found - wanted) / (1.0 + np.abs(wanted))) < 1e-12


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_grid_is_that_of_single_scans_wherever_the_axis_stands(place: int) -> None:
    inner = {"g_zp": COUPLING, "eps_ee_uV": NSI}
    names = [*inner]
    names.insert(place, MASS)
    found = scan({name: MASSES if name == MASS else inner[name] for name in names}).run()
    assert [axis.name for axis in found.axes] == names
    for i, mass in enumerate(found.axes[place].values.tolist()):
        wanted = single(inner, {MASS: mass}).run()
        assert_same(np.take(found.chi2, i, axis=place), wanted.chi2)


QUENCHED = {"name": "quenching", "width": 1.0, "quenching": {"A": {"plus": 0.1, "minus": 0.08}}}
REAL = experiment(
    target="CsI",
    recoil_window_keV=None,
    form_factor={"Cs133": HELM | {"s_fm": 0.9}, "I127": HELM},
    statistic="poisson",
    backgrounds=[{"name": "flat", "spectrum": "constant", "per_kg_day_keV": 0.02}],
    channels={"all": ["nu_e", "nu_mu", "nu_mubar"]},
    response={
        "quenching": 0.09,
        "light_yield_PE_per_keVee": 13.0,
        "resolution": {"kind": "gamma", "shape_per_keVee": 9.5},
        "threshold_keVee": 0.6,
        "bins": [4.0, 10.0, 40.0],
    },
)
WITH_RESPONSE: dict[str, Any] = {
    "experiments": [REAL],
    "nuisances": [{"name": "flux", "width": 0.1, "signal": "all"}, QUENCHED],
}
STERILE: dict[str, Any] = {
    "source": {**SOURCE, "sterile": {"dm2_eV2": 1.0, "sin2_2theta_ee": 0.1}},
    "experiments": [experiment(form_factor=COMMON)],
}
OF_REAL = {
    "experiments.A.form_factor.Cs133.rms_n_fm": [4.6, 5.4],
    "experiments.A.form_factor.Cs133.s_fm": [0.8, 1.0],
    "experiments.A.response.quenching": [0.085, 0.095],
    "experiments.A.response.light_yield_PE_per_keVee": [12.0, 14.0],
    "experiments.A.response.threshold_keVee": [0.5, 0.7],
    "experiments.A.mass_kg": [50.0, 150.0],
    "experiments.A.live_time_yr": [0.5, 1.5],
    "experiments.A.distance_m": [19.0, 25.0],
    "experiments.A.backgrounds.flat.per_kg_day_keV": [0.01, 0.1],
    "nuisances.flux.width": [0.05, 0.2],
    "nuisances.quenching.quenching.A.plus": [0.095, 0.11],
    "source.flux_per_cm2_s": [1e6, 2e7],
    MASS: [3.0, 300.0],
}


@pytest.mark.parametrize(
    ("key", "values", "tables"),
    [
        (RADIUS, [2.8, 3.3], {"experiments": [experiment(form_factor=HELM)]}),
        ("experiments.A.form_factor.rms_fm", [2.8, 3.3], {"experiments": [experiment(form_factor=COMMON)]}),
        ("experiments.A.systematic", [0.0, 0.2], {}),
        ("physics.sin2_theta_w", [0.22, 0.24], {}),
        ("fixed.mu_nu", [0.0, 20.0], {"fixed": {"mu_nu": 1.0}}),
        ("fixed.mu_nu", [0.0, 20.0], {}),
        ("source.sterile.dm2_eV2", [0.3, 3.0], STERILE),
        ("source.sterile.sin2_2theta_ee", [0.0, 0.3], STERILE),
        *((key, values, WITH_RESPONSE) for key, values in OF_REAL.items()),
    ],
)
def test_any_number_of_the_file(key: str, values: list[float], tables: dict[str, Any]) -> None:
    """Also of what the file has no table of, as [physics] and [fixed] here."""
    found = scan({key: {"values": values}, "g_zp": COUPLING}, **tables).run()
    for i, value in enumerate(values):
        assert_same(found.chi2[i], single({"g_zp": COUPLING}, {key: value}, **tables).run().chi2)


INTEGRATED_ANEW = ("quenching", "light_yield", "threshold")


@pytest.mark.parametrize(("key", "values"), OF_REAL.items())
def test_what_does_not_depend_on_a_number_is_not_laid_out_again(
    key: str, values: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the response nor its variations, for masses, radii, exposures and fluxes."""
    made = scan({key: {"values": values}, "g_zp": COUPLING}, **WITH_RESPONSE)
    laid_out, of = [], Recoils.of

    def counted(*given: Any) -> Recoils:
        laid_out.append(given)
        return of(*given)

    monkeypatch.setattr(Recoils, "of", counted)
    first, second = (made.problem.inside.at([value]) for value in values)
    assert first.likelihood.varied
    number = len(laid_out)
    assert number > 0
    assert second.likelihood.varied
    assert (len(laid_out) > number) == any(word in key for word in INTEGRATED_ANEW)


def test_poisson_and_nuisances_at_each_value() -> None:
    nuisances = [{"name": "flux", "width": 0.1, "signal": ["A"]}]
    tables: dict[str, Any] = {"statistic": "poisson", "nuisances": nuisances}
    found = scan({MASS: MASSES, "g_zp": COUPLING}, **tables).run()
    for i, mass in enumerate(found.axes[0].values.tolist()):
        assert_same(found.chi2[i], single({"g_zp": COUPLING}, {MASS: mass}, **tables).run().chi2)


def test_outer_axes_alone() -> None:
    tables: dict[str, Any] = {"experiments": [experiment(form_factor=HELM)], "fixed": {"g_zp": 2e-5}}
    found = scan({MASS: MASSES, RADIUS: {"values": [2.8, 3.1, 3.4]}}, **tables).run()
    masses, radii = (axis.values.tolist() for axis in found.axes)
    for (i, mass), (j, radius) in product(enumerate(masses), enumerate(radii)):
        one = single({"eps_ee_uV": NSI}, {MASS: mass, RADIUS: radius}, **tables)
        assert found.chi2[i, j] == pytest.approx(one.chi2(eps_ee_uV=0.0), rel=1e-12, abs=1e-12)


def test_a_file_has_keys_for_names_and_is_resumed_and_verified(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    made = scan({MASS: MASSES, "g_zp": COUPLING, "eps_ee_uV": NSI})
    result = made.run(tmp_path / "out.h5")
    again = scanengine.open_result(tmp_path / "out.h5")
    assert again.best_fit == result.best_fit
    assert [axis.name for axis in again.axes] == [MASS, "g_zp", "eps_ee_uV"]
    assert_same(np.asarray(again.chi2[...]), np.asarray(made.run().chi2))
    with xarray.open_dataset(tmp_path / "out.h5", engine="h5netcdf") as opened:
        assert opened["chi2"].dims[0] == "mediators__zp__mass_MeV"
        assert opened["mediators__zp__mass_MeV"].attrs["long_name"] == MASS
    scanengine.verify(tmp_path / "out.h5")


def test_exact_profiles_are_nowhere_above_the_grid_and_those_of_single_scans_where_shown() -> None:
    axes = {MASS: MASSES, "g_zp": COUPLING, "eps_ee_uV": NSI}
    output = {"profile": "exact", "keep": "profiles"}
    found = scan(axes, output=output).run()
    grid = scan(axes, output={"keep": "profiles"}).run()
    of_mass = found.profile(MASS).chi2
    assert np.all(of_mass <= grid.profile(MASS).chi2 + 1e-9)
    for i, mass in enumerate(found.axes[0].values.tolist()):
        wanted = single({"g_zp": COUPLING, "eps_ee_uV": NSI}, {MASS: mass}, output=output).run()
        assert of_mass[i] == pytest.approx(wanted.minimum, abs=1e-9)
        line = found.profile(MASS, "g_zp").chi2[i]
        np.testing.assert_allclose(line, wanted.profile("g_zp").chi2, rtol=1e-9, atol=1e-9)


def test_a_hidden_outer_axis_is_minimised_over_between_its_values_too() -> None:
    """Counts in proportion to a hidden mass: eps is free where the mass can make up for it, at any value of it."""
    mass = "experiments.A.mass_kg"
    data = [experiment(mass_kg=100.0, channels={"all": ["nu_e"]}, data={"counts": [500.0]})]
    axes = {"eps_ee_uV": {"min": -0.05, "max": 0.0, "points": 5}, mass: {"values": [50.0, 90.0, 140.0, 200.0]}}
    found = scan(axes, experiments=data, output={"profile": "exact", "keep": "profiles"}).run()
    assert np.all(found.profile("eps_ee_uV").chi2 < 0.05)
    grid = scan(axes, experiments=data, output={"keep": "profiles"}).run()
    assert grid.profile("eps_ee_uV").chi2.max() > 1.0


def test_fit_is_no_higher_than_any_grid_point() -> None:
    axes = {MASS: MASSES, "g_zp": COUPLING}
    made = scan(axes, fixed={"eps_ee_uV": 0.03})
    best = made.fit()[0]
    assert best.chi2 <= made.run().minimum + 1e-9
    assert made.chi2(**best.place) == pytest.approx(best.chi2, abs=1e-8)
    assert list(best.place) == [MASS, "g_zp"]


def test_events_at_an_outer_value_are_those_of_the_changed_file() -> None:
    made = scan({MASS: MASSES, "g_zp": COUPLING})
    found = made.events(**{MASS: 10.0, "g_zp": 3e-5})
    wanted = single({"g_zp": COUPLING}, {MASS: 10.0}).events(g_zp=3e-5)
    assert [each.counts for each in found] == pytest.approx([each.counts for each in wanted], rel=1e-13)
    # without a value it stays as the file has it
    assert made.events(g_zp=3e-5)[0].counts == pytest.approx(
        single({"g_zp": COUPLING}, {MASS: 30.0}).events(g_zp=3e-5)[0].counts, rel=1e-13
    )


def test_an_evaluator_of_outer_axes_travels() -> None:
    made = scan({MASS: MASSES, "g_zp": COUPLING})
    there = pickle.loads(pickle.dumps(made.problem.evaluator))
    values = [axis.values for axis in made.definition.axes]
    here, arrived = np.empty((2, *made.shape))
    made.problem.evaluator.fill(values, here)
    there.fill(values, arrived)
    assert np.array_equal(here, arrived)


@pytest.mark.parametrize(
    ("axis", "sentence"),
    [
        ({MASS: {"min": -1.0, "max": 3.0, "points": 3}}, f"axes.{MASS} at -1: {MASS}: found -1.0"),
        ({"experiments.A.efficiency": {"min": 0.5, "max": 1.5, "points": 3}}, "at 1.5: experiments.A.efficiency"),
        ({"experiments.B.mass_kg": {"min": 1.0, "max": 3.0, "points": 3}}, 'there is no experiment "B"'),
        (
            {"experiments.A.target": {"min": 1.0, "max": 3.0, "points": 3}},
            'found "Ne20" there, an axis is over a number',
        ),
        (
            {"mediators.xp.mass_MeV": {"min": 1.0, "max": 3.0, "points": 3}},
            'axes."mediators.xp.mass_MeV": there is no mediator "xp", the nearest known one is zp',
        ),
        ({"output.keep": {"min": 1.0, "max": 3.0, "points": 3}}, '"output" has no numbers that can be an axis'),
        ({MASS: {"min": 1.0, "max": 3.0}}, f'axes."{MASS}": points missing'),
        ({"physics.sin2_theta_x": {"values": [0.2, 0.3]}}, "physics.sin2_theta_x: unknown key, the nearest known one"),
        ({"experiments.A.nuisance": {"values": [1.0, 2.0]}}, "experiments.A.nuisance: unknown key"),
        ({"experiments.0.mass_kg": {"values": [1.0, 2.0]}}, 'there is no experiment "0", known is A'),
        (
            {"experiments.A.recoil_window_keV.0": {"values": [1.0, 2.0]}},
            'found [10.0, inf] there, not a table that could have a key "0"',
        ),
        ({"nuisances.flux.width": {"values": [1.0, 2.0]}}, "there is no table nuisances in this file"),
    ],
)
def test_axes_that_cannot_be(axis: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        scan({**axis, "g_zp": COUPLING})
    assert sentence in str(raised.value)


@pytest.mark.parametrize("statistic", ["gaussian", "poisson"])
def test_exact_profiles_are_advised_where_there_are_any(statistic: str) -> None:
    """Of outer axes alone too: a file that asks for them where chi2 is no polynomial is refused."""
    made = scan({MASS: {"values": [1.0, 30.0, 90.0]}}, fixed={"g_zp": 3e-5}, statistic=statistic)
    found = conclude(made.problem, grid_profiles(made.problem, 1), 1)
    assert found.exact_possible == (statistic == "gaussian")


def test_a_source_with_a_fault_is_told_whatever_nuisances_vary() -> None:
    with pytest.raises(DefinitionError, match=r"axes.source.distance at 1: source.distance: unknown key"):
        scan({"source.distance": {"values": [1.0, 2.0]}, "g_zp": COUPLING}, **WITH_RESPONSE)


SEEN = {"data": {"counts": [3.0]}, "backgrounds": [{"name": "b", "counts": [2.0]}], "statistic": "poisson"}
COUNTING = experiment(mass_kg=1.0, channels={"all": ["nu_mu"]}, form_factor=HELM, **SEEN)


def critical_of_all_outcomes(expected: FloatArray, level: float) -> FloatArray:
    """The quantile of Delta chi2 among all points with the probability of every count, after Feldman and Cousins."""
    n = np.arange(200)
    chi2 = 2.0 * (expected[:, None] - n * np.log(expected)[:, None])
    delta = chi2 - chi2.min(axis=0)
    found = []
    for each, mean in zip(delta, expected, strict=True):
        order = np.argsort(each)
        share = np.cumsum(stats.poisson.pmf(n[order], mean))
        found.append(each[order][np.searchsorted(share, level)])
    return np.array(found)


def expected_counts(made: Scan) -> FloatArray:
    """Signal and background at each point of the axes, in C order."""
    names = [axis.name for axis in made.definition.axes]
    points = product(*(axis.values.tolist() for axis in made.definition.axes))
    at = [made.events(**dict(zip(names, point, strict=True))) for point in points]
    return np.array([2.0 + sum(each.counts for each in events) for events in at])


@pytest.mark.parametrize("axes", [{MASS: MASSES, "g_zp": COUPLING}, {RADIUS: {"min": 2.5, "max": 8.5, "points": 13}}])
def test_a_calibration_is_that_of_all_outcomes_at_all_points(axes: dict[str, Any], tmp_path: Path) -> None:
    made = scan(axes, experiments=[COUNTING])
    found = made.calibrate(0.90)
    assert found.is_exact
    expected = expected_counts(made)
    np.testing.assert_allclose(found.critical[0].ravel(), critical_of_all_outcomes(expected, 0.90), atol=1e-9)
    own = 2.0 * (expected - 3.0 * np.log(expected))
    np.testing.assert_allclose(found.delta_chi2.ravel(), own - own.min(), atol=1e-9)
    again = open_calibration(write_calibration(tmp_path / "found.h5", found))
    assert [axis.name for axis in again.axes] == [*axes]
    if len(axes) == 1:
        (low, high), *_ = again.intervals(0.90)
        # the end of an interval is searched between the values of the axis
        assert not {low, high} & set(again.axes[0].values.tolist())


def test_pseudo_experiments_over_an_outer_axis_approach_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scan({MASS: MASSES, "g_zp": COUPLING | {"points": 4}}, experiments=[COUNTING])
    exact = made.calibrate(0.90)
    monkeypatch.setattr("scanengine.inference.outcomes.MOST_OUTCOMES", 0)
    drawn = made.calibrate(0.90, pseudo_experiments=4000, seed=4)
    assert not drawn.is_exact
    assert drawn.p_values == pytest.approx(exact.p_values, abs=0.035)


@pytest.mark.parametrize(
    ("axes", "tables", "sentence"),
    [
        (
            {RADIUS: {"values": [2.8, 3.3]}},
            {"experiments": [experiment(form_factor=HELM)]},
            "the data are not the same at 3.3 as",
        ),
        (
            {"nuisances.b.width": {"values": [0.1, 0.2]}},
            {"experiments": [COUNTING], "nuisances": [{"name": "b", "width": 0.1, "background": ["A.b"]}]},
            "what is known of the nuisances is not the same at 0.2 as",
        ),
    ],
)
def test_pseudo_experiments_are_not_compared_with_other_data(
    axes: dict[str, Any], tables: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        scan({**axes, "eps_ee_uV": NSI}, **tables).calibrate()


@pytest.mark.parametrize("place", [0, 2])
def test_skipping_leaves_out_what_no_outer_value_has(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.driver.skipping._TILE_POINTS", (64, 64))
    names = ["g_zp", "eps_ee_uV"]
    names.insert(place, MASS)
    tables = {MASS: MASSES, "g_zp": COUPLING | {"points": 41}, "eps_ee_uV": NSI | {"points": 81}}
    axes = {name: tables[name] for name in names}
    made = scan(axes, output={"keep": "profiles", "delta_chi2_max": 9.0})
    assert GridScan(made.problem).tiles.points < np.prod(made.shape)
    some, whole = made.run(), scan(axes, output={"keep": "profiles"}).run()
    assert some.minimum == pytest.approx(whole.minimum, abs=1e-12)
    for pair in (("g_zp", "eps_ee_uV"), (MASS, "g_zp")):
        found, wanted = some.profile(*pair).chi2, whole.profile(*pair).chi2
        near = wanted <= whole.minimum + 9.0
        assert_same(found[near], wanted[near])
        assert np.all(np.isinf(found[~near]))


def test_profiles_are_proven_at_the_outer_values() -> None:
    axes = {MASS: MASSES, "g_zp": COUPLING, "eps_ee_uV": NSI | {"points": 5}}
    found = scan(axes, output={"profile": "proven", "keep": "profiles", "confidence_levels": [90.0]}).run()
    assert found.status == "proven"
    decided = found.decided(0.90)
    assert {each.names for each in decided if len(each.names) == 2} == set(found.planes)
    assert [each.undecided for each in decided] == [0] * len(decided)
    masses = found.axes[0].values.tolist()
    dense = np.linspace(-0.3, 0.3, 61).tolist()
    inside = [single({"g_zp": COUPLING, "eps_ee_uV": NSI}, {MASS: mass}) for mass in masses]
    at = found.profile("g_zp").axes[0].values[::20]
    chi2 = np.array([[[s.chi2(g_zp=g, eps_ee_uV=x) for x in dense] for g in at] for s in inside])
    rounding = 1e-9 * (1.0 + chi2)
    assert np.all(found.lower_bound("g_zp")[::20] <= (chi2 + rounding).min(axis=(0, 2)))
    assert np.all(found.lower_bound(MASS, "g_zp")[:, ::20] <= (chi2 + rounding).min(axis=2))
    assert np.all(found.lower_bound(MASS) <= (chi2 + rounding).min(axis=(1, 2)))


def test_an_estimate_knows_that_each_outer_value_is_integrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of ten masses is at least ten times that of what fills the grid at one."""
    slow = 0.02
    found = Inside.evaluator_at

    def slowed(self: Inside, values: list[float]) -> ScanEvaluator:
        time.sleep(slow)
        return found(self, values)

    monkeypatch.setattr(Inside, "evaluator_at", slowed)
    made = scan({MASS: MASSES | {"points": 10}, "g_zp": COUPLING})
    assert 10 * slow < made.estimate(1).seconds < 3.0
