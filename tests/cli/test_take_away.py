"""`export`, `explore`, `table`, and what `plot` draws of a fit."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from scanengine import load
from tests.command_line import Command

pytestmark = pytest.mark.jit_only

SMALL = "--set axes.eps_ee_uV.points=21 --set axes.eps_ee_dV.points=21"
Said = Callable[..., tuple[str, str]]


@pytest.fixture
def said(command: Command) -> Said:
    """Run a command line in an empty folder, and return what it printed."""

    def run(line: str, status: int = 0) -> tuple[str, str]:
        ended, output, errors = command(*shlex.split(line))
        assert ended == status, errors
        return output, errors

    return run


def test_a_likelihood_a_page_and_tables(said: Said) -> None:
    out, _ = said(f"export scholberg2006/fig08 {SMALL}")
    assert "likelihood: fig08.json (2 parameters, 0 nuisances" in out
    assert json.loads(Path("fig08.json").read_text())["parameters"][0]["name"] == "eps_ee_uV"
    assert "exists: pass --overwrite" in said("export scholberg2006/fig08", 2)[1]
    said(f"run scholberg2006/fig08 {SMALL} --no-figure -o a.h5")
    said("export a.h5")
    assert Path("a.json").exists()
    assert said("explore a.h5")[0] == "page: a.html\n"
    assert Path("a.html").read_text().startswith("<!doctype html>")
    assert said("table a.h5 --cl 90")[0].startswith("| parameter |")
    assert said("table a.h5 --csv")[0].startswith("parameter,units,result")
    assert r"\begin{tabular}" in said("table a.h5 --latex")[0]
    assert "exclude each other" in said("table a.h5 --latex --csv", 2)[1]
    assert "given twice" in said("table a.h5 a.h5", 2)[1]
    assert "--set and --data go with a scan file" in said("export a.h5 --set fixed.mu_nu=1 --overwrite", 2)[1]


def test_borders_and_figures_of_a_fit(said: Said) -> None:
    said(f"run scholberg2006/fig08 {SMALL} --no-figure -o a.h5")
    assert said("plot a.h5 -o a.csv --cl 68,90")[0] == "borders: a.csv\n"
    assert Path("a.csv").read_text().startswith("cl_percent,dof,piece,ring,eps_ee_uV,eps_ee_dV\n68.0,2,1,0,")
    said("plot a.h5 -o a.yaml")
    assert Path("a.yaml").read_text().startswith("independent_variables:")
    assert said("plot a.h5 --show spectrum")[0] == "figure: a-spectrum.png\n"
    assert said("plot a.h5 --show correlation -o c.pdf")[0] == "figure: c.pdf\n"
    assert "has none" in said("plot a.h5 --show pulls", 2)[1]
    assert "spectrum, pulls, impacts, correlation can be shown" in said("plot a.h5 --show all", 2)[1]
    assert "leave out" in said("plot a.h5 --show spectrum --targets", 2)[1]
    assert "leave out" in said("plot a.h5 -o b.csv --targets", 2)[1]


def test_the_schema_of_likelihood_files(said: Said) -> None:
    assert json.loads(said("schema --likelihood")[0])["title"] == "A likelihood of scanengine"


def test_the_verbs_do_what_scans_do(said: Said, tmp_path: Path) -> None:
    said(f"export scholberg2006/fig08 {SMALL} -o by_command.json")
    keys = {"axes.eps_ee_uV.points": 21, "axes.eps_ee_dV.points": 21}
    load("scholberg2006/fig08", keys).export(tmp_path / "by_library.json")
    one, other = (json.loads(Path(f"by_{how}.json").read_text()) for how in ("command", "library"))
    assert one["squares"] == other["squares"]
    assert one["best_fit"] == other["best_fit"]
