"""Parts of a grid that other workers have written: checked, and taken into the result chunk by chunk as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.store import layout
from scanengine.store.disk import access, opening
from scanengine.store.disk.blocks import Block
from scanengine.store.disk.opening import opened
from scanengine.store.encoding.chunks import fletcher32
from scanengine.store.instructions import recorded
from scanengine.store.partial import DoneMask, Remedy, check_same_scan, read_progress
from scanengine.store.plan import GridPlan
from scanengine.store.writer import GridWriter

_CHECKSUM_BYTES = 4
_SHOWN = 5
AGAIN = Remedy("make this shard again", "a result is made of the shards of one scan: leave this one out")


@dataclass(frozen=True)
class Shard:
    """A finished part of a grid: which tiles (counts) it holds, and that it is one of so many shards."""

    path: Path
    done: DoneMask
    number: int
    of: int


def read_shard(path: Path, plan: GridPlan) -> Shard:
    """Read which tiles of the plan's grid a shard holds.

    Raises `InputError` if it is no shard, unfinished, of another scan (saying where they differ), or damaged.
    """
    with opened(path) as file:
        number, of = _shard_of(path, file)
        check_same_scan(path, file, plan, AGAIN)
        done, _ = read_progress(path, file, plan, AGAIN)
        return Shard(path, done, number, of)


def is_of_scan(path: Path, plan: GridPlan) -> bool:
    """Tell whether a file, finished or not, is a part of the plan's scan; what cannot be read is not."""
    try:
        with opened(path, while_written=True) as file:
            check_same_scan(path, file, plan, AGAIN)
    except InputError:
        return False
    return True


def shard_definition(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the scan file and the overrides that a shard was made from. Raises `InputError` if it is no shard."""
    with opened(path) as file:
        _shard_of(path, file)
        return access.text(file, "definition"), access.text_list(file, "definition_overrides")


def check_complete(shards: Sequence[Shard], plan: GridPlan) -> None:
    """Raise `InputError` unless the shards hold each tile of the plan once, naming those that do not."""
    holder = np.full(plan.counts, -1)
    for i, shard in enumerate(shards):
        twice = (shard.done > 0) & (holder >= 0)
        if twice.any():
            other = shards[int(holder[twice].flat[0])].path
            raise InputError(f"{shard.path} and {other} hold the same tiles ({int(twice.sum())} of them): give one")
        holder[shard.done > 0] = i
    missing = plan.wanted & (holder < 0)
    if missing.any():
        of = max(shard.of for shard in shards)
        absent = sorted(set(range(1, of + 1)) - {shard.number for shard in shards})
        names = ", ".join(map(str, absent[:_SHOWN])) + (" ..." if len(absent) > _SHOWN else "")
        which = f": shard {names} of {of} is not among them" if absent else ""
        raise InputError(f"{int(missing.sum())} of {int(plan.wanted.sum())} tiles are in none of the shards{which}")


def relative_sources(shards: Sequence[Shard], output: Path) -> dict[str, DoneMask]:
    """Return the shards as what a virtual grid is a view of. Raises `InputError` if one does not lie beside the output.

    Their paths are relative, so that the folder can be moved, and lead nowhere else.
    """
    folder = output.resolve().parent
    sources = {}
    for shard in shards:
        try:
            name = shard.path.resolve().relative_to(folder).as_posix()
        except ValueError:
            raise InputError(
                f"{shard.path} is not in {folder} or below: the shards of a virtual result stay beside it"
            ) from None
        if "%" in name:
            raise InputError(f"{shard.path}: HDF5 takes no view of a file with % in its name; give it another one")
        sources[name] = shard.done
    return sources


def absorb(writer: GridWriter, path: Path, remedy: Remedy = AGAIN) -> None:
    """Take the tiles of a shard that the writer does not have yet, and its minima, into the file.

    Raises `InputError` as `read_shard` does, and if a checksum does not match.
    """
    with opened(path) as file:
        _shard_of(path, file)
        check_same_scan(path, file, writer.plan, remedy)
        done, running = read_progress(path, file, writer.plan, remedy)
        if running is None:
            return
        held = [writer.is_done(_first_point(tile, writer.plan)) for tile in np.argwhere(done)]
        if running.sums is not None and any(held):
            if all(held):
                return
            raise InputError(
                f"{path} and {writer.partial} hold some of the same tiles, whose sums cannot be told apart"
            )
        writer.record_instructions(recorded(file))
        writer.lower(running)
        for tile in np.argwhere(done):
            start = _first_point(tile, writer.plan)
            if not writer.is_done(start):
                copied = writer.wants_tiles and not writer.plan.sources
                writer.write(start, _chunk(path, file, start) if copied else None)


def _first_point(tile: NDArray[np.int64], plan: GridPlan) -> tuple[int, ...]:
    """Return the index of the first grid point of a tile (axes,)."""
    return tuple(int(i) * n for i, n in zip(tile, plan.chunk_shape, strict=True))


def _chunk(path: Path, file: h5py.File, start: tuple[int, ...]) -> Block:
    _, data = file[layout.CHI2].id.read_direct_chunk(start)
    if fletcher32(data[:-_CHECKSUM_BYTES]) != int.from_bytes(data[-_CHECKSUM_BYTES:], "little"):
        raise InputError(
            f"{path} is damaged: the checksum of the tile at {start} does not match; make this shard again"
        )
    return Block(memoryview(data))


def _shard_of(path: Path, file: h5py.File) -> tuple[int, int]:
    if layout.SHARD not in file.attrs:
        raise InputError(f"{path} is not a finished shard: `scanengine run --shard I/N` makes one")
    opening.require_known_version(path, file)
    return access.pair(file, layout.SHARD)
