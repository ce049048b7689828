"""What bins cost: nothing, once their squares are added up. `pytest benchmarks/test_bins.py -s` prints the ratios."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.grids import aligned, polynomial
from benchmarks.limits import seconds


@pytest.mark.jit_only
def test_hundred_bins_beside_one() -> None:
    shape = (15, 15, 31, 31, 40)
    chi2, taken = aligned(shape, "f8"), {}
    for bins in (1, 10, 100):
        compiled, axes = polynomial(bins, shape)
        values = [axis.values for axis in axes]
        taken[bins] = seconds(lambda c=compiled, v=values: c.fill(v, chi2, past_caches=True))  # type: ignore[misc]
    print(f"\n10 bins: {taken[1] / taken[10]:.3f}, 100 bins: {taken[1] / taken[100]:.3f} of the rate with one")
    assert np.all(np.isfinite(chi2[::5, ::5]))
