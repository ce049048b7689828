"""The limits of the machine that kernels are held against: what memory takes, and what the processor can multiply."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from scanengine.grid.axes import FloatArray
from scanengine_kernels.limits import LANES_PER_ROUND, fill_past_caches, multiply_and_add

SECONDS = float(os.environ.get("SCANENGINE_BENCHMARK_SECONDS", "0.0"))
"""How long by turns, at least; as part of the tests each only runs a few times."""

_ROUNDS = 20_000
MULTIPLY_ADDS = LANES_PER_ROUND * _ROUNDS


def by_turns(*functions: Callable[[], object]) -> list[float]:
    """Return the medians of the processor time that each takes in this thread, one called after the other, seven times
    or for `SECONDS`: whoever else uses the machine delays all of them alike.
    """
    return _by_turns(functions, time.thread_time)


def wall_by_turns(*functions: Callable[[], object]) -> list[float]:
    """Do as `by_turns` by the clock, in whatever threads."""
    return _by_turns(functions, time.perf_counter)


def process_by_turns(*functions: Callable[[], object]) -> list[float]:
    """Do as `by_turns` by the processor time of all threads."""
    return _by_turns(functions, time.process_time)


def _by_turns(functions: Sequence[Callable[[], object]], clock: Callable[[], float]) -> list[float]:
    for function in functions:
        function()
    taken: list[list[float]] = [[] for _ in functions]
    until = time.perf_counter() + SECONDS
    while len(taken[0]) < 7 or time.perf_counter() < until:
        for function, times in zip(functions, taken, strict=True):
            began = clock()
            function()
            times.append(clock() - began)
    return [sorted(times)[len(times) // 2] for times in taken]


def stream(array: FloatArray) -> Callable[[], object]:
    """Return what writes as many bytes as an array's, past the caches."""
    return lambda: fill_past_caches(array, 1.0)


def memset(array: FloatArray) -> Callable[[], object]:
    """Return what does it with ordinary stores."""
    return lambda: array.fill(0.0)


def multiply_adds() -> object:
    """Do `MULTIPLY_ADDS` of them, of one number each, as fast as can be."""
    return multiply_and_add(_ROUNDS, 0.5, 0.3)
