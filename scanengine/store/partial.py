"""The unfinished file: made at once with its header, opened again to go on, never by two runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from io import FileIO
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.marginals import RunningSums
from scanengine.grid.profiles import RunningMinima
from scanengine.store import layout, members
from scanengine.store.disk import access, heaps, opening
from scanengine.store.disk.access import Damage
from scanengine.store.disk.blocks import LARGE_BYTES, PAGE_BYTES
from scanengine.store.disk.committed import CommittedFile, lock
from scanengine.store.instructions import instruction_set
from scanengine.store.layout import READING_ERRORS
from scanengine.store.plan import GridPlan, identity_of
from scanengine.store.unfinished import read_done

DoneMask = NDArray[np.uint8]

_NOWHERE = -1


@dataclass(frozen=True)
class Remedy:
    """What to do about a file that is damaged, and about one of another scan."""

    damaged: str
    foreign: str


FRESH = Remedy(
    "pass --fresh to start again",
    "both are kept: use -o to write elsewhere, or pass --fresh to discard the unfinished one",
)


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
            heaps.check(path)
            pages = {"alignment_threshold": LARGE_BYTES, "alignment_interval": PAGE_BYTES}
            return cls(stream, h5py.File(stream, "w" if mode == "x" else mode, track_order=True, **pages))
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
        members.set_attributes(partial.file, {layout.INSTRUCTIONS: (instruction_set(),)})
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
        check_same_scan(path, file, plan, FRESH)
        _check_axes(file, plan)
        _check_place_of_grid(path, file, plan)
        if is_whole(file):
            return partial, np.ones(plan.counts, dtype=np.uint8), None
        done, running = read_progress(path, file, plan, FRESH)
        partial.commit()  # cuts off what was written after the last one
    except (Damage, *READING_ERRORS) as error:
        partial.close()
        raise InputError(f"{path} is damaged: pass --fresh to start again") from error
    except BaseException:
        partial.close()
        raise
    return partial, done, running


def _check_axes(file: h5py.File, plan: GridPlan) -> None:
    """Raise `Damage` unless the axes are those of the plan, and scales that HDF5 can attach to more datasets."""
    for axis in plan.axes:
        if not np.array_equal(access.increasing(file, layout.dimension(axis.name)), axis.values):
            raise Damage(f"the values of the axis {axis.name} are others")
        access.check_scale(access.dataset(file, layout.dimension(axis.name)))


def _check_place_of_grid(path: Path, file: h5py.File, plan: GridPlan) -> None:
    """Raise `InputError` if a view of shards would be resumed as a grid of its own, or the other way round."""
    if plan.has_grid and access.dataset(file, layout.CHI2, plan.shape, view=True).is_virtual != bool(plan.sources):
        there, wanted = ("a grid of its own", "a view of shards")[:: 1 if plan.sources else -1]
        raise InputError(f"{path} is unfinished and has {there}, not {wanted}: {FRESH.damaged}")


def is_whole(file: h5py.File) -> bool:
    """Tell whether an unfinished file lacks nothing but its name: its run was killed just before the end."""
    return layout.DONE not in file and "minimum" in file.attrs


def being_written(partial: Path) -> str:
    """Say that another run is at work."""
    return f"{partial} is being written by another run: wait for it, or use -o to write elsewhere"


class ForeignScan(InputError):
    """A file belongs to another scan."""


def check_same_scan(path: Path, file: h5py.File, plan: GridPlan, remedy: Remedy) -> None:
    """Raise `InputError` unless the file's numbers belong to the scan of the plan, saying where they differ."""
    try:
        foreign = access.attribute(file, "format") != layout.FORMAT
        theirs = json.loads(access.attribute(file, layout.IDENTITY))
    except (Damage, *READING_ERRORS):
        foreign, theirs = True, {}
    if foreign or not isinstance(theirs, dict):
        raise InputError(f"{path} is not of a scan, or damaged: {remedy.damaged}")
    opening.require_known_version(path, file)
    differences = different(theirs, identity_of(plan))
    if differences:
        shown = differences[:_SHOWN] + ([f"... and {len(differences) - _SHOWN} more"] * (len(differences) > _SHOWN))
        raise ForeignScan(
            "\n".join(
                [
                    f"{path} belongs to another scan:",
                    *(f"  {line}" for line in shown),
                    remedy.foreign,
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


def read_progress(path: Path, file: h5py.File, plan: GridPlan, remedy: Remedy) -> tuple[DoneMask, RunningMinima | None]:
    """Return which tiles (counts) an unfinished file or a shard holds, and their minima, None before the first.

    Raises `InputError` if it is damaged.
    """
    try:
        done = read_done(file, plan.counts)
        running = None
        if done.any():
            running = _read_running(file, plan)
            if plan.has_grid and not plan.sources:
                done &= _stored_chunks(access.dataset(file, layout.CHI2, plan.shape), plan)
            _check_sums(running, done)
    except (Damage, *READING_ERRORS) as error:
        raise InputError(f"{path} is damaged (its progress cannot be read): {remedy.damaged}") from error
    return done, running


def _read_running(file: h5py.File, plan: GridPlan) -> RunningMinima:
    planes, lines, best = (
        access.read(access.dataset(file, f"{layout.RUNNING}/{name}")) for name in ("planes", "lines", "best")
    )
    plane_points = (plan.plane_points, 0) if len(plan.shape) == 2 else (plan.plane_points,)
    shapes = planes.ndim, planes.size in plane_points, lines.shape, best.shape
    if shapes != (1, True, (sum(plan.shape),), (1 + len(plan.shape),)):
        raise Damage(f"{layout.RUNNING} has members of another shape")
    index = tuple(int(i) for i in best[1:] if i != _NOWHERE)
    if index and not (
        len(index) == len(plan.shape) and all(0 <= i < n for i, n in zip(index, plan.shape, strict=True))
    ):
        raise Damage(f"the best point of {layout.RUNNING} is not on the grid")
    return RunningMinima(planes, lines, float(best[0]), index, _read_sums(file, plan) if plan.marginals else None)


def _check_sums(running: RunningMinima, done: DoneMask) -> None:
    if not running.vouch_for(int(done.sum())):
        raise Damage(f"the sums of {layout.RUNNING} are over other tiles than are there")


def _read_sums(file: h5py.File, plan: GridPlan) -> RunningSums:
    high, low = access.read(access.dataset(file, f"{layout.RUNNING}/sums", (2, 2, plan.sum_points)))
    exponent, tiles = access.read(access.dataset(file, f"{layout.RUNNING}/sums_over", (2,)), "i8")
    return RunningSums(np.array(high), np.array(low), int(exponent), int(tiles))


def _stored_chunks(chi2: h5py.Dataset, plan: GridPlan) -> DoneMask:
    """Return which chunks (counts) of a grid are in the file."""
    found = {"shuffle": chi2.shuffle, "compression": chi2.compression, "fletcher32": chi2.fletcher32}
    wanted = {"shuffle": False, "compression": None} | plan.encoding.filters
    if chi2.chunks != plan.chunk_shape or chi2.dtype != plan.encoding.dtype or not found.items() <= wanted.items():
        raise Damage(f"{layout.CHI2} has chunks of another shape or type")
    stored = access.stored_chunks(chi2)
    if stored.max() > 1:
        raise Damage(f"{layout.CHI2} has a chunk twice")
    return stored


def write_progress(file: h5py.File, done: DoneMask, running: RunningMinima) -> None:
    """Write which tiles (counts) the file holds, and minima over at least these."""
    index = running.best_index or (_NOWHERE,) * done.ndim
    best = np.array([running.best, *index], dtype=np.float64)
    file[layout.DONE][...] = done
    group = file.require_group(layout.RUNNING)
    found: dict[str, NDArray[Any]] = {"planes": running.planes, "lines": running.lines, "best": best}
    if running.sums is not None:
        found["sums"] = np.stack((running.sums.high, running.sums.low))
        found["sums_over"] = np.array([running.sums.exponent, running.sums.tiles], dtype=np.int64)
    for name, values in found.items():
        if name in group:
            group[name][...] = values
        else:
            members.create_checked(group, name, values)


def remove_partial(partial: Path) -> None:
    """Remove an unfinished file, if it is there. Raises BlockingIOError if another run is writing it."""
    with suppress(FileNotFoundError), FileIO(partial) as file:
        lock(file, partial)
        partial.unlink()
