"""chi2 on tensor grids: sums of squared quadratics, evaluated as quartics where these keep enough digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.quartic import grid as kernels
from scanengine_kernels.quartic.squares import ROUNDING_GOAL
from tests.kernels.quartic.naive_squares import exact, grid_of, random_values, squares_of
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def filled(
    residuals: FloatArray, values: list[FloatArray], *, past_caches: bool = False, offset: int = 0, dtype: str = "f8"
) -> tuple[FloatArray, int]:
    """The grid, from an element on that lies anywhere between two cache lines, and the number of lines of squares."""
    shape = [v.size for v in values]
    points = int(np.prod(shape))
    memory = np.full(points + 64, np.nan, dtype=dtype)
    chi2 = memory[offset : offset + points]
    squares = squares_of(residuals, len(values))
    squared = kernels.fill_quartic(squares, grid_of(values), past_caches, chi2)
    assert np.isnan(memory[:offset]).all()
    assert np.isnan(memory[offset + points :]).all()
    return chi2, squared


@given(st.lists(st.integers(1, 4), min_size=3, max_size=6), st.integers(1, 10), SEEDS, st.sampled_from([1.0, 1e3, 1e6]))
@example([1, 1, 7], 1, 0, 1.0)
@example([1, 2, 9], 3, 0, 1e6)
@example([3, 1, 2], 2, 0, 1.0)
def test_fills_a_grid(shape: list[int], number: int, seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    residuals = size * random.normal(size=(number, len(Monomials.of(len(shape), 2).exponents)))
    values = random_values(random, shape)
    chi2, _ = filled(residuals, values)
    slow = exact(residuals, values)
    np.testing.assert_array_less(np.abs(chi2 - slow), ROUNDING_GOAL * (1.0 + slow))


@settings(max_examples=200)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 70), st.integers(0, 16), st.sampled_from(["f8", "f4"]), SEEDS
)
def test_streams_give_what_stores_give(depth: int, rows: int, length: int, offset: int, dtype: str, seed: int) -> None:
    """Whatever the length of the lines and wherever they begin; single precision is double rounded once."""
    random = np.random.default_rng(seed)
    residuals = 10.0 * random.normal(size=(3, len(Monomials.of(4, 2).exponents)))
    values = random_values(random, [2, depth, rows, length])
    stored, _ = filled(residuals, values)
    streamed, _ = filled(residuals, values, past_caches=True, offset=offset, dtype=dtype)
    assert np.array_equal(streamed, stored.astype(dtype))
    slow = exact(residuals, values)
    np.testing.assert_array_less(np.abs(stored - slow), 1e-11 * (1.0 + slow))


@pytest.mark.parametrize("size", [1.0, 1e4])
@pytest.mark.parametrize("shape", [(2, 11, 19, 3, 17), (9, 8, 2, 40), (17, 1, 9, 5), (16, 9, 8)])
def test_many_blocks_and_planes(shape: tuple[int, ...], size: float) -> None:
    """Volumes and planes are prepared by eights, some ahead of others."""
    random = np.random.default_rng(3)
    residuals = size * random.normal(size=(2, len(Monomials.of(len(shape), 2).exponents)))
    values = random_values(random, list(shape))
    slow = exact(residuals, values)
    for past_caches in (False, True):
        chi2, _ = filled(residuals, values, past_caches=past_caches, offset=5)
        np.testing.assert_array_less(np.abs(chi2 - slow), ROUNDING_GOAL * (1.0 + slow))


def test_single_point_of_a_known_polynomial() -> None:
    """(x^2 - 3 x y)^2 + (1 + y)^2 at x = 1/2, y = -1/4, whatever z."""
    of = {(0, 2, 0): (1.0, 0.0), (0, 1, 1): (-3.0, 0.0), (0, 0, 0): (0.0, 1.0), (0, 0, 1): (0.0, 1.0)}
    residuals = np.array([of.get((e[0], e[1], e[2]), (0.0, 0.0)) for e in Monomials.of(3, 2).exponents]).T
    chi2, squared = filled(np.ascontiguousarray(residuals), [np.array([0.7]), np.array([0.5]), np.array([-0.25])])
    assert (chi2[0], squared) == (0.625**2 + 0.75**2, 0)


def in_last_two(of: dict[tuple[int, int], float]) -> FloatArray:
    """One residual in three variables of which the first does not matter."""
    return np.array([[of.get((e[1], e[2]), 0.0) if e[0] == 0 else 0.0 for e in Monomials.of(3, 2).exponents]])


@pytest.mark.parametrize("past_caches", [False, True])
def test_line_through_a_deep_valley_is_evaluated_as_squares(past_caches: bool) -> None:
    """r = 1e6 (t^2 - 1/4): chi2 reaches 1e12, and is zero in a valley a millionth wide."""
    residuals = in_last_two({(0, 0): -0.25e6, (0, 2): 1e6})
    values = [np.array([-0.5, 0.5]), np.array([0.3]), 0.5 + 2.0**-12 * np.linspace(-1.0, 1.0, 33)]
    chi2, squared = filled(residuals, values, past_caches=past_caches, offset=3)
    assert squared == 2
    np.testing.assert_allclose(chi2, exact(residuals, values), rtol=1e-9, atol=1e-12)


def test_only_lines_that_need_it_are_evaluated_as_squares() -> None:
    """r = 1e5 (y - x) and a valley along x = y: lines far from it, where chi2 is large all along, stay quartics."""
    residuals = in_last_two({(1, 0): -1e5, (0, 1): 1e5})
    values = [np.array([0.1]), np.array([-0.9, 0.1, 0.9]), np.linspace(0.0, 0.2, 5)]
    chi2, squared = filled(residuals, values)
    slow = exact(residuals, values)
    assert squared == 1
    np.testing.assert_array_less(np.abs(chi2 - slow), ROUNDING_GOAL * (1.0 + slow))


def test_chi2_that_is_no_number_stays_none() -> None:
    residuals = in_last_two({(0, 0): np.nan})
    for past_caches in (False, True):
        chi2, _ = filled(residuals, [np.zeros(1), np.zeros(2), np.linspace(0.0, 1.0, 20)], past_caches=past_caches)
        assert np.isnan(chi2).all()
