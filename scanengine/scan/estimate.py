"""What a run will take: told from a few of its tiles, before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from scanengine.driver import chosen_planes, proven_profiles
from scanengine.driver import exact_profiles as profiling
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import Fleeting
from scanengine.grid.arguments import whole
from scanengine.grid.axes import FloatArray
from scanengine.grid.tiling import Tiling
from scanengine.scan.grid_scan import GridScan
from scanengine.scan.problem import Problem, default_threads

if TYPE_CHECKING:
    from scanengine.store import Encoder, Encoding

_SAMPLE_SECONDS = 0.3
_TILES_AT_ONCE = 16
_OUTER_SAMPLES = 5


@dataclass(frozen=True)
class Estimate:
    """What a run will take, from a sample of its tiles: the time, and the size of the file as it compresses."""

    shape: tuple[int, ...]
    points_visited: int
    grid_bytes: int
    file_bytes: int
    seconds: float
    threads: int

    @property
    def points(self) -> int:
        """Number of grid points."""
        return prod(self.shape)


def estimate(problem: Problem, threads: int | None) -> Estimate:
    """Return what a run of a scan would take, from tiles that are filled, reduced and compressed but not written."""
    from scanengine.scan.plan import encoding_of  # HDF5 waits until a file is thought of

    output = problem.check().output
    threads = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
    keeps_grid = output.keep == "grid"
    encoding = encoding_of(output)
    began = time.perf_counter()
    grid = GridScan(problem)
    visited = grid.tiles.points
    seconds = time.perf_counter() - began if output.delta_chi2_max is not None else 0.0  # to find those that matter
    share = 0.0
    axes, squares = problem.coordinates.axes, problem.squares
    if grid.one_pass is not None and squares is not None:
        seconds += chosen_planes.estimated_seconds(squares, axes, grid.one_pass, threads)
    else:
        share, sampled = _sampled(grid, encoding, threads)
        seconds += sampled
    if problem.definition.outer:
        seconds += _of_outer_values(problem)
    if output.profile != "grid":
        seconds += _of_exact_profiles(problem, threads)
    grid_bytes = prod(problem.shape) * encoding.dtype.itemsize if keeps_grid else 0
    stored_bytes = int(share * grid_bytes) + grid.planes_bytes(grid.chosen_planes) + grid.sums_bytes // 2
    return Estimate(problem.shape, visited, grid_bytes, stored_bytes, seconds, threads)


def _of_outer_values(problem: Problem) -> float:
    """Return about how long it takes to find what fills the grid of the other axes at all values of outer ones."""
    outer = problem.definition.outer
    shape = tuple(axis.values.size for axis in outer)
    inside = Problem(problem.definition, problem.cross_section).inside  # one that does not know what was sampled
    began = time.perf_counter()
    first, *others = _spread(Tiling(shape, (1,) * len(shape)), _OUTER_SAMPLES)
    for index in (first, *others):
        values = [float(axis.values[i]) for axis, i in zip(outer, index, strict=True)]
        if inside.at(values).definition.axes:
            inside.evaluator_at(values)
        else:
            inside.at(values).chi2(np.empty(0))
        if index is first:  # which lays out what the others share
            began = time.perf_counter()
    return (time.perf_counter() - began) / len(others) * prod(shape)


def _of_exact_profiles(problem: Problem, threads: int) -> float:
    """Return about how long it takes to minimise profiles between grid points, at the values of all outer axes."""
    outer, output = problem.definition.outer, problem.definition.output
    inside = problem.first_inside if outer else problem
    if inside.squares is None or not inside.definition.axes:
        return 0.0
    squares, axes, planes_of = inside.squares, inside.coordinates.axes, GridScan(inside).chosen_planes
    seconds = profiling.estimated_seconds(squares, axes, planes_of, threads)
    if output.profile == "proven":
        seconds += proven_profiles.estimated_seconds(squares, axes, planes_of, output.enclosure, threads)
    return seconds * prod(axis.values.size for axis in outer)


class _Trial(Fleeting):
    """Takes tiles as a file would, and keeps nothing but the number of their bytes."""

    def __init__(self, encoder: Encoder | None) -> None:
        self.wants_tiles = encoder is not None
        self.n_bytes = 0
        self._encoder = encoder
        self._memory = encoder.room() if encoder else np.empty(0, np.uint8)

    def prepare(self, chi2: FloatArray) -> None:
        """Encode a tile, if there is a grid to be stored; from one thread."""
        if self._encoder is not None:
            self.n_bytes += len(self._encoder.encode(chi2, self._memory))

    def write(self, start: tuple[int, ...], prepared: None) -> None:
        """Do nothing."""


def _sampled(grid: GridScan, encoding: Encoding, threads: int) -> tuple[float, float]:
    """Return the share of its bytes that a stored grid compresses to, and the seconds that all tiles take."""
    from scanengine.store import Encoder

    problem, tile = grid.problem, grid.tiles.tile_shape
    keeps_grid = problem.definition.output.keep == "grid"
    # some tiles at once, so that it does not count how long a scan takes to begin
    samples = Tiling.of(problem.shape, _TILES_AT_ONCE * prod(tile))
    starts = _spread(samples, 64)
    encoder = Encoder(encoding, tile, compiled=problem.compiled) if keeps_grid else None
    _try(grid, samples, starts[0], _Trial(encoder))  # the first call compiles, or loads what was compiled
    trial, points = _Trial(encoder), 0
    began = time.perf_counter()
    for start in starts:
        points += _try(grid, samples, start, trial)
        if time.perf_counter() - began > _SAMPLE_SECONDS:
            break
    seconds = (time.perf_counter() - began) * grid.tiles.points / points
    return trial.n_bytes / (points * encoding.dtype.itemsize), seconds / min(threads, grid.tiles.number)


def _try(grid: GridScan, samples: Tiling, start: tuple[int, ...], trial: _Trial) -> int:
    """Scan a sample of the grid as a run would, and return its number of points."""
    problem, shape = grid.problem, samples.shape_at(start)
    axes = [
        replace(axis, values=axis.values[s : s + n])
        for axis, s, n in zip(problem.definition.axes, start, shape, strict=True)
    ]
    tiling = Tiling(shape, tuple(min(n, t) for n, t in zip(shape, grid.tiles.tile_shape, strict=True)))
    reference = grid.marginal_reference
    scan_grid(problem.evaluator, axes, trial, tiling=tiling, compiled=problem.compiled, marginal_reference=reference)
    return prod(shape)


def _spread(tiling: Tiling, most: int) -> list[tuple[int, ...]]:
    """Return the first points of at most `most` tiles, spread evenly over the grid."""
    last, steps = tiling.number - 1, most - 1
    return [tiling.start_of(number) for number in sorted({step * last // steps for step in range(most)})]
