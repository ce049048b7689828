"""Marginals beside profiles of the same grid, both without storing it.

`SCANENGINE_BENCHMARK_SECONDS=2 pytest benchmarks/test_marginals.py -s` prints the ratios. A wide grid is one of which
most planes lie far above the minimum, and are evaluated once; of a narrow one every point is evaluated a second time,
and takes a power of two.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from benchmarks.grids import polynomial
from benchmarks.limits import process_by_turns
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.driver.skipping import low_chi2


@pytest.mark.jit_only
@pytest.mark.parametrize("height", [1e-4, 1.0], ids=["narrow", "wide"])
@pytest.mark.parametrize("shape", [(12, 20, 31, 31, 40), (10, 12, 20, 31, 160)])
def test_marginals_of_a_grid_that_is_not_stored(shape: tuple[int, ...], height: float) -> None:
    compiled, axes = polynomial(10, shape)
    scaled = replace(compiled, residuals=np.sqrt(height) * compiled.residuals)
    reference = low_chi2(scaled, axes)
    profiles, marginals = process_by_turns(
        lambda: scan_grid(scaled, axes, NoSink()),
        lambda: scan_grid(scaled, axes, NoSink(), marginal_reference=reference),
    )
    rate = prod(shape) / marginals / 1e6
    print(f"\nmarginals / profiles: {profiles / marginals:.2f}; {rate:.0f} million points per second")
    found = scan_grid(scaled, axes, NoSink(), marginal_reference=reference).marginals
    assert found is not None
    assert found.log_mean < 0.0
