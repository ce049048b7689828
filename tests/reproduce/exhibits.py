"""Exhibits of the papers, each made once, and the numbers at which they are pinned.

`python -m tests.reproduce.exhibits` writes the pins anew, which a change that is meant to move a number asks for.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from scanengine.reproduce import Exhibit, Recipe, find_recipes

PINNED = Path(__file__).parent / "pinned"
PAPERS = ("kosmas2015", "scholberg2006")
"""Those that need no data: `test_coherent.py` has the others."""

RECIPES = {recipe.full_name: recipe for recipe in find_recipes(PAPERS)}


@cache
def exhibit(name: str) -> Exhibit:
    """What a recipe makes."""
    return RECIPES[name].make()


@cache
def pins(paper: str) -> dict[str, dict[str, float]]:
    """Our numbers by recipe and check, as they were when they were last looked at."""
    pinned: dict[str, dict[str, float]] = json.loads((PINNED / f"{paper}.json").read_text(encoding="utf-8"))
    return pinned


def values(recipe: Recipe) -> dict[str, float]:
    """All numbers that a recipe checks, by the words of the check."""
    return {check.result: check.value for check in exhibit(recipe.full_name).checks if check.value is not None}


def main() -> None:
    for paper in PAPERS:
        found = {recipe.name: values(recipe) for recipe in find_recipes([paper])}
        text = json.dumps(found, indent=1, ensure_ascii=False)
        (PINNED / f"{paper}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
