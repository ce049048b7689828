"""A scan by workers that share nothing but a folder: each writes its tiles to shards, which one process takes up."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Evaluator
from scanengine.driver.flow import Flow
from scanengine.driver.one_pass import visit_tiles
from scanengine.driver.workers import Workers
from scanengine.errors import InputError, Interrupted, RunError
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import RunningMinima
from scanengine.grid.tiling import Tiling
from scanengine.scan.signs import Attempt, Watch
from scanengine.store import FRESH, ForeignScan, GridPlan, GridWriter, absorb, is_of_scan

BATCHES_PER_WORKER = 8
_BATCH_BYTES = 1 << 26
_BATCH_TILES = 64
"""A batch is what an interruption waits for: seconds."""

_MOST_LOOKS = 1.0
"""Seconds between two looks for signs of life, or less."""

_log = logging.getLogger("scanengine")


@dataclass(frozen=True, eq=False)
class Work:
    """What a worker needs to do any tile of a scan: it is sent to them, with the numbers of the tiles to do."""

    evaluator: Evaluator
    axes: tuple[Axis, ...]
    tiling: Tiling
    plan: GridPlan
    folder: Path
    compiled: bool
    marginal_reference: float | None = None

    @classmethod
    def of(
        cls,
        evaluator: Evaluator,
        tiling: Tiling,
        plan: GridPlan,
        folder: Path,
        *,
        compiled: bool,
        marginal_reference: float | None = None,
    ) -> Work:
        """Describe a scan without what the finished file alone is to hold."""
        bare = replace(plan, definition="", responses={}, attributes={})
        return cls(evaluator, plan.axes, tiling, bare, folder, compiled, marginal_reference)

    def do(self, attempt: Attempt) -> Path:
        """Do some tiles and return the shard that holds them; whoever does the same tiles again writes another."""
        numbers, path = attempt.numbers, self.folder / f"{Attempt.at(attempt.numbers).name}.h5"
        attempt.give_sign(self.folder)
        with GridWriter(path, replace(self.plan, tiles=numbers)) as writer:
            tiles = self.tiling.some(numbers)
            visit_tiles(
                self.evaluator,
                self.axes,
                writer,
                tiles,
                progress=lambda _: attempt.give_sign(self.folder),
                keep_planes=keeps_planes(self.plan),
                compiled=self.compiled,
                marginal_reference=self.marginal_reference,
            )
            return writer.finish_shard(1, 1)


def keeps_planes(plan: GridPlan) -> bool:
    """Whether planes are kept beside the grid: of two axes it is the plane."""
    return not plan.has_grid


def do_tiles(
    writer: GridWriter,
    work: Work,
    workers: Workers,
    timeout_s: float,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Have all tiles that the writer has not got done by workers, and write them.

    What a worker has begun others do after `timeout_s` seconds without a sign of life. progress is called with the
    number of points done. Raises Interrupted on Ctrl-C, RunError if a worker dies, or falls silent, for which there is
    no other: finished tiles are kept.
    """
    make_folder(work.folder)
    shards = _Shards(writer, progress)
    attempts = map(Attempt.at, _batches(writer, work, workers.number))
    look_s = min(_MOST_LOOKS, timeout_s / 10.0)
    flow = Flow(workers.executor, partial(Work.do, work), attempts, 2 * workers.number, look_s)
    try:
        _follow(flow, Watch(work.folder, workers, timeout_s), shards, work.folder)
    except KeyboardInterrupt:
        _take_up_rest(flow, shards, timeout_s)
        done, total = writer.points_written, work.tiling.points
        raise Interrupted(f"interrupted after {done} of {total} points ({done / total:.1%})") from None
    except BaseException as error:
        if _is_death(error):  # a pool that breaks does not bear that its futures are cancelled meanwhile
            workers.require_head()
            raise RunError(
                f"a worker has died ({type(error).__name__}: killed, or out of memory?): finished tiles are kept, "
                "and the same command resumes from there"
            ) from error
        if not isinstance(error, RunError):  # of those who do not answer any more nothing is asked
            flow.cancel()
        raise
    writer.checkpoint()


