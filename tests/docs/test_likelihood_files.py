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
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
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
    exec(BLOCKS["python"], names)  # the last of them
    assert [names["chi2"](likelihood, x) for x in POINTS] == pytest.approx(wanted, rel=1e-11)
    if NODE is None:
        pytest.skip("no node: the reader in JavaScript is not run")
    program = (
        BLOCKS["js"]
        + f"const likelihood = JSON.parse(require('fs').readFileSync({json.dumps(str(tmp_path / 'fig08.json'))}));"
        + f"console.log(JSON.stringify({json.dumps(POINTS)}.map((x) => chi2(likelihood, x))));"
    )
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == pytest.approx(wanted, rel=1e-11)
