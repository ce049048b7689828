"""The scan driver: cuts a grid into tiles, fills and reduces them in threads, hands them to a sink. It knows no
physics.

Memory is bounded whatever the grid's size: one buffer and one set of planes per thread, and as many filled tiles
waiting for the sink. Results do not depend on the number of threads or on their timing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError, Interrupted, RunError
from scanengine.grids import Axis, FloatArray, Profiles
from scanengine_kernels.profiles import reduce_tile

TILE_POINTS = 1 << 17
"""Points of a tile: 1 MB of float64, which stays in a core's cache from filling through reduction to compression."""

Prepared = TypeVar("Prepared")


class Evaluator(Protocol):
    """Computes chi2 on tensor grids; called from several threads at once."""

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> object:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""


class Sink(Protocol[Prepared]):
    """Takes the filled tiles of a grid."""

    def prepare(self, chi2: FloatArray) -> Prepared:
        """Turn a tile into what `write` takes, keeping no reference to it; called from several threads at once."""

    def write(self, start: tuple[int, ...], prepared: Prepared) -> None:
        """Store the tile whose first point has this index; called from the driver's own thread."""


class NoSink:
    """Keeps nothing: for scans of which only the profiles are wanted."""

    def prepare(self, chi2: FloatArray) -> None:
        """Forget the tile."""

    def write(self, start: tuple[int, ...], prepared: None) -> None:
        """Do nothing."""


class ArraySink:
    """Collects the grid in memory, in the array `chi2`."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.chi2: FloatArray = np.empty(shape)

    def prepare(self, chi2: FloatArray) -> FloatArray:
        """Copy the tile out of the thread's buffer."""
        return chi2.copy()

    def write(self, start: tuple[int, ...], prepared: FloatArray) -> None:
        """Put the tile in its place."""
        self.chi2[tuple(slice(s, s + n) for s, n in zip(start, prepared.shape, strict=True))] = prepared


