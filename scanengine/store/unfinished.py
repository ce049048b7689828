"""What an unfinished file or a shard tells of the scan it is a part of."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.store import layout
from scanengine.store.disk import access, opening
from scanengine.store.disk.access import Damage
from scanengine.store.disk.committed import is_locked
from scanengine.store.disk.opening import opened

_TRIES, _PAUSE_SECONDS = 10, 0.1
"""A file that is being written is between two states for a moment now and then."""


@dataclass(frozen=True)
class Unfinished:
    """A scan on its way, or a part of one: how many of its tiles are in the file, and of how many grid points.

    `running` says that a run is writing it at this moment: then its last checkpoint is told of. A finished shard is one
    of `of`.
    """

    title: str
    axes: tuple[Axis, ...]
    done: int
    tiles: int
    created: str
    running: bool
    shard: tuple[int, int] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis.values) for axis in self.axes)


def open_unfinished(path: str | Path) -> Unfinished | None:
    """Read how far a scan has come from its partial file, or what part of one a shard is; None for a whole result.

    Raises `InputError` as `open_result` does.
    """
    path = Path(path)
    for _ in range(_TRIES):
        opening.check_signature(path)
        running = is_locked(path)
        try:
            return _read_unfinished(path, running=running)
        except InputError as error:
            if not running:
                raise
            failed = error
            time.sleep(_PAUSE_SECONDS)
    raise failed


def _read_unfinished(path: Path, *, running: bool) -> Unfinished | None:
    with opened(path, while_written=running) as file:
        if "format" not in file.attrs or access.attribute(file, "format") != layout.FORMAT or layout.DONE not in file:
            return None
        opening.require_known_version(path, file)
        done = read_done(file)
        return Unfinished(
            title=access.text(file, "title") if "title" in file.attrs else "",
            axes=tuple(access.axis(file, layout.dimension(name), name) for name in access.text_list(file, "axes")),
            done=int(np.count_nonzero(done)),
            tiles=done.size,
            created=access.text(file, "created"),
            running=running,
            shard=access.pair(file, layout.SHARD) if layout.SHARD in file.attrs else None,
        )


def read_done(file: h5py.File, counts: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """Return which tiles (counts) an unfinished file or a shard holds, by its own account."""
    done = np.asarray(access.read(access.dataset(file, layout.DONE, counts), "u1"))
    if not done.size or done.max() > 1:
        raise Damage(f"{layout.DONE} is not a mask of tiles")
    return done
