"""Running a scan to a file: alone, by workers of any kind, or as one shard of several that are merged later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanengine import definition as definitions
from scanengine.api.result import Result, from_stored, open_result
from scanengine.driver.chosen_planes import HiddenMinimum
from scanengine.driver.one_pass import scan_grid, visit_tiles
from scanengine.errors import InputError, Interrupted, is_interrupt
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling
from scanengine.scan.plan import error_attributes, fit_attributes, plan_of

if TYPE_CHECKING:
    from scanengine.api.scan import Scan
    from scanengine.driver.executors import Workers
    from scanengine.scan.workers import Work
    from scanengine.store import GridPlan, GridWriter

THREADS = "threads"

WORKER_TIMEOUT_S = 300.0
"""A worker that has given no sign of life for so long is not waited for; the first tile takes a compiler's time."""

_log = logging.getLogger("scanengine")


@dataclass(frozen=True)
class HowToRun:
    """What changes nothing of a result: who does the work, and what becomes of files that are there already."""

    overwrite: bool
    fresh: bool
    threads: int
    executor: str
    progress: Callable[[int], None] | None
    worker_timeout_s: float = WORKER_TIMEOUT_S


def run_to_file(scan: Scan, output: Path, how: HowToRun) -> Result:
    """Scan the grid and write it to a file, going on with an unfinished one of the same scan."""
    from scanengine import store  # HDF5 waits until there is a file
    from scanengine.scan.workers import Work

    if scan.one_pass is not None:
        _run_pass(scan, output, how)
        return from_stored(store.open_result(output, just_written=True))
    writer = store.GridWriter(output, plan_of(scan), overwrite=how.overwrite, fresh=how.fresh)
    folder = output.with_suffix(".shards")
    with _workers(how.executor) as workers, _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            if workers is not None or folder.exists():
                work = Work.of(scan.evaluator, scan.tiles, writer.plan, folder, compiled=scan.compiled)
                _farm_out(writer, work, how, workers)
            _finish(scan, writer, how)
        if workers is not None or folder.exists():
            _clear(folder, writer.plan)
    return from_stored(store.open_result(output, just_written=True))


def _run_pass(scan: Scan, output: Path, how: HowToRun) -> None:
    """Find the chosen planes by a pass, in an unfinished file of its own until the result is whole."""
    from scanengine.scan.workers import Work
    from scanengine.store import GridPlan, GridWriter, partial_path

    plan = replace(plan_of(scan), tiles=np.zeros(0, dtype=np.int64))
    of_pass = output.with_name(f"{output.stem}.pass{output.suffix}")

    with _workers(how.executor) as workers, GridWriter(output, plan, overwrite=how.overwrite, fresh=how.fresh) as whole:

        def scan_to_file(
            minimum: HiddenMinimum, shown: tuple[Axis, ...], tiling: Tiling, tell: Callable[[int], None]
        ) -> Profiles:
            identity = {**plan.identity, "pass": f"showing {' and '.join(axis.name for axis in shown)}"}
            own = GridPlan(shown, definition="", tile_shape=tiling.tile_shape, identity=identity, keep="profiles")
            with _interruptible(GridWriter(of_pass, own, overwrite=True, fresh=how.fresh)) as writer:
                folder = writer.path.with_suffix(".shards")
                if workers is not None or folder.exists():
                    work = Work.of(minimum, tiling, own, folder, compiled=True)
                    _farm_out(writer, work, replace(how, progress=tell), workers)
                    _clear(folder, own)
                return scan_grid(minimum, shown, writer, tiling=tiling, threads=how.threads, progress=tell)

        if not _finished_but_for_its_name(whole):
            _complete(scan, whole, how, scan.visit_planes(how, scan_to_file))
    partial_path(of_pass).unlink(missing_ok=True)


@contextmanager
def _workers(executor: str) -> Iterator[Workers | None]:
    """Open an executor and count its workers; of this process's own threads the driver takes care."""
    if executor == THREADS:
        yield None
        return
    from scanengine.driver.executors import executor_of

    with executor_of(executor) as workers:
        yield workers


