"""The scan driver: cuts a grid into tiles, fills and reduces them in threads, hands them to a sink. It knows no
physics.

Memory is bounded whatever the grid's size: one buffer and one set of planes per thread, and as many filled tiles
waiting for the sink. Results do not depend on the number of threads or on their timing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import LANES, Evaluator, PlaneMinima, ReducingEvaluator
from scanengine.driver.flow import Flow, batched
from scanengine.driver.sinks import ArraySink, Prepared, Sink
from scanengine.errors import InputError, Interrupted, RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles, RunningMinima
from scanengine.grid.tiling import Tiling
from scanengine_kernels import small

_MOST_TOGETHER = 4
"""Tiles that a thread hands over together, beside which the driver does not count."""

_MOST_AHEAD = 4
"""So many times these may wait for a thread, or for the sink: each tile takes memory."""

PAST_CACHES_BYTES = 1 << 22
"""A grid in memory larger than this is written past the caches."""


@dataclass
class _Reduction:
    """The running minima of one thread over the tiles it has filled."""

    minima: PlaneMinima
    lines: FloatArray
    buffer: FloatArray
    best_index: NDArray[np.int64]
    best: float = np.inf


@dataclass(frozen=True)
class _Done(Generic[Prepared]):
    """A tile ready to be written, and the lowest chi2 that its thread has seen, with its index."""

    prepared: Prepared
    best: float
    best_index: tuple[int, ...]


def scan_grid(
    evaluator: Evaluator,
    axes: Sequence[Axis],
    sink: Sink[Prepared],
    *,
    tiling: Tiling | None = None,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    keep_planes: bool = True,
    compiled: bool = True,
) -> Profiles:
    """Scan the whole grid over axes and return its profiles.

    evaluator computes chi2, sink takes the tiles, save those that it has from an earlier run. progress is called with
    the number of points done after each tile. Of two axes the one plane is the grid itself: `keep_planes=False` leaves
    it to the sink, so that memory stays bounded. Without `compiled` NumPy reduces the tiles: of a small grid, before
    Numba would be imported.
    Raises InputError for fewer than one thread, Interrupted on Ctrl-C, after the tiles in flight have been written,
    RunError if no chi2 is a number, and whatever the evaluator or the sink raise.
    """
    scan = _Pass(evaluator, axes, sink, tiling, threads, progress or (lambda _: None), keep_planes, compiled)
    scan.run()
    return scan.profiles()


def visit_tiles(
    evaluator: Evaluator,
    axes: Sequence[Axis],
    sink: Sink[Prepared],
    tiling: Tiling,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    keep_planes: bool = True,
    compiled: bool = True,
) -> None:
    """Scan some tiles of a grid and leave their minima to the sink, as `scan_grid` does of the whole."""
    _Pass(evaluator, axes, sink, tiling, threads, progress or (lambda _: None), keep_planes, compiled).run()


def _reducing(evaluator: Evaluator, axes: Sequence[Axis]) -> ReducingEvaluator | None:
    """Return the evaluator if it finds the profiles by itself; of fewer axes than three the planes are the grid."""
    return evaluator if len(axes) > 2 and isinstance(evaluator, ReducingEvaluator) else None


def _array(sink: object) -> ArraySink | None:
    return sink if isinstance(sink, ArraySink) else None


class _Pass(Generic[Prepared]):
    """One pass over a grid: what its threads share."""

    def __init__(
        self,
        evaluator: Evaluator,
        axes: Sequence[Axis],
        sink: Sink[Prepared],
        tiling: Tiling | None,
        threads: int,
        progress: Callable[[int], None],
        keep_planes: bool,
        compiled: bool,
    ) -> None:
        if threads < 1:
            raise InputError(f"a scan needs at least one thread: found {threads}")
        self._evaluator = evaluator
        self._axes = tuple(axes)
        self._sink = sink
        self._shape = tuple(axis.values.size for axis in axes)
        self._threads = threads
        self._progress = progress
        self._thread_local = threading.local()
        self._reductions: list[_Reduction] = []
        self._pairs = list(combinations(range(len(axes)), 2)) if keep_planes or len(axes) > 2 else []
        self._reducing = _reducing(evaluator, axes) if compiled else None
        self._reduce_tile = small.reduce_tile
        if compiled:
            from scanengine_kernels.profiles import reduce_tile  # imports Numba, which a small scan does without

            self._reduce_tile = reduce_tile
        self._array = _array(sink)
        if tiling is None:
            large = self._reducing is not None and (self._array is not None or not sink.wants_tiles)
            tiling = Tiling.for_minima(self._shape) if large else Tiling.of(self._shape)
        self._tiling = tiling
        self._past_caches = self._array is not None and self._array.chi2.nbytes > PAST_CACHES_BYTES
        self._plane_offsets = np.zeros((len(axes), len(axes)), dtype=np.int64)
        self._plane_points = 0
        for a, b in self._pairs:
            self._plane_offsets[a, b] = self._plane_points
            self._plane_points += self._shape[a] * self._shape[b]
        self._line_offsets = np.concatenate(([0], np.cumsum(self._shape)))
        lines = np.full(sum(self._shape), np.inf)
        self._running = RunningMinima(np.full(self._plane_points, np.inf), lines)
        self._done = 0
        self._collected = False

    def run(self) -> None:
        """Scan the tiles that the sink does not have yet."""
        starts = (start for start in self._tiling.starts() if not self._sink.is_done(start))
        if (earlier := self._sink.earlier()) is not None:
            self._running.lower(earlier)
            self._done = sum(
                prod(self._tiling.shape_at(start)) for start in self._tiling.starts() if self._sink.is_done(start)
            )
        self._sink.keep(self._so_far)
        flow = None
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="scan")
        try:
            ahead = self._threads if self._together == 1 else min(self._threads, _MOST_AHEAD)
            flow = Flow(pool, self._tiles, batched(starts, self._together), self._threads + ahead)
            for finished in flow:
                self._collect(finished)
                self._progress(self._done)
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # a second Ctrl-C: do not wait for the tiles in flight
                self._collect(flow.rest() if flow and self._collected else [])  # the first may wait for the compiler
            pool.shutdown(wait=False, cancel_futures=True)
            total = self._tiling.points
            raise Interrupted(f"interrupted after {self._done} of {total} points ({self._done / total:.1%})") from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()
        self._so_far()

    def _collect(self, finished: Sequence[tuple[Sequence[tuple[int, ...]], Sequence[_Done[Prepared]]]]) -> None:
        self._collected = self._collected or bool(finished)
        for starts, tiles in finished:
            for start, tile in zip(starts, tiles, strict=True):
                self._running.lower_best(tile.best, tile.best_index)  # first: a checkpoint vouches for what is written
                self._sink.write(start, tile.prepared)
                self._done += prod(self._tiling.shape_at(start))
        self._sink.keep(self._so_far)

    def _so_far(self) -> RunningMinima:
        """Return the minima up to now: of all tiles that were collected, and some of those in flight."""
        for reduction in list(self._reductions):
            np.minimum(self._running.planes, reduction.minima.values[: self._plane_points], out=self._running.planes)
            np.minimum(self._running.lines, reduction.lines, out=self._running.lines)
        return self._running

    @cached_property
    def _together(self) -> int:
        """How many tiles a thread does at a time: of those that are quickly done, several."""
        quick = self._reducing is not None and self._array is None
        return max(1, min(_MOST_TOGETHER, len(self._tiling) // (8 * self._threads))) if quick else 1

    def _tiles(self, starts: Sequence[tuple[int, ...]]) -> list[_Done[Prepared]]:
        return [self._tile(start) for start in starts]

    def _tile(self, start: tuple[int, ...]) -> _Done[Prepared]:
        mine = self._reduction()
        shape = self._tiling.shape_at(start)
        values = [axis.values[s : s + n] for axis, s, n in zip(self._axes, start, shape, strict=True)]
        chi2 = mine.buffer[: prod(shape)].reshape(shape) if mine.buffer.size else self._place(start, shape)
        if self._reducing is None:
            self._evaluator.fill(values, chi2)
            self._reduce(chi2, start, mine)
        else:
            self._reduce_from_registers(self._reducing, values, start, mine, chi2 if chi2.size else None)
        return _Done(self._sink.prepare(chi2), mine.best, tuple(mine.best_index.tolist()))

    @cached_property
    def _in_place(self) -> bool:
        """Whether tiles are filled where they are to stay, or not at all."""
        if self._array is not None:
            return self._reducing is not None or self._array.chi2.dtype == np.float64
        return self._reducing is not None and not self._sink.wants_tiles

    def _place(self, start: tuple[int, ...], shape: tuple[int, ...]) -> FloatArray:
        """Return where a tile is to stay, if it lies there in one piece: nowhere if only its minima are wanted."""
        if self._array is None:
            return np.empty(0)
        part = self._array.part(start, shape)
        return part if part.flags.c_contiguous else np.empty(shape)

    def _reduce(self, chi2: FloatArray, start: tuple[int, ...], mine: _Reduction) -> None:
        """Lower a thread's minima to a filled tile."""
        mine.best = self._reduce_tile(
            chi2.reshape(-1, chi2.shape[-1]),
            np.array(chi2.shape),
            np.array(start),
            np.array(self._shape),
            mine.minima.offsets,
            mine.minima.values[: self._plane_points],
            self._line_offsets,
            mine.lines,
            mine.best,
            mine.best_index,
        )

    def _reduce_from_registers(
        self,
        evaluator: ReducingEvaluator,
        values: Sequence[FloatArray],
        start: tuple[int, ...],
        mine: _Reduction,
        chi2: FloatArray | None,
    ) -> None:
        """Lower a thread's minima to a tile that may be kept or not; a new minimum is looked for in its plane."""
        lowest, outer = evaluator.reduce(values, start, mine.minima, chi2, past_caches=self._past_caches)
        if not lowest < mine.best:
            return
        box = [v[i : i + 1] for v, i in zip(values, outer, strict=False)] + [*values[-2:]]
        plane = np.empty([v.size for v in box])
        evaluator.fill(box, plane)
        mine.best = lowest
        mine.best_index[:] = np.array(start) + np.unravel_index(np.argmin(plane), plane.shape)
        mine.best_index[:-2] += outer

    def _reduction(self) -> _Reduction:
        mine: _Reduction | None = getattr(self._thread_local, "reduction", None)
        if mine is None:
            mine = _Reduction(
                minima=PlaneMinima(self._shape, self._plane_offsets, np.full(self._plane_points + LANES, np.inf)),
                lines=np.full(sum(self._shape), np.inf),
                buffer=np.empty(0 if self._in_place else prod(self._tiling.tile_shape)),
                best_index=np.zeros(len(self._shape), dtype=np.int64),
            )
            self._thread_local.reduction = mine
            self._reductions.append(mine)
        return mine

    def profiles(self) -> Profiles:
        """Return the minima as profiles. Raises RunError if no chi2 is a number."""
        running = self._running
        if not np.isfinite(running.best):
            raise RunError("chi2 is not a number anywhere on the grid")
        lowest_planes, lowest_lines = running.planes, running.lines
        if self._reducing is not None:  # a sum of squares is not negative, but by rounding
            lowest_planes = np.maximum(lowest_planes, 0.0)
        names = [axis.name for axis in self._axes]
        planes = {}
        for a, b in self._pairs:
            first, shape = self._plane_offsets[a, b], (self._shape[a], self._shape[b])
            planes[names[a], names[b]] = lowest_planes[first : first + prod(shape)].reshape(shape)
        lines = {}
        for a, name in enumerate(names):
            if len(names) < 3:
                lines[name] = lowest_lines[self._line_offsets[a] : self._line_offsets[a + 1]]
            elif a == 0:
                lines[name] = planes[name, names[1]].min(axis=1)
            else:
                lines[name] = planes[names[0], name].min(axis=0)
        return Profiles(
            minimum=running.best,
            best_fit=tuple(float(axis.values[i]) for axis, i in zip(self._axes, running.best_index, strict=True)),
            lines=lines,
            planes=planes,
        )
