"""How a scan is run: what changes nothing of its result, and whether it fits into memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanengine.errors import InputError
from scanengine.grid.arguments import number, whole
from scanengine.scan.problem import Problem, default_threads, too_large

MEMORY_BYTES = 4_000_000_000
"""A grid without a file, or the planes that a scan reduces to, may take this much memory."""

THREADS = "threads"

WORKER_TIMEOUT_S = 300.0
"""A worker that has not responded for so long is not waited for; the first tile takes a compiler's time."""


@dataclass(frozen=True)
class HowToRun:
    """What changes nothing of a result: who does the work, and what becomes of files that are there already."""

    overwrite: bool
    fresh: bool
    threads: int
    executor: object
    progress: Callable[[int], None] | None
    memory_bytes: int = MEMORY_BYTES
    worker_timeout_s: float = WORKER_TIMEOUT_S


def how_to_run(
    problem: Problem,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
    memory_bytes: int = MEMORY_BYTES,
    executor: object = THREADS,
    worker_timeout_s: float = WORKER_TIMEOUT_S,
    *,
    overwrite: bool,
    fresh: bool,
) -> HowToRun:
    """Return how to run a problem. Raises InputError if it cannot be run, or would take more than memory_bytes."""
    problem.check()
    threads = default_threads() if threads is None else whole(threads, "the number of threads")
    if threads < 1:
        raise InputError(f"a scan needs at least one thread: found {threads}")
    memory_bytes = whole(memory_bytes, "memory_bytes")
    check_memory(problem, threads, 0, memory_bytes)
    if problem.tiles.number > memory_bytes:  # a byte for each says whether it is done
        raise InputError(too_large(problem.shape))
    worker_timeout_s = number(worker_timeout_s, "worker_timeout_s")
    if not worker_timeout_s > 0.0:
        raise InputError(f"worker_timeout_s must be above zero: found {worker_timeout_s:g}")
    tell = None if progress is None else lambda done: progress(done, problem.tiles.points)
    return HowToRun(overwrite, fresh, threads, executor, tell, memory_bytes, worker_timeout_s)


def check_memory(problem: Problem, threads: int, grid_bytes: int, memory_bytes: int) -> None:
    """Raise InputError if the planes that are held while a scan runs, or its grid, take more memory than is allowed."""
    planes_bytes = (1 + threads) * problem.planes_bytes(problem.planes_held)
    if planes_bytes + grid_bytes > memory_bytes:
        from scanengine.store import format_bytes

        what = "its grid, without an output file," if grid_bytes > planes_bytes else "its profiles"
        would_do = "name an output file" if grid_bytes > planes_bytes else "use fewer points or threads"
        needed, allowed = format_bytes(planes_bytes + grid_bytes), format_bytes(memory_bytes)
        raise InputError(f"{what} would take {needed} of memory, but only {allowed} are allowed (--memory): {would_do}")
