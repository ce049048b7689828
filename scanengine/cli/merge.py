"""`scanengine merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanengine.cli.options import DataOption, FigureOption, FreshOption, OverwriteOption
from scanengine.cli.progress import progress
from scanengine.cli.run import show


def merge(
    output: Annotated[Path, typer.Argument(metavar="OUT.h5", help="The result file to write.")],
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD.h5...", help="All shards of one scan.")],
    overwrite: OverwriteOption = False,
    fresh: FreshOption = False,
    virtual: Annotated[
        bool,
        typer.Option("--virtual", help="Refer to the grid in the shards, which must stay there, without copying it."),
    ] = False,
    data: DataOption = None,
    figure: FigureOption = True,
) -> None:
    """Combine the shards of a scan into one result.

    Each tile of the grid must be in exactly one of them.
    """
    from scanengine import api, figures

    if figure:
        figures.check(output.with_suffix(".png"), overwrite=overwrite)
    with progress("merging") as told:
        result = api.merge(output, shards, overwrite=overwrite, fresh=fresh, virtual=virtual, data=data, progress=told)
    show(api.Scan(result.definition), result, output, overwrite=overwrite, figure=figure)
