"""Running a scan without a file: the grid, where it is kept, stays in memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.grid.axes import FloatArray
from scanengine.scan.conclusions import conclude
from scanengine.scan.found import Found
from scanengine.scan.grid_scan import GridScan
from scanengine.scan.how import HowToRun


def run_in_memory(grid: GridScan, how: HowToRun) -> tuple[Found, FloatArray | None]:
    """Scan the grid in threads of this process; return what was found, and the grid if it is kept.

    Raises InputError if that would take more memory than is allowed.
    """
    output, kept = grid.problem.definition.output, None
    if output.keep == "grid":
        grid_bytes = np.dtype(output.precision).itemsize * prod(grid.shape)
        grid.check_memory(how.threads, grid_bytes, how.memory_bytes)
        kept = ArraySink(grid.shape, output.precision)
    sink: Sink[Any] = kept or NoSink()
    profiles = grid.visit_planes(how) if grid.one_pass else grid.visit(sink, how, tiles_are_chunks=False)
    return conclude(grid.problem, profiles, how.threads), kept.chi2 if kept else None
