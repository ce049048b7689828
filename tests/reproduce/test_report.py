"""Papers from folders, and the report about them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scanengine.errors import InputError, Interrupted, RunError
from scanengine.reproduce import INDEX, find_recipes, papers, write_report

RECIPES = """
from pathlib import Path

import numpy as np

from scanengine import InputError, figures
from scanengine.reproduce import Check, Exhibit, Paper, Table

from .numbers import ANSWER

paper = Paper(Path(__file__).parent, "A paper", "Journal of <Results> 1, 1 (2000)")


@paper.recipe("fig01", "Fig. 1: a line")
def fig01():
    x = np.linspace(0.0, 1.0, 5)
    figure = figures.sheet([[figures.Panel((figures.Line(x, x, "line"),), "$x$", "$y$")]])
    return Exhibit("A line & no more.", [Check.number("slope", "1.0", 1.02)], figure, notes=["slope < 2"])


@paper.recipe("table1", "Table I")
def table1():
    (row,) = paper.published("table1")
    counts = sum(event.counts for event in paper.load("scan", "experiments.Ne.mass_kg=2").events())
    return Exhibit(
        "Numbers.",
        [Check.number("answer", row["answer"], ANSWER), Check.between("events", "some", counts, 0.0, 1e9)],
        tables=[Table("Table I", ("a", "b"), (("1", "<2>"),))],
    )


@paper.recipe("broken", "What cannot be made")
def broken():
    raise InputError("there is no such thing")


@paper.recipe("slow", "What is interrupted")
def slow():
    raise KeyboardInterrupt
"""
SCAN = """
title = "one"
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1e7
reference_distance_m = 20
[[experiments]]
name = "Ne"
target = "Ne20"
mass_kg = 1
live_time_yr = 1
distance_m = 20
recoil_window_keV = [10, inf]
channels = { delayed = ["nu_e"] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A paper with scans, published numbers and recipes in two modules."""
    paper = tmp_path / "somebody2000"
    (paper / "published").mkdir(parents=True)
    (paper / "recipes.py").write_text(RECIPES)
    (paper / "numbers.py").write_text("ANSWER = 42.3\n")
    (paper / "scan.toml").write_text(SCAN)
    (paper / "published" / "table1.csv").write_text("# Somebody 2000, Table I\nanswer\n42\n")
    return paper


def made(folder: Path, *names: str) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def test_a_paper_needs_scan_files_and_recipes_only(folder: Path, tmp_path: Path) -> None:
    findings = write_report(find_recipes(made(folder, "fig01", "table1")), tmp_path / "out")
    assert [(finding.check.result, finding.check.passed) for finding in findings] == [
        ("slope", True),
        ("answer", True),
        ("events", True),
    ]


def test_the_page_holds_all_that_it_shows(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_report(find_recipes(made(folder, "fig01", "table1")), out)
    page = (out / INDEX).read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 1
    assert "http" not in page
    linked = re.findall(r'href="([^#"]+)"', page)
    assert linked == ["somebody2000-fig01.pdf"]
    assert all((out / name).read_bytes().startswith(b"%PDF") for name in linked)
    assert "A line &amp; no more." in page
    assert "slope &lt; 2" in page
    assert "Journal of &lt;Results&gt; 1, 1 (2000)" in page
    assert "3 of 3 results agree" in page
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page


def test_the_summary_says_the_same(folder: Path, tmp_path: Path) -> None:
    write_report(find_recipes(made(folder, "fig01", "table1")), tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["passed"] is True
    answer = summary["results"][1]
    assert (answer["paper"], answer["name"], answer["result"]) == ("somebody2000", "table1", "answer")
    assert (answer["published"], answer["value"], answer["verdict"]) == ("42", 42.3, "agrees")
    assert answer["ratio"] == pytest.approx(42.3 / 42.0)


def test_a_number_that_leaves_its_tolerance_is_said_so(folder: Path, tmp_path: Path) -> None:
    (folder / "numbers.py").write_text("ANSWER = 43.0\n")
    findings = write_report(find_recipes(made(folder, "table1")), tmp_path / "out")
    assert [finding.check.passed for finding in findings] == [False, True]
    page = (tmp_path / "out" / INDEX).read_text(encoding="utf-8")
    assert "1 of 2 results agree" in page
    assert '<td class="differs">' in page
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["passed"] is False


def test_a_page_from_elsewhere_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / INDEX).write_text("my notes")
    recipes = find_recipes(made(folder, "table1"))
    with pytest.raises(InputError, match="not one of scanengine's reports"):
        write_report(recipes, out)
    assert (out / INDEX).read_text() == "my notes"
    write_report(recipes, out, overwrite=True)
    write_report(recipes, out)
    assert "results agree" in (out / INDEX).read_text(encoding="utf-8")


def test_a_recipe_that_fails_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="somebody2000/broken: there is no such thing"):
        write_report(find_recipes(made(folder, "broken")), tmp_path / "out")
    assert not (tmp_path / "out" / INDEX).exists()


def test_ctrl_c_leaves_the_last_report_as_it_was(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_report(find_recipes(made(folder, "table1")), out)
    before = (out / INDEX).read_bytes()
    with pytest.raises(Interrupted, match="after 1 of 2 results"):
        write_report(find_recipes(made(folder, "fig01", "slow")), out)
    assert (out / INDEX).read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.out cannot be written"):
        write_report(find_recipes(made(folder, "table1")), tmp_path / "file" / "out")


def test_names_choose_papers_and_results() -> None:
    everything = find_recipes([])
    names = [recipe.full_name for recipe in everything]
    assert len(set(names)) == len(names)
    assert {recipe.paper.name for recipe in everything} == set(papers())
    assert [recipe.full_name for recipe in find_recipes(["kosmas2015/table5"])] == ["kosmas2015/table5"]
    assert len(find_recipes(["kosmas2015", "kosmas2015/table5"])) == len(find_recipes(["kosmas2015"]))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kosmas", "there is no paper 'kosmas': kosmas2015, scholberg2006"),
        ("kosmas2015/fig99", "kosmas2015 has no result 'fig99': table2, eq5, fig01"),
        ("nobody/fig01", "there is no paper 'nobody/fig01'"),
    ],
)
def test_unknown_names_are_met_with_what_there_is(name: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        find_recipes([name])


def test_recipes_without_a_paper_are_refused(tmp_path: Path) -> None:
    (tmp_path / "recipes.py").write_text("")
    with pytest.raises(InputError, match="defines no paper"):
        find_recipes([str(tmp_path)])
