"""NumPy on small grids: the same chi2 and the same profiles as the kernels of large ones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine_kernels import profiles, small
from scanengine_kernels.grids import LineMinima, PlaneMinima
from tests.naive import FloatArray


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (2, 1, 3, 2, 5)])
@pytest.mark.parametrize("residuals", [1, 4])
def test_chi2_is_the_sum_of_the_squares_at_every_point(shape: tuple[int, ...], residuals: int) -> None:
    rng = np.random.default_rng(5)
    monomials = Monomials.of(len(shape), 2)
    r = rng.normal(size=(residuals, len(monomials.exponents)))
    values = [np.sort(rng.uniform(-1.0, 1.0, n)) for n in shape]
    chi2 = np.full(shape, np.nan)
    small.fill_squares(r, monomials.starts, monomials.groups, values, chi2)
    points = np.array(list(product(*values)))
    terms = np.array([[np.prod(t**e) for e in np.array(monomials.exponents)] for t in points])
    np.testing.assert_allclose(chi2.ravel(), ((terms @ r.T) ** 2).sum(axis=1), rtol=1e-13)


def test_chi2_keeps_its_digits_where_the_terms_cancel() -> None:
    """(1e6 (t - t0))^2 beside t0: one rounding of 1e6, where the quartic's terms of 1e12 would leave 1e-4."""
    t0 = 0.625
    monomials = Monomials.of(1, 2)
    t = np.array([t0, t0 + 2.0**-30])
    chi2 = np.empty(2)
    small.fill_squares(np.array([[-1e6 * t0, 1e6, 0.0]]), monomials.starts, monomials.groups, [t], chi2)
    np.testing.assert_allclose(chi2, [0.0, (1e6 * 2.0**-30) ** 2], rtol=1e-6, atol=1e-18)


def test_a_residual_is_not_taken_for_rounding_that_is_larger_elsewhere() -> None:
    """1e30 (t^2 - 1e-12): beside t = 1e-6 terms are 1e18, and the rounding of 1e30 would hide what is left of them."""
    monomials = Monomials.of(2, 2)
    residual = np.zeros((1, len(monomials.exponents)))
    residual[0, monomials.column_of_product(0)] = -1e18
    residual[0, monomials.column_of_product(2, 2)] = 1e30
    t = np.array([0.0, 1e-6, 1.1e-6, 1.0])
    for values in ([np.array([0.5]), t], [t, np.array([0.5])]):
        order = residual if values[1] is t else residual[:, [monomials.column[e[::-1]] for e in monomials.exponents]]
        chi2 = np.empty([v.size for v in values])
        small.fill_squares(order, monomials.starts, monomials.groups, values, chi2)
        np.testing.assert_allclose(chi2.ravel(), [1e36, 0.0, 4.41e34, 1e60], rtol=1e-11, atol=1e8)


def test_points_of_a_degenerate_minimum_are_equal() -> None:
    """(u + 2 d)^2 = 0 along a line, whose points are no float64's."""
    monomials = Monomials.of(2, 2)
    residuals = np.zeros((1, len(monomials.exponents)))
    residuals[0, monomials.column_of_product(1)], residuals[0, monomials.column_of_product(2)] = 10.0, 20.0
    u, d = np.linspace(-1.0, 1.0, 41), np.linspace(-0.5, 0.5, 41)
    chi2 = np.empty((41, 41))
    small.fill_squares(residuals, monomials.starts, monomials.groups, [u, d], chi2)
    assert np.all(np.diag(chi2[:, ::-1]) == 0.0)
    assert np.count_nonzero(chi2 == 0.0) == 41


@pytest.mark.jit_only
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_chi2_is_that_of_the_kernels(lengths: list[int], residuals: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(lengths)
    monomials = Monomials.of(n, 2)
    r = rng.normal(size=(residuals, len(monomials.exponents))) * 10.0 ** rng.uniform(-2.0, 3.0, (residuals, 1))
    values = [np.sort(rng.uniform(-1.0, 1.0, length)) for length in lengths]
    ours, theirs = np.empty(lengths), np.empty(lengths)
    small.fill_squares(r, monomials.starts, monomials.groups, values, ours)
    ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, r).fill(values, theirs)
    assert np.all(np.abs(ours - theirs) <= 1e-11 * (1.0 + theirs))


Reduced = tuple[FloatArray, FloatArray, NDArray[np.int64], float]


def reduced(kernel: object, tiles: list[tuple[NDArray[np.int64], FloatArray]], grid: NDArray[np.int64]) -> Reduced:
    assert callable(kernel)
    n = grid.size
    offsets, points = np.zeros((n, n), dtype=np.int64), 0
    for a in range(n):
        for b in range(a + 1, n):
            offsets[a, b] = points
            points += grid[a] * grid[b]
    planes, lines = np.full(points, np.inf), np.full(grid.sum(), np.inf)
    best, best_index = np.inf, np.zeros(n, dtype=np.int64)
    line_offsets = np.concatenate(([0], np.cumsum(grid)))
    for start, chi2 in tiles:
        shape = np.array(chi2.shape)
        rows = chi2.reshape(-1, shape[-1])
        best = kernel(
            rows, shape, start, PlaneMinima(grid, offsets, planes), LineMinima(line_offsets, lines), best, best_index
        )
    return planes, lines, best_index, best


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2**32 - 1), st.booleans())
def test_profiles_are_those_of_the_kernel(lengths: list[int], seed: int, ties: bool) -> None:
    """To the bit, tile by tile in any order, and of equal minima the same one."""
    rng = np.random.default_rng(seed)
    grid = np.array(lengths)
    chi2 = rng.integers(0, 3, grid).astype(np.float64) if ties else rng.uniform(size=grid)
    cut = int(rng.integers(0, grid[0]))
    starts = [(0, cut), (cut, int(grid[0]))] if cut else [(0, int(grid[0]))]
    tiles = [(np.array([lo] + [0] * (grid.size - 1)), np.ascontiguousarray(chi2[lo:hi])) for lo, hi in starts]
    for ours, theirs in zip(
        reduced(small.reduce_tile, tiles, grid), reduced(profiles.reduce_tile, tiles, grid), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_plane_of_two_axes_is_left_out_where_it_is_not_asked_for() -> None:
    chi2 = np.array([[3.0, 1.0], [2.0, 4.0]])
    lines, index = np.full(4, np.inf), np.zeros(2, dtype=np.int64)
    two, none = np.array([2, 2]), np.zeros((2, 2), dtype=np.int64)
    start = np.zeros(2, dtype=np.int64)
    best = small.reduce_tile(
        chi2,
        two,
        start,
        PlaneMinima(two, none, np.zeros(0)),
        LineMinima(np.array([0, 2, 4]), lines),
        np.inf,
        index,
    )
    assert best == 1.0
    assert index.tolist() == [0, 1]
    assert lines.tolist() == [1.0, 2.0, 2.0, 1.0]
