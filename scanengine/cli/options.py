"""Arguments and options that several verbs have, and what they mean."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.errors import InputError

if TYPE_CHECKING:
    from scanengine.api import Scan

ScanArgument = Annotated[str, typer.Argument(metavar="FILE|NAME", help="A scan file, or the name of a bundled scan.")]

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a key of the scan file, such as fixed.mu_nu=10. Repeatable."
    ),
]

AtOption = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="AXIS=VALUE", help="Value of an axis, such as mu_nu=1. Repeatable."),
]

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the files {data}/...; by default $SCANENGINE_DATA."),
]

ThreadsOption = Annotated[int | None, typer.Option(help="Threads; by default the cores this process may use.")]

OverwriteOption = Annotated[bool, typer.Option(help="Replace an existing result and figure.")]

FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Discard an unfinished result and start again; by default it is resumed.")
]

FigureOption = Annotated[bool, typer.Option(help="Draw the scan's figure beside the result.")]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

LevelsOption = Annotated[str, typer.Option("--cl", metavar="PERCENT,...", help="Confidence levels in per cent.")]

_SIGMAS = (1.0, 2.0, 3.0, 4.0, 5.0)


def load_scan(name: str, overrides: list[str] | None, data: Path | None, *, quiet: bool = False) -> Scan:
    """Load the scan file that a verb was given, and print its notes unless quiet.

    Raises InputError for a result file.
    """
    from scanengine.api import load

    if Path(name).suffix in (".h5", ".hdf5"):
        raise InputError(f"{name} is a result: give a scan file or the name of a bundled scan")
    scan = load(name, overrides or [], data=data)
    if not quiet:
        for note in scan.definition.notes:
            print(f"note: {note}", file=sys.stderr)
    return scan


def axis_values(given: Sequence[str] | None) -> dict[str, float]:
    """Return values of axes that were given as AXIS=VALUE. Raises InputError for what is none."""
    values = {}
    for text in given or ():
        name, _, number = text.partition("=")
        try:
            values[name.strip().strip('"')] = float(number)
        except ValueError:
            raise InputError(f"--at {text}: it must be AXIS=VALUE with a number, such as mu_nu=1") from None
    return values


def levels_of(text: str) -> tuple[float, ...]:
    """Return confidence levels that were written in per cent. Raises InputError for what is none."""
    try:
        percents = [float(item) for item in text.split(",")]
    except ValueError:
        raise InputError(f"--cl {text}: confidence levels are numbers in per cent, such as 68.27,90") from None
    if not all(0.0 < percent < 100.0 for percent in percents):
        raise InputError(f"--cl {text}: a confidence level lies between 0 and 100 per cent")
    for percent in percents:
        if percent < 1.0:
            raise InputError(
                f"--cl {text}: confidence levels are in per cent, for {percent:g} write {100.0 * percent:g}"
            )
        if percent in _SIGMAS:
            level = f"{100.0 * math.erf(percent / math.sqrt(2.0)):.8g}"
            raise InputError(f"--cl {text}: did you mean {percent:g} standard deviations? Write {level}")
    return tuple(percent / 100.0 for percent in percents)


def labels_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Return result files by what they are called side by side: their names, or paths where these are the same.

    Raises InputError for a file that is given twice.
    """
    stems = [path.stem for path in paths]
    labels = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    if len(set(labels)) < len(labels):
        raise InputError("a result file is given twice: each can be shown once")
    return dict(zip(labels, paths, strict=True))
