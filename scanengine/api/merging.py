"""Making a result of the shards of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scanengine import definition as definitions
from scanengine.api.finished import open_result
from scanengine.api.progress import Progress, told
from scanengine.api.result import Result
from scanengine.errors import InputError
from scanengine.scan.grid_scan import GridScan
from scanengine.scan.how import THREADS, HowToRun
from scanengine.scan.problem import Problem, default_threads
from scanengine.scan.to_file import merge_shards


def merge(
    output: str | Path,
    shards: Sequence[str | Path],
    *,
    overwrite: bool = False,
    fresh: bool = False,
    virtual: bool = False,
    data: str | Path | None = None,
    progress: Progress = None,
) -> Result:
    """Make a result of all shards of a scan, and return it; they are left where they are.

    An unfinished file of the same scan is resumed, unless `fresh`. `data` is the folder of the scan file's data
    files. A `virtual` result copies no grid: it is a view of the shards, which stay beside it. Raises InputError unless
    each tile of the grid is in one of them, once, and all are of the same scan. progress is as for `Scan.run`.

    >>> scan = scanengine.load("scholberg2006/fig08")
    >>> parts = [scan.run_shard("merged.h5", number, 2) for number in (1, 2)]
    >>> scanengine.merge("merged.h5", parts).minimum
    0.0
    """
    from scanengine.store import check_not_read, shard_definition

    if not shards:
        raise InputError("merge needs the shards of a scan: give their files")
    paths = [Path(shard) for shard in shards]
    check_not_read(Path(output), paths)
    text, overrides = shard_definition(paths[0])
    grid = GridScan(Problem(definitions.parse(text, directory=paths[0].parent, overrides=overrides, data=data)))
    how = HowToRun(overwrite, fresh, threads=default_threads(), executor=THREADS, progress=None)
    tell = told(progress, grid.problem.definition.title)
    merge_shards(grid, Path(output), paths, how, virtual=virtual, progress=tell)
    return open_result(output)
