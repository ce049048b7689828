"""The scan driver: cuts a grid into tiles, fills and reduces them in threads, hands them to a sink. It knows no
physics.

Memory is bounded whatever the grid's size: one buffer and one set of planes per thread, and as many filled tiles
waiting for the sink. Results do not depend on the number of threads or on their timing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Generic

from scanengine.chi2.evaluator import Evaluator
from scanengine.driver.filling import Done, Filling
from scanengine.driver.flow import Flow, batched
from scanengine.driver.sinks import Prepared, Sink
from scanengine.errors import InputError, Interrupted
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles, RunningMinima
from scanengine.grid.tiling import Tiling

_MOST_TOGETHER = 4
"""Tiles that a thread hands over together, beside which the driver does not count."""

_MOST_AHEAD = 4
"""So many times these may wait for a thread, or for the sink: each tile takes memory."""


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
    marginal_reference: float | None = None,
) -> Profiles:
    """Scan the whole grid over axes and return its profiles.

    evaluator computes chi2, sink takes the tiles, save those that it has from an earlier run. progress is called with
    the number of points done after each tile. Of two axes the one plane is the grid itself: `keep_planes=False` leaves
    it to the sink, so that memory stays bounded. Without `compiled` NumPy reduces the tiles: of a small grid, before
    Numba would be imported. With a `marginal_reference`, a chi2 that the grid reaches or more, exp(-chi2 / 2) is summed
    to marginals as well; the same reference gives the same numbers, whoever does the tiles.
    Raises InputError for fewer than one thread, Interrupted on Ctrl-C, after the tiles in flight have been written,
    RunError if no chi2 is a number, and whatever the evaluator or the sink raise.
    """
    filling = Filling(
        evaluator,
        axes,
        sink,
        tiling,
        keep_planes=keep_planes,
        compiled=compiled,
        marginal_reference=marginal_reference,
    )
    running = _Pass(filling, sink, threads, progress).run()
    profiles = filling.layout.profiles(running, of_squares=filling.from_registers)
    if filling.summing is None or running.sums is None:
        return profiles
    return replace(profiles, marginals=filling.summing.marginals(running.sums, filling.tiling.number))


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
    marginal_reference: float | None = None,
) -> None:
    """Scan some tiles of a grid and leave their minima to the sink, as `scan_grid` does of the whole."""
    filling = Filling(
        evaluator,
        axes,
        sink,
        tiling,
        keep_planes=keep_planes,
        compiled=compiled,
        marginal_reference=marginal_reference,
    )
    _Pass(filling, sink, threads, progress).run()


class _Pass(Generic[Prepared]):
    """One pass over a grid: which tiles are worked on, what was done, and when minima are kept."""

    def __init__(
        self, filling: Filling[Prepared], sink: Sink[Prepared], threads: int, progress: Callable[[int], None] | None
    ) -> None:
        if threads < 1:
            raise InputError(f"a scan needs at least one thread: found {threads}")
        self._filling = filling
        self._tiling = filling.tiling
        self._sink = sink
        self._threads = threads
        self._progress = progress or (lambda _: None)
        self._running = filling.layout.running()
        if filling.summing is not None:
            self._running.sums = filling.summing.running()
        self._done = 0
        self._collected = False

    def run(self) -> RunningMinima:
        """Scan the tiles that the sink does not have yet; return the minima over all."""
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
            together = self._together
            ahead = self._threads if together == 1 else min(self._threads, _MOST_AHEAD)
            flow = Flow(pool, self._filling.fill_several, batched(starts, together), self._threads + ahead)
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
        return self._so_far()

    def _collect(self, finished: Sequence[tuple[Sequence[tuple[int, ...]], Sequence[Done[Prepared]]]]) -> None:
        self._collected = self._collected or bool(finished)
        for starts, tiles in finished:
            for start, tile in zip(starts, tiles, strict=True):
                self._running.lower_best(tile.best, tile.best_index)  # first: a checkpoint vouches for what is written
                if self._filling.summing is not None and self._running.sums is not None:
                    self._filling.summing.add(self._running.sums, tile.sums)
                self._sink.write(start, tile.prepared)
                self._done += prod(self._tiling.shape_at(start))
        self._sink.keep(self._so_far)

    def _so_far(self) -> RunningMinima:
        """Return the minima up to now: of all tiles that were collected, and some of those in flight."""
        self._filling.lower(self._running)
        return self._running

    @property
    def _together(self) -> int:
        """How many tiles a thread does at a time: of those that are quickly done, several."""
        return max(1, min(_MOST_TOGETHER, len(self._tiling) // (8 * self._threads))) if self._filling.is_quick else 1
