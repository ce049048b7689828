"""The unfinished file: made at once with its header, opened again to go on, never by two runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grids import RunningMinima
from scanengine.store import layout, members
from scanengine.store.committed import CommittedFile
from scanengine.store.layout import READING_ERRORS
from scanengine.store.plan import GridPlan, identity_of

DoneMask = NDArray[np.uint8]

_NOWHERE = -1


@dataclass
class Partial:
    """An unfinished file that is open to write: `file` for HDF5's members, which reach the disk with `commit` alone."""

    stream: CommittedFile
    file: h5py.File

    @classmethod
    def open(cls, path: Path, mode: Literal["x", "r+"]) -> Self:
        """Open a file to write. Raises as `CommittedFile` does, and OSError if HDF5 cannot open it."""
        stream = CommittedFile(path, mode)
        try:
            return cls(stream, h5py.File(stream, "w" if mode == "x" else mode, track_order=True))
        except BaseException:
            stream.close()
            raise

    def commit(self) -> None:
        """Make all that was written, on the disk for good: at a kill in between, all of it or nothing."""
        self.file.flush()
        self.stream.commit()

    def close(self) -> None:
        """Close, with what was committed."""
        self.stream.abandon()
        with suppress(OSError, RuntimeError):
            self.file.close()
        self.stream.close()


def create_partial(path: Path, plan: GridPlan) -> Partial:
    """Create the unfinished file with its header, which is on the disk before the file has its name.

    Raises FileExistsError if it is there already.
    """
    new = path.with_name(f"{path.name}.new-{uuid4().hex[:8]}")
    partial = Partial.open(new, "x")
    try:
        members.write_header(partial.file, plan)
        partial.commit()
        _take_name(new, path)
    except BaseException:
        partial.close()
        new.unlink(missing_ok=True)
        raise
    return partial


def _take_name(new: Path, path: Path) -> None:
    """Give the file its name, unless another has it."""
    try:
        os.link(new, path)
    except (FileExistsError, FileNotFoundError):
        raise FileExistsError(path) from None
    except OSError:  # not every file system has two names for a file
        path.touch(exist_ok=False)
        new.replace(path)
        return
    new.unlink()


def remove_leftovers(path: Path) -> None:
    """Remove what runs that were killed before their file had its name have left: its name is ours now."""
    for leftover in path.parent.glob(f"{escape(path.name)}.new-*"):
        with suppress(OSError):
            leftover.unlink()


def open_partial(path: Path, plan: GridPlan) -> tuple[Partial, DoneMask, RunningMinima | None]:
    """Open the unfinished file of an earlier run to go on: with the tiles (counts) it holds, and their minima.

    A file that lacks nothing but its name holds all tiles, and needs no minima.

    Raises `InputError` if another run is writing it, it belongs to another scan (saying where they differ), or it is
    damaged.
    """
    try:
        partial = Partial.open(path, "r+")
    except (BlockingIOError, FileNotFoundError):
        raise InputError(being_written(path)) from None
    except READING_ERRORS as error:
        if isinstance(error, PermissionError):
            raise InputError(f"{path} cannot be written: {error.strerror}; write elsewhere with -o") from None
        raise InputError(f"{path} is damaged (HDF5 cannot open it): pass --fresh to start again") from error
    file = partial.file
    try:
        check_same_scan(path, file, plan)
        _check_grid(path, file, plan)
        if is_whole(file):
            return partial, np.ones(plan.counts, dtype=np.uint8), None
        done, running = read_progress(path, file, plan)
        partial.commit()  # cuts off what was written after the last one
        return partial, done, running
    except BaseException:
        partial.close()
        raise


def _check_grid(path: Path, file: h5py.File, plan: GridPlan) -> None:
    """Raise `InputError` if a view of shards is to be gone on with as a grid of its own, or the other way round."""
    if plan.has_grid and (layout.CHI2 not in file or file[layout.CHI2].is_virtual != bool(plan.sources)):
        there, wanted = ("a grid of its own", "a view of shards")[:: 1 if plan.sources else -1]
        raise InputError(f"{path} is unfinished and has {there}, not {wanted}: pass --fresh to start again")


