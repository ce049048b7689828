"""The report on all independent data, which need one folder with the releases that they read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanengine.reproduce import find_recipes

pytestmark = pytest.mark.jit_only

FOLDER = Path(os.environ.get("SCANENGINE_DATA", ""))
THERE = all((FOLDER / name).is_dir() for name in ("csi2021", "lar2020", "xenonnt"))
NEEDED = "SCANENGINE_DATA names no folder with csi2021, lar2020 and xenonnt in it"


def test_without_data_nothing_is_run_and_the_folders_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    for recipe in find_recipes(["combined"]):
        made = recipe.run()
        assert [check.label for check in made.checks] == ["skipped: no data"]
        assert made.figure is None
        assert "csi2021, lar2020, xenonnt" in made.notes[0]


@pytest.mark.slow
@pytest.mark.skipif(not THERE, reason=NEEDED)
def test_angles_are_those_that_were_seen() -> None:
    (recipe,) = find_recipes(["combined/fig-sin2"])
    (table,) = recipe.run().tables
    found = {row[0]: float(row[1]) for row in table.rows}
    assert list(found.values()) == pytest.approx([0.2330, 0.2771, 0.1667, 0.2587, 0.2263, 0.2284], abs=2e-4)
