"""What is gained by skipping tiles of a Poisson likelihood with nuisances, in five dimensions of COHERENT's data.

`SCANENGINE_BENCHMARK_POINTS=25 pytest -s benchmarks/test_bounded_tiles.py` prints what bounds and the tiles
that are kept take, in units of the time of all tiles, with so many points along each axis. What a point takes is told
from some of those tiles; all would take minutes to hours.
"""

from __future__ import annotations

import os
import time
from math import prod

import numpy as np
import pytest

import scanengine
from scanengine.driver.bounded_tiles import bounded_tiles_of_each

POINTS = int(os.environ.get("SCANENGINE_BENCHMARK_POINTS", "5"))
HIGHEST = 30.0
AXES = ("eps_ee_uV", "eps_ee_dV", "eps_mm_uV", "eps_mm_dV", "eps_et_uV")
SAMPLES = 50


@pytest.mark.jit_only
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="needs the data that COHERENT released")
@pytest.mark.parametrize("name", ["coherent/csi2021", "coherent/combined"])
def test_tiles_that_matter(name: str) -> None:
    axes = {axis: {"min": -1.0, "max": 1.0, "points": POINTS} for axis in AXES}
    problem = scanengine.load(name, {"axes": axes, "output.keep": "profiles"}).problem
    evaluator, of_grid = problem.polynomial, problem.coordinates.axes
    bounded_tiles_of_each(0.1, [(evaluator, [axis.__class__(axis.name, axis.values[:2]) for axis in of_grid])], 1 << 40)
    began = time.process_time()
    found = bounded_tiles_of_each(HIGHEST, [(evaluator, of_grid)], 1 << 40)
    bounds = time.process_time() - began
    assert found is not None
    (tiles,) = found
    picked = np.random.default_rng(1).choice(tiles.numbers, min(SAMPLES, tiles.number), replace=False)
    took, points, lowest = 0.0, 0, np.inf
    for start in map(tiles.start_of, picked.tolist()):
        shape = tiles.shape_at(start)
        chi2 = np.empty(shape)
        began = time.process_time()
        evaluator.fill([axis.values[s : s + n] for axis, s, n in zip(of_grid, start, shape, strict=True)], chi2)
        took, points, lowest = took + time.process_time() - began, points + chi2.size, min(lowest, chi2.min())
    each, all_points = took / points, prod(axis.values.size for axis in of_grid)
    share = tiles.points / all_points
    print(f"\n{name}, {POINTS}^5 points of {1e6 * each:.1f} us: {share:.1%} are kept, ", end="")
    print(f"bounds {bounds / (each * all_points):.3f}, in all {share + bounds / (each * all_points):.3f} of the time")
    assert 0.0 < share <= 1.0
    assert np.isfinite(lowest)
