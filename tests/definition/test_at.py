"""`Definition.at` changes keys as `--set` does, without the file."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scanengine
from scanengine.definition import Definition, parse, read
from scanengine.definition.identity import identity
from scanengine.errors import DefinitionError, InputError
from tests.definition.example import TEXT, edited

EXAMPLE = parse(TEXT)


def same(first: Definition, second: Definition) -> bool:
    return identity(first) == identity(second)


def test_values_are_those_of_the_file() -> None:
    changed = EXAMPLE.at({"experiments.CsI.mass_kg": 50, "fixed.eps_mm_uV": -0.1}, title="heavier")
    assert (changed.title, changed.experiments[1].mass_kg, EXAMPLE.experiments[1].mass_kg) == ("heavier", 50.0, 14.6)
    assert same(changed, parse(edited(("= 14.6", "= 50"), ("eps_mm_uV = 0.05", "eps_mm_uV = -0.1"))))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("axes.mu_nu.points", np.int64(5), "axes.mu_nu.points=5"),
        ("axes.mu_nu", {"values": np.array([1.0, 2.5])}, 'axes.mu_nu={ "values" = [1.0, 2.5] }'),
        ("experiments.Ne.efficiency", np.float32(0.5), "experiments.Ne.efficiency=0.5"),
        ("experiments.Ne.recoil_window_keV", (5, np.inf), "experiments.Ne.recoil_window_keV=[5, inf]"),
        ("experiments.Ne.live_time_s", 5e6, "experiments.Ne.live_time_s=5000000.0"),
        ('experiments."Ne".form_factor', "klein-nystrand", 'experiments.Ne.form_factor="klein-nystrand"'),
        ("physics.magnetic_form_factor", False, "physics.magnetic_form_factor=false"),
        ("tied", {"eps_et_dV": {"eps_ee_uV": 1}}, 'tied={ "eps_et_dV" = { "eps_ee_uV" = 1 } }'),
    ],
)
def test_what_was_changed_is_kept_as_set_takes_it(key: str, value: object, text: str) -> None:
    changed = EXAMPLE.at({key: value})
    assert changed.overrides == (text,)
    assert changed.text == TEXT
    assert same(changed, parse(TEXT, overrides=[text]))
    assert same(changed, parse(TEXT, overrides={key: value}))
    assert not same(changed, EXAMPLE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"experiments.Ne.mass_kg": -5},
            "at {'experiments.Ne.mass_kg': -5}: experiments.Ne.mass_kg: found -5, it must",
        ),
        ({"axes.mu_nu.max": 0.05}, "at {'axes.mu_nu.max': 0.05}: axes.mu_nu.max: found min = 0.1 and max = 0.05, min"),
        ({"experiments.Nee.mass_kg": 5}, 'there is no experiment "Nee", the file has Ne and CsI; the nearest is Ne'),
        ({"experiments.Ne": 5}, "this names a whole experiment, set one of its keys, such as experiments.Ne.mass_kg"),
        ({"fixed.mu_nu=10": 10}, 'cannot read the key "fixed.mu_nu=10", it must be a dotted key of the scan file'),
        ({"": 10}, 'cannot read the key "", it must be a dotted key'),
        ({3: 10}, "found a key that is no text"),
        ({"fixed.eps_mm_uV": None}, "found None, it must be a number, a text, True or False"),
        ({"fixed.eps_mm_uV": 1j}, "found 1j, it must be a number"),
        ({"fixed.eps_mm_uV": 10**5000}, "found an integer of 16610 bits, it must be shorter"),
        ({"fixed.eps_mm_uV": float("nan")}, "found nan, it must be a finite number"),
        ({"title": "\ud800"}, "it must be a number, a text"),
        ({"include": ["other.toml"]}, "include: found among overrides"),
        ({"title": "a\0"}, "title: found a null character"),
    ],
)
def test_faults_are_those_of_a_scan_file(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        EXAMPLE.at(changes)
    (fault,) = caught.value.faults
    assert str(fault).startswith("at {")
    assert expected in str(fault)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        EXAMPLE.at({"experiments.Ne.mass_kg": -1, "no key": 3, "experiments.CsI.mass_kg": -2})
    assert len(caught.value.faults) == 3


def test_a_list_within_itself_is_no_value() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DefinitionError, match="nested too deeply"):
        EXAMPLE.at({"fixed.eps_mm_uV": endless})


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="two values of the key title"):
        EXAMPLE.at({"title": "a"}, title="b")
    with pytest.raises(InputError, match="at takes keys with their values"):
        EXAMPLE.at("fixed.eps_mm_uV=1")  # type: ignore[arg-type]


def test_changes_follow_earlier_ones() -> None:
    twice = parse(TEXT, overrides=["fixed.eps_mm_uV=0.3"]).at({"experiments.Ne.mass_kg": 1})
    assert twice.overrides == ("fixed.eps_mm_uV=0.3", "experiments.Ne.mass_kg=1")
    again = twice.at({"experiments.Ne.mass_kg": 2, "fixed": {}})
    assert again.overrides == ("experiments.Ne.mass_kg=2", "fixed={  }")
    assert same(again, parse(TEXT, overrides=again.overrides))


def test_renamed_experiments_are_found_by_their_new_names() -> None:
    swapped = (
        EXAMPLE.at({"experiments.Ne.name": "C"}).at({"experiments.CsI.name": "Ne"}).at({"experiments.C.mass_kg": 7})
    )
    assert [(each.name, each.mass_kg) for each in swapped.experiments] == [("C", 7.0), ("Ne", 14.6)]
    assert same(swapped, parse(TEXT, overrides=swapped.overrides))


def test_an_error_leaves_the_definition_as_it_was() -> None:
    before = identity(EXAMPLE)
    with pytest.raises(DefinitionError):
        EXAMPLE.at({"axes.mu_nu.points": 1, "experiments.Ne.live_time_s": 1})
    assert identity(EXAMPLE) == before
    assert same(EXAMPLE.at(), EXAMPLE)


def test_files_are_not_read_again(tmp_path: Path) -> None:
    for name in ("eff.txt", "new.txt"):
        (tmp_path / name).write_text("0 0\n10 0.5\n")
    (tmp_path / "ne.toml").write_text(
        edited(("= 0.8", '= { file = "eff.txt" }')).replace("[axes]", "[other]").split("[other]")[0]
    )
    (tmp_path / "all.toml").write_text('include = ["ne.toml"]\n[axes]\nmu_nu = { min = 0.1, max = 1, points = 3 }\n')
    definition = read(tmp_path / "all.toml")
    for name in ("eff.txt", "ne.toml", "all.toml"):
        (tmp_path / name).unlink()
    for copied in (definition, pickle.loads(pickle.dumps(definition)), copy.deepcopy(definition)):
        changed = copied.at({"experiments.Ne.mass_kg": 5})
        assert changed.experiments[0].mass_kg == 5.0
        np.testing.assert_array_equal(changed.experiments[0].efficiency.T_keV, [0.0, 10.0])
        assert same(changed.at({"experiments.Ne.mass_kg": 100.0}), definition)
    (tmp_path / "new.txt").write_text("0 0\n20 0.5\n")
    assert definition.at({"experiments.Ne.efficiency.file": "new.txt"}).experiments[0].efficiency.T_keV[1] == 20.0
    with pytest.raises(DefinitionError, match="there is no file"):
        definition.at({"experiments.Ne.efficiency.file": "gone.txt"})


def test_experiments_that_were_chosen_stay_chosen() -> None:
    scan = scanengine.Scan(EXAMPLE).only("Ne", channels=["prompt"]).only("Ne").at({"experiments.Ne.mass_kg": 5})
    (neon,) = scan.definition.experiments
    assert (neon.name, list(neon.channels), neon.mass_kg) == ("Ne", ["prompt"], 5.0)
    assert scan.at({"experiments.Ne.mass_kg": 6}).definition.experiments[0].channels == neon.channels
    with pytest.raises(InputError, match="there is no experiment 'Ne'"):
        scan.at({"experiments.Ne.name": "neon"})


def test_a_definition_that_was_changed_by_other_means_says_so() -> None:
    other = replace(EXAMPLE, experiments=EXAMPLE.experiments[:1])
    with pytest.raises(InputError, match="this definition is not what a scan file says"):
        other.at({"experiments.Ne.mass_kg": 5})


def test_loaded_scans_take_values_too() -> None:
    scan = scanengine.load("scholberg2006/fig07", {"experiments.Ne.mass_kg": 5.0})
    base = scanengine.load("scholberg2006/fig07")
    assert same(scan.definition, base.at({"experiments.Ne.mass_kg": 5.0}).definition)
    assert scan.chi2() == base.at({"experiments.Ne.mass_kg": 5.0}).chi2()
    with pytest.raises(DefinitionError, match=r"^overrides \{'experiments.Ne.mass_kg': -5\}: experiments.Ne.mass_kg"):
        scanengine.load("scholberg2006/fig07", {"experiments.Ne.mass_kg": -5})


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cc", "Cs"]), min_size=1)


@settings(max_examples=50, deadline=None)
@given(names, st.floats(1e-3, 1e3), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_name_and_text_can_be_set_again_from_what_is_kept(name: str, mass_kg: float, title: str) -> None:
    renamed = EXAMPLE.at({"experiments.Ne.name": name} if name != "CsI" else {})
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    key = f'experiments."{escaped}".mass_kg'
    changed = renamed.at({key: mass_kg}, title=title)
    again = parse(TEXT, overrides=changed.overrides)
    assert same(again, changed)
    assert again.title == title
    assert mass_kg in [each.mass_kg for each in again.experiments]
