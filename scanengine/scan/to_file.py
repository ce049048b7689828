"""Running a scan to a file: alone, by workers of any kind, or as one shard of several that are merged later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanengine.driver.chosen_planes import HiddenMinimum
from scanengine.driver.one_pass import scan_grid
from scanengine.errors import InputError, Interrupted, is_interrupt
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling
from scanengine.scan.conclusions import conclude
from scanengine.scan.grid_scan import GridScan
from scanengine.scan.how import THREADS, HowToRun
from scanengine.scan.plan import found_attributes, plan_of

if TYPE_CHECKING:
    from scanengine.driver.workers import Workers
    from scanengine.scan.workers import Work
    from scanengine.store import GridPlan, GridWriter

_log = logging.getLogger("scanengine")


def run_to_file(grid: GridScan, output: Path, how: HowToRun) -> None:
    """Scan the grid and write it to a file, resuming an unfinished one of the same scan."""
    from scanengine import store  # HDF5 waits until there is a file
    from scanengine.scan.workers import Work

    if grid.one_pass is not None:
        _run_pass(grid, output, how)
        return
    writer = store.GridWriter(output, plan_of(grid), overwrite=how.overwrite, fresh=how.fresh)
    folder = output.with_suffix(".shards")
    with _workers(how.executor) as workers, _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            if workers is not None or folder.exists():
                work = Work.of(
                    grid.problem.evaluator,
                    grid.tiles,
                    writer.plan,
                    folder,
                    compiled=grid.problem.compiled,
                    marginal_reference=grid.marginal_reference,
                )
                _farm_out(writer, work, how, workers)
            _finish(grid, writer, how)
        if workers is not None or folder.exists():
            _clear(folder, writer.plan)


def _run_pass(grid: GridScan, output: Path, how: HowToRun) -> None:
    """Find the chosen planes by a pass, in an unfinished file of its own until the result is whole."""
    from scanengine.scan.workers import Work
    from scanengine.store import GridPlan, GridWriter, partial_path

    plan = replace(plan_of(grid), tiles=np.zeros(0, dtype=np.int64))
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
            _complete(grid, whole, how, grid.visit_planes(how, scan_to_file))
    partial_path(of_pass).unlink(missing_ok=True)


@contextmanager
def _workers(executor: object) -> Iterator[Workers | None]:
    """Open an executor and count its workers; of this process's own threads the driver takes care."""
    if executor == THREADS:
        yield None
        return
    from scanengine.driver.executors import executor_of

    with executor_of(executor) as workers:
        yield workers


def run_shard(grid: GridScan, output: Path, number: int, of: int, how: HowToRun) -> Path:
    """Scan one of every `of` tiles of the grid and write them to OUT.shard-I-of-N.h5, which is returned."""
    from scanengine.store import GridWriter

    numbers = grid.tiles.numbered()
    if not 1 <= number <= of:
        raise InputError(f"--shard {number}/{of}: the shards of {of} are 1/{of} to {of}/{of}")
    if of > numbers.size:
        raise InputError(f"--shard {number}/{of}: this grid has {numbers.size} tiles, and no more shards than that")
    mine = numbers[number - 1 :: of]
    path = output.with_name(f"{output.stem}.shard-{number}-of-{of}{output.suffix}")
    writer = GridWriter(path, replace(plan_of(grid), tiles=mine), overwrite=how.overwrite, fresh=how.fresh)
    with _interruptible(writer):
        grid.visit_some(mine, writer, how)
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


def _finish(grid: GridScan, writer: GridWriter, how: HowToRun) -> None:
    """Do what is left to do here, and add what belongs to the whole grid."""
    _complete(grid, writer, how, grid.visit(writer, how, keep_planes=not writer.wants_tiles))


def _complete(grid: GridScan, writer: GridWriter, how: HowToRun, profiles: Profiles) -> None:
    found = conclude(grid.problem, profiles, how.threads)
    writer.finish(found.profiles, found.exact, found_attributes(found))


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
                _log.info("%s: resuming after %d of %d tiles", writer.partial, writer.tiles_written, writer.tiles)
            yield writer
    except (KeyboardInterrupt, Exception) as error:
        if not (isinstance(error, Interrupted) or is_interrupt(error)):
            raise
        kept = "nothing was kept"
        if writer.kept:
            held = f"{writer.tiles_written} of {writer.tiles} tiles"
            kept = f"{writer.kept} holds {held}, and the same command resumes from there"
        what = str(error) if isinstance(error, Interrupted) else "interrupted"
        raise Interrupted(f"{what}; {kept}") from None


def merge_shards(
    grid: GridScan,
    output: Path,
    shards: Sequence[Path],
    how: HowToRun,
    *,
    virtual: bool,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Make a result of all shards of a scan; `virtual`, a view of them. Raises InputError unless they are whole."""
    from scanengine.store import GridWriter, absorb, check_complete, read_shard, relative_sources

    plan = plan_of(grid)
    parts = [read_shard(shard, plan) for shard in shards]
    check_complete(parts, plan)
    if virtual and plan.has_grid:
        plan = replace(plan, sources=relative_sources(parts, output))
    writer = GridWriter(output, plan, overwrite=how.overwrite, fresh=how.fresh)
    with _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            for shard in shards:
                absorb(writer, shard)
                if progress:
                    progress(writer.points_written, grid.tiles.points)
            _finish(grid, writer, how)
