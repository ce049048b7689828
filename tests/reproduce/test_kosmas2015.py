"""Conventions that the tables of Kosmas et al. 2015 (K) follow, and how far other readings of it lead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from scanengine import Scan
from scanengine.definition import bundled_scans
from scanengine.inputs.bcs import nucleus, oscillator_length_fm
from scanengine.inputs.form_factors import OSCILLATOR, FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.reproduce import find_recipes
from tests.reproduce.exhibits import RECIPES, exhibit

pytestmark = pytest.mark.jit_only

(RECIPE,) = find_recipes(["kosmas2015/table5"])  # run once for all tests: its folder does not change meanwhile
K: Any = sys.modules[RECIPE.make.__module__.rpartition(".")[0] + ".paper"]
PAPER = RECIPE.paper


def moment_ratios(case: str, *overrides: str) -> list[float]:
    """Table V, ours over published."""
    return [
        K.moment_limit(case, target, row["flavour"], *overrides) / float(row[target])
        for row in PAPER.published("table5")
        if row["case"] == case
        for target in K.TARGETS
    ]


def angle_ratios(*overrides: str) -> list[float]:
    """Table III, realistic, ours over published, in the per cent that have more digits."""
    return [
        100.0 * K.delta_sin2("realistic", target, row["flavour"], *overrides) / K.SIN2_THETA_W / float(row[target])
        for row in PAPER.published("table3")
        if (row["case"], row["quantity"]) == ("realistic", "percent")
        for target in K.TARGETS
    ]


def test_every_moment_comes_out_within_three_per_mille() -> None:
    worst = max(abs(ratio - 1.0) for case in K.CASES for ratio in moment_ratios(case))
    assert worst == pytest.approx(0.00285, abs=2e-5)


def test_every_realistic_weak_mixing_angle_comes_out_within_seven_per_mille() -> None:
    assert max(abs(ratio - 1.0) for ratio in angle_ratios()) == pytest.approx(0.00689, abs=2e-5)


def test_every_delta_sin2_lies_within_1e_4_of_what_the_printed_per_cent_make_of_it() -> None:
    worst = max(
        abs(K.delta_sin2(row["case"], target, row["flavour"]) - float(row[target]) * 0.2312 / 100.0)
        for row in PAPER.published("table3")
        if row["quantity"] == "percent"
        for target in K.TARGETS
    )
    assert worst == pytest.approx(6.3e-5, abs=1e-6)


def test_table_iii_is_compared_once_for_every_entry() -> None:
    checks = exhibit("kosmas2015/table3").checks
    found = [check for check in checks if check.result.endswith(": δs²")]
    assert len(found) == 24
    assert found[0].published == "0.0110 (4.74%)"
    assert all(check.excess < 0.64 for check in found)
    assert sum(check.result.endswith("δs²/s²") for check in checks) == 12


def test_every_result_from_the_scans_says_what_they_have_in_common() -> None:
    """Table I is quoted."""
    for name in RECIPES:
        if name.startswith("kosmas2015/"):
            assert (K.READING_NOTE in exhibit(name).notes) == (name != "kosmas2015/table1")


def test_limits_are_compared_with_the_one_of_table_i() -> None:
    assert [(row["experiment"], row["limit"]) for row in PAPER.published("table1")] == [
        ("LSND", "6.8"),
        ("LAMPF", "10.8"),
        ("TEXONO", "0.74"),
        ("GEMMA", "0.29"),
    ]
    assert exhibit("kosmas2015/table1").checks == ()
    assert any("LSND, 6.8" in check.result for check in exhibit("kosmas2015/eq13-14").checks)


@pytest.mark.parametrize(
    ("overrides", "lowest", "highest"),
    [
        (lambda: K.literal("realistic"), 1.018, 1.083),
        (lambda: K.AT_46_M["realistic"], 1.000, 1.062),
        (lambda: K.EQUATION_2, 1.018, 1.022),
        (lambda: K.every_target("helm"), 1.002, 1.038),
        (lambda: ("source.line_energy_MeV=29.792",), 0.999, 1.002),
    ],
)
def test_what_other_readings_would_give(
    overrides: Callable[[], tuple[str, ...]], lowest: float, highest: float
) -> None:
    ratios = moment_ratios("realistic", *overrides())
    assert (min(ratios), max(ratios)) == pytest.approx((lowest, highest), abs=6e-4)


def test_the_couplings_of_equation_2_raise_the_expected_events() -> None:
    def events(*overrides: str) -> dict[str, float]:
        counted: dict[str, float] = {}
        for event in K.whole("fig01", "optimistic", overrides).events():
            counted[event.experiment] = counted.get(event.experiment, 0.0) + event.counts
        return counted

    tree, with_corrections = events(), events(*K.EQUATION_2)
    raised = [with_corrections[target] / tree[target] - 1.0 for target in K.TARGETS]
    assert (min(raised), max(raised)) == pytest.approx((0.074, 0.086), abs=1e-3)


def test_table_iv_needs_all_three_flavours() -> None:
    for row, target in product(PAPER.published("table4"), K.TARGETS):
        if row["quantity"] == "delta" and row["case"] == "realistic":
            three, two = (K.delta_sin2("realistic", target, flavours) for flavours in ("all", "comb"))
            assert three == pytest.approx(float(row[target]), abs=0.5e-4)
            assert two > 1.15 * float(row[target])


def test_filled_shells_without_pairing_fit_table_v_as_well() -> None:
    """The oscillator lengths and F_p != F_n are tested by the table, pairing is not."""

    def unpaired(isotope: Isotope) -> tuple[FormFactor, FormFactor]:
        state = nucleus(isotope)
        pair = []
        for species in (state.protons, state.neutrons):
            left, occupations = species.particles, []
            for level in sorted(species.levels, key=lambda level: level.energy_MeV):
                occupations.append((level, min(left, level.capacity) / level.capacity))
                left -= min(left, level.capacity)
            filled = replace(
                species,
                levels=tuple(level for level, _ in occupations),
                occupations=np.array([share for _, share in occupations]),
            )
            pair.append(FormFactor(OSCILLATOR, np.concatenate(([oscillator_length_fm(state)], filled.coefficients()))))
        return pair[0], pair[1]

    ratios = []
    for case in K.CASES:
        definition = K.whole("fig03", case).definition
        experiments = tuple(replace(experiment, form_factors=unpaired) for experiment in definition.experiments)
        scan = Scan(replace(definition, experiments=experiments))
        for row in PAPER.published("table5"):
            for target in K.TARGETS if row["case"] == case else ():
                ((interval,),) = scan.only(target, channels=K.CHANNELS[row["flavour"]]).run().limits(K.CL)
                assert interval.hi is not None
                ratios.append(interval.hi / float(row[target]))
    assert max(abs(ratio - 1.0) for ratio in ratios) < 0.006


def test_every_scan_file_has_the_experiments_of_table_ii() -> None:
    """But 20Ne and 40Ar at 41 m in the realistic case."""
    published = {(row["case"], row["target"]): row for row in PAPER.published("table2")}
    names = [name for name in bundled_scans() if name.startswith("kosmas2015/")]
    assert len(names) == 10
    for name in names:
        scan, case = name.removeprefix("kosmas2015/").split("-")
        for experiment in K.whole(scan, case).definition.experiments:
            row = published[case, experiment.name]
            moved = case == "realistic" and experiment.name in {"Ne", "Ar"}
            assert experiment.distance_m == (41.0 if moved else float(row["distance_m"]))
            assert experiment.mass_kg == float(row["mass_kg"])
            assert experiment.efficiency.values.tolist() == [float(row["efficiency"]) / 100.0]
            assert experiment.bin_edges_keV.tolist() == [float(row["low_keV"]), float(row["high_keV"])]
            assert experiment.live_time_s == (2.4e7 if case == "realistic" else 365.25 * 86400.0)
