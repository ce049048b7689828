"""The report: one page that opens from disk without a network, its figures, and the same as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from scanengine import __version__, errors
from scanengine.errors import InputError, Interrupted, RunError
from scanengine.reproduce.explored import Explored, explored
from scanengine.reproduce.papers import Exhibit, Recipe
from scanengine.reproduce.tally import Finding, counted, in_words
from scanengine.reproduce.typeset import typeset

INDEX, SUMMARY = "index.html", "summary.json"
SUFFIXES = (".png", ".pdf")
SOURCES = "sources"
THUMBNAIL_PX = 150
_PAGE_MARK, _SUMMARY_MARK = '<meta name="generator" content="scanengine', '"scanengine_version"'
WORST = 12
"""How many of the rows closest to their tolerance are shown first."""


@dataclass(frozen=True, eq=False)
class _Made:
    """What came of a recipe: an exhibit, or the sentence that says why there is none.

    `stem` names the recipe's files and its place in the page; `figure` is the PNG in base 64, if it has a figure, and
    `thumbnail` a small one. `sources` are the files that it is made from, within the report's folder, and `explored`
    the pages of their likelihoods.
    """

    recipe: Recipe
    stem: str
    exhibit: Exhibit | None = None
    figure: str = ""
    thumbnail: str = ""
    sources: tuple[str, ...] = ()
    explored: tuple[Explored, ...] = ()
    failure: str = ""


def write_report(
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Run recipes and write `folder`: index.html, its figures as PNG and PDF, and summary.json; returns all checks.

    progress is called with the number of recipes done, as the next one begins. The page and the summary appear last,
    each when it is whole. Raises InputError, before anything runs, if the folder cannot be written or a file in it is
    not ours; Interrupted on Ctrl-C; RunError if recipes failed, when the report, which says so, is written.
    """
    stems = _stems(recipes)
    _prepare(folder, stems, overwrite)
    made: list[_Made] = []
    pages: dict[Path, Explored] = {}
    try:
        for done, (recipe, stem) in enumerate(zip(recipes, stems, strict=True)):
            if progress is not None:
                progress(done)
            made.append(_make(recipe, stem, folder, overwrite, pages))
        findings = [Finding(each.recipe, check) for each in made if each.exhibit for check in each.exhibit.checks]
        _write(folder / INDEX, _page(made, findings))
        _write(folder / SUMMARY, _summary(made, findings))
    except KeyboardInterrupt:
        done_so_far = f"interrupted after {len(made)} of {len(recipes)} results"
        raise Interrupted(f"{done_so_far}: {folder} has figures of these, and no new {INDEX}") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    failures = [each.failure for each in made if each.failure]
    if failures:
        count = f"{len(failures)} of {len(recipes)} results failed, {folder / INDEX} has the others"
        raise RunError("\n".join([*failures, f"{count}: {in_words(findings)}"]))
    return findings


def _stems(recipes: Sequence[Recipe]) -> list[str]:
    """Names of the recipes' files: those of papers that have one name in different folders are told apart."""
    folders: dict[str, list[Path]] = {}
    stems = []
    for recipe in recipes:
        same = folders.setdefault(recipe.paper.name, [])
        if recipe.paper.folder not in same:
            same.append(recipe.paper.folder)
        nth = same.index(recipe.paper.folder)
        stems.append(f"{recipe.paper.name}{f'.{nth + 1}' if nth else ''}-{recipe.name}")
    return stems


def _prepare(folder: Path, stems: Sequence[str], overwrite: bool) -> None:
    """Make the folder, and refuse it if a file that would be replaced is not ours."""
    from scanengine import figures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, mark in ((INDEX, _PAGE_MARK), (SUMMARY, _SUMMARY_MARK)):
            path = folder / name
            if path.exists() and not overwrite and mark not in path.read_text("utf-8", errors="replace")[:1000]:
                raise InputError(f"{path} is not one of scanengine's reports: name another folder, or use --overwrite")
        for stem in stems:
            for suffix in SUFFIXES:
                figures.check(folder / f"{stem}{suffix}", overwrite=overwrite)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None


