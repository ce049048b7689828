"""The readers that stand in docs/likelihood-files.md are run, and give the chi2 of the scan."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scanengine import load

pytestmark = pytest.mark.jit_only

PAGE = Path(__file__).parents[2] / "docs" / "likelihood-files.md"
FOUND = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
READERS = {
    language: "".join(text for each, text in FOUND if each == language and " chi2" in text)
    for language in ("python", "js")
}
LISTS = {
    language: next(text for each, text in FOUND if each == language and "document" in text) for language in READERS
}
NODE = shutil.which("node")
POINTS = [{"eps_ee_uV": 0.31, "eps_ee_dV": -0.2}, {"eps_ee_uV": -0.7, "eps_ee_dV": 1.1}]


def test_pages_named_are_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(links) == 2
    assert all((PAGE.parent / link).is_file() for link in links)


@pytest.mark.parametrize("statistic", ["gaussian", "poisson"])
def test_the_readers_give_the_chi2_of_the_scan(statistic: str, tmp_path: Path) -> None:
    changes = [f'statistic.kind="{statistic}"']
    if statistic == "poisson":
        changes += ["experiments.Ne.systematic=0", "experiments.Xe.systematic=0"]
    scan = load("scholberg2006/fig08", changes)
    scan.export(tmp_path / "fig08.json")
    likelihood = json.loads((tmp_path / "fig08.json").read_text())
    assert "nuisances" not in likelihood
    wanted = [scan.chi2(**x) for x in POINTS]
    names: dict[str, Any] = {}
    exec(READERS["python"], names)
    assert [names["chi2"](likelihood, x) for x in POINTS] == pytest.approx(wanted, rel=1e-11)
    assert in_javascript(READERS["js"], "chi2(given, x)", tmp_path / "fig08.json") == pytest.approx(wanted, rel=1e-11)


def test_the_readers_find_the_likelihood_at_an_outer_value(tmp_path: Path) -> None:
    outer, values = "experiments.Ne.mass_kg", [50.0, 80.0]
    scan = load("scholberg2006/fig08", {f'axes."{outer}"': {"values": values}})
    document = scan.export(tmp_path / "list.json").document
    names: dict[str, Any] = {}
    exec(READERS["python"] + LISTS["python"], names)
    wanted = [scan.chi2(**x, **{outer: values[1]}) for x in POINTS]
    inside = names["likelihood_at"](document, {outer: values[1]})
    assert [names["chi2"](inside, x) for x in POINTS] == pytest.approx(wanted, rel=1e-11)
    evaluated = f"chi2(likelihoodAt(given, {{ {json.dumps(outer)}: 80 }}), x)"
    found = in_javascript(READERS["js"] + LISTS["js"], evaluated, tmp_path / "list.json")
    assert found == pytest.approx(wanted, rel=1e-11)


def in_javascript(program: str, evaluated: str, given: Path) -> list[float]:
    if NODE is None:
        pytest.skip("no node: the reader in JavaScript is not run")
    program += (
        f"const given = JSON.parse(require('fs').readFileSync({json.dumps(str(given))}));"
        f"console.log(JSON.stringify({json.dumps(POINTS)}.map((x) => {evaluated})));"
    )
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, check=True, timeout=60)
    found: list[float] = json.loads(done.stdout)
    return found
