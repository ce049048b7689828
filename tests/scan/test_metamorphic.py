"""What no change of a scan file may change, over random ones: bins that are split, masses, isotopes, fixed and tied
parameters, order and names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanengine.api import Scan
from scanengine.inputs.nuclei import target
from scanengine.response import integrals as response
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])

FLAVOURS = ["nu_e", "nu_mu", "nu_mubar"]
TARGETS = ["Ne20", "Ar40", "CsI", "Ge"]
PARAMETERS = ["eps_ee_uV", "eps_ee_dV", "eps_mm_uV", "eps_et_dV", "mu_nu", "r2_nu_mu", "sin2_theta_w"]
SIZES = {"eps": 0.7, "mu": 15.0, "r2": 5.0}
PULSE = {"kind": "gaussian", "mean_us": 0.44, "width_us": 0.15}
ALL_TIMES_US = [-2.0, 5e3]


@pytest.fixture(autouse=True, scope="module")
def _compiled_integrals() -> Iterator[None]:
    """However few: a random file then takes milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response, "INTERPRETED_PANELS", -1)
        yield


def floats(lo: float, hi: float) -> st.SearchStrategy[float]:
    return st.floats(lo, hi, allow_nan=False)


def edges(lo: float, hi: float, most: int) -> st.SearchStrategy[list[float]]:
    """Two edges or more between lo and hi, a hundredth of that apart."""
    steps = st.lists(st.integers(0, 100), min_size=2, max_size=most, unique=True)
    return steps.map(lambda chosen: [lo + 0.01 * (hi - lo) * step for step in sorted(chosen)])


EFFICIENCIES = st.one_of(
    floats(0.1, 1.0),
    st.just({"recoil_keV": [0.0, 8.0, 11.5, 40.0], "values": [0.1, 0.2, 0.9, 0.7]}),
)
PHYSICS = st.fixed_dictionaries(
    {
        "couplings": st.sampled_from(["tree", "pdg2012"]),
        "kinematics": st.sampled_from(["leading", "full"]),
        "magnetic_moment": st.sampled_from(["leading", "full"]),
        "magnetic_form_factor": st.booleans(),
    }
)


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """A detector that quenches, and may scatter, with bins of what it reconstructs."""
    kind = draw(st.sampled_from(["none", "gaussian", "poisson"]))
    table: dict[str, Any] = {
        "quenching": draw(st.one_of(floats(0.1, 0.5), st.just({"kind": "lindhard", "k": 0.157}))),
        "bins": draw(edges(1.0, 12.0, 4)),
        "recoil_threshold_keV": draw(st.sampled_from([0.5, 5.0])),
    }
    if kind == "poisson":
        table["bins"] = sorted(draw(st.lists(st.integers(1, 30), min_size=2, max_size=4, unique=True)))
        table["light_yield_PE_per_keVee"] = draw(floats(2.0, 5.0))
    return {**table, "resolution": {"kind": kind, "a": 0.3, "b": 0.5} if kind == "gaussian" else {"kind": kind}}


@st.composite
def detectors(draw: st.DrawFn, name: str = "A", timed: bool | None = None) -> dict[str, Any]:
    """An experiment of any kind; with bins of time or without, or as it comes."""
    split = draw(st.integers(0, 2))
    flavours = draw(st.permutations(FLAVOURS))
    channels = {"first": flavours[:split], "second": flavours[split:]} if split else {"all": flavours}
    window: dict[str, Any]
    if draw(st.booleans()):
        window = {"recoil_window_keV": None, "response": draw(responses())}
    elif draw(st.booleans()):
        window = {"recoil_window_keV": [draw(floats(1.0, 20.0)), draw(st.sampled_from([25.0, 1000.0, inf]))]}
    else:
        window = {"recoil_window_keV": None, "recoil_bins_keV": draw(edges(2.0, 30.0, 5))}
    time = {"bins_us": draw(edges(0.0, 8.0, 4)), "prompt": PULSE, "delayed": PULSE}
    return experiment(
        name=name,
        target=draw(st.sampled_from(TARGETS)),
        mass_kg=10.0 ** draw(floats(0.0, 3.0)),
        live_time_yr=draw(floats(0.1, 5.0)),
        distance_m=draw(floats(10.0, 40.0)),
        efficiency=draw(EFFICIENCIES),
        form_factor=draw(st.sampled_from(["helm", "klein-nystrand", {"kind": "helm", "rms_fm": 3.5}])),
        channels=channels,
        systematic=draw(st.sampled_from([0.0, 0.05, 0.3])),
        time=time if (draw(st.booleans()) if timed is None else timed) else None,
        **window,
    )


@st.composite
def points(draw: st.DrawFn, names: Sequence[str] = PARAMETERS) -> dict[str, float]:
    """Values of some parameters."""
    chosen = draw(st.lists(st.sampled_from(list(names)), min_size=1, max_size=3, unique=True))
    return {name: value_of(name, draw(floats(-1.0, 1.0))) for name in chosen}


def value_of(name: str, unit: float) -> float:
    if name == "sin2_theta_w":
        return 0.25 + 0.1 * unit
    return abs(unit) * 15.0 if name == "mu_nu" else unit * SIZES[name.split("_", maxsplit=1)[0]]


