"""`--set KEY=VALUE` changes single keys, and its faults are placed there."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from scanengine.inputs.parameters import PARAMETER_INDEX
from tests.definition.example import TEXT, faults_of


def test_experiment_by_name() -> None:
    definition = parse(TEXT, overrides=["experiments.CsI.mass_kg=50", 'experiments."Ne".target=Ne22'])
    assert definition.experiments[1].mass_kg == 50.0
    assert str(definition.experiments[0].target.isotopes[0]) == "Ne22"


def test_missing_tables_are_made() -> None:
    text = TEXT.replace("[fixed]\neps_mm_uV = 0.05\n", "").replace("mu_nu =", "eps_mm_uV =")
    definition = parse(text, overrides=["fixed.mu_nu=10", "fixed.mu_nu=11"])
    assert definition.parameters.values([0.0, 0.0, 0.0])[PARAMETER_INDEX["mu_nu_tau"]] == 11.0


def test_axis_as_a_table_or_by_its_keys() -> None:
    definition = parse(TEXT, overrides=["axes.eps_ee_uV={ values = [1, 2] }", "axes.mu_nu.points=5"])
    assert [axis.values.size for axis in definition.axes] == [2, 101, 5]


def test_bare_words_are_strings() -> None:
    definition = parse(TEXT, overrides=["output.keep=grid", "experiments.Ne.form_factor=klein-nystrand", "title=a"])
    assert (definition.output.keep, definition.title) == ("grid", "a")


def test_key_takes_the_place_of_its_alternative() -> None:
    overrides = ["experiments.Ne.live_time_s=5", "experiments.CsI.recoil_window_keV=[6, inf]"]
    neon, csi = parse(TEXT, overrides=overrides).experiments
    assert neon.live_time_s == 5.0
    assert csi.bin_edges_keV[0] == 6.0


def test_later_override_wins_and_takes_the_blame() -> None:
    (fault,) = faults_of(TEXT, "axes.mu_nu.points=7", "axes.mu_nu={ min = 1, max = 2, points = 1 }")
    assert fault.where == "--set axes.mu_nu={ min = 1, max = 2, points = 1 }"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("fixed.eps_mm_uV=abc", 'fixed.eps_mm_uV: found "abc", it must be a finite number'),
        ("experiments.Ne.mass_kg=-5", "experiments.Ne.mass_kg: found -5, it must be a positive number"),
        ("experiments.Ne.mas_kg=5", "experiments.Ne.mas_kg: unknown key, the nearest known one is mass_kg"),
        ("experiments.Ne.efficiency.file=nope.txt", "experiments.Ne.efficiency is 0.8, not a table: set it as a whole"),
        ("experiments.Nee.mass_kg=5", 'there is no experiment "Nee", the file has Ne and CsI; the nearest is Ne'),
        ("experiments.Ne=5", "this names a whole experiment, set one of its keys"),
        ("axes.mu_nu.max=0.05", "min must lie below max"),
        ("fixed.mu_nu=1", "it is an axis too"),
        ("mass_kg", "found no key before an equals sign, it must be KEY=VALUE with a dotted key"),
        ("=5", "found no key before an equals sign"),
        ("a b=5", 'cannot read the key "a b", it must be KEY=VALUE'),
        ("fixed.eps_mm_uV=", 'cannot read the value "", it must be TOML or a bare word'),
        ("fixed.eps_mm_uV=[1,", 'cannot read the value "[1,", it must be TOML or a bare word'),
    ],
)
def test_fault_of_an_override(override: str, expected: str) -> None:
    (fault,) = faults_of(TEXT, override)
    assert fault.where == f"--set {override}"
    assert expected in fault.message


def test_override_of_two_lines_is_refused_on_one() -> None:
    (fault,) = faults_of(TEXT, "fixed.eps_mm_uV=1\nother = 2")
    assert str(fault).startswith(r"--set fixed.eps_mm_uV=1\nother = 2: cannot read the value")


def test_overrides_cure_faults_of_the_file() -> None:
    text = TEXT.replace("= 14.6", "= -1")
    faults_of(text)
    assert parse(text, overrides=["experiments.CsI.mass_kg=1"]).experiments[1].mass_kg == 1.0