class _Shards:
    """What workers have written: taken up by the writer, and removed when a checkpoint vouches for its tiles."""

    def __init__(self, writer: GridWriter, progress: Callable[[int], None] | None) -> None:
        self._writer = writer
        self._progress = progress
        self._taken_up: list[Path] = []

    def take_up(self, paths: Sequence[Path]) -> None:
        """Write the tiles of some shards."""
        for path in paths:
            absorb(self._writer, path)
            self._taken_up.append(path)
        before = self._writer.checkpoints
        self._writer.keep(lambda: _minima(self._writer))
        if self._writer.checkpoints > before:
            while self._taken_up:
                self._taken_up.pop().unlink(missing_ok=True)
        if self._progress:
            self._progress(self._writer.points_written)


def _follow(flow: Flow[Attempt, Path], watch: Watch, shards: _Shards, folder: Path) -> None:
    """Take up what workers finish until there is no more, and hand out anew what those have begun who fall silent."""
    for finished in flow:
        tiles = {int(attempt.numbers[0]) for attempt, _ in finished}
        dropped = flow.drop(partial(Attempt.is_at, tiles=tiles))
        if finished:
            shards.take_up([path for _, path in finished])
        for attempt in [*dropped, *(attempt for attempt, _ in finished)]:
            attempt.sign(folder).unlink(missing_ok=True)
        for attempt in watch.fallen_silent(flow.pending, finished=bool(finished)):
            flow.add(Attempt.at(attempt.numbers))


def _take_up_rest(flow: Flow[Attempt, Path], shards: _Shards, timeout_s: float) -> None:
    """Take up what workers had begun when the scan was interrupted, unless they die or one is in a hurry."""
    try:
        shards.take_up([path for _, path in flow.rest(timeout_s)])
    except (KeyboardInterrupt, Exception) as error:  # a batch system stops the workers, too
        if not isinstance(error, KeyboardInterrupt) and not _is_death(error):
            raise


def make_folder(folder: Path) -> None:
    """Make the folder that workers write to. Raises InputError if it cannot be."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}, for what workers write, cannot be made: {error.strerror}; write elsewhere with -o"
        ) from None


def take_up_leftovers(writer: GridWriter, folder: Path) -> None:
    """Write the tiles of an earlier run's shards that it was killed before taking up.

    A damaged one is left out, and its tiles are done again. Raises InputError for one of another scan, unless the
    folder is a link: others may share it.
    """
    for path in _ours(folder):
        if not _SHARD.fullmatch(path.name):
            continue
        try:
            absorb(writer, path, FRESH)
        except ForeignScan:
            if not folder.is_symlink():
                raise
        except InputError as error:
            _log.info("%s; its tiles are done again", error)
    writer.checkpoint()


def remove_leftovers(folder: Path, plan: GridPlan) -> None:
    """Remove what workers have written, and their folder unless it holds something else.

    If it is a link others may share it: then what is not known to be of this scan is left there.
    """
    with suppress(OSError):
        for path in _ours(folder):
            if not folder.is_symlink() or is_of_scan(path, plan):
                path.unlink()
        folder.rmdir()


_SHARD = re.compile(r"\d+-\d+-[0-9a-f]{8}\.h5")
_OURS = re.compile(r"\d+-\d+-[0-9a-f]{8}((\.partial)?\.h5(\.new-[0-9a-f]{8})?|\.sign)")


def _ours(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if _OURS.fullmatch(path.name)) if folder.is_dir() else []


def _minima(writer: GridWriter) -> RunningMinima:
    minima = writer.earlier()
    assert minima is not None  # tiles came with minima
    return minima


def _is_death(error: BaseException) -> bool:
    """Tell whether a worker was lost: of dask, after it has tried again in vain."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ in (
        "KilledWorker",
        "CancelledError",
        "FutureCancelledError",
    )


def _batches(writer: GridWriter, work: Work, workers: int) -> list[NDArray[np.int64]]:
    """Cut what is to do into parts that are worth a worker's while, and enough of them."""
    starts = zip(work.tiling.numbered().tolist(), work.tiling.starts(), strict=True)
    to_do = np.array([number for number, start in starts if not writer.is_done(start)], dtype=np.int64)
    tile_bytes = max(1, work.plan.n_bytes // max(1, work.plan.wanted.sum()))
    most = max(1, min(_BATCH_TILES, _BATCH_BYTES // tile_bytes))
    size = max(1, min(most, to_do.size // (BATCHES_PER_WORKER * workers)))
    return [to_do[i : i + size] for i in range(0, to_do.size, size)]
