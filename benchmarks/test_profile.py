"""Minima over all planes or one without a stored grid, beside the peak of multiply-adds, counted as four per point.

`SCANENGINE_BENCHMARK_SECONDS=2 pytest benchmarks/test_profile.py -s` prints the ratios. With the three minima that
every point takes part in, all planes take seven operations of the same units: no more than 0.57 can be reached. One
plane takes five, which leaves 0.8, or where the innermost axis enters squared three, which would be 1.33.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

import numpy as np
import pytest

from benchmarks.grids import polynomial
from benchmarks.limits import MULTIPLY_ADDS, by_turns, multiply_adds, wall_by_turns
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.chosen_planes import HiddenMinimum, pass_for
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import Axis
from scanengine_kernels.grids import PlaneMinima


@pytest.mark.jit_only
@pytest.mark.parametrize("shape", [(42, 42, 31, 31, 40), (20, 20, 20, 31, 320)])
def test_all_planes(shape: tuple[int, ...]) -> None:
    compiled, axes = polynomial(1, shape)
    kernel, peak = by_turns(lambda: reduced(compiled, axes), multiply_adds)
    alone, driven = wall_by_turns(lambda: reduced(compiled, axes), lambda: scan_grid(compiled, axes, NoSink()))
    four_per_point = 4 * prod(shape) / MULTIPLY_ADDS * peak
    print(f"\nx {shape[-1]}: {four_per_point / kernel:.2f} of the peak, ", end="")
    print(f"{prod(shape) / kernel / 1e6:.0f} million points per second; {alone / driven:.2f} of it with the driver")
    assert -1e-9 < scan_grid(compiled, axes, NoSink()).minimum < 100.0


@pytest.mark.jit_only
@pytest.mark.parametrize(
    ("pair", "shape"),
    [
        ((2, 3), (40, 40, 16, 16, 40)),
        ((2, 3), (40, 40, 8, 8, 320)),
        ((2, 3), (31, 31, 31, 31, 31)),
        ((0, 1), (16, 16, 40, 40, 40)),
        ((0, 1), (8, 8, 40, 40, 320)),
        ((0, 1), (31, 31, 31, 31, 31)),
    ],
)
def test_one_plane(pair: tuple[int, int], shape: tuple[int, ...]) -> None:
    compiled, axes = polynomial(1, shape)
    one = pass_for(compiled, shape, [pair])
    assert one is not None
    minimum = HiddenMinimum.of(compiled, axes, one)
    values = [axes[axis].values for axis in one.shown]
    plane = np.empty([v.size for v in values])
    kernel, peak = by_turns(lambda: minimum.fill(values, plane), multiply_adds)
    four_per_point = 4 * prod(shape) / MULTIPLY_ADDS * peak
    along = f"{'parabolas' if minimum.parabolas else 'quartics'} along {shape[one.hidden[-1]]}"
    print(f"\none plane, {along}: {four_per_point / kernel:.2f} of the peak, ", end="")
    print(f"{prod(shape) / kernel / 1e6:.0f} million points per second")
    assert -1e-9 < plane.min() < 100.0


def reduced(compiled: ChiSquaredPolynomial, axes: Sequence[Axis]) -> None:
    shape = tuple(axis.values.size for axis in axes)
    offsets, points = np.zeros((len(shape), len(shape)), dtype=np.int64), 0
    for a, b in combinations(range(len(shape)), 2):
        offsets[a, b] = points
        points += shape[a] * shape[b]
    minima = PlaneMinima(np.array(shape), offsets, np.full(points + 7, np.inf))
    compiled.reduce([axis.values for axis in axes], (0,) * len(shape), minima)
