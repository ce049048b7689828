"""`scanengine verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scanengine.cli.options import DataOption
from scanengine.cli.progress import progress
from scanengine.errors import InputError


def verify(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="Result files, or shards.")],
    data: DataOption = None,
    proof: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="Check N tiles of proven regions again, or all, by interval arithmetic.",
        ),
    ] = None,
) -> None:
    """Check a result: its checksums, and chi2 at some points.

    Every number is compared with its checksum, and chi2 is recalculated at points spread over the grid.

    Exit status 2 if something has changed since it was written, or does not agree with the scan file.
    """
    from scanengine import api

    number = _tiles(proof)
    for path in results:
        with progress(f"verifying {path}") as told:
            verified = api.verify(path, data=data, progress=told, proof=number)
        print(f"{path}: {'; '.join(verified.found)}")
        for what in verified.unchecked:
            print(f"  not checked: {what}")


def _tiles(proof: str | None) -> int | Literal["all"] | None:
    """Return how many tiles are to be gone over. Raises InputError for what is neither a number nor all."""
    if proof is None:
        return None
    if proof == "all":
        return "all"
    if not proof.isdecimal() or int(proof) < 1:
        raise InputError(f"--proof takes a number of tiles, from 1 up, or all: found {proof!r}")
    return int(proof)
