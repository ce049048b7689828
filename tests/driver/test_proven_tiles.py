"""Tiles of planes and lines: no statement about any is false at points between those of the grid."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.proven_profiles import Asked, proven_profiles
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Bounds
from scanengine.grid.tiles import ProvenTiles
from scanengine.inference.levels import delta_chi2
from scanengine.inference.proven_regions import INSIDE, OUTSIDE, UNDECIDED, proven_region
from tests.driver.test_exact_profiles import axes_of, grid_profiles, polynomial_with_squares, random_polynomial

pytestmark = [pytest.mark.jit_only, pytest.mark.slow]  # compiles a large kernel

LEVELS = (68.27, 90.0)
HEIGHTS = {dof: [delta_chi2(0.01 * level, dof) for level in LEVELS] for dof in (1, 2)}


@pytest.fixture(autouse=True)
def few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.driver.fine_grid.FINE_POINTS", 11)
    monkeypatch.setattr("scanengine.driver.proven_profiles.TIMES_LINES_ARE_HALVED", 12)


def bounds_of(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...], tiles: int, threads: int = 1) -> Bounds:
    grid, _ = grid_profiles(polynomial, axes)
    _, found = proven_profiles(polynomial, axes, grid, Asked(HEIGHTS, LEVELS, None, tiles), threads)
    assert found.bounds is not None
    return found.bounds


def lowest_at(
    polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...], shown: tuple[str, ...], x: FloatArray, points: int
) -> float:
    """Return the lowest chi2 on a dense grid of the hidden axes, which is never below the minimum."""
    at = dict(zip(shown, x, strict=True))
    every = [
        np.array([at[axis.name]]) if axis.name in at else np.linspace(axis.values[0], axis.values[-1], points)
        for axis in axes
    ]
    chi2 = np.empty([v.size for v in every])
    polynomial.fill(every, chi2)
    return float(chi2.min())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_no_tile_is_proven_to_lie_where_it_does_not(n: int, seed: int) -> None:
    polynomial = random_polynomial(n, n + 1, seed=100 * n + seed)
    axes = axes_of(polynomial, 4)
    bounds = bounds_of(polynomial, axes, 16 if n < 4 else 8)
    assert len(bounds.tiles) == n + n * (n - 1) // 2
    random, points = np.random.default_rng(seed), {1: 1, 2: 400, 3: 60, 4: 25}[n]
    rough = 0.3 if n > 2 else 0.02  # above the minimum: the grid of hidden axes is not fine
    counts = np.zeros(3, dtype=np.int64)
    for names, tiles in bounds.tiles.items():
        assert tiles.are_whole()
        for cl in (0.6827, 0.9):
            found = proven_region(names, cl, tiles, bounds.minimum)
            level = delta_chi2(cl, len(names))
            counts += np.bincount(found.status, minlength=3)
            for k in random.choice(found.status.size, min(60, found.status.size), replace=False):
                x = random.uniform(tiles.start[k], tiles.stop[k])
                lowest = lowest_at(polynomial, axes, names, x, points)
                assert tiles.lower[k] <= lowest + 1e-9 * (1.0 + lowest)
                if found.status[k] == INSIDE:
                    assert lowest <= bounds.minimum[1] + level + rough * (1.0 + level)
                if found.status[k] == OUTSIDE:
                    assert lowest > bounds.minimum[0] + level
    assert counts[INSIDE] > 10
    assert counts[OUTSIDE] > 10
    assert counts[UNDECIDED] < counts.sum()


def circle(n: int = 3) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...]]:
    """chi2 = (3 x)^2 + (3 y)^2 + (z - x y)^2 with z hidden, or without z: regions are discs."""
    from scanengine.chi2.monomials import Monomials

    monomials = Monomials.of(n, 2)
    rows = np.zeros((n, len(monomials.exponents)))
    rows[0, monomials.column_of_product(1)] = 3.0
    rows[1, monomials.column_of_product(2)] = 3.0
    if n == 3:
        rows[2, monomials.column_of_product(3)] = 1.0
        rows[2, monomials.column_of_product(1, 2)] = -1.0
    axes = tuple(Axis(name, np.linspace(-1.0, 1.0, 5)) for name in "xyz"[:n])
    return ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, rows), axes


@pytest.mark.parametrize("n", [2, 3])
def test_areas_and_ends_of_a_disc_are_enclosed(n: int) -> None:
    polynomial, axes = circle(n)
    bounds = bounds_of(polynomial, axes, 256)
    for cl in (0.6827, 0.9):
        found = proven_region(("x", "y"), cl, bounds.tiles["x", "y"], bounds.minimum)
        low, high = found.area
        assert low < math.pi * found.level / 9.0 < high
        assert high - low < 0.05
        assert found.pieces == (1, 1)
        assert found.apart[0] == 0
        line = proven_region(("x",), cl, bounds.tiles["x",], bounds.minimum)
        ((left, right),) = line.ends
        end = math.sqrt(line.level) / 3.0
        assert left[0] <= -end <= left[1] < right[0] <= end <= right[1]
        assert right[1] - right[0] < 2.1 * 2.0**-12


def test_threads_and_squares_do_not_change_tiles() -> None:
    polynomial = polynomial_with_squares([(-1.0, 1.0), (0.0, 1.5), (-0.5, 2.0)], [1], 5, seed=3)
    ends = [(-1.0, 1.0), (0.0, 1.5), (-0.5, 2.0)]
    axes = tuple(Axis(name, np.linspace(*e, 6)) for name, e in zip("abc", ends, strict=True))
    one, two = (bounds_of(polynomial, axes, 16, threads) for threads in (1, 2))
    for names, tiles in one.tiles.items():
        for of in ("depth", "index", "start", "stop", "lower", "upper"):
            assert np.array_equal(getattr(tiles, of), getattr(two.tiles[names], of))


def test_where_the_budget_ends_tiles_are_undecided_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    polynomial, axes = circle()
    whole = bounds_of(polynomial, axes, 64).tiles["x", "y"]
    monkeypatch.setattr("scanengine.driver.proven_tiles.MOST_BOXES", 20)
    cut: ProvenTiles = bounds_of(polynomial, axes, 64).tiles["x", "y"]
    assert cut.cut_short
    assert not whole.cut_short
    assert cut.are_whole()
    least, most = (proven_region(("x", "y"), 0.9, tiles, (0.0, 0.0)).area for tiles in (cut, whole))
    assert least[0] <= most[0] < most[1] <= least[1]


def test_tiles_are_not_cut_beyond_what_numbers_tell_apart() -> None:
    """An axis of few representable values has larger tiles, not empty ones."""
    values = 0.25 + 2.0**-54 * np.arange(0.0, 200.0, 49.0)
    narrow = Axis("x", values)
    centre, half_width = 0.5 * (values[0] + values[-1]), 0.5 * (values[-1] - values[0])
    polynomial, (_, y) = circle(2)
    polynomial = replace(polynomial, centre=np.array([centre, 0.0]), half_width=np.array([half_width, 1.0]))
    bounds = bounds_of(polynomial, (narrow, y), 16)
    tiles = bounds.tiles["x",]
    assert tiles.are_whole()
    assert 3 <= tiles.depth.max() < 8
    assert bounds.tiles["x", "y"].are_whole()
