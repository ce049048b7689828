"""Runs of a scan: the whole grid, a shard of it, or each experiment alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scanengine.api.finished import from_memory, from_stored
from scanengine.api.result import Result
from scanengine.errors import InputError
from scanengine.grid.arguments import path, whole
from scanengine.scan.grid_scan import GridScan, how_to_run
from scanengine.scan.how import THREADS, HowToRun
from scanengine.scan.in_memory import run_in_memory
from scanengine.scan.problem import Problem
from scanengine.scan.to_file import run_shard as shard_to_file
from scanengine.scan.to_file import run_to_file


def run(grid: GridScan, output: str | Path | None, how: HowToRun) -> Result:
    """Scan the grid to a file, or in memory without one, as `Scan.run` says."""
    if output is None:
        if how.executor != THREADS:
            raise InputError(
                f"a scan without a file runs in threads of this process: found the executor {how.executor!r}"
            )
        return from_memory(grid.problem, *run_in_memory(grid, how))
    from scanengine import store  # HDF5 waits until there is a file

    target = path(output, "the output")
    run_to_file(grid, target, how)
    return from_stored(store.open_result(target, just_written=True))


def run_shard(grid: GridScan, output: str | Path, number: int, of: int, how: HowToRun) -> Path:
    """Scan one part of a grid to a file of its own, as `Scan.run_shard` says."""
    which = whole(number, "the number of a shard"), whole(of, "the number of shards")
    return shard_to_file(grid, path(output, "the output"), *which, how)


def run_each(problem: Problem) -> dict[str, Result]:
    """Return the profiles of each experiment alone, as `Scan.run_each` says."""
    definition = problem.definition
    lean = Problem(replace(definition, output=replace(definition.output, keep="profiles")), problem.cross_section)
    alone = {experiment.name: GridScan(lean.only((experiment.name,), ())) for experiment in definition.experiments}
    return {
        name: run(grid, None, how_to_run(grid, None, None, overwrite=False, fresh=False))
        for name, grid in alone.items()
    }