def counts(table: Mapping[str, Any], physics: Mapping[str, Any], at: Mapping[str, float]) -> dict[str, FloatArray]:
    """Counts (energies, times) of each flavour, in one bin of time if there are none."""
    scan = Scan(definition([table], fixed=at, physics=physics))
    theta = scan.problem.theta()
    return {found.flavour: found.counts(theta).reshape(found.binning.shape[0], -1) for found in scan.responses}


def assert_same(found: Mapping[str, FloatArray], wanted: Mapping[str, FloatArray], rtol: float = 1e-9) -> None:
    """The same counts, but for what is less than rounding beside a flavour's others."""
    assert found.keys() == wanted.keys()
    for flavour, expected in wanted.items():
        np.testing.assert_allclose(found[flavour], expected, rtol=rtol, atol=1e-9 * rtol + 1e-12 * expected.max())


def rebinned(table: Mapping[str, Any], keep: Sequence[bool]) -> tuple[dict[str, Any], list[int]]:
    """A detector with fewer edges in energy, the first and the last among them, and where its bins begin."""
    where = "response" if table.get("response") else "recoil_bins_keV"
    given = table["response"]["bins"] if where == "response" else table[where]
    kept = [i for i in range(len(given)) if i in {0, len(given) - 1} or keep[i]]
    fewer = [given[i] for i in kept]
    return {**table, where: {**table["response"], "bins": fewer} if where == "response" else fewer}, kept[:-1]


def has_bins(table: Mapping[str, Any]) -> bool:
    return "response" in table or "recoil_bins_keV" in table


@given(detectors(timed=True), PHYSICS, points())
@few
def test_bins_of_all_times_summed_are_no_bins_of_time(
    table: dict[str, Any], physics: dict[str, Any], at: dict[str, float]
) -> None:
    first, last = ALL_TIMES_US
    every = {**table["time"], "bins_us": [first, *table["time"]["bins_us"], last]}
    summed = {f: n.sum(axis=1, keepdims=True) for f, n in counts({**table, "time": every}, physics, at).items()}
    without = {name: value for name, value in table.items() if name != "time"}
    assert_same(summed, counts(without, physics, at))


@given(detectors().filter(has_bins), PHYSICS, points(), st.lists(st.booleans(), min_size=5, max_size=5))
@few
def test_finer_bins_sum_to_coarser_ones(
    table: dict[str, Any], physics: dict[str, Any], at: dict[str, float], keep: list[bool]
) -> None:
    coarse, begins = rebinned(table, keep)
    times = [0]
    if "time" in table:
        given_us = table["time"]["bins_us"]
        coarse["time"] = {**table["time"], "bins_us": [given_us[0], *given_us[2:]] if len(given_us) > 2 else given_us}
        times = [0, *range(2, len(given_us) - 1)]
    fine = counts(table, physics, at)
    summed = {f: np.add.reduceat(np.add.reduceat(n, begins, axis=0), times, axis=1) for f, n in fine.items()}
    assert_same(summed, counts(coarse, physics, at))


@given(detectors(), PHYSICS, points(), floats(0.1, 10.0))
@few
def test_counts_go_with_mass_and_time_and_one_over_distance_squared(
    table: dict[str, Any], physics: dict[str, Any], at: dict[str, float], factor: float
) -> None:
    wanted = {flavour: 0.5 * n for flavour, n in counts(table, physics, at).items()}
    assert_same(counts({**table, "mass_kg": 0.5 * table["mass_kg"]}, physics, at), wanted, rtol=1e-13)
    other = {
        "mass_kg": factor * table["mass_kg"],
        "live_time_yr": 2.0 * factor * table["live_time_yr"],
        "distance_m": 2.0 * factor * table["distance_m"],
    }
    assert_same(counts({**table, **other}, physics, at), wanted, rtol=1e-13)


@given(detectors(), PHYSICS, points(), st.sampled_from(["Ne", "Ge", "CaWO4", "CsI"]))
@few
def test_elements_and_compounds_are_their_isotopes(
    table: dict[str, Any], physics: dict[str, Any], at: dict[str, float], name: str
) -> None:
    material = target(name)
    total: dict[str, FloatArray] = {}
    for isotope, atoms_per_kg in zip(material.isotopes, material.atoms_per_kg, strict=True):
        alone = target(f"{isotope.symbol}[{isotope.A}]")
        mass_kg = table["mass_kg"] * atoms_per_kg / alone.atoms_per_kg[0]
        part = counts({**table, "target": alone.name, "mass_kg": mass_kg}, physics, at)
        total = {flavour: total.get(flavour, 0.0) + n for flavour, n in part.items()}
    assert_same(counts({**table, "target": name}, physics, at), total, rtol=1e-8)


