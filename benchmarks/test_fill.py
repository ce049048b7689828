"""A grid stored in memory, beside what memory takes at most.

`SCANENGINE_BENCHMARK_SECONDS=2 pytest benchmarks/test_fill.py -s` prints the ratios.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.grids import aligned, polynomial
from benchmarks.limits import by_turns, memset, stream, wall_by_turns
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink


@pytest.mark.jit_only
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(("inner", "offset"), [(40, 0), (41, 0), (47, 3), (320, 0)])
def test_fill_of_reused_memory(dtype: str, inner: int, offset: int) -> None:
    shape = (15, 15, 31, 31, inner)
    chi2, (compiled, axes) = aligned(shape, dtype, offset), polynomial(1, shape)
    values = [axis.values for axis in axes]
    taken, streamed = by_turns(lambda: compiled.fill(values, chi2, past_caches=True), stream(chi2))
    # not by turns with these: ordinary stores leave lines in the caches, which streams then have to drive out
    (stored,) = by_turns(memset(chi2))
    compiled.fill(values, chi2, past_caches=True)
    print(f"\n{dtype} x {inner}: {streamed / taken:.2f} of a streaming fill, ", end="")
    print(f"{stored / taken:.2f} of memset, {chi2.size / taken / 1e6:.0f} million points per second")
    assert np.all(np.isfinite(chi2[::5, ::5]))


@pytest.mark.jit_only
def test_grid_with_its_profiles() -> None:
    """The same through the driver, which takes the profiles on the way."""
    shape = (15, 15, 31, 31, 40)
    compiled, axes = polynomial(1, shape)
    sink = ArraySink(shape)
    driven, streamed = wall_by_turns(lambda: scan_grid(compiled, axes, sink), stream(sink.chi2))
    print(f"\ngrid and profiles: {streamed / driven:.2f} of a streaming fill, by the clock")
    assert np.all(np.isfinite(sink.chi2[::5, ::5]))
