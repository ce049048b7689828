"""The report: one page that opens from disk without a network, its figures, and the same as JSON."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from scanengine import __version__
from scanengine.errors import InputError, Interrupted, RunError, ScanengineError
from scanengine.reproduce.checks import Check
from scanengine.reproduce.papers import Exhibit, Recipe

INDEX, SUMMARY = "index.html", "summary.json"
_MARK = '<meta name="generator" content="scanengine'
WORST = 12
"""So many of the rows that come nearest to their tolerance stand first."""


@dataclass(frozen=True)
class Finding:
    """A check with the recipe that it belongs to."""

    recipe: Recipe
    check: Check


def write_report(
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Run recipes and write `folder`: index.html, its figures as PNG and PDF, and summary.json; returns all checks.

    progress is called with the number of recipes done, as the next one begins. The page and the summary appear last,
    each when it is whole. Raises InputError if the folder cannot be written or its page is not ours, RunError if a
    recipe fails, Interrupted on Ctrl-C.
    """
    _prepare(folder, overwrite)
    made: list[tuple[Recipe, Exhibit, str]] = []
    try:
        for done, recipe in enumerate(recipes):
            if progress is not None:
                progress(done)
            made.append(_make(recipe, folder))
        findings = [Finding(recipe, check) for recipe, exhibit, _ in made for check in exhibit.checks]
        _write(folder / INDEX, _page(made, findings, folder))
        _write(folder / SUMMARY, _summary(findings))
    except KeyboardInterrupt:
        done_so_far = f"interrupted after {len(made)} of {len(recipes)} results"
        raise Interrupted(f"{done_so_far}: {folder} has figures of these, and no new {INDEX}") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    return findings


def _prepare(folder: Path, overwrite: bool) -> None:
    page = folder / INDEX
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if page.exists() and not overwrite and _MARK not in page.read_text(encoding="utf-8", errors="replace")[:1000]:
            raise InputError(f"{page} is not one of scanengine's reports: name another folder, or use --overwrite")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None


def _make(recipe: Recipe, folder: Path) -> tuple[Recipe, Exhibit, str]:
    """Run a recipe and save its figure; returns also the stem of the figure's files, or nothing without a figure."""
    try:
        exhibit = recipe.make()
    except (ScanengineError, OSError) as error:
        raise RunError(f"{recipe.full_name}: {error}") from error
    if exhibit.figure is None:
        return recipe, exhibit, ""
    from scanengine import figures

    stem = f"{recipe.paper.name}-{recipe.name}"
    for suffix in (".png", ".pdf"):
        figures.save(exhibit.figure, folder / f"{stem}{suffix}")
    return recipe, exhibit, stem


def _page(made: Sequence[tuple[Recipe, Exhibit, str]], findings: Sequence[Finding], folder: Path) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("scanengine.reproduce", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    exhibits = [
        {"recipe": recipe, "exhibit": exhibit, "stem": stem, "png": _base64(folder / f"{stem}.png") if stem else ""}
        for recipe, exhibit, stem in made
    ]
    numbers = [finding for finding in findings if finding.check.ratio is not None]
    return environment.get_template("report.html").render(
        version=__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        papers=list(dict.fromkeys(recipe.paper for recipe, _, _ in made)),
        exhibits=exhibits,
        findings=findings,
        verdicts=Counter(finding.check.verdict for finding in findings),
        worst=sorted(numbers, key=lambda finding: -finding.check.excess)[:WORST],
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")


def _summary(findings: Sequence[Finding]) -> str:
    records = [
        {
            "paper": finding.recipe.paper.name,
            "name": finding.recipe.name,
            "result": finding.check.result,
            "published": finding.check.published,
            "ours": finding.check.ours,
            "value": finding.check.value,
            "ratio": finding.check.ratio,
            "tolerance": finding.check.tolerance,
            "deviation_over_tolerance": finding.check.excess if isfinite(finding.check.excess) else None,
            "verdict": finding.check.verdict,
        }
        for finding in findings
    ]
    passed = all(finding.check.passed for finding in findings)
    return json.dumps(
        {"scanengine_version": __version__, "passed": passed, "results": records}, indent=1, ensure_ascii=False
    )


def _write(path: Path, text: str) -> None:
    """Write a file that appears only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
