"""The key `target`: names and tables of shares, as the schema has them."""

from __future__ import annotations

import tomllib

import pytest

from scanengine.definition import parse
from scanengine.definition.reading.toml import as_toml
from tests.definition.example import edited, faults_of


def understood(target: str) -> str:
    """What is said of the target of the second experiment."""
    return parse(edited(('target = "CsI"', f"target = {target}"))).targets[1]


def test_targets_are_told_with_their_isotopes_and_shares() -> None:
    assert parse(edited()).targets == (
        "Ne: target Ne20: Ne20 100% of the atoms",
        "CsI: target CsI: Cs133 50%, I127 50% of the atoms",
    )
    assert understood('"Ge76O2"').startswith("CsI: target Ge76O2: Ge76 33.33%, O16 66.5%")


def test_table_of_shares_is_the_enriched_material() -> None:
    assert understood("{ Ge76 = 0.88, Ge74 = 0.12 }").endswith("Ge76 88%, Ge74 12% of the atoms")
    assert understood('{ Ge76 = 0.88, Ge74 = 0.12, by = "mass" }').endswith("Ge76 87.72%, Ge74 12.28% of the atoms")


def test_table_of_shares_can_be_set_and_included() -> None:
    shares = {"Ge76": 0.88, "Ge74": 0.12}
    (_, told) = parse(edited(), overrides=["experiments.CsI.target={ Ge76 = 0.88, Ge74 = 0.12 }"]).targets
    assert told.endswith("Ge76 88%, Ge74 12% of the atoms")
    assert tomllib.loads(as_toml({"target": shares})) == {"target": shares}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("{ Ge76 = 88, Ge74 = 12 }", "target: the shares add up to 100, they must to 1; in per cent"),
        ('{ Ge76 = 0.88, Ge74 = "rest" }', 'target.Ge74: found "rest", it must be a finite number'),
        ("{ Ge76 = -0.1, Ge74 = 1.1 }", "target.Ge76: found -0.1, it must be a number that is not negative"),
        ('{ Ge76 = 1.0, by = "volume" }', 'target.by: found "volume", it must be "atoms" or "mass"'),
        ("[0.5, 0.5]", "target: found [0.5, 0.5], it must be a string in quotes, or a table of shares"),
        (f'"{"Ge" * 60}"', "it must have at most 100 characters"),
    ],
)
def test_faults_of_a_target_are_one_sentence(target: str, words: str) -> None:
    (fault,) = faults_of(edited(('target = "CsI"', f"target = {target}")))
    assert words in str(fault)
