"""`scanengine run`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanengine.cli.limits import print_limits
from scanengine.cli.minimum import note_degeneracy, print_best_fit, print_fit_of, tell_of_checks
from scanengine.cli.options import (
    DataOption,
    FigureOption,
    FreshOption,
    OverwriteOption,
    ScanArgument,
    SetOption,
    ThreadsOption,
    load_scan,
)
from scanengine.cli.progress import progress
from scanengine.cli.proofs import print_decided
from scanengine.cli.warn import warn_about
from scanengine.cli.words import grid
from scanengine.errors import InputError, Interrupted

if TYPE_CHECKING:
    from scanengine.api import Result, Scan


def run(
    scan: ScanArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.h5", help="The result file.")] = None,
    overwrite: OverwriteOption = False,
    fresh: FreshOption = False,
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
    executor: Annotated[
        str,
        typer.Option(
            metavar="EXECUTOR",
            help="threads, processes:N, tcp://HOST:PORT or dask:FILE (a dask scheduler), dask, or mpi.",
        ),
    ] = "threads",
    worker_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Give a worker's tiles to others if it has finished none for this time."),
    ] = 300.0,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Scan only the I-th of N parts, for `scanengine merge`.")
    ] = None,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Largest memory for the grid and the profiles.")] = "4GB",
    figure: FigureOption = True,
) -> None:
    """Run a scan: write the grid, print limits, draw a figure.

    Limits are at 90% C.L. If a scan is interrupted, the same command resumes it.
    """
    loaded = load_scan(scan, overrides, data)
    target = Path(Path(scan).name).with_suffix(".h5") if output is None else output
    how: dict[str, Any] = {"overwrite": overwrite, "fresh": fresh, "threads": threads, "memory_bytes": _bytes(memory)}
    if shard is not None:
        if executor != "threads":
            raise InputError("--shard and --executor exclude each other: a shard is done by threads of one process")
        with progress(loaded.definition.title) as told:
            written = loaded.run_shard(target, *_shard(shard), progress=told, **how)
        print(f"shard {shard} of {grid(loaded.shape)}, written to {written}")
        return
    if figure and target.name:
        from scanengine import figures

        figures.check(target.with_suffix(".png"), overwrite=overwrite)
    with progress(loaded.definition.title) as told:
        result = loaded.run(target, executor=executor, worker_timeout_s=worker_timeout, progress=told, **how)
    show(loaded, result, target, overwrite=overwrite, figure=figure)


def show(scan: Scan, result: Result, target: Path, *, overwrite: bool, figure: bool) -> None:
    """Print what a finished scan has found, and draw it."""
    print(f"{grid(result.shape)}, written to {target}")
    print_best_fit(result)
    note_degeneracy(scan, result)
    tell_of_checks(result)
    print_decided(result, (0.90,))
    try:
        found = result.limits(0.90)
    except InputError as error:  # the file is whole
        print_fit_of(result)
        print(f"warning: no limits, and no figure: {error}", file=sys.stderr)
        return
    print_limits(result, found)
    print_fit_of(result)
    if figure:
        from scanengine import figures
        from scanengine.api import drawing

        try:
            drawn = drawing(result)
            saved = figures.save(drawn.figure, target.with_suffix(".png"), overwrite=overwrite)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted: {target} is complete, `scanengine plot {target}` draws it") from None
        print(f"figure: {saved}")
        warn_about(drawn.grids, (0.90,))


def _shard(item: str) -> tuple[int, int]:
    number, _, of = item.partition("/")
    if not (number.isdigit() and of.isdigit()):
        raise InputError(f"--shard {item}: write which part of how many, such as 3/8")
    return int(number), int(of)


def _bytes(size: str) -> int:
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kMGT]?)B?\s*", size)
    try:
        number = float(match[1]) if match else 0.0
    except ValueError:
        number = 0.0
    if match is None or not number > 0.0:
        raise InputError(f"--memory {size}: write a size, such as 500MB or 4GB")
    return int(number * 1000 ** " kMGT".index(match[2] or " "))