@dataclass(frozen=True)
class Tiling:
    """A grid cut into boxes of at most `tile_shape`, which spans the last axes whole, the first by one point."""

    grid_shape: tuple[int, ...]
    tile_shape: tuple[int, ...]

    @classmethod
    def of(cls, grid_shape: tuple[int, ...], points: int = TILE_POINTS) -> Tiling:
        """Choose tiles of about `points` points, contiguous in C order."""
        tile = [1] * len(grid_shape)
        for axis in range(len(grid_shape) - 1, -1, -1):
            # no tile may be so thin that threads wait for one another: an axis is cut into nearly equal parts
            parts = -(-grid_shape[axis] * prod(tile) // points)
            tile[axis] = -(-grid_shape[axis] // parts)
            if parts > 1:
                break
        return cls(grid_shape, tuple(tile))

    def __len__(self) -> int:
        return prod(-(-n // t) for n, t in zip(self.grid_shape, self.tile_shape, strict=True))

    def starts(self) -> Iterator[tuple[int, ...]]:
        """Yield the index of each tile's first point, in C order."""
        return product(*(range(0, n, t) for n, t in zip(self.grid_shape, self.tile_shape, strict=True)))

    def shape_at(self, start: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the tile that begins there: smaller at the far edge."""
        return tuple(min(t, n - s) for s, t, n in zip(start, self.tile_shape, self.grid_shape, strict=True))


@dataclass
class _Reduction:
    """The running minima of one thread over the tiles it has filled."""

    planes: FloatArray
    lines: FloatArray
    buffer: FloatArray
    best_index: NDArray[np.int64]
    best: float = np.inf


def scan_grid(
    evaluator: Evaluator,
    axes: Sequence[Axis],
    sink: Sink[Prepared],
    *,
    tiling: Tiling | None = None,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    keep_planes: bool = True,
) -> Profiles:
    """Scan the whole grid over axes and return its profiles.

    evaluator computes chi2, sink takes the tiles, progress is called with the number of points done after each tile. Of
    two axes the one plane is the grid itself: `keep_planes=False` leaves it to the sink, so that memory stays bounded.
    Raises InputError for fewer than one thread, Interrupted on Ctrl-C, after the tiles in flight have been written, and
    whatever the evaluator or the sink raise.
    """
    if threads < 1:
        raise InputError(f"a scan needs at least one thread: found {threads}")
    tiling = tiling or Tiling.of(tuple(axis.values.size for axis in axes))
    return _Pass(evaluator, axes, sink, tiling, threads, progress or (lambda _: None), keep_planes).run()


class _Pass(Generic[Prepared]):
    """One pass over a grid: what its threads share."""

    def __init__(
        self,
        evaluator: Evaluator,
        axes: Sequence[Axis],
        sink: Sink[Prepared],
        tiling: Tiling,
        threads: int,
        progress: Callable[[int], None],
        keep_planes: bool,
    ) -> None:
        self._evaluator = evaluator
        self._axes = tuple(axes)
        self._sink = sink
        self._shape = tuple(axis.values.size for axis in axes)
        self._tiling = tiling
        self._threads = threads
        self._progress = progress
        self._thread_local = threading.local()
        self._reductions: list[_Reduction] = []
        self._pairs = list(combinations(range(len(axes)), 2)) if keep_planes or len(axes) > 2 else []
        self._plane_offsets = np.zeros((len(axes), len(axes)), dtype=np.int64)
        self._plane_points = 0
        for a, b in self._pairs:
            self._plane_offsets[a, b] = self._plane_points
            self._plane_points += self._shape[a] * self._shape[b]
        self._line_offsets = np.concatenate(([0], np.cumsum(self._shape)))
        self._done = 0

    def run(self) -> Profiles:
        """Scan the whole grid and return its profiles."""
        starts = self._tiling.starts()
        pending: dict[Future[Prepared], tuple[int, ...]] = {}
        with ThreadPoolExecutor(self._threads, thread_name_prefix="scan") as pool:
            try:
                while True:
                    while len(pending) < 2 * self._threads and (start := next(starts, None)) is not None:
                        pending[pool.submit(self._tile, start)] = start
                    if not pending:
                        break
                    self._collect(pending, wait(pending, return_when=FIRST_COMPLETED).done)
                    self._progress(self._done)
            except KeyboardInterrupt:
                with suppress(KeyboardInterrupt):  # a second Ctrl-C: do not wait for the tiles in flight
                    self._collect(pending, [future for future in pending if not future.cancel()])
                total = prod(self._shape)
                raise Interrupted(
                    f"interrupted after {self._done} of {total} points ({self._done / total:.1%})"
                ) from None
            except BaseException:
                for future in pending:
                    future.cancel()
                raise
        return self._profiles()

    def _collect(
        self, pending: dict[Future[Prepared], tuple[int, ...]], done: Sequence[Future[Prepared]] | set[Future[Prepared]]
    ) -> None:
        for future in sorted(done, key=pending.__getitem__):
            prepared = future.result()
            start = pending.pop(future)
            self._sink.write(start, prepared)
            self._done += prod(self._tiling.shape_at(start))

    def _tile(self, start: tuple[int, ...]) -> Prepared:
        mine = self._reduction()
        shape = self._tiling.shape_at(start)
        chi2 = mine.buffer[: prod(shape)].reshape(shape)
        values = [axis.values[s : s + n] for axis, s, n in zip(self._axes, start, shape, strict=True)]
        self._evaluator.fill(values, chi2)
        mine.best = reduce_tile(
            chi2.reshape(-1, shape[-1]),
            np.array(shape),
            np.array(start),
            np.array(self._shape),
            self._plane_offsets,
            mine.planes,
            self._line_offsets,
            mine.lines,
            mine.best,
            mine.best_index,
        )
        return self._sink.prepare(chi2)

    def _reduction(self) -> _Reduction:
        mine: _Reduction | None = getattr(self._thread_local, "reduction", None)
        if mine is None:
            mine = _Reduction(
                planes=np.full(self._plane_points, np.inf),
                lines=np.full(sum(self._shape), np.inf),
                buffer=np.empty(prod(self._tiling.tile_shape)),
                best_index=np.zeros(len(self._shape), dtype=np.int64),
            )
            self._thread_local.reduction = mine
            self._reductions.append(mine)
        return mine

    def _profiles(self) -> Profiles:
        best = min(self._reductions, key=lambda r: (r.best, tuple(r.best_index)))
        if not np.isfinite(best.best):
            raise RunError("chi2 is not a number anywhere on the grid")
        lowest_planes = np.minimum.reduce([reduction.planes for reduction in self._reductions])
        lowest_lines = np.minimum.reduce([reduction.lines for reduction in self._reductions])
        names = [axis.name for axis in self._axes]
        planes = {}
        for a, b in self._pairs:
            first, shape = self._plane_offsets[a, b], (self._shape[a], self._shape[b])
            planes[names[a], names[b]] = lowest_planes[first : first + prod(shape)].reshape(shape)
        lines = {}
        for a, name in enumerate(names):
            if a >= len(names) - 2:
                lines[name] = lowest_lines[self._line_offsets[a] : self._line_offsets[a + 1]]
            else:
                lines[name] = planes[name, names[-1]].min(axis=1)
        return Profiles(
            minimum=float(best.best),
            best_fit=tuple(float(axis.values[i]) for axis, i in zip(self._axes, best.best_index, strict=True)),
            lines=lines,
            planes=planes,
        )
