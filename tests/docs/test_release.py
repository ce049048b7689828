"""What releases are made from says the same everywhere."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPE = (ROOT / "conda" / "recipe.yaml").read_text()
ON_CONDA = {"isal": "python-isal", "matplotlib": "matplotlib-base"}


def test_versions_are_the_same() -> None:
    assert re.search(r'^  version: "(.*)"$', RECIPE, re.MULTILINE)[1] == PROJECT["version"]  # type: ignore[index]
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == PROJECT["version"]  # type: ignore[index]
    assert f"version = {{{PROJECT['version']}}}" in (ROOT / "README.md").read_text()
    deposited = json.loads((ROOT / ".zenodo.json").read_text())
    assert deposited["version"] == PROJECT["version"]
    released = re.search(
        rf"^## \[{re.escape(PROJECT['version'])}\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released is not None, "CHANGELOG.md has no dated section of this version"
    assert f"date-released: {released[1]}\n" in citation
    assert deposited["publication_date"] == released[1]


def test_the_conda_recipe_needs_what_the_project_needs() -> None:
    run = RECIPE.split("  run:\n")[1].split("\n\n")[0]
    needed = {line.strip("- ") for line in run.splitlines()} - {f"python {PROJECT['requires-python']}"}
    names = [re.fullmatch(r"([a-z0-9]+)(.*)", each) for each in PROJECT["dependencies"]]
    assert needed == {f"{ON_CONDA.get(found[1], found[1])} {found[2]}" for found in names if found}
    assert all(names)


def test_zenodo_has_the_title_and_license_of_the_citation() -> None:
    deposited = json.loads((ROOT / ".zenodo.json").read_text())
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'title: "{deposited["title"]}"' in citation
    assert deposited["license"] == PROJECT["license"]
    assert all(each["identifier"] in citation for each in deposited["related_identifiers"])


def test_binder_installs_the_extras_that_there_are() -> None:
    environment = (ROOT / ".binder" / "environment.yml").read_text()
    extras = re.search(r"- \.\[(.*)\]", environment)
    assert extras is not None
    assert set(extras[1].split(",")) <= PROJECT["optional-dependencies"].keys()
