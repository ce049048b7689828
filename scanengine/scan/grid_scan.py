"""How the grid of a problem is gone over: its tiles, a pass that finds chosen planes alone, and whether it may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Cost
from scanengine.driver.bounded_tiles import bounded_tiles_of_each
from scanengine.driver.chosen_planes import Pass, Scanner, only, pass_for, scan_planes
from scanengine.driver.one_pass import scan_grid, visit_tiles
from scanengine.driver.sinks import NoSink, Sink
from scanengine.driver.skipping import compact_tiling, cut_above, low_chi2, relevant_tiles_of_each
from scanengine.errors import InputError
from scanengine.grid.arguments import number, whole
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling
from scanengine.scan.coordinates import profiles_on_axes
from scanengine.scan.how import MEMORY_BYTES, THREADS, WORKER_TIMEOUT_S, HowToRun
from scanengine.scan.outer import tiles_together
from scanengine.scan.problem import Problem, default_threads

_TILE_POINTS = {Cost.ITERATION: 1 << 13, Cost.INTEGRALS: 1 << 10}
"""Points of a tile where each takes long: some tens of milliseconds of Newton's iteration, seconds of integrals."""

_LOOK_POINTS, _LOOK_SHARE = 4096, 64
"""Points that are looked at to know about how low chi2 is, and the share of the grid that they are at most."""

_MOST_BOUNDED_TILES = 1 << 31
"""The bounds of this many tiles take hours."""

_MOST_SEARCHED_TILES = 1 << 26
"""Those of this many take days where chi2 is no sum of squares, each a millisecond."""


