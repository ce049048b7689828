"""Two threads beside one, by the clock, and the same of loops that share nothing: pure arithmetic, and streams.

`SCANENGINE_BENCHMARK_SECONDS=20 pytest benchmarks/test_threads.py -s` prints the ratios. Virtual cores that others
share do not give two loops twice the rate of one either: what matters is the share of that which a scan reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from benchmarks.grids import polynomial
from benchmarks.limits import SECONDS, multiply_adds, stream, wall_by_turns
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink, NoSink
from scanengine.grid.axes import FloatArray

LARGE = SECONDS > 0.0


def loops(pool: ThreadPoolExecutor, functions: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """Return what calls each of these often, in threads of their own."""

    def often(function: Callable[[], object]) -> None:
        for _ in range(200 if LARGE else 1):
            function()

    return lambda: list(pool.map(often, functions))


def ratio(one: Callable[[], object], two: Callable[[], object]) -> float:
    """Return the rate of two threads, beside that of one, for work that takes one of them as long in all."""
    alone, together = wall_by_turns(one, two)
    return alone / together


@pytest.mark.jit_only
def test_two_threads() -> None:
    buffers: list[FloatArray] = [np.zeros(1 << 17) for _ in range(2)]
    streams = [stream(buffer) for buffer in buffers]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        arithmetic = ratio(loops(one, [multiply_adds] * 2), loops(two, [multiply_adds] * 2))
        streaming = ratio(loops(one, streams), loops(two, streams))
    print(f"\ntwo threads / one: arithmetic {arithmetic:.2f}, streams {streaming:.2f}; ", end="")
    for points in (31, 61) if LARGE else (13,):
        compiled, axes = polynomial(1, (points,) * 5)
        scan = partial(scan_grid, compiled, axes, NoSink())
        profiles = ratio(partial(scan, threads=1), partial(scan, threads=2))
        print(f"profiles of {points}^5 points {profiles:.2f}, ", end="")
    shape = (31,) * 5 if LARGE else (13,) * 5
    compiled, axes = polynomial(1, shape)
    sink = ArraySink(shape)
    scan = partial(scan_grid, compiled, axes, sink)
    stored = ratio(partial(scan, threads=1), partial(scan, threads=2))
    print(f"grid in memory and profiles of {shape[0]}^5 points {stored:.2f}")
    assert np.all(np.isfinite(sink.chi2[::5, ::5]))
