"""Tiles, filled and reduced to their minima by threads.

chi2 is written where the tile is to stay, where that is an array in memory and the tile lies there in one piece;
nowhere, where only minima are wanted and the evaluator finds them as it goes; otherwise into a buffer of the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Evaluator, ReducingEvaluator, SumsOfTile
from scanengine.driver.marginals import Summing, TileSums, counted
from scanengine.driver.minima import GridMinima
from scanengine.driver.sinks import Prepared, Sink
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import RunningMinima
from scanengine.grid.tiling import Tiling
from scanengine_kernels import small
from scanengine_kernels.grids import LineMinima, PlaneMinima

PAST_CACHES_BYTES = 1 << 22
"""A grid in memory larger than this is written past the caches."""

_NOWHERE: FloatArray = np.empty(0)


@dataclass
class _OfThread:
    """What one thread has: the minima over the tiles it has filled, and a buffer for those that need one."""

    planes: PlaneMinima
    lines: LineMinima
    best_index: NDArray[np.int64]
    best: float = np.inf
    buffer: FloatArray = field(default_factory=lambda: _NOWHERE)


@dataclass(frozen=True)
class Done(Generic[Prepared]):
    """A tile ready to be written, the lowest chi2 that its thread has seen, with its index, and its sums."""

    prepared: Prepared
    best: float
    best_index: tuple[int, ...]
    sums: TileSums | None


def _reducing(evaluator: Evaluator, axes: Sequence[Axis]) -> ReducingEvaluator | None:
    """Return the evaluator if it finds the profiles by itself; of fewer axes than three the planes are the grid."""
    return evaluator if len(axes) > 2 and isinstance(evaluator, ReducingEvaluator) else None


class Filling(Generic[Prepared]):
    """Fills the tiles of a grid for a sink, in several threads at once, and holds the minima of each."""

    def __init__(
        self,
        evaluator: Evaluator,
        axes: Sequence[Axis],
        sink: Sink[Prepared],
        tiling: Tiling | None = None,
        *,
        keep_planes: bool = True,
        compiled: bool = True,
        marginal_reference: float | None = None,
    ) -> None:
        self._evaluator = evaluator
        self._axes = tuple(axes)
        self._sink = sink
        self.layout = GridMinima(axes, keep_planes=keep_planes)
        self._reducing = _reducing(evaluator, axes) if compiled else None
        self._reduce_tile = small.reduce_tile
        if compiled:
            from scanengine_kernels.profiles import reduce_tile  # imports Numba, which a small scan does without

            self._reduce_tile = reduce_tile
        self.summing = (
            None if marginal_reference is None else Summing(self._axes, marginal_reference, compiled=compiled)
        )
        if tiling is None:
            large = self.from_registers and (sink.array is not None or not sink.wants_tiles)
            tiling = Tiling.for_minima(self.layout.shape) if large else Tiling.of(self.layout.shape)
        self.tiling = tiling
        large = sink.array is not None and sink.array.nbytes > PAST_CACHES_BYTES
        self._past_caches = large and self.summing is None
        self._thread_local = threading.local()
        self._of_threads: list[_OfThread] = []

    @property
    def from_registers(self) -> bool:
        """Whether minima are found as chi2 is computed, and not read from filled tiles."""
        return self._reducing is not None

    @property
    def is_quick(self) -> bool:
        """Whether a tile takes so little time that it counts how long it is handed over."""
        return self.from_registers and self._sink.array is None

    def lower(self, running: RunningMinima) -> None:
        """Lower minima to those of all tiles that are done, and of some that are not yet."""
        for each in list(self._of_threads):
            np.minimum(running.planes, each.planes.values[: self.layout.plane_points], out=running.planes)
            np.minimum(running.lines, each.lines.values, out=running.lines)

    def fill_several(self, starts: Sequence[tuple[int, ...]]) -> list[Done[Prepared]]:
        """Fill and reduce the tiles that begin there."""
        return [self.fill(start) for start in starts]

    def fill(self, start: tuple[int, ...]) -> Done[Prepared]:
        """Fill and reduce the tile that begins there."""
        mine = self._of_this_thread()
        shape = self.tiling.shape_at(start)
        values = [axis.values[s : s + n] for axis, s, n in zip(self._axes, start, shape, strict=True)]
        chi2 = self._place(start, shape, mine)
        sums = None
        if self._reducing is None:
            self._evaluator.fill(values, chi2)
            self._reduce(chi2, start, mine)
        elif self.summing is None or chi2.size:
            self._reduce_from_registers(self._reducing, values, start, mine, chi2 if chi2.size else None)
        else:
            empty = self.summing.nothing(start, shape)
            sums = counted(empty, self._reduce_from_registers(self._reducing, values, start, mine, None, empty))
        if self.summing is not None and chi2.size:
            sums = self.summing.of_tile(chi2, start)
        return Done(self._sink.prepare(chi2), mine.best, tuple(mine.best_index.tolist()), sums)

    def _place(self, start: tuple[int, ...], shape: tuple[int, ...], mine: _OfThread) -> FloatArray:
        """Return where a tile is filled."""
        if self.from_registers and not self._sink.wants_tiles:
            return _NOWHERE
        array = self._sink.array
        rounds = self.from_registers and self.summing is None
        if array is not None and (rounds or array.dtype == np.float64):
            part = array[tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))]
            if part.flags.c_contiguous:
                return part
        if not mine.buffer.size:
            mine.buffer = np.empty(prod(self.tiling.tile_shape))
        return mine.buffer[: prod(shape)].reshape(shape)

    def _reduce(self, chi2: FloatArray, start: tuple[int, ...], mine: _OfThread) -> None:
        """Lower a thread's minima to a filled tile."""
        mine.best = self._reduce_tile(
            chi2.reshape(-1, chi2.shape[-1]),
            np.array(chi2.shape),
            np.array(start),
            mine.planes._replace(values=mine.planes.values[: self.layout.plane_points]),
            mine.lines,
            mine.best,
            mine.best_index,
        )

    def _reduce_from_registers(
        self,
        evaluator: ReducingEvaluator,
        values: Sequence[FloatArray],
        start: tuple[int, ...],
        mine: _OfThread,
        chi2: FloatArray | None,
        sums: SumsOfTile | None = None,
    ) -> int:
        """Lower a thread's minima to a tile that may be kept or not; a new minimum is looked for in its plane.

        Returns the exponent of sums, if there are any.
        """
        found = evaluator.reduce(values, start, mine.planes, chi2, past_caches=self._past_caches, sums=sums)
        lowest, outer, exponent = found
        if not lowest < mine.best:
            return exponent
        box = [v[i : i + 1] for v, i in zip(values, outer, strict=False)] + [*values[-2:]]
        plane = np.empty([v.size for v in box])
        evaluator.fill(box, plane)
        mine.best = lowest
        mine.best_index[:] = np.array(start) + np.unravel_index(np.argmin(plane), plane.shape)
        mine.best_index[:-2] += outer
        return exponent

    def _of_this_thread(self) -> _OfThread:
        mine: _OfThread | None = getattr(self._thread_local, "mine", None)
        if mine is None:
            layout = self.layout
            mine = _OfThread(layout.planes(), layout.lines(), np.zeros(len(layout.shape), dtype=np.int64))
            self._thread_local.mine = mine
            self._of_threads.append(mine)
        return mine
