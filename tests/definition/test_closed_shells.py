"""Notes on nuclei without pairing."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from tests.definition.example import edited


@pytest.mark.parametrize(("form_factor", "said"), [("bcs", 1), ("helm", 0)])
def test_nuclei_without_pairing_are_noted_where_their_form_factor_is_taken(form_factor: str, said: int) -> None:
    definition = parse(edited(('target = "Ne20"', 'target = "Pb208"'), ('"helm"', f'"{form_factor}"')))
    note = "no pairing solution for protons and neutrons, their levels are filled without pairing (bcs form factor)"
    assert [each for each in definition.notes if "pairing" in each] == [f"experiment Ne: Pb208: {note}"] * said
