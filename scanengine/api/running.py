"""Running a scan to a file: alone, by workers of any kind, or as one shard of several that are merged later."""

from __future__ import annotations

import hashlib
import inspect
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanengine import definition as definitions
from scanengine.api.result import Result, open_result
from scanengine.definition import Output
from scanengine.definition.identity import identity
from scanengine.driver import visit_tiles
from scanengine.errors import InputError, Interrupted
from scanengine.response import TERMS
from scanengine_kernels._sources import source_hash

if TYPE_CHECKING:
    from scanengine.api.scan import Scan
    from scanengine.store import AttributeValue, Encoding, GridPlan, GridWriter, ResponseArray

THREADS = "threads"

_log = logging.getLogger("scanengine")


@dataclass(frozen=True)
class HowToRun:
    """What changes nothing of a result: who does the work, and what becomes of files that are there already."""

    overwrite: bool
    fresh: bool
    threads: int
    executor: str
    progress: Callable[[int], None] | None


def run_to_file(scan: Scan, output: Path, how: HowToRun) -> Result:
    """Scan the grid and write it to a file, going on with an unfinished one of the same scan."""
    from scanengine.store import GridWriter  # HDF5 waits until there is a file

    writer = GridWriter(output, plan_of(scan), overwrite=how.overwrite, fresh=how.fresh)
    with _workers(how.executor) as workers, _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            if workers is not None:
                _farm_out(scan, writer, how, *workers)
            _finish(scan, writer, how)
    return open_result(output)


@contextmanager
def _workers(executor: str) -> Iterator[tuple[Executor, int] | None]:
    """Open an executor and count its workers; of this process's own threads the driver takes care."""
    if executor == THREADS:
        yield None
        return
    from scanengine.executors import executor_of

    with executor_of(executor) as workers:
        yield workers


def run_shard(scan: Scan, output: Path, number: int, of: int, how: HowToRun) -> Path:
    """Scan every so-manieth tile of the grid and write it to OUT.shard-I-of-N.h5, which is returned."""
    from scanengine.store import GridWriter

    numbers = scan.tiles.numbered()
    if not 1 <= number <= of:
        raise InputError(f"--shard {number}/{of}: the shards of {of} are 1/{of} to {of}/{of}")
    if of > numbers.size:
        raise InputError(f"--shard {number}/{of}: this grid has {numbers.size} tiles, and no more shards than that")
    mine = numbers[number - 1 :: of]
    path = output.with_name(f"{output.stem}.shard-{number}-of-{of}{output.suffix}")
    writer = GridWriter(path, replace(plan_of(scan), tiles=mine), overwrite=how.overwrite, fresh=how.fresh)
    with _interruptible(writer):
        visit_tiles(
            scan.evaluator,
            scan.definition.axes,
            writer,
            scan.tiles.some(mine),
            threads=how.threads,
            progress=how.progress,
            keep_planes=not writer.wants_tiles,
            compiled=scan.compiled,
        )
        return writer.finish_shard(number, of)


def _farm_out(scan: Scan, writer: GridWriter, how: HowToRun, executor: Executor, workers: int) -> None:
    from scanengine.farm import Work, do_tiles

    folder = writer.path.with_suffix(".shards")
    if how.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    work = Work.of(scan.evaluator, scan.tiles, writer.plan, folder, compiled=scan.compiled)
    do_tiles(writer, work, executor, workers, how.progress)


def _finish(scan: Scan, writer: GridWriter, how: HowToRun) -> None:
    """Do what is left to do here, and add what belongs to the whole grid."""
    profiles = scan.visit(writer, how, keep_planes=not writer.wants_tiles)
    writer.finish(profiles, scan.exact(profiles, how.threads))


def plan_of(scan: Scan) -> GridPlan:
    """Return what the result file of a scan is to hold."""
    from scanengine.store import GridPlan

    definition, tiles = scan.definition, scan.tiles
    return GridPlan(
        axes=definition.axes,
        definition=definition.text,
        tile_shape=tiles.tile_shape,
        overrides=definition.overrides,
        responses=_response_arrays(scan),
        attributes={"title": definition.title, **_evaluation(scan)},
        identity={**identity(definition), **_software(), **_given(scan)},
        keep=definition.output.keep,
        encoding=encoding_of(definition.output),
        compiled=scan.compiled,
        tiles=None if len(tiles.numbered()) == np.prod(tiles.counts) else tiles.numbered(),
    )