def run_shard(scan: Scan, output: Path, number: int, of: int, how: HowToRun) -> Path:
    """Scan every so-manieth tile of the grid and write it to OUT.shard-I-of-N.h5, which is returned."""
    from scanengine.store import GridWriter

    numbers = scan.tiles.numbered()
    if not 1 <= number <= of:
        raise InputError(f"--shard {number}/{of}: the shards of {of} are 1/{of} to {of}/{of}")
    if of > numbers.size:
        raise InputError(f"--shard {number}/{of}: this grid has {numbers.size} tiles, and no more shards than that")
    mine = numbers[number - 1 :: of]
    path = output.with_name(f"{output.stem}.shard-{number}-of-{of}{output.suffix}")
    writer = GridWriter(path, replace(plan_of(scan), tiles=mine), overwrite=how.overwrite, fresh=how.fresh)
    with _interruptible(writer):
        visit_tiles(
            scan.evaluator,
            scan.definition.axes,
            writer,
            scan.tiles.some(mine),
            threads=how.threads,
            progress=how.progress,
            keep_planes=not writer.wants_tiles,
            compiled=scan.compiled,
        )
        return writer.finish_shard(number, of)


def _farm_out(writer: GridWriter, work: Work, how: HowToRun, workers: Workers | None) -> None:
    """Take up what workers of an earlier run have left, and have the rest done by workers, if there are any."""
    from scanengine.scan.workers import do_tiles, take_up_leftovers

    if how.fresh:
        _clear(work.folder, work.plan)
    take_up_leftovers(writer, work.folder)
    if workers is not None:
        do_tiles(writer, work, workers, how.worker_timeout_s, how.progress)


def _clear(folder: Path, plan: GridPlan) -> None:
    from scanengine.scan.workers import remove_leftovers

    remove_leftovers(folder, plan)


def _finish(scan: Scan, writer: GridWriter, how: HowToRun) -> None:
    """Do what is left to do here, and add what belongs to the whole grid."""
    _complete(scan, writer, how, scan.visit(writer, how, keep_planes=not writer.wants_tiles))


def _complete(scan: Scan, writer: GridWriter, how: HowToRun, profiles: Profiles) -> None:
    exact = scan.exact(profiles, how.threads)
    errors = error_attributes(scan.grid_errors(profiles), exact_possible=scan.exact_possible)
    writer.finish(profiles, exact, {**fit_attributes(scan.fit_of(profiles, exact)), **errors})


def _finished_but_for_its_name(writer: GridWriter) -> bool:
    if not writer.whole:
        return False
    writer.take_final_name()
    return True


@contextmanager
def _interruptible(writer: GridWriter) -> Iterator[GridWriter]:
    """Write within, and say what was kept if that is interrupted or fails."""
    try:
        with writer:
            if writer.tiles_written:
                _log.info("%s: going on after %d of %d tiles", writer.partial, writer.tiles_written, writer.tiles)
            yield writer
    except (KeyboardInterrupt, Exception) as error:
        if not (isinstance(error, Interrupted) or is_interrupt(error)):
            raise
        kept = "nothing was kept"
        if writer.kept:
            held = f"{writer.tiles_written} of {writer.tiles} tiles"
            kept = f"{writer.kept} holds {held}, and the same command goes on from there"
        what = str(error) if isinstance(error, Interrupted) else "interrupted"
        raise Interrupted(f"{what}; {kept}") from None


def merge(
    output: str | Path,
    shards: Sequence[str | Path],
    *,
    overwrite: bool = False,
    fresh: bool = False,
    virtual: bool = False,
    data: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Make a result of all shards of a scan, and return it; they are left where they are.

    An unfinished file of the same scan is gone on with, unless `fresh`. `data` is the folder of the scan file's data
    files. A `virtual` result copies no grid: it is a view of the shards, which stay beside it. Raises InputError unless
    each tile of the grid is in one of them, once, and all are of the same scan.
    """
    from scanengine.api.scan import Scan, default_threads
    from scanengine.store import (
        GridWriter,
        absorb,
        check_complete,
        check_not_read,
        read_shard,
        relative_sources,
        shard_definition,
    )

    if not shards:
        raise InputError("merge needs the shards of a scan: give their files")
    paths = [Path(shard) for shard in shards]
    check_not_read(Path(output), paths)
    text, overrides = shard_definition(paths[0])
    scan = Scan(definitions.parse(text, directory=paths[0].parent, overrides=overrides, data=data))
    plan = plan_of(scan)
    parts = [read_shard(path, plan) for path in paths]
    check_complete(parts, plan)
    if virtual and plan.has_grid:
        plan = replace(plan, sources=relative_sources(parts, Path(output)))
    how = HowToRun(overwrite, fresh, threads=default_threads(), executor=THREADS, progress=None)
    writer = GridWriter(output, plan, overwrite=overwrite, fresh=fresh)
    with _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            for path in paths:
                absorb(writer, path)
                if progress:
                    progress(writer.points_written, scan.tiles.points)
            _finish(scan, writer, how)
    return open_result(output)
