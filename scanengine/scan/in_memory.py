"""Running a scan without a file: the grid, where it is kept, stays in memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.grid.axes import FloatArray
from scanengine.scan.conclusions import conclude
from scanengine.scan.found import Found
from scanengine.scan.how import HowToRun, check_memory
from scanengine.scan.problem import Problem


def run_in_memory(problem: Problem, how: HowToRun) -> tuple[Found, FloatArray | None]:
    """Scan the grid in threads of this process; return what was found, and the grid if it is kept.

    Raises InputError if that would take more memory than is allowed.
    """
    output, kept = problem.definition.output, None
    if output.keep == "grid":
        grid_bytes = np.dtype(output.precision).itemsize * prod(problem.shape)
        check_memory(problem, how.threads, grid_bytes, how.memory_bytes)
        kept = ArraySink(problem.shape, output.precision)
    sink: Sink[Any] = kept or NoSink()
    profiles = problem.visit_planes(how) if problem.one_pass else problem.visit(sink, how, tiles_are_chunks=False)
    return conclude(problem, profiles, how.threads), kept.chi2 if kept else None