def encoding_of(output: Output) -> Encoding:
    """Return how the numbers of a grid are kept."""
    from scanengine.store import Encoding

    dtype = np.dtype(output.precision).newbyteorder("<")
    return Encoding(dtype, output.compression, output.relative_error)


def _software() -> dict[str, str]:
    """Which code made the numbers: another one may differ in the last digit, or more."""
    from scanengine import __version__

    return {"scanengine": __version__, "kernels": source_hash()}


def _given(scan: Scan) -> dict[str, str]:
    """Which cross-section was given, by its code."""
    if scan.cross_section is None:
        return {}
    function = getattr(scan.cross_section, "py_func", scan.cross_section)
    try:
        code = inspect.getsource(function).encode()
    except (OSError, TypeError):  # typed in, not written in a file
        code = function.__code__.co_code
    return {"cross_section": f"{function.__name__} ({hashlib.sha256(code).hexdigest()[:12]})"}


def _evaluation(scan: Scan) -> dict[str, AttributeValue]:
    """What chi2 is, how it was evaluated and up to where, for the file's attributes."""
    definition = scan.definition
    evaluation: dict[str, AttributeValue] = {}
    if definition.output.delta_chi2_max is not None:
        evaluation["delta_chi2_max"] = definition.output.delta_chi2_max
    evaluation |= {"statistic": definition.statistic.kind, "evaluation": definition.physics.evaluation}
    if scan.cross_section is not None:
        evaluation |= {"evaluation": "direct", "cross_section": getattr(scan.cross_section, "__name__", "given")}
    return evaluation


def _response_arrays(scan: Scan) -> dict[str, ResponseArray]:
    from scanengine.store import ResponseArray

    arrays = {}
    for response in scan.responses:
        name = f"{response.experiment}__{response.channel}__{response.flavour}"
        arrays[name] = ResponseArray(
            response.integrals,
            (f"{response.experiment} bin", "term"),
            {
                "units": "counts",
                "terms": TERMS,
                "bin_edges_keV": [float(edge) for edge in response.bin_edges_keV],
                "couplings": scan.definition.physics.couplings,
            },
        )
    return arrays


def _finished_but_for_its_name(writer: GridWriter) -> bool:
    if not writer.whole:
        return False
    writer.take_final_name()
    return True


@contextmanager
def _interruptible(writer: GridWriter) -> Iterator[None]:
    """Write within, and say what was kept if that is interrupted or fails."""
    try:
        with writer:
            if writer.tiles_written:
                _log.info("%s: going on after %d of %d tiles", writer.partial, writer.tiles_written, writer.tiles)
            yield
    except (Interrupted, KeyboardInterrupt) as interruption:
        kept = "nothing was kept"
        if writer.kept:
            held = f"{writer.tiles_written} of {writer.tiles} tiles"
            kept = f"{writer.kept} holds {held}, and the same command goes on from there"
        raise Interrupted(f"{str(interruption) or 'interrupted'}; {kept}") from None


def merge(
    output: str | Path,
    shards: Sequence[str | Path],
    *,
    overwrite: bool = False,
    virtual: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Make a result of all shards of a scan, and return it; they are left where they are.

    A `virtual` result copies no grid: it is a view of the shards, which stay beside it. Raises InputError unless each
    tile of the grid is in one of them, once, and all are of the same scan.
    """
    from scanengine.api.scan import Scan, default_threads
    from scanengine.store import GridWriter, absorb, check_complete, read_shard, relative_sources, shard_definition

    if not shards:
        raise InputError("merge needs the shards of a scan: give their files")
    paths = [Path(shard) for shard in shards]
    text, overrides = shard_definition(paths[0])
    scan = Scan(definitions.parse(text, directory=paths[0].parent, overrides=overrides))
    plan = plan_of(scan)
    parts = [read_shard(path, plan) for path in paths]
    check_complete(parts, plan)
    if virtual and plan.has_grid:
        plan = replace(plan, sources=relative_sources(parts, Path(output)))
    how = HowToRun(overwrite, fresh=False, threads=default_threads(), executor=THREADS, progress=None)
    writer = GridWriter(output, plan, overwrite=overwrite)
    with _interruptible(writer):
        if not _finished_but_for_its_name(writer):
            for path in paths:
                absorb(writer, path)
                if progress:
                    progress(writer.points_written, scan.tiles.points)
            _finish(scan, writer, how)
    return open_result(output)
