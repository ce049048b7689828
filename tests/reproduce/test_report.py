"""Papers from folders, and the report about them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from scanengine.errors import InputError, Interrupted, RunError
from scanengine.reproduce import INDEX, Check, Finding, find_recipes, in_words, papers, write_report

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
SHORT = """
from pathlib import Path

from scanengine.reproduce import Exhibit, Paper
paper = Paper(Path(__file__).parent, "A paper", "A journal")
@paper.recipe("one", "One")
def one():
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
    assert page.count('src="data:image/png;base64,') == 2  # the figure, and small in the gallery
    assert "http" not in page
    linked = re.findall(r'href="([^#"]+)"', page)
    recipes, scan = "sources/somebody2000/recipes.py", "sources/somebody2000/scan.toml"
    assert linked == [recipes, "somebody2000-fig01.pdf", recipes, scan]
    assert (out / "somebody2000-fig01.pdf").read_bytes().startswith(b"%PDF")
    for name in ("recipes.py", "scan.toml"):
        assert (out / "sources" / "somebody2000" / name).read_bytes() == (folder / name).read_bytes()
    assert "<code>scanengine reproduce somebody2000/fig01</code>" in page
    assert "A line &amp; no more." in page
    assert "slope &lt; 2" in page
    assert "Journal of &lt;Results&gt; 1, 1 (2000)" in page
    assert "3 published results: 3 agree" in page
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
    assert "2 published results: 1 agrees, 1 differs" in page
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
    assert "2 published results" in (out / INDEX).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["summary.json", "somebody2000-fig01.png", "somebody2000-fig01.pdf"])
def test_no_file_from_elsewhere_is_replaced_and_nothing_is_run_before_that_is_seen(
    folder: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("my own")
    recipes = find_recipes(made(folder, "slow", "fig01"))  # the first would interrupt
    with pytest.raises(InputError, match=re.escape(name)):
        write_report(recipes, out)
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == "my own"
    write_report(recipes[1:], out, overwrite=True)
    assert (out / name).read_bytes() != b"my own"


def test_a_recipe_that_fails_is_named_and_the_others_are_written(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RunError, match="somebody2000/broken: there is no such thing") as raised:
        write_report(find_recipes(made(folder, "fig01", "broken", "table1")), out)
    assert raised.value.exit_status == 1
    assert "1 of 3 results failed" in str(raised.value)
    page = (out / INDEX).read_text(encoding="utf-8")
    assert "Failed: somebody2000/broken: there is no such thing" in page
    assert "3 published results: 3 agree" in page
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["passed"] is False
    assert summary["failed"] == [
        {"paper": "somebody2000", "name": "broken", "failure": "somebody2000/broken: there is no such thing"}
    ]
    assert len(summary["results"]) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("open('nowhere.csv')", "line 8: FileNotFoundError: .*nowhere.csv"),
        ("1 + 'a'", "line 8: TypeError: unsupported operand"),
        ("assert False", "line 8: AssertionError$"),
        ("float('x')", "line 8: ValueError: could not convert"),
        ("return None", "its function returned NoneType, it must return an Exhibit"),
    ],
)
def test_what_goes_wrong_in_a_recipe_is_one_sentence_with_its_place(tmp_path: Path, body: str, said: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "recipes.py").write_text(SHORT + f"    {body}\n")
    (recipe,) = find_recipes([str(folder)])
    place = "" if body.startswith("return") else re.escape(f"{folder}/recipes.py, ")
    with pytest.raises(RunError, match=f"^mine/one: {place}{said}"):
        recipe.run()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = (", "recipes.py, line 1: "),
        ("import there_is_no_such_module", "recipes.py, line 1: ModuleNotFoundError: No module named"),
        ("\nfrom .beside import nothing", "recipes.py, line 2: "),
        ("Paper()", "recipes.py, line 1: NameError"),
    ],
)
def test_recipes_that_cannot_be_read_are_one_sentence_with_its_place(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "recipes.py").write_text(source)
    with pytest.raises(RunError, match=re.escape(said)) as raised:
        find_recipes([str(tmp_path)])
    assert str(raised.value).startswith(f"{tmp_path.name}: {tmp_path}")


def test_a_paper_needs_recipes(tmp_path: Path) -> None:
    (tmp_path / "recipes.py").write_text(SHORT.partition("@")[0])
    with pytest.raises(InputError, match="has no recipes: it needs a function under"):
        find_recipes([str(tmp_path)])


@pytest.mark.parametrize(("name", "said"), [("one", "two results 'one'"), ("a/b", "not hold a slash"), ("", "empty")])
def test_names_of_results_differ_and_hold_no_slash(tmp_path: Path, name: str, said: str) -> None:
    again = SHORT[SHORT.index("@") :].replace('"one"', f'"{name}"')
    (tmp_path / "recipes.py").write_text(f"{SHORT}    return Exhibit('A.')\n{again}    return Exhibit('B.')\n")
    with pytest.raises(InputError, match=said):
        find_recipes([str(tmp_path)])


def test_a_path_of_the_recipes_is_met_with_the_folder(folder: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"name its folder, {folder}, or")):
        find_recipes([f"{folder}/recipes.py"])


