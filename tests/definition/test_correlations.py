"""The key `correlations`: what is wrong with it, and those of included files."""

from __future__ import annotations

from pathlib import Path

import pytest

import scanengine
from scanengine.definition import Correlation, parse
from tests.definition.example import TEXT, faults_of

NUISANCES = """
[[nuisances]]
name = "a"
width = 0.1
signal = ["Ne"]
[[nuisances]]
name = "b"
width = 0.2
signal = ["CsI"]
[[nuisances]]
name = "c"
width = [0.2, 0.3]
signal = "all"
[[nuisances]]
name = "log"
width = 0.2
pull = "log"
signal = "all"
"""
SCAN = TEXT + NUISANCES


def with_correlations(given: str) -> str:
    return f"correlations = {given}\n" + SCAN


def test_correlations_are_pairs_of_nuisances() -> None:
    found = parse(with_correlations('[["a", "b", 0.5], ["c", "a", -0.2]]')).correlations
    assert found == (Correlation("a", "b", 0.5), Correlation("c", "a", -0.2))
    assert parse(SCAN, overrides=['correlations=[["a", "b", 0.1]]']).correlations == (Correlation("a", "b", 0.1),)
    assert parse(SCAN).correlations == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0.5", "found 0.5, it must be a list of pairs"),
        ('["a", "b", 0.5]', 'found "a", it must be two nuisances and their correlation'),
        ('[["a", "b"]]', "it must be two nuisances and their correlation, such as"),
        ('[["a", 1, 0.5]]', "it must be two nuisances and their correlation, such as"),
        ('[["a", "bb", 0.5]]', 'unknown nuisance "bb", the nearest known one is b'),
        ('[["a", "a", 0.5]]', 'found "a" twice'),
        ('[["a", "b", 0.5], ["b", "a", 0.5]]', 'found "b" and "a" a second time'),
        ('[["a", "b", 1.0]]', "found 1.0, a correlation lies between -1 and 1"),
        ('[["a", "b", "x"]]', 'found "x", a correlation lies between -1 and 1'),
        ('[["a", "log", 0.5]]', '"log" has a logarithmic pull'),
        ('[["a", "b", 0.9], ["b", "c", 0.9], ["a", "c", -0.9]]', "have an eigenvalue of -0.8, all must be positive"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(given: str, said: str) -> None:
    fault = faults_of(with_correlations(given))[0]
    assert fault.where == "scan:1"
    assert fault.message.startswith("correlations: ")
    assert said in fault.message


@pytest.mark.parametrize(
    ("width", "said"),
    [
        ("[0.1]", "found [0.1], it must be a positive number, or two, below and above zero"),
        ("[0.1, 0.2, 0.3]", "it must be a positive number, or two"),
        ("[0.1, 0.0]", "it must be a positive number, or two"),
        ("0.0", "found 0.0, it must be a positive number, or two"),
        ('"wide"', 'found "wide", it must be a positive number, or two'),
    ],
)
def test_widths_are_positive(width: str, said: str) -> None:
    (fault,) = faults_of(SCAN.replace("width = 0.1", f"width = {width}"))
    assert fault.message.startswith("nuisances.a.width: ")
    assert said in fault.message


def test_a_logarithmic_pull_has_one_width() -> None:
    (fault,) = faults_of(SCAN.replace("width = 0.2\npull", "width = [0.2, 0.3]\npull"))
    assert "found [0.2, 0.3] with a logarithmic pull, which has one width" in fault.message


def test_correlations_of_included_files_are_taken_over(tmp_path: Path) -> None:
    """But for that of two which the including file correlates itself."""
    one = with_correlations('[["a", "b", 0.5], ["c", "a", -0.2]]').replace("[tied]", "[untied]")
    one = one[: one.index("[fixed]")] + one[one.index("[output]") :]
    (tmp_path / "one.toml").write_text(one, encoding="utf-8")
    both = (
        'include = ["one.toml"]\ncorrelations = [["b", "a", 0.1]]\n[axes]\nmu_nu = { min = 0, max = 1, points = 2 }\n'
    )
    (tmp_path / "both.toml").write_text(both, encoding="utf-8")
    found = scanengine.load(tmp_path / "both.toml").definition.correlations
    assert found == (Correlation("b", "a", 0.1), Correlation("c", "a", -0.2))
