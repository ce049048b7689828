"""The keys of experiments that count recoils of electrons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.electrons import Shells, TabulatedBinding
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.scan.events import events
from scanengine.scan.problem import Problem

SOURCE = """
[source]
kind = "tabulated"
reference_distance_m = 20.0
flux_per_cm2_s = 1.0e12
spectra = { nu_ebar = { E_MeV = [0.0, 8.0], flux = [1.0, 0.0] } }
"""
EXPERIMENT = """
[[experiments]]
name = "A"
target = "CsI"
mass_kg = 10.0
live_time_yr = 1.0
distance_m = 20.0
channels = { all = ["nu_ebar"] }
recoils = ["nucleus", "electron"]
"""
WINDOW = "recoil_window_keV = [0.5, 10.0]\n"
RESPONSE = """
[experiments.response]
quenching = 0.1
resolution = { kind = "gaussian", a = 0.02 }
bins = [0.3, 1.0]
"""


def read(keys: str = WINDOW, more: str = "", experiment: str = EXPERIMENT, directory: Path | None = None) -> Definition:
    return parse(f"{more}\n{SOURCE}{experiment}{keys}", require_axes=False, directory=directory)


def fault(keys: str = WINDOW, more: str = "", experiment: str = EXPERIMENT) -> str:
    with pytest.raises(DefinitionError) as refused:
        read(keys, more, experiment)
    (found,) = refused.value.faults
    return str(found)


def test_shells_are_the_default_and_electrons_have_the_experiment_s_efficiency() -> None:
    (experiment,) = read(WINDOW + "efficiency = 0.4\n").experiments
    assert experiment.recoils == ("nucleus", "electron")
    assert experiment.electrons is not None
    assert set(experiment.electrons.bindings) == {"Cs", "I"}
    assert all(isinstance(binding, Shells) for binding in experiment.electrons.bindings.values())
    assert experiment.seen_as("electron").efficiency.values.tolist() == [0.4]
    assert experiment.seen_as("nucleus") is experiment


def test_bindings_by_element_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "rrpa.txt").write_text("0.1 10.0\n1.0 40.0\n40.0 55.0\n")
    table = '[experiments.electrons]\nbinding = { Cs = { file = "rrpa.txt" }, I = "free" }\n'
    (experiment,) = read(WINDOW + table, directory=tmp_path).experiments
    assert experiment.electrons is not None
    tabulated = experiment.electrons.bindings["Cs"]
    assert isinstance(tabulated, TabulatedBinding)
    assert tabulated.number(np.array([0.55])) == pytest.approx(25.0)
    assert experiment.electrons.bindings["I"].number(np.array([0.0])) == 53.0


def test_response_of_electrons_takes_over_what_is_not_theirs() -> None:
    own = "electron = { efficiency = 0.5, recoil_threshold_keV = 0.01 }\n"
    (experiment,) = read(RESPONSE + "recoil_threshold_keV = 0.2\n" + own).experiments
    seen = experiment.seen_as("electron")
    assert isinstance(seen.reconstruction, Reconstruction)
    assert isinstance(experiment.reconstruction, Reconstruction)
    assert seen.reconstruction.resolution == experiment.reconstruction.resolution
    T = np.array([2.0])
    isotope = experiment.target.isotopes[0]
    assert seen.reconstruction.shown(T, isotope).x == pytest.approx(2.0)
    assert experiment.reconstruction.shown(T, isotope).x == pytest.approx(0.2)
    assert seen.reconstruction.efficiency(T) == 0.5
    assert (seen.bin_edges_keV[0], experiment.bin_edges_keV[0]) == (0.01, 0.2)


def test_records_of_events_tell_what_recoils() -> None:
    """Without electrons nothing else changes, and electrons alone are those beside nuclei."""
    both = events(Problem(read()), {})
    nuclei = events(Problem(read(experiment=EXPERIMENT.replace(', "electron"', ""))), {})
    electrons = events(Problem(read(experiment=EXPERIMENT.replace('"nucleus", ', ""))), {})
    assert [record.recoil for record in both] == ["nucleus", "electron"]
    assert both == [*nuclei, *electrons]


def test_nuclei_out_of_reach_do_not_matter_beside_electrons() -> None:
    definition = read("recoil_bins_keV = [5.0, 50.0, 20000.0]\n")
    assert definition.notes == ()
    assert [record.counts > 0.0 for record in events(Problem(definition), {})] == [False, False, True, True]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (WINDOW + 'electrons = { binding = "loose" }\n', 'binding: found "loose", it must be "free", "step" or {'),
        (WINDOW + "electrons = { bindings = 1 }\n", "unknown key"),
        (WINDOW + 'electrons = { binding = { Cs = "free" } }\n', "I is missing"),
        (
            WINDOW + 'electrons = { binding = { Cs = "free", I = "free", Xe = "free" } }\n',
            '"Xe", which is not in',
        ),
        (
            WINDOW + 'electrons = { binding = { file = "Z.txt" } }\n',
            "give each its own, such as { Cs = { file = ... }, I",
        ),
        (RESPONSE + "electron = { light_yield_PE_per_keVee = 3.0 }\n", "without a light yield of nuclei"),
        (RESPONSE + "electron = { bins = [1.0, 2.0] }\n", "unknown key"),
        (RESPONSE + "electron = { recoil_threshold_keV = 9000.0 }\n", "on electrons"),
        ("efficiency = { recoil_keV = [1.0, 2.0], values = [0.0, 1.0] }\n" + RESPONSE, "an efficiency of its own"),
        (WINDOW.replace("0.5", "9000").replace("10.0", "inf"), "T_max = 7752 keV of nu_ebar on electrons"),
    ],
)
def test_faults_are_told_in_a_sentence(keys: str, words: str) -> None:
    assert words in fault(keys)


@pytest.mark.parametrize(
    ("recoils", "words"),
    [
        ('"electron"', 'found "electron", it must be a list'),
        ("[]", "found [], it must be a list"),
        ('["electrons"]', "the nearest known one is electron"),
        ('["electron", "electron"]', "twice"),
    ],
)
def test_faults_of_what_is_counted(recoils: str, words: str) -> None:
    experiment = EXPERIMENT.replace('["nucleus", "electron"]', recoils)
    assert words in fault(experiment=experiment)


def test_electrons_that_are_not_counted_have_no_table_unless_the_file_says_so() -> None:
    said = EXPERIMENT.replace(', "electron"', "")
    assert len(events(Problem(read(WINDOW + "electrons = {}\n", experiment=said)), {})) == 1
    nuclei = EXPERIMENT.replace('recoils = ["nucleus", "electron"]\n', "")
    assert 'add recoils = ["nucleus", "electron"]' in fault(WINDOW + "electrons = {}\n", experiment=nuclei)
    assert "response.electron: electrons are not counted" in fault(RESPONSE + "electron = {}\n", experiment=nuclei)


def test_free_electrons_have_moments_only_above_a_threshold() -> None:
    """Bound ones do not recoil with less than their binding energy, so that nothing diverges."""
    moment = "fixed = { mu_nu_ebar = 0.1 }"
    electron = EXPERIMENT.replace('"nucleus", ', "")
    window = WINDOW.replace("0.5", "0.0")
    free = window + 'electrons = { binding = "free" }\n'
    assert "raise the threshold" in fault(free, moment, electron)
    helium = electron.replace("CsI", "He")
    assert sum(record.counts for record in events(Problem(read(window, moment, helium)), {})) > 0.0


def test_axes_that_only_electrons_feel_are_noted_without_them() -> None:
    axes = "axes = { eps_ee_eV = { min = -1.0, max = 1.0, points = 3 } }"
    assert read(more=axes).notes == ()
    (note,) = read(more=axes, experiment=EXPERIMENT.replace(', "electron"', "")).notes
    assert note == "no flavour that is counted depends on eps_ee_eV"


def test_note_on_electrons_is_gone_where_they_are_counted() -> None:
    axes = "axes = { mu_nu_ebar = { min = 0.0, max = 1.0, points = 3 } }"
    assert read(more=axes).notes == ()
    (note,) = read(more=axes, experiment=EXPERIMENT.replace(', "electron"', "")).notes
    assert 'recoils = ["nucleus", "electron"] would count them' in note