def is_whole(file: h5py.File) -> bool:
    """Tell whether an unfinished file lacks nothing but its name: its run was killed just before the end."""
    return layout.DONE not in file and "minimum" in file.attrs


def being_written(partial: Path) -> str:
    """Say that another run is at work."""
    return f"{partial} is being written by another run: wait for it, or use -o to write elsewhere"


def check_same_scan(path: Path, file: h5py.File, plan: GridPlan) -> None:
    """Raise `InputError` unless the file's numbers belong to the scan of the plan, saying where they differ."""
    try:
        foreign = file.attrs["format"] != layout.FORMAT
        theirs = json.loads(file.attrs[layout.IDENTITY])
    except READING_ERRORS:
        foreign, theirs = True, {}
    if foreign or not isinstance(theirs, dict):
        raise InputError(f"{path} is not an unfinished scan, or damaged: pass --fresh to start again")
    differences = different(theirs, identity_of(plan))
    if differences:
        shown = differences[:_SHOWN] + ([f"... and {len(differences) - _SHOWN} more"] * (len(differences) > _SHOWN))
        raise InputError(
            "\n".join(
                [
                    f"{path} belongs to another scan:",
                    *(f"  {line}" for line in shown),
                    "both are kept: use -o to write elsewhere, or pass --fresh to throw the unfinished one away",
                ]
            )
        )


_SHOWN = 20


def different(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return, name by name, where two identities differ."""
    names = dict.fromkeys([*theirs, *ours])
    return [
        f"{name}: {theirs.get(name, 'nothing')} there, {ours.get(name, 'nothing')} here"
        for name in names
        if theirs.get(name) != ours.get(name)
    ]


def read_progress(path: Path, file: h5py.File, plan: GridPlan) -> tuple[DoneMask, RunningMinima | None]:
    """Return which tiles (counts) an unfinished file or a shard holds, and their minima, None before the first.

    Raises `InputError` if it is damaged.
    """
    try:
        done = np.asarray(file[layout.DONE][()])
        if done.shape != plan.counts or done.dtype != np.uint8 or done.max(initial=0) > 1:
            raise ValueError(layout.DONE)
        running = None
        if done.any():
            group = file[layout.RUNNING]
            best, *index = group["best"][()].tolist()
            running = RunningMinima(
                np.asarray(group["planes"][()], dtype=np.float64),
                np.asarray(group["lines"][()], dtype=np.float64),
                float(best),
                tuple(int(i) for i in index if i != _NOWHERE),
            )
            if plan.has_grid:
                done &= stored_chunks(file[layout.CHI2], plan)
    except READING_ERRORS as error:
        raise InputError(f"{path} is damaged (its progress cannot be read): pass --fresh to start again") from error
    return done, running


def stored_chunks(chi2: h5py.Dataset, plan: GridPlan) -> DoneMask:
    """Return which chunks (counts) of a grid are in the file."""
    stored = np.zeros(plan.counts, dtype=np.uint8)

    def note(chunk: Any) -> None:
        stored[plan.tile_at(chunk.chunk_offset)] = 1

    chi2.id.chunk_iter(note)
    return stored


def write_progress(file: h5py.File, done: DoneMask, running: RunningMinima) -> None:
    """Write which tiles (counts) the file holds, and minima over at least these."""
    index = running.best_index or (_NOWHERE,) * done.ndim
    best = np.array([running.best, *index], dtype=np.float64)
    file[layout.DONE][...] = done
    group = file.require_group(layout.RUNNING)
    for name, values in {"planes": running.planes, "lines": running.lines, "best": best}.items():
        if name in group:
            group[name][...] = values
        else:
            members.create_checked(group, name, values)
