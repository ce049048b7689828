"""Writing the result file: tiles go to OUT.partial.h5, and OUT.h5 appears only when it is whole."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError, RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles, RunningMinima
from scanengine.store import layout, members
from scanengine.store.disk.blocks import Block
from scanengine.store.encoding.chunks import Encoder
from scanengine.store.instructions import instruction_set, record
from scanengine.store.layout import READING_ERRORS, AttributeValue
from scanengine.store.partial import (
    Partial,
    being_written,
    create_partial,
    is_whole,
    open_partial,
    remove_leftovers,
    remove_partial,
    write_progress,
)
from scanengine.store.paths import check_output, fsync_directory, partial_path
from scanengine.store.plan import GridPlan

_log = logging.getLogger("scanengine")

CHECKPOINT_SECONDS = 2.0
_CHECKPOINT_SHARE = 0.1
"""Checkpoints may take this much of the time: planes can be large, and disks slow."""


class GridWriter:
    """Writes one scan: `prepare` tiles in any thread, `write` them from one, in any order, then `finish`.

    An unfinished file of the same scan is resumed, unless `fresh`: `is_done` tells which tiles it holds, and
    `earlier` their minima. Left without `finish`, the partial file is kept if it holds a tile (`kept` then says where)
    and removed otherwise. Minima over the tiles come in with `keep`, and are there with them after a kill.

    Raises `InputError` where `check_output` does, and for an unfinished file that another run is writing, that belongs
    to another scan, or that is damaged; `RunError` if writing fails.
    """

    array = None
    """No grid in memory: tiles go to the file."""
    kept: Path | None = None
    checkpoints = 0
    whole = False
    """Whether the resumed file is complete except for its name: only `take_final_name` is left to do."""
    _partial: Partial

    def __init__(self, path: str | Path, plan: GridPlan, *, overwrite: bool = False, fresh: bool = False) -> None:
        self.path = Path(path)
        self.partial = partial_path(self.path)
        self.plan = plan
        self.wants_tiles = plan.has_grid
        self._overwrite, self._fresh = overwrite, fresh
        self._thread = threading.local()
        self._rooms: list[NDArray[np.uint8]] = []
        self._finished = False
        self._room = 0
        self._earlier: RunningMinima | None = None
        self._running: Callable[[], RunningMinima] | None = None
        check_output(self.path, plan.n_bytes + plan.reserve_bytes, overwrite)
        self._done = np.zeros(plan.counts, dtype=np.uint8)
        self._done_on_disk = np.zeros_like(self._done)

    @property
    def tiles(self) -> int:
        """Number of tiles that make the grid, or the wanted part of it."""
        return int(self.plan.wanted.sum())

    @property
    def tiles_written(self) -> int:
        """Number of tiles written so far, those of earlier runs among them."""
        return int(self._done.sum())

    @property
    def points_written(self) -> int:
        """Number of grid points in the tiles written so far."""
        return self.plan.points_in(self._done)

    def __enter__(self) -> Self:
        try:
            if self._fresh:
                remove_partial(self.partial)
            if self.partial.exists():
                self._partial, self._done, self._earlier = open_partial(self.partial, self.plan)
                self._done_on_disk = self._done.copy()
                self.whole = is_whole(self._partial.file)
            else:
                self._partial = create_partial(self.partial, self.plan)
        except (FileExistsError, BlockingIOError):
            raise InputError(being_written(self.partial)) from None
        except (OSError, RuntimeError) as error:
            raise InputError(f"{self.path} cannot be written: {_reason(error)}; write elsewhere with -o") from error
        self._partial.stream.expect(self.plan.n_bytes + self.plan.reserve_bytes)
        self._file = self._partial.file
        if not self.whole:
            self.record_instructions((instruction_set(),))
        remove_leftovers(self.partial)
        self._chi2: Any = self._file[layout.CHI2] if self.wants_tiles else None
        self._last_checkpoint = time.monotonic()
        self._checkpoint_seconds = 0.0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self.discard()
        self._partial.close()

    def record_instructions(self, found: Iterable[str]) -> None:
        """Keep which instructions of a processor numbers were computed with, and say so if they differ."""
        words = record(self._file, found)
        if words is not None:
            _log.info("%s: %s", self.partial, words)

    def is_done(self, start: tuple[int, ...]) -> bool:
        """Tell whether the tile whose first point has this index is in the file."""
        return bool(self._done[self.plan.tile_at(start)])

    def earlier(self) -> RunningMinima | None:
        """Return the minima over the tiles that were in the file when it was opened, or came in as shards."""
        return self._earlier

    def prepare(self, values: FloatArray) -> Block | None:
        """Return the tile `values`, float64 and at most `chunk_shape`, encoded for `write`; safe in any thread."""
        if not self.wants_tiles:
            return None
        encoder: Encoder | None = getattr(self._thread, "encoder", None)
        if encoder is None:
            encoder = Encoder(self.plan.encoding, self.plan.chunk_shape, compiled=self.plan.compiled)
            self._thread.encoder = encoder
        try:
            memory = self._rooms.pop()  # the one last used: the caches may still have it
        except IndexError:
            memory = encoder.room()
        return Block(encoder.encode(values, memory), partial(self._rooms.append, memory))

    def write(self, start: Sequence[int], prepared: Block | None) -> None:
        """Put a prepared tile where its first point has the index `start`, multiples of `chunk_shape`; one thread only.

        Where there is nothing to store it is noted that the tile is done. Raises `RunError` if the disk is full or
        fails, then or later.
        """
        if prepared is not None:
            self._require_room(len(prepared.data))
            with self._as_run_error(), self._partial.stream.block(prepared):
                self._chi2.id.write_direct_chunk(tuple(start), prepared.data)
                self._partial.stream.check()
        self._done[self.plan.tile_at(start)] = 1

    def keep(self, running: Callable[[], RunningMinima]) -> None:
        """Make a checkpoint if it is time: `running` are minima over all tiles written so far, and perhaps others.

        `checkpoints` counts them.
        """
        self._running = running
        self._checkpoint_in_time()

    def _checkpoint_in_time(self) -> None:
        pause = max(CHECKPOINT_SECONDS, self._checkpoint_seconds / _CHECKPOINT_SHARE)
        if time.monotonic() - self._last_checkpoint > pause:
            self.checkpoint()

    def lower(self, running: RunningMinima) -> None:
        """Add the minima over tiles that other workers did, before these are written."""
        if self._earlier is None:
            self._earlier = running
        else:
            self._earlier.lower(running)

    def finish(
        self,
        profiles: Profiles,
        exact: tuple[Sequence[Axis], Profiles] | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Path:
        """Add the profiles, close the file, force it to the disk and give it its final name, which is returned.

        `exact` are profiles with the hidden axes minimised continuously and the axes they lie on, where there are any;
        `attributes` are more of those of the root. Of two axes the plane may be left out where the grid is kept.

        Raises `RunError` if tiles are missing, writing fails, or a file that must not be replaced has taken the name.
        """
        self._require_whole()
        exact_numbers = sum(values.size for _, values in exact[1].each()) * (1 + bool(exact[1].bounds)) if exact else 0
        self._require_room(8 * exact_numbers)
        with self._as_run_error():
            self._checkpoint_in_time()  # the profiles may be more than the disk has room for
            members.write_profiles(self._file, self.plan.axes, profiles)
            if exact is not None:
                members.write_exact_profiles(self._file, *exact)
            if self.wants_tiles:
                members.write_best_fit(self._chi2, profiles)
            members.write_best_fit(self._file, profiles)
            members.set_attributes(self._file, attributes or {})
            for name in (layout.DONE, layout.RUNNING):
                if name in self._file:
                    del self._file[name]
        return self.take_final_name()

    def finish_shard(self, number: int, of: int) -> Path:
        """Close the file as one of several shards, which `merge` makes a result of, under its final name."""
        self._require_whole()
        with self._as_run_error():
            self.checkpoint()
            if not np.array_equal(self._done_on_disk, self._done):
                raise RunError(f"{self.partial}: its sums are not those of its tiles; run it again with --fresh")
            self._file.attrs[layout.SHARD] = [number, of]
        return self.take_final_name()

    def checkpoint(self) -> None:
        """Put the tiles, the minima and the mask that vouches for them on the disk, together.

        Not where an interrupt came between a tile and its sums: what was there before stands.
        """
        began = time.monotonic()
        self._require_own_file()
        running = self._running() if self._running else self._earlier
        if running is not None and running.vouch_for(self.tiles_written):
            with self._as_run_error():
                write_progress(self._file, self._done, running)
                self._partial.commit()
            self._done_on_disk = self._done.copy()
            self.checkpoints += 1
        self._last_checkpoint = time.monotonic()
        self._checkpoint_seconds = self._last_checkpoint - began

    def discard(self) -> None:
        """Close without a result: keep what was written if it is at least one tile, else leave nothing behind."""
        try:
            with suppress(RunError), self._as_run_error():
                if not self._partial.stream.abandoned and layout.DONE in self._file:
                    self.checkpoint()
        finally:
            self._done = self._done_on_disk
            if self._partial.stream.is_at(self.partial):
                with suppress(OSError):
                    if not self.tiles_written:
                        self.partial.unlink(missing_ok=True)
                if self.partial.exists():
                    self.kept = self.partial

    def _require_whole(self) -> None:
        if self.tiles_written < self.tiles:
            raise RunError(f"{self.partial}: only {self.tiles_written} of {self.tiles} tiles were written")

    def _require_own_file(self) -> None:
        if not self._partial.stream.is_at(self.partial):
            raise RunError(
                f"{self.partial} is not the file that this run writes any more: it was moved, removed or replaced; "
                "run the scan again, or resume with the file where it is now"
            )

    def take_final_name(self) -> Path:
        """Close the file, force it to the disk and give it its final name, which is returned."""
        with self._as_run_error():
            self._file.close()
            self._partial.stream.commit()
            self._require_own_file()
            self._finished = True
            self.kept = self.partial
            if self.path.exists() and not self._overwrite:
                raise RunError(
                    f"{self.path} appeared during the run and is left alone: the whole result is {self.partial}"
                )
            self.partial.replace(self.path)
            self.kept = None
        self._partial.close()
        try:
            fsync_directory(self.path.parent)
        except OSError as error:
            raise RunError(
                f"{self.path} is whole, but the disk failed to keep its name ({_reason(error)}): when the disk is back "
                f"it may have the name {self.partial} again, and the same command gives it this one"
            ) from error
        return self.path

    def _require_room(self, n_bytes: int) -> None:
        """Raise `RunError` while the disk still has room to end well: HDF5 does not recover from a failed flush."""
        self._room -= n_bytes
        if self._room < 0:  # asking takes longer than to write a tile
            free = shutil.disk_usage(self.path.parent).free - n_bytes - self.plan.reserve_bytes
            if free < 0:
                raise RunError(self._could_not("the disk is full"))
            self._room = free // 16

    def _could_not(self, reason: str) -> str:
        kept = int(self._done_on_disk.sum())
        what_now = f"; it holds {kept} of {self.tiles} tiles, and the same command resumes from there" if kept else ""
        if self._partial.stream.shortened:
            if self._partial.stream.lost:
                what_now = ", and what it held is lost; run the scan again with --fresh"
            return f"{self.partial} became shorter while this run wrote it: something else has changed it{what_now}"
        return f"{self.partial} could not be written: {reason}{what_now}"

    @contextmanager
    def _as_run_error(self) -> Iterator[None]:
        try:
            yield
        except READING_ERRORS as error:
            self._partial.stream.abandon()
            raise RunError(self._could_not(_reason(error))) from error
        except BaseException:  # an interrupt may have come in the midst of a write: what was committed stands
            self._partial.stream.abandon()
            raise


def _reason(error: BaseException) -> str:
    """Say in words what the system said; h5py buries the number in HDF5's own message."""
    number = getattr(error, "errno", None)
    found = re.search(r"errno = (\d+)", str(error))
    if number is None and found:
        number = int(found[1])
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return os.strerror(number) if number else str(error)