def _make(recipe: Recipe, stem: str, folder: Path, overwrite: bool, pages: dict[Path, Explored]) -> _Made:
    """Run a recipe and save its figure, what both are made from, and pages of scan files that have none yet."""
    recipe.paper.scans.clear()
    try:
        exhibit = recipe.run()
    except Interrupted:
        raise
    except RunError as error:
        return _Made(recipe, stem, failure=str(error))
    sources = _sources(recipe, folder)
    scans = [(recipe.paper.folder / name).resolve() for name in recipe.paper.scans]
    pages.update({scan: explored(scan, folder) for scan in scans if scan not in pages})
    of_scans = tuple(pages[scan] for scan in scans)
    if exhibit.figure is None:
        return _Made(recipe, stem, exhibit, sources=sources, explored=of_scans)
    from scanengine import figures

    for suffix in SUFFIXES:
        figures.save(exhibit.figure, folder / f"{stem}{suffix}", overwrite=overwrite)
    small = base64.b64encode(figures.thumbnail(exhibit.figure, THUMBNAIL_PX)).decode("ascii")
    return _Made(recipe, stem, exhibit, _base64(folder / f"{stem}.png"), small, sources, of_scans)


def _sources(recipe: Recipe, folder: Path) -> tuple[str, ...]:
    """Copy the recipe, and the scan files that it has loaded, into the report's folder; return their names there."""
    names = []
    recipes = () if recipe.source is None else (str(recipe.source),)
    for name in (*recipes, *recipe.paper.scans):
        source = (recipe.paper.folder / name).resolve()  # a scan file may be another paper's
        found = Path(SOURCES) / source.parent.name / source.name
        (folder / found).parent.mkdir(parents=True, exist_ok=True)
        (folder / found).write_bytes(source.read_bytes())
        names.append(found.as_posix())
    return tuple(names)


def _page(made: Sequence[_Made], findings: Sequence[Finding]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("scanengine.reproduce", ""),
        autoescape=True,
        finalize=_as_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typeset"] = typeset
    published = [finding for finding in findings if not finding.check.derived]
    numbers = [finding for finding in published if finding.check.ratio is not None and not finding.check.known]
    return environment.get_template("report.html").render(
        version=__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        papers=list(dict.fromkeys(each.recipe.paper for each in made)),
        made=made,
        anchors={each.recipe: each.stem for each in made},
        in_words=in_words(findings),
        differing=[finding for finding in findings if finding.check.verdict not in {"agrees", "absent"}],
        published=published,
        derived=[finding for finding in findings if finding.check.derived],
        worst=sorted(numbers, key=lambda finding: -finding.check.excess)[:WORST],
    )


def _as_text(value: object) -> object:
    return errors.on_lines(value) if type(value) is str else value  # Markup is a macro's, of what has been here


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")


def _summary(made: Sequence[_Made], findings: Sequence[Finding]) -> str:
    records = [
        {
            "paper": finding.recipe.paper.name,
            "name": finding.recipe.name,
            "result": finding.check.result,
            "published": finding.check.published,
            "ours": finding.check.ours,
            "value": _finite(finding.check.value),
            "ratio": _finite(finding.check.ratio),
            "tolerance": finding.check.tolerance,
            "deviation_over_tolerance": _finite(finding.check.excess),
            "derived": finding.check.derived,
            "verdict": finding.check.label,
        }
        for finding in findings
    ]
    failures = [
        {"paper": each.recipe.paper.name, "name": each.recipe.name, "failure": each.failure}
        for each in made
        if each.failure
    ]
    summary = {
        "scanengine_version": __version__,
        "passed": not failures and all(finding.check.passed for finding in findings),
        "published_results": dict(sorted(counted(findings, derived=False).items())),
        "consistency_checks": dict(sorted(counted(findings, derived=True).items())),
        "failed": failures,
        "results": records,
    }
    return json.dumps(summary, indent=1, allow_nan=False)


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _write(path: Path, text: str) -> None:
    """Write a file that appears only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
