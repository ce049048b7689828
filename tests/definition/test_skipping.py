"""The key output.delta_chi2_max, and what it cannot stand beside."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from tests.definition.example import TEXT, edited, faults_of

KEY = ('keep = "profiles"', 'keep = "profiles"\ndelta_chi2_max = 30')


def test_it_is_absent_by_default_and_may_be_an_integer() -> None:
    assert parse(TEXT).output.delta_chi2_max is None
    assert parse(edited(KEY)).output.delta_chi2_max == 30.0


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            [KEY, ('keep = "profiles"', 'keep = "grid"')],
            'found 30, but a stored grid is complete: use keep = "profiles"',
        ),
        ([('keep = "profiles"', "delta_chi2_max = 30")], "found 30, but a stored grid is complete"),
        (
            [KEY, ('couplings = "tree"', 'evaluation = "direct"')],
            'found 30, which needs the polynomial: use physics.evaluation = "polynomial"',
        ),
        ([("keep = ", "delta_chi2_max = 0\nkeep = ")], "found 0"),
        ([("keep = ", "delta_chi2_max = -1.5\nkeep = ")], "found -1.5"),
        ([("keep = ", "delta_chi2_max = inf\nkeep = ")], "found inf"),
        ([("keep = ", 'delta_chi2_max = "30"\nkeep = ')], "found"),
    ],
)
def test_faults(edits: list[tuple[str, str]], message: str) -> None:
    (fault,) = faults_of(edited(*edits))
    assert "output.delta_chi2_max" in str(fault)
    assert message in str(fault)


def test_a_stored_grid_asked_for_on_the_command_line_is_the_fault_of_the_command_line() -> None:
    (fault,) = faults_of(edited(KEY), "output.keep=grid")
    assert str(fault).startswith("--set output.keep=grid")
