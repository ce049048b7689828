"""Writing the result file: tiles go to OUT.partial.h5, and OUT.h5 appears only when it is whole."""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
import numpy as np

from scanengine.errors import InputError, RunError
from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.store import layout, members
from scanengine.store.chunks import encode_chunk
from scanengine.store.layout import AttributeValue, ResponseArray
from scanengine.store.paths import check_output, partial_path, refuse_partial

CHECKPOINT_SECONDS = 2.0
_OVERHEAD_BYTES = 4_000_000


class GridWriter:
    """Writes one scan: `prepare` tiles in any thread, `write` them from one, in any order, then `finish`.

    `tile_shape` is the chunk shape, cut to the grid where it is larger. `definition` is the scan file verbatim and
    `overrides` the `--set` items on top of it. `attributes` go to the root of the file, and may replace its `units` and
    `conventions`. Left without `finish`, the partial file is kept if it holds a tile (`kept` then says where) and
    removed otherwise.

    Raises `InputError` where `check_output` does, and for names that the file cannot hold; `RunError` if writing fails.
    """

    kept: Path | None = None

    def __init__(
        self,
        path: str | Path,
        *,
        axes: Sequence[Axis],
        definition: str,
        overrides: Sequence[str] = (),
        responses: Mapping[str, ResponseArray] | None = None,
        precision: Literal["float64", "float32"] = "float64",
        keep: Literal["grid", "profiles"] = "grid",
        tile_shape: tuple[int, ...],
        overwrite: bool = False,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        self.path = Path(path)
        self.partial = partial_path(self.path)
        self.axes = tuple(axes)
        self.shape = tuple(len(axis.values) for axis in self.axes)
        self.chunk_shape = tuple(min(tile, n) for tile, n in zip(tile_shape, self.shape, strict=True))
        self.dtype = np.dtype(np.float64 if precision == "float64" else np.float32).newbyteorder("<")
        self.has_grid = keep == "grid"
        self._overwrite = overwrite
        self._definition = definition
        self._overrides = tuple(overrides)
        self._responses = dict(responses or {})
        self._attributes = dict(attributes or {})
        self._file: Any = None
        self._finished = False
        self._detached = False
        layout.check_axis_names([axis.name for axis in self.axes])
        for name in self._responses:
            if "/" in name or name in ("", "."):
                raise InputError(f"response {name!r}: a name in the result file is not empty and has no '/' in it")
        # planes, lines, responses and the text, and what HDF5 needs to describe itself
        planes = 0 if self.has_grid and len(self.shape) == 2 else sum(map(math.prod, combinations(self.shape, 2)))
        numbers = planes + sum(self.shape)
        numbers += sum(np.size(array.values) for array in self._responses.values())
        self._reserve = 8 * numbers + 4 * len(definition) + _OVERHEAD_BYTES
        check_output(self.path, self.n_bytes + self._reserve, overwrite)
        self._done = np.zeros([-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True)], dtype=np.uint8)
        self._done_on_disk = np.zeros_like(self._done)

    @property
    def n_bytes(self) -> int:
        """Size of the stored grid before compression, 0 when only profiles are kept."""
        return math.prod(self.shape) * self.dtype.itemsize if self.has_grid else 0

    @property
    def tiles(self) -> int:
        """Number of tiles that make the grid."""
        return self._done.size

    @property
    def tiles_written(self) -> int:
        """Number of tiles written so far."""
        return int(self._done.sum())

    def __enter__(self) -> Self:
        try:
            if self._overwrite:
                self.partial.unlink(missing_ok=True)
            self.partial.touch(exist_ok=False)
        except FileExistsError:
            refuse_partial(self.path, self._overwrite)
            raise InputError(f"{self.partial} is being written by another run: use -o to write elsewhere") from None
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {_reason(error)}; write elsewhere with -o") from error
        try:
            with self._as_run_error():
                self._file = h5py.File(self.partial, "w", track_order=True)
                self._write_header()
                self._file.flush()
        except BaseException:
            self.discard()
            raise
        self._last_checkpoint = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self.discard()

    def prepare(self, values: FloatArray) -> bytes:
        """Return the tile `values`, float64 and at most `chunk_shape`, as bytes for `write`; safe in any thread."""
        return encode_chunk(values, self.chunk_shape, self.dtype)

    def write(self, start: Sequence[int], prepared: bytes) -> None:
        """Put a prepared tile where its first point has the index `start`, multiples of `chunk_shape`; one thread only.

        Raises `RunError` if the disk is full or fails.
        """
        self._require_room(len(prepared))
        with self._as_run_error():
            self._chi2.id.write_direct_chunk(tuple(start), prepared)
            self._done[tuple(s // c for s, c in zip(start, self.chunk_shape, strict=True))] = 1
            if time.monotonic() - self._last_checkpoint > CHECKPOINT_SECONDS:
                self._checkpoint()

    def finish(self, profiles: Profiles, exact: tuple[Sequence[Axis], Profiles] | None = None) -> Path:
        """Add the profiles, close the file, force it to the disk and give it its final name, which is returned.

        `exact` are profiles with the hidden axes minimised continuously and the axes they lie on, where there are any.
        Of two axes the plane may be left out where the grid is kept.

        Raises `RunError` if tiles are missing, writing fails, or a file that must not be replaced has taken the name.
        """
        if self.has_grid and self.tiles_written < self.tiles:
            raise RunError(f"{self.partial}: only {self.tiles_written} of {self.tiles} tiles were written")
        exact_numbers = sum(v.size for v in (*exact[1].lines.values(), *exact[1].planes.values())) if exact else 0
        self._require_room(8 * exact_numbers)
        with self._as_run_error():
            members.write_profiles(self._file, [axis.name for axis in self.axes], profiles)
            if exact is not None:
                members.write_exact_profiles(self._file, *exact)
            self._file.flush()
            if self.has_grid:
                del self._file[layout.DONE]
                members.write_best_fit(self._chi2, profiles)
            members.write_best_fit(self._file, profiles)
            self._file.flush()
            self._file.close()
            with self.partial.open("r+b") as stream:
                os.fsync(stream.fileno())
            self._finished = True
            self.kept = self.partial
            if self.path.exists() and not self._overwrite:
                raise RunError(
                    f"{self.path} appeared during the run and is left alone: the whole result is {self.partial}"
                )
            self.partial.replace(self.path)
            self.kept = None
        _fsync_directory(self.path.parent)
        return self.path

    def discard(self) -> None:
        """Close without a result: keep what was written if it is at least one tile, else leave nothing behind."""
        with suppress(RunError), self._as_run_error():
            if self._file and not self._detached and self.has_grid and layout.DONE in self._file:
                self._checkpoint()
        with suppress(OSError, RuntimeError):
            if self._file:
                self._file.close()
        self._done = self._done_on_disk
        if self.tiles_written:
            self.kept = self.partial
        else:
            self.partial.unlink(missing_ok=True)

    def _checkpoint(self) -> None:
        """Flush the tiles, then the mask that vouches for them: a kill in a joint flush could leave it ahead."""
        self._file.flush()
        self._file[layout.DONE][...] = self._done
        self._file.flush()
        self._done_on_disk = self._done.copy()
        self._last_checkpoint = time.monotonic()

    def _write_header(self) -> None:
        root = self._file
        names = [axis.name for axis in self.axes]
        members.write_root_attributes(root, self.axes, self._definition, self._overrides, self._attributes)
        members.write_axes(root, self.axes)
        if self.has_grid:
            self._chi2 = members.create_chi2(root, names, self.shape, self.chunk_shape, self.dtype)
            root.create_dataset(layout.DONE, data=self._done)
        root.create_group(layout.PROFILES, track_order=True)
        members.write_responses(root.create_group(layout.RESPONSES, track_order=True), self._responses)

    def _require_room(self, n_bytes: int) -> None:
        """Raise `RunError` while the disk still has room to end well: HDF5 does not recover from a failed flush."""
        if shutil.disk_usage(self.path.parent).free < n_bytes + self._reserve:
            raise RunError(f"{self.partial} could not be written: the disk is full")

    @contextmanager
    def _as_run_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:
            if self._file:
                _detach(self._file)
                self._detached = True
            raise RunError(f"{self.partial} could not be written: {_reason(error)}") from error


def _detach(file: h5py.File) -> None:
    """Let HDF5 write into memory from now on; the file on the disk stays as a kill at this point would leave it.

    HDF5 tries again on closing what it could not write, prints a traceback, and crashes the process at its end if the
    disk is still full.
    """
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("sink"), "wb") if in_memory else tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), file.id.get_vfd_handle())


def _fsync_directory(path: Path) -> None:
    with suppress(OSError):  # not every system can; the file itself is on the disk by now
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: BaseException) -> str:
    """Say in words what the system said; h5py buries the number in HDF5's own message."""
    number = getattr(error, "errno", None)
    found = re.search(r"errno = (\d+)", str(error))
    if number is None and found:
        number = int(found[1])
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return os.strerror(number) if number else str(error)