def test_an_edited_paper_is_read_anew(folder: Path, tmp_path: Path) -> None:
    def answer() -> float | None:
        (recipe,) = find_recipes(made(folder, "table1"))
        return recipe.run().checks[0].value

    assert answer() == 42.3
    (folder / "numbers.py").write_text("ANSWER = 42.4\n")  # of the same size, within the same second
    assert answer() == 42.4
    (folder / "recipes.py").write_text(RECIPES.replace("ANSWER)", "ANSWER + 1.0)"))
    assert answer() == 43.4
    assert not list(folder.rglob("__pycache__"))


def test_papers_of_one_name_do_not_replace_each_other(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, other)
    (other / "numbers.py").write_text("ANSWER = 99.0\n")
    out = tmp_path / "out"
    names = [f"{paper}/{name}" for paper in (folder, other) for name in ("fig01", "table1")]
    findings = write_report(find_recipes(names), out)
    assert [finding.check.value for finding in findings if finding.check.result == "answer"] == [42.3, 99.0]
    assert {path.name for path in out.glob("*.png")} == {"somebody2000-fig01.png", "somebody2000.2-fig01.png"}
    anchors = re.findall(r'id="([^"]+)"', (out / INDEX).read_text(encoding="utf-8"))
    assert len(anchors) == len(set(anchors)) == 4


def test_what_is_no_number_is_null(folder: Path, tmp_path: Path) -> None:
    (folder / "numbers.py").write_text("ANSWER = float('nan')\n")
    write_report(find_recipes(made(folder, "table1")), tmp_path / "out")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"), parse_constant=refuse)
    answer = summary["results"][0]
    assert [answer[key] for key in ("value", "ratio", "deviation_over_tolerance")] == [None, None, None]
    assert answer["verdict"] == "differs"


def test_counts_tell_published_results_from_consistency_checks(folder: Path) -> None:
    (recipe,) = find_recipes(made(folder, "fig01"))
    checks = [
        Check.number("a", "1.0", 1.0),
        Check.number("b", "1.0", 2.0),
        Check.known_difference("c", "1", 2.0, 2.0),
        Check.known_difference("d", "1", 2.0, 2.0, explained=False),
        Check.number("e", "1.0", 1.0, derived=True),
    ]
    assert in_words([Finding(recipe, check) for check in checks]) == (
        "4 published results: 1 agrees, 1 differs, 1 differs, explained, 1 differs, unexplained; "
        "1 consistency check: 1 agrees"
    )
    assert in_words([Finding(recipe, checks[0])] * 2) == "2 published results: 2 agree"
    absent = [Finding(recipe, Check.not_run(name)) for name in "ab"]
    assert in_words([Finding(recipe, checks[0]), *absent]) == ("3 published results: 1 agrees, 2 skipped: no data")
    assert in_words([Finding(recipe, checks[1])] * 2) == "2 published results: 2 differ"
    assert in_words([]) == "nothing to compare"


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
        ("kosmas", "there is no paper 'kosmas': choose coherent, combined, kosmas2015, scholberg2006"),
        ("kosmas2015/fig99", "kosmas2015 has no result 'fig99': table1, table2, eq5"),
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


AXES = """
[axes]
eps_ee_uV = { min = -0.5, max = 0.5, points = 11 }
"""
OUTER = """
[mediators.zp]
kind = "vector"
mass_MeV = 10.0
charges = "universal"
[axes]
"mediators.zp.mass_MeV" = { min = 1.0, max = 100.0, points = 3, spacing = "log" }
g_zp = { min = 0.0, max = 1e-3, points = 11 }
"""
CACHING = """
from pathlib import Path

from scanengine.reproduce import Exhibit, Paper

paper = Paper(Path(__file__).parent, "A paper", "A journal")


@paper.cache
def loaded(name):
    return paper.load(name)


@paper.cache
def both():
    return loaded("plain"), loaded("outer")


@paper.recipe("first", "First")
def first():
    both()
    return Exhibit("From both.")


@paper.recipe("second", "Second")
def second():
    assert loaded("plain") is both()[0]
    return Exhibit("From what is kept.")


@paper.recipe("third", "Third")
def third():
    loaded("plain")
    return Exhibit("From one.")
"""


def test_each_result_leads_to_pages_of_the_likelihoods_it_is_made_from(tmp_path: Path) -> None:
    folder, out = tmp_path / "caching", tmp_path / "out"
    folder.mkdir()
    (folder / "recipes.py").write_text(CACHING)
    (folder / "plain.toml").write_text(SCAN + AXES)
    (folder / "outer.toml").write_text(SCAN + OUTER)
    for _ in range(2):  # a report takes the place of an older one
        write_report(find_recipes([str(folder)]), out)
    page = (out / INDEX).read_text(encoding="utf-8")
    sections = re.findall(r'<section id="caching-(\w+)">(.*?)</section>', page, re.DOTALL)
    links = {name: re.findall(r'href="explore/([^"]+)"', text) for name, text in sections}
    assert links == {name: ["caching-plain.html"] for name in ("first", "second", "third")}
    assert {name for name, text in sections if "sources/caching/outer.toml" in text} == {"first", "second"}
    assert [
        text.count("No page to explore caching/outer: χ² is no polynomial in mediators.zp.mass_MeV.")
        for _, text in sections
    ] == [
        1,
        1,
        0,
    ]
    assert [path.name for path in (out / "explore").iterdir()] == ["caching-plain.html"]
    assert "eps_ee_uV" in (out / "explore" / "caching-plain.html").read_text(encoding="utf-8")
