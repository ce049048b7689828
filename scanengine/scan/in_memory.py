"""Running a scan without a file: the grid, where it is kept, stays in memory."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Fit, Profiles
from scanengine.scan.how import HowToRun, check_memory
from scanengine.scan.problem import Problem


class Found(NamedTuple):
    """What a run leaves: profiles, exact ones with the axes they lie on, the fit, and the grid if it is kept."""

    profiles: Profiles
    exact: tuple[tuple[Axis, ...], Profiles] | None
    fit: Fit
    chi2: FloatArray | None


def run_in_memory(problem: Problem, how: HowToRun, memory_bytes: int) -> Found:
    """Scan the grid in threads of this process. Raises InputError if its grid would take more than memory_bytes."""
    definition = problem.definition
    sink = None
    if definition.output.keep == "grid":
        grid_bytes = np.dtype(definition.output.precision).itemsize * prod(problem.shape)
        check_memory(problem, how.threads, grid_bytes, memory_bytes)
        sink = ArraySink(problem.shape, definition.output.precision)
    where_to: Sink[Any] = sink or NoSink()
    profiles = problem.visit_planes(how) if problem.one_pass else problem.visit(where_to, how)
    exact = problem.exact(profiles, how.threads)
    return Found(profiles, exact, problem.fit_of(profiles, exact), sink.chi2 if sink else None)
