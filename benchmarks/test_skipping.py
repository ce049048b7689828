"""What is gained by skipping tiles that cannot come near the minimum, in two, three and five dimensions.

`pytest benchmarks --benchmark-enable --benchmark-only` prints the times of the whole scan and of the tiles that matter,
the finding of which included; `visited` in the extra information is their share of the points. Under plain `pytest`
each case runs once, as a test that no cell is missed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from benchmarks.test_exact_profiles import problem
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.driver.skipping import compact_tiling, cut_above, relevant_tiles
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import SomeTiles

HIGHEST = 30.0
GRIDS = {2: (4001, 4001, 1, 1, 1), 3: (301, 301, 301, 1, 1), 5: (61, 61, 61, 61, 61)}


def relevant(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...]) -> tuple[SomeTiles, Profiles]:
    tiles = relevant_tiles(HIGHEST, polynomial, axes, compact_tiling(polynomial, axes))
    return tiles, cut_above(HIGHEST, scan_grid(polynomial, axes, NoSink(), tiling=tiles))


@cache
def whole(dimensions: int) -> Profiles:
    return cut_above(HIGHEST, scan_grid(*problem(*GRIDS[dimensions]), NoSink()))


@pytest.mark.parametrize("dimensions", GRIDS)
@pytest.mark.benchmark(group="profiles up to delta chi2 = 30")
def test_every_tile(benchmark: Any, dimensions: int) -> None:
    polynomial, axes = problem(*GRIDS[dimensions])
    found = benchmark(scan_grid, polynomial, axes, NoSink())
    assert cut_above(HIGHEST, found).lines.keys() == whole(dimensions).lines.keys()


@pytest.mark.parametrize("dimensions", GRIDS)
@pytest.mark.benchmark(group="profiles up to delta chi2 = 30")
def test_tiles_that_matter(benchmark: Any, dimensions: int) -> None:
    polynomial, axes = problem(*GRIDS[dimensions])
    tiles, found = benchmark(relevant, polynomial, axes)
    share = tiles.points / np.prod([float(axis.values.size) for axis in axes])
    benchmark.extra_info["visited"] = share
    assert share < 0.3
    expected = whole(dimensions)
    assert found.minimum == pytest.approx(expected.minimum, abs=2e-10)
    assert found.best_fit == expected.best_fit
    for pair, plane in expected.planes.items():  # in other tiles, chi2 may be rounded otherwise
        assert np.allclose(found.planes[pair], plane, rtol=2e-10, atol=2e-10)
