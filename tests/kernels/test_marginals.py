"""Sums of exp(-chi2 / 2) over tiles, against NumPy's over the whole grid, and of tiles in any order."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.driver.marginals import Summing
from scanengine.grid.axes import Axis
from scanengine.grid.marginals import half_trapezoid, trapezoid
from scanengine_kernels import marginals as kernels
from scanengine_kernels import small
from scanengine_kernels.grids import NEGLIGIBLE, NO_TERMS
from tests.naive import FloatArray

# NumPy warns of infinite chi2 and its powers of two in lanes that are left out afterwards.
pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")

SHAPES = st.lists(st.integers(1, 5), min_size=0, max_size=3).flatmap(
    lambda outer: st.integers(1, 20).map(lambda length: [*outer, length])
)
SEEDS = st.integers(0, 2**32 - 1)


def axes_of(shape: list[int], random: np.random.Generator) -> list[Axis]:
    """Axes whose points have any distances."""
    return [Axis(f"x{a}", np.cumsum(random.uniform(0.1, 1.0, size=n))) for a, n in enumerate(shape)]


def naive_sums(chi2: FloatArray, axes: list[Axis], kept: tuple[int, ...], *, half: bool) -> FloatArray:
    """exp(-(chi2 - lowest) / 2) summed over all axes but those kept, by a loop over them."""
    density = np.where(np.isnan(chi2), 0.0, np.exp(-0.5 * (chi2 - np.nanmin(chi2))))
    for a in reversed(range(chi2.ndim)):
        if a not in kept:
            weights = (half_trapezoid if half else trapezoid)(axes[a].values)
            density = sum(w * density.take(i, axis=a) for i, w in enumerate(weights))
    return density


def summed(
    chi2: FloatArray, axes: list[Axis], tile: list[int], order: np.random.Generator, kernel: object
) -> tuple[FloatArray, Summing]:
    """The tables (2, points) of a grid from its tiles, in any order, relative to its lowest chi2."""
    summing = Summing(axes, np.inf, compiled=kernel is kernels)
    sums = summing.running()
    starts = list(product(*(range(0, n, t) for n, t in zip(chi2.shape, tile, strict=True))))
    for i in order.permutation(len(starts)):
        part = chi2[tuple(slice(s, s + t) for s, t in zip(starts[i], tile, strict=True))]
        summing.add(sums, summing.of_tile(np.ascontiguousarray(part), starts[i]))
    assert sums.tiles == len(starts)
    return (sums.high + sums.low) * np.exp(sums.exponent * np.log(2.0) + 0.5 * np.nanmin(chi2)), summing


@pytest.mark.parametrize("kernel", [kernels, small])
@settings(max_examples=60, deadline=None)
@given(SHAPES, st.data(), SEEDS, st.sampled_from([1.0, 30.0, 1e4]))
def test_sums_of_any_tiles_are_those_of_the_grid(
    kernel: object, shape: list[int], data: st.DataObject, seed: int, height: float
) -> None:
    random = np.random.default_rng(seed)
    axes = axes_of(shape, random)
    chi2 = 1e3 + height * random.normal(size=shape) ** 2
    chi2.flat[random.integers(chi2.size)] = np.inf
    if chi2.size > 2:
        chi2.flat[random.integers(chi2.size)] = np.nan
    if not np.isfinite(chi2).any():
        chi2.flat[0] = 1e3
    tile = [data.draw(st.integers(1, n)) for n in shape]
    found, summing = summed(chi2, axes, tile, random, kernel)
    again, _ = summed(chi2, axes, tile, random, kernel)
    assert np.array_equal(found, again), "the order of tiles does not matter"
    for a, b in np.argwhere(summing._offsets >= 0).tolist():
        kept = (a, b) if b > a else (a,)
        most = 0.0  # half the points may see only what is negligible
        for kind, half in enumerate((False, True)):
            first = summing._offsets[a, b]
            table = found[kind, first : first + prod(shape[i] for i in kept)].reshape([shape[i] for i in kept])
            right = naive_sums(chi2, axes, kept, half=half)
            most = max(most, right.max())
            assert np.allclose(table, right, rtol=1e-11, atol=1e-12 * most)


@settings(max_examples=40, deadline=None)
@given(SHAPES, SEEDS)
def test_numpy_does_as_the_kernel(shape: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    axes, chi2 = axes_of(shape, random), random.uniform(0.0, 50.0, size=shape)
    found = []
    for compiled in (True, False):
        summing = Summing(axes, 3.0, compiled=compiled)
        tile = summing.of_tile(chi2, [0] * len(shape))
        if tile is not None:
            found.append((tile.exponent, tile.tables.values))
    assert len(found) in (0, 2)
    if found:
        assert found[0][0] == found[1][0]
        assert np.allclose(found[0][1], found[1][1], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("compiled", [True, False])
def test_points_far_above_the_reference_do_not_count(compiled: bool) -> None:
    axis = Axis("x", np.arange(5.0))
    summing = Summing([axis], 10.0, compiled=compiled)
    assert summing.of_tile(np.full(5, 10.0 + NEGLIGIBLE), [0]) is None
    tile = summing.of_tile(np.array([9.0 + NEGLIGIBLE, np.nan, np.inf, 10.1 + NEGLIGIBLE, 1e300]), [0])
    assert tile is not None
    assert np.count_nonzero(tile.tables.values[0]) == 1
    with_nothing = summing.nothing([0], [5])
    assert kernels.sum_tile(np.full(5, np.nan), *with_nothing) == NO_TERMS


def test_sums_of_tiles_thousands_apart() -> None:
    """What one tile has beside another may be lost, and never overflows."""
    axis = Axis("x", np.arange(4.0))
    summing = Summing([axis], np.inf, compiled=True)
    lowest = 0.0
    for order in ([5e5, 7.0], [7.0, 5e5]):
        sums = summing.running()
        for i, chi2 in enumerate(order):
            summing.add(sums, summing.of_tile(np.full(2, chi2), [2 * i]))
        lowest = summing.marginals(sums, 2).log_mean
        assert lowest == pytest.approx(-3.5 + np.log(0.5))
