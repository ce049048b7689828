"""`scanengine new`, `copy` and `data`: a scan file to begin with, and the data files that one needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from scanengine.cli.options import DataOption, ScanArgument
from scanengine.errors import InputError

_Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The scan file to write.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


def new(
    target: Annotated[str, typer.Option(help="Material: a nuclide, a natural element or a compound.")] = "NaI",
    source: Annotated[str, typer.Option(help="Source: sns, ess, jsns2, leibstadt or brokdorf.")] = "sns",
    mass_kg: Annotated[float, typer.Option("--mass-kg", min=1e-12, help="Mass of the detector, kg.")] = 100.0,
    distance_m: Annotated[
        float | None,
        typer.Option("--distance-m", min=1e-3, help="Distance from the source, m."),
    ] = None,
    output: _Output = None,
    overwrite: _Overwrite = False,
) -> None:
    """Write a commented scan file, which runs as it is."""
    from scanengine.definition import new_scan

    text = new_scan(target, source, mass_kg, distance_m)
    path = output or Path("".join(letter for letter in f"{target}-{source}" if letter not in "[]/\\").lower() + ".toml")
    _write(path, text, overwrite=overwrite)
    print(f"{path}: edit it, then scanengine events {path}, scanengine run {path}", file=sys.stderr)


def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundled scan; `scanengine list` has all.")],
    output: _Output = None,
    overwrite: _Overwrite = False,
) -> None:
    """Copy a bundled scan to the current directory."""
    from scanengine.definition import copy_of_bundled

    path = output or Path(f"{name.rpartition('/')[2]}.toml")
    _write(path, copy_of_bundled(name), overwrite=overwrite)
    print(path, file=sys.stderr)


def data(scan: ScanArgument, data: DataOption = None) -> None:
    """List the data files a scan needs, and where to get them."""
    from scanengine.definition import DATA_VARIABLE, data_files, listing

    named = str(data) if data else os.environ.get(DATA_VARIABLE)
    print(listing(data_files(scan), Path(named) if named else None))


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: write elsewhere with -o, or pass --overwrite to replace it")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another name with -o") from None
