"""`scanengine verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanengine.cli.options import DataOption
from scanengine.cli.progress import progress


def verify(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="Result files, or shards.")],
    data: DataOption = None,
) -> None:
    """Check a result: its checksums, and chi2 at some points.

    Every number is compared with its checksum, and chi2 is recalculated at points spread over the grid.

    Exit status 2 if something has changed since it was written, or does not agree with the scan file.
    """
    from scanengine import api

    for path in results:
        with progress(f"verifying {path}") as told:
            verified = api.verify(path, data=data, progress=told)
        print(f"{path}: {'; '.join(verified.found)}")
        for what in verified.unchecked:
            print(f"  not checked: {what}")