class GridScan:
    """The grid of a problem: its tiles and planes, and how they are gone over."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.shape = problem.shape
        self._definition = problem.definition
        self._output = problem.definition.output

    @property
    def chosen_planes(self) -> list[tuple[int, int]]:
        """The planes of the result, by the numbers of their axes."""
        names = [axis.name for axis in self._definition.axes]
        chosen = self._output.planes
        return [(a, b) for a, b in combinations(range(len(names)), 2) if not chosen or (names[a], names[b]) in chosen]

    @cached_property
    def one_pass(self) -> Pass | None:
        """The pass that finds only the chosen planes; None where all planes are found at once."""
        output = self._output
        if not output.planes or output.delta_chi2_max is not None or output.marginals or len(self.shape) < 3:
            return None
        if self.problem.squares is None or not self.problem.compiled:
            return None
        return pass_for(self.problem.squares, self.shape, self.chosen_planes)

    @cached_property
    def marginal_reference(self) -> float | None:
        """The chi2 below which, or not far above, points count in marginals; None where these are not wanted.

        Where a look at some points would take long it is infinite: then every tile counts, by its own lowest chi2.
        """
        if not self._output.marginals:
            return None
        if self._definition.outer or self.problem.evaluator.cost > Cost.ITERATION:
            return math.inf
        points = min(_LOOK_POINTS, prod(self.shape) // _LOOK_SHARE)
        return low_chi2(self.problem.evaluator, self._definition.axes, points)

    @cached_property
    def tiles(self) -> Tiling:
        """The tiles that a run to a file visits: all, or those that can hold a point within `delta_chi2_max`."""
        if self._output.delta_chi2_max is not None and not all(axis.is_outer for axis in self._definition.axes):
            return self._relevant_tiles(self._output.delta_chi2_max)
        if (points := _TILE_POINTS.get(self.problem.evaluator.cost)) is not None:
            return Tiling.of(self.shape, points)
        from_registers = self.problem.squares is not None and self.problem.compiled and len(self.shape) > 2
        in_registers = self._output.keep == "profiles" and from_registers
        return Tiling.for_minima(self.shape) if in_registers else Tiling.of(self.shape)

    def _relevant_tiles(self, delta_chi2_max: float) -> Tiling:
        inner = list(self.problem.inside.everywhere()) if self._definition.outer else [self.problem]
        squares = [(each.squares, each.coordinates.axes) for each in inner]
        if all(polynomial is not None for polynomial, _ in squares):
            parts = [(polynomial, axes) for polynomial, axes in squares if polynomial is not None]
            tiling = compact_tiling(*parts[0])
            few = tiling.number * len(parts) <= _MOST_BOUNDED_TILES
            found = relevant_tiles_of_each(delta_chi2_max, parts, tiling) if few else None
        else:
            others = [(each.polynomial, each.coordinates.axes) for each in inner]
            found = bounded_tiles_of_each(delta_chi2_max, others, _MOST_SEARCHED_TILES, default_threads())
        if found is None:
            raise InputError(too_large(self.shape))
        return tiles_together(found, self._definition.axes) if self._definition.outer else found[0]

    def visit(
        self,
        sink: Sink[Any],
        how: HowToRun,
        *,
        keep_planes: bool = True,
        tiles_are_chunks: bool = True,
    ) -> Profiles:
        """Scan all tiles that the sink does not have, and return the profiles of the whole grid.

        Tiles that are not the chunks of a file may be those that are quickest.
        """
        highest, chosen = self._output.delta_chi2_max, self._output.planes
        free = self.problem.squares is not None and not tiles_are_chunks and highest is None
        profiles = scan_grid(
            self.problem.evaluator,
            self._definition.axes,
            sink,
            tiling=None if free else self.tiles,
            threads=how.threads,
            progress=how.progress,
            keep_planes=keep_planes,
            compiled=self.problem.compiled,
            marginal_reference=self.marginal_reference,
        )
        profiles = only(profiles, chosen) if chosen else profiles
        return profiles if highest is None else cut_above(highest, profiles)

    def visit_some(self, numbers: NDArray[np.int64], sink: Sink[Any], how: HowToRun) -> None:
        """Scan some of the tiles, those that the sink does not have; minima are what the sink keeps of them."""
        visit_tiles(
            self.problem.evaluator,
            self._definition.axes,
            sink,
            self.tiles.some(numbers),
            threads=how.threads,
            progress=how.progress,
            keep_planes=not sink.wants_tiles,
            compiled=self.problem.compiled,
            marginal_reference=self.marginal_reference,
        )

    def visit_planes(self, how: HowToRun, scan: Scanner | None = None) -> Profiles:
        """Find the chosen planes alone, by a pass that `scan` does, or this process."""
        assert self.one_pass is not None
        found = scan_planes(
            self.problem.squares_for("a pass"),
            self.problem.coordinates.axes,
            self.chosen_planes,
            self.one_pass,
            threads=how.threads,
            progress=how.progress,
            scan=scan,
        )
        return profiles_on_axes(self._definition, found)

    @property
    def planes_held(self) -> list[tuple[int, int]]:
        """The planes that are in memory while the grid is scanned."""
        shown = self.one_pass.shown if self.one_pass else range(len(self.shape))
        return list(combinations(shown, 2))

    def planes_bytes(self, pairs: Sequence[tuple[int, int]]) -> int:
        """Return the size of all lines and these planes, beside the grid."""
        if len(self.shape) == 2 and self._output.keep == "grid":
            return 0
        return 8 * (sum(self.shape[a] * self.shape[b] for a, b in pairs) + sum(self.shape))

    @property
    def sums_bytes(self) -> int:
        """The size of the sums that marginals are made of, while the grid is scanned."""
        shape = self.shape
        points = sum(map(prod, combinations(shape, 2))) if len(shape) > 2 else sum(shape)
        return 4 * 8 * points if self._output.marginals else 0

    def check_memory(self, threads: int, grid_bytes: int, memory_bytes: int) -> None:
        """Raise InputError if the planes held while a scan runs, or its grid, take more memory than is allowed."""
        planes_bytes = (1 + threads) * self.planes_bytes(self.planes_held) + self.sums_bytes
        if planes_bytes + grid_bytes > memory_bytes:
            from scanengine.store import format_bytes

            what = "its grid, without an output file," if grid_bytes > planes_bytes else "its profiles"
            would_do = "name an output file" if grid_bytes > planes_bytes else "use fewer points or threads"
            needed, allowed = format_bytes(planes_bytes + grid_bytes), format_bytes(memory_bytes)
            raise InputError(
                f"{what} would take {needed} of memory, but only {allowed} are allowed (--memory): {would_do}"
            )


def grid_profiles(problem: Problem, threads: int) -> Profiles:
    """Return the profiles of the whole grid, by its points, without keeping it."""
    return scan_grid(problem.evaluator, problem.definition.axes, NoSink(), threads=threads, compiled=problem.compiled)


def too_large(shape: Sequence[int]) -> str:
    """Say that a grid has too many points."""
    return f"a grid of {prod(shape):.3g} points is too large to evaluate: use fewer points or fewer axes"


def how_to_run(
    grid: GridScan,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
    memory_bytes: int = MEMORY_BYTES,
    executor: object = THREADS,
    worker_timeout_s: float = WORKER_TIMEOUT_S,
    *,
    overwrite: bool,
    fresh: bool,
) -> HowToRun:
    """Return how to run a scan. Raises InputError if it cannot be run, or would take more than memory_bytes."""
    grid.problem.check()
    threads = default_threads() if threads is None else whole(threads, "the number of threads")
    if threads < 1:
        raise InputError(f"a scan needs at least one thread: found {threads}")
    memory_bytes = whole(memory_bytes, "memory_bytes")
    grid.check_memory(threads, 0, memory_bytes)
    if grid.tiles.number > memory_bytes:  # a byte for each says whether it is done
        raise InputError(too_large(grid.shape))
    worker_timeout_s = number(worker_timeout_s, "worker_timeout_s")
    if not worker_timeout_s > 0.0:
        raise InputError(f"worker_timeout_s must be above zero: found {worker_timeout_s:g}")
    tell = None if progress is None else lambda done: progress(done, grid.tiles.points)
    return HowToRun(overwrite, fresh, threads, executor, tell, memory_bytes, worker_timeout_s)
