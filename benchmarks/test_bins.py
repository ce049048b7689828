"""What bins cost: nothing, once their squares are added up.

`SCANENGINE_BENCHMARK_SECONDS=2 pytest benchmarks/test_bins.py -s` prints the ratios.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.grids import aligned, polynomial
from benchmarks.limits import by_turns


@pytest.mark.jit_only
def test_hundred_bins_beside_one() -> None:
    shape = (15, 15, 31, 31, 40)
    chi2, fills = aligned(shape, "f8"), []
    for bins in (1, 10, 100):
        compiled, axes = polynomial(bins, shape)
        fills.append(partial(compiled.fill, [axis.values for axis in axes], chi2, past_caches=True))
    one, ten, hundred = by_turns(*fills)
    print(f"\n10 bins: {one / ten:.3f}, 100 bins: {one / hundred:.3f} of the rate with one")
    assert np.all(np.isfinite(chi2[::5, ::5]))
