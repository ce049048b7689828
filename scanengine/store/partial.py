"""The unfinished file: made at once with its header, opened again to go on, never by two runs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grids import RunningMinima
from scanengine.store import layout, members
from scanengine.store.plan import GridPlan, identity_of

DoneMask = NDArray[np.uint8]

_NOWHERE = -1
_READING_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)


def create_partial(partial: Path, plan: GridPlan) -> h5py.File:
    """Create the unfinished file with its header, which is on the disk before the file has its name.

    Raises FileExistsError if it is there already.
    """
    new = partial.with_name(partial.name + ".new")
    file = h5py.File(new, "w", track_order=True)
    try:
        members.write_header(file, plan)
        file.flush()
        _take_name(new, partial)
    except BaseException:
        detach(file)
        file.close()
        new.unlink(missing_ok=True)
        raise
    return file


def _take_name(new: Path, partial: Path) -> None:
    """Give the file its name, unless another has it."""
    try:
        os.link(new, partial)
    except FileExistsError:
        raise
    except OSError:  # not every file system has two names for a file
        if partial.exists():
            raise FileExistsError(partial) from None
        new.rename(partial)
        return
    new.unlink()


def open_partial(partial: Path, plan: GridPlan) -> tuple[h5py.File, DoneMask, RunningMinima | None]:
    """Open the unfinished file of an earlier run to go on: with the tiles (counts) it holds, and their minima.

    A file that lacks nothing but its name holds all tiles, and needs no minima.

    Raises `InputError` if another run is writing it, it belongs to another scan (saying where they differ), or it is
    damaged.
    """
    try:
        file = h5py.File(partial, "r+")
    except BlockingIOError:
        raise InputError(being_written(partial)) from None
    except (OSError, RuntimeError) as error:
        if isinstance(error, PermissionError):
            raise InputError(f"{partial} cannot be written: {error.strerror}; write elsewhere with -o") from None
        raise InputError(f"{partial} is damaged (HDF5 cannot open it): pass --fresh to start again") from error
    try:
        check_same_scan(partial, file, plan)
        if is_whole(file):
            return file, np.ones(plan.counts, dtype=np.uint8), None
        return file, *read_progress(partial, file, plan)
    except BaseException:
        file.close()
        raise


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
    except _READING_ERRORS:
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
    except _READING_ERRORS as error:
        raise InputError(f"{path} is damaged (its progress cannot be read): pass --fresh to start again") from error
    return done, running


def stored_chunks(chi2: h5py.Dataset, plan: GridPlan) -> DoneMask:
    """Return which chunks (counts) of a grid are in the file."""
    stored = np.zeros(plan.counts, dtype=np.uint8)

    def note(chunk: Any) -> None:
        stored[plan.tile_at(chunk.chunk_offset)] = 1

    chi2.id.chunk_iter(note)
    return stored


def write_running(file: h5py.File, running: RunningMinima, n_axes: int) -> None:
    """Write minima over at least the tiles that the mask is about to vouch for."""
    group = file.require_group(layout.RUNNING)
    index = running.best_index or (_NOWHERE,) * n_axes
    best = np.array([running.best, *index], dtype=np.float64)
    for name, values in {"planes": running.planes, "lines": running.lines, "best": best}.items():
        if name in group:
            group[name][...] = values
        else:
            group.create_dataset(name, data=values)


def detach(file: h5py.File) -> None:
    """Let HDF5 write into memory from now on; the file on the disk stays as a kill at this point would leave it.

    HDF5 tries again on closing what it could not write, prints a traceback, and crashes the process at its end if the
    disk is still full.
    """
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("sink"), "wb") if in_memory else tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), file.id.get_vfd_handle())
