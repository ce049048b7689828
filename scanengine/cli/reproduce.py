"""`scanengine reproduce`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from scanengine.cli.options import DataOption
from scanengine.cli.progress import steps


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="Papers or single results, e.g. kosmas2015 or kosmas2015/fig05, or a folder of recipes; default: all.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The report's folder.")] = Path(
        "reproduced"
    ),
    overwrite: Annotated[bool, typer.Option(help="Replace files in it that scanengine did not write.")] = False,
    data: DataOption = None,
) -> None:
    """Recalculate published results, and write a report.

    Exit status 1 if a result is outside its tolerance. Results whose data are missing are skipped, and listed as
    skipped.
    """
    from scanengine.definition.reading.folders import DATA_VARIABLE
    from scanengine.reproduce import INDEX, find_recipes, in_words, write_report

    if data is not None:
        os.environ[DATA_VARIABLE] = str(data)  # recipes are functions without arguments
    recipes = find_recipes(names or [])
    with steps("results", [recipe.full_name for recipe in recipes]) as begin:
        findings = write_report(recipes, output, overwrite=overwrite, progress=begin)
    differing = [finding for finding in findings if not finding.check.passed]
    print(f"{in_words(findings)}: {output / INDEX}")
    for finding in differing:
        check = finding.check
        print(f"  {finding.recipe.full_name}: {check.result}: published {check.published}, ours {check.ours}")
    if differing:
        raise typer.Exit(1)
