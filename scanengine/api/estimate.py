"""What a run will take: told from a few of its tiles, before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from scanengine import planes, profiling
from scanengine.driver import ArraySink, Tiling, scan_grid
from scanengine.grids import FloatArray
from scanengine.polynomials import ChiSquaredPolynomial

if TYPE_CHECKING:
    from scanengine.api.scan import Scan
    from scanengine.store import Encoding

_SAMPLE_SECONDS = 0.3


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


def estimate(scan: Scan, threads: int) -> Estimate:
    """Return what a run of a scan would take, from tiles that are filled, reduced and compressed but not written."""
    from scanengine.api.planning import encoding_of  # HDF5 waits until a file is thought of

    output = scan.definition.output
    keeps_grid = output.keep == "grid"
    encoding = encoding_of(output)
    began = time.perf_counter()
    visited = scan.tiles.points
    seconds = time.perf_counter() - began if output.delta_chi2_max is not None else 0.0  # to find those that matter
    share = 0.0
    if scan.one_pass is not None:
        assert isinstance(scan.evaluator, ChiSquaredPolynomial)  # which alone has one
        seconds += planes.estimated_seconds(scan.evaluator, scan.definition.axes, scan.one_pass, threads)
    else:
        share, sampled = _sampled(scan, encoding, threads)
        seconds += sampled
    if isinstance(scan.evaluator, ChiSquaredPolynomial) and output.profile == "exact":
        seconds += profiling.estimated_seconds(scan.evaluator, scan.definition.axes, scan.chosen_planes, threads)
    grid_bytes = prod(scan.shape) * encoding.dtype.itemsize if keeps_grid else 0
    stored_bytes = int(share * grid_bytes) + scan.planes_bytes(scan.chosen_planes)
    return Estimate(scan.shape, visited, grid_bytes, stored_bytes, seconds, threads)


def _sampled(scan: Scan, encoding: Encoding, threads: int) -> tuple[float, float]:
    """Return the share of its bytes that a stored grid compresses to, and the seconds that all tiles take."""
    from scanengine.store import Encoder

    keeps_grid = scan.definition.output.keep == "grid"
    encoder = Encoder(encoding, scan.tiles.tile_shape, compiled=scan.compiled) if keeps_grid else None
    tiling = Tiling.of(scan.shape, prod(scan.tiles.tile_shape)) if keeps_grid else Tiling.of(scan.shape)
    starts = _spread(tiling, 64)
    _sample(scan, tiling, starts[0])  # the first call compiles, or loads what was compiled
    points = stored = 0
    began = time.perf_counter()
    for start in starts:
        chi2 = _sample(scan, tiling, start)
        if encoder is not None:
            stored += len(encoder.encode(chi2))
        points += chi2.size
        if time.perf_counter() - began > _SAMPLE_SECONDS:
            break
    seconds = (time.perf_counter() - began) * scan.tiles.points / points / min(threads, len(tiling))
    return stored / (points * encoding.dtype.itemsize), seconds


def _sample(scan: Scan, tiling: Tiling, start: tuple[int, ...]) -> FloatArray:
    shape = tiling.shape_at(start)
    sink = ArraySink(shape)
    axes = [
        replace(axis, values=axis.values[s : s + n])
        for axis, s, n in zip(scan.definition.axes, start, shape, strict=True)
    ]
    scan_grid(scan.evaluator, axes, sink, compiled=scan.compiled)
    return sink.chi2


def _spread(tiling: Tiling, most: int) -> list[tuple[int, ...]]:
    """Return the first points of at most `most` tiles, spread evenly over the grid."""
    chosen = np.unique(np.linspace(0, len(tiling) - 1, most).astype(np.int64))
    return list(tiling.some(chosen).starts())
