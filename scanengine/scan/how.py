"""How a scan is run: what changes nothing of its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