@st.composite
def scans(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of a definition with one experiment or two, a statistic, and perhaps a nuisance."""
    tables = [draw(detectors(name)) for name in ("A", "B")[: draw(st.integers(1, 2))]]
    statistic = draw(st.sampled_from(["gaussian", "poisson"]))
    if statistic == "poisson":
        tables = [{**table, "systematic": 0.0} for table in tables]
    known = {"name": "flux", "width": draw(floats(0.02, 0.3)), "signal": draw(st.sampled_from(["all", ["A"]]))}
    return {
        "experiments": tables,
        "statistic": statistic,
        "nuisances": [known] if draw(st.booleans()) else [],
        "physics": draw(PHYSICS),
    }


def axis(name: str, units: tuple[float, float], number: int) -> dict[str, Any]:
    lo, hi = sorted(value_of(name, unit) for unit in units)
    return {"min": lo, "max": max(hi, lo + 0.1 * abs(lo) + 0.05), "points": number}


@st.composite
def axes(draw: st.DrawFn, number: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(PARAMETERS), min_size=number, max_size=number, unique=True))
    units = st.tuples(floats(-1.0, 1.0), floats(-1.0, 1.0))
    return {name: axis(name, draw(units), n) for name, n in zip(names, (3, 4, 5), strict=False)}


def grid_of(tables: Mapping[str, Any], **more: Any) -> FloatArray:
    """The chi2 of a scan on its grid."""
    found = Scan(definition(**{**tables, **more})).run(threads=1)
    return np.array(found.chi2)


def assert_same_chi2(found: FloatArray, wanted: FloatArray) -> None:
    finite = np.isfinite(wanted)
    assert np.array_equal(np.isfinite(found), finite)
    assert np.all(np.abs(found - wanted)[finite] <= 1e-9 * (1.0 + wanted[finite]))


@given(scans(), axes(3), st.integers(0, 2))
@few
def test_fixed_is_a_slice(tables: dict[str, Any], chosen: dict[str, Any], which: int) -> None:
    name = list(chosen)[which]
    grid = grid_of(tables, axes=chosen)
    values = np.linspace(chosen[name]["min"], chosen[name]["max"], chosen[name]["points"])
    others = {other: chosen[other] for other in chosen if other != name}
    for i in (0, values.size - 1):
        assert_same_chi2(grid_of(tables, axes=others, fixed={name: values[i]}), np.asarray(grid.take(i, which)))


@given(scans(), axes(3), floats(-1.0, 1.0), floats(-0.2, 0.2))
@few
def test_tied_is_substituted(tables: dict[str, Any], chosen: dict[str, Any], slope: float, constant: float) -> None:
    *free, name = chosen
    others = {other: chosen[other] for other in free}
    # a magnetic moment is not negative
    slope, constant = (abs(slope), abs(constant)) if name == "mu_nu" else (slope, constant)
    constant = 0.25 if name == "sin2_theta_w" else constant
    slope = 0.1 * slope if name == "sin2_theta_w" else slope
    on = free[0]
    grid = grid_of(tables, axes=others, tied={name: {on: slope, "constant": constant}})
    for i, value in enumerate(np.linspace(chosen[on]["min"], chosen[on]["max"], chosen[on]["points"])):
        fixed = {on: float(value), name: float(slope * value + constant)}
        assert_same_chi2(grid_of(tables, axes={free[1]: chosen[free[1]]}, fixed=fixed), grid[i])


@given(scans(), axes(3), st.permutations(range(3)))
@few
def test_another_order_or_name_changes_nothing(
    tables: dict[str, Any], chosen: dict[str, Any], order: list[int]
) -> None:
    grid = grid_of(tables, axes=chosen)
    names = list(chosen)
    axes_in_order = {names[i]: chosen[names[i]] for i in order}
    renamed = {"A": "Zwei", "B": "eins 2"}
    experiments = [
        {
            **table,
            "name": renamed[table["name"]],
            "channels": {f"{name}'": flavours[::-1] for name, flavours in reversed(table["channels"].items())},
        }
        for table in reversed(tables["experiments"])
    ]
    nuisances = [
        {**known, "name": "another", "signal": known["signal"] if known["signal"] == "all" else ["Zwei"]}
        for known in tables["nuisances"]
    ]
    other = grid_of(tables, experiments=experiments, nuisances=nuisances, axes=axes_in_order)
    assert_same_chi2(other, grid.transpose(order))


@given(detectors().filter(has_bins), PHYSICS, points(), st.sampled_from(["gaussian", "poisson"]), st.data())
@few
def test_merged_bins_never_raise_chi2(
    table: dict[str, Any], physics: dict[str, Any], at: dict[str, float], statistic: str, data: st.DataObject
) -> None:
    table = {**table, "systematic": 0.0 if statistic == "poisson" else table["systematic"]}
    keep = data.draw(st.lists(st.booleans(), min_size=5, max_size=5))
    coarse, _ = rebinned(table, keep)
    if "time" in table:
        ends_us = [table["time"]["bins_us"][0], table["time"]["bins_us"][-1]]
        coarse["time"] = {**table["time"], "bins_us": ends_us}
    chi2 = []
    for each in (table, coarse):
        scan = Scan(definition([each], physics=physics, statistic=statistic, fixed=at))
        chi2.append(float(scan.likelihood.chi2(scan.problem.theta())))
    assert chi2[1] <= chi2[0] + 1e-9 * (1.0 + chi2[0])
