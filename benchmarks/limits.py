"""The limits of the machine that kernels are held against: what memory takes, and what the processor can multiply."""

from __future__ import annotations

import time
from collections.abc import Callable

from scanengine.grids import FloatArray
from scanengine_kernels.limits import LANES_PER_ROUND, fill_past_caches, multiply_and_add


def seconds(function: Callable[[], object], repeats: int = 7) -> float:
    """Return the median of the processor time that a call takes in this thread, after one to warm up."""
    return _median(function, repeats, time.thread_time)


def wall_seconds(function: Callable[[], object], repeats: int = 7) -> float:
    """Return the median time that a call takes, in whatever threads, after one to warm up."""
    return _median(function, repeats, time.perf_counter)


def _median(function: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    function()
    taken = []
    for _ in range(repeats):
        began = clock()
        function()
        taken.append(clock() - began)
    return sorted(taken)[repeats // 2]


def stream_seconds(array: FloatArray) -> float:
    """Return how long memory takes for as many bytes as an array's, past the caches."""
    return seconds(lambda: fill_past_caches(array, 1.0))


def memset_seconds(array: FloatArray) -> float:
    """Return how long it takes with ordinary stores."""
    return seconds(lambda: array.fill(0.0))


def multiply_adds_per_second() -> float:
    """Return the most multiply-adds of one number a second."""
    rounds = 1_000_000
    return LANES_PER_ROUND * rounds / seconds(lambda: multiply_and_add(rounds, 0.5, 0.3))
