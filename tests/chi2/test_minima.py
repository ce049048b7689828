"""The search for all minima of sums of squares: against zeros put in, single searches, grids and other axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from scanengine.chi2.minima import distinct_places, evenly_spread, global_minima, in_valley, spread_axes, standard_model
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

HIGH = 30.0


def with_zero(
    n: int, residuals: int, seed: int, squared: Sequence[int] = ()
) -> tuple[ChiSquaredPolynomial, FloatArray]:
    """Random steep residuals that vanish at one random place of [-1, 1]^n; some variables occur as squares alone."""
    random = np.random.default_rng(seed)
    monomials = Monomials.of(n, 2)
    coefficients = HIGH * random.normal(size=(residuals, len(monomials.exponents)))
    for i in squared:
        for j in range(n + 1):
            if j != i + 1:
                coefficients[:, monomials.column_of_product(i + 1, j)] = 0.0
    zero = random.uniform(-1.0, 1.0, size=n)
    coefficients[:, 0] -= coefficients @ monomials.values(zero)
    return ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, coefficients), zero


def axes_of(n: int, points: int = 4) -> list[Axis]:
    return [Axis("abcdefgh"[i], np.linspace(-1.0, 1.0, points)) for i in range(n)]


def chi2_at(polynomial: ChiSquaredPolynomial, t: FloatArray) -> float:
    return float(np.sum((polynomial.residuals @ polynomial.monomials.values(t)) ** 2))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "squared"), [(1, ()), (2, (1,)), (3, (0,)), (4, (1, 3)), (5, (0, 2)), (6, (1, 2, 4, 5))])
def test_zero_is_found_however_coarse_the_axes(n: int, squared: tuple[int, ...], seed: int) -> None:
    polynomial, zero = with_zero(n, n + 1, seed, squared)
    found = global_minima(polynomial, axes_of(n))
    assert found.chi2[0] < 1e-6
    images = np.where(np.isin(np.arange(n), squared), np.abs(zero), zero)
    folded = np.where(np.isin(np.arange(n), squared), np.abs(found.places), found.places)
    assert np.min(np.max(np.abs(folded - images), axis=1)) < 1e-3
    assert np.all(np.diff(found.chi2) >= 0.0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "residuals"), [(2, 2), (3, 5), (4, 4), (5, 8)])
def test_random_starts_never_find_less(n: int, residuals: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    coefficients = HIGH * random.normal(size=(residuals, len(Monomials.of(n, 2).exponents)))
    polynomial = ChiSquaredPolynomial(np.zeros(n), np.ones(n), Monomials.of(n, 2), coefficients)

    def value(t: FloatArray) -> float:
        return chi2_at(polynomial, t)

    found = global_minima(polynomial, axes_of(n))
    lowest = found.chi2[0]
    assert lowest == pytest.approx(chi2_at(polynomial, found.places[0]), rel=1e-9, abs=1e-12)
    for start in random.uniform(-1.0, 1.0, size=(4, n)):
        other = minimize(value, start, bounds=[(-1.0, 1.0)] * n)
        assert lowest <= other.fun + 1e-6 * (1.0 + other.fun)


@pytest.mark.parametrize("seed", range(6))
def test_free_parameter_never_raises_the_minimum_and_a_grid_is_never_below(seed: int) -> None:
    random = np.random.default_rng(seed)
    coefficients = HIGH * random.normal(size=(7, len(Monomials.of(4, 2).exponents)))
    polynomial = ChiSquaredPolynomial(np.zeros(4), np.ones(4), Monomials.of(4, 2), coefficients)
    held = random.uniform(-1.0, 1.0, size=4)
    before = np.inf
    for free in (1, 2, 3, 4):
        axes = [Axis("abcd"[i], np.linspace(-1.0, 1.0, 21)) for i in range(free)]
        lowest = float(global_minima(_held(polynomial, held[free:]), axes).chi2[0])
        assert lowest <= before + 1e-9 * (1.0 + lowest)
        before = lowest
    chi2 = np.empty((21,) * 4)
    polynomial.fill([axis.values for axis in axes], chi2)
    assert before <= chi2.min()


def _held(polynomial: ChiSquaredPolynomial, values: FloatArray) -> ChiSquaredPolynomial:
    """The polynomial with its last variables held at values."""
    n = polynomial.centre.size - values.size
    monomials = Monomials.of(n, 2)
    residuals = np.zeros((len(polynomial.residuals), len(monomials.exponents)))
    for column, exponents in enumerate(polynomial.monomials.exponents):
        factor = np.prod(values ** np.array(exponents[n:]))
        residuals[:, monomials.column[exponents[:n]]] += factor * polynomial.residuals[:, column]
    return ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, residuals)


def test_no_minimum_is_above_a_start() -> None:
    """A hole too narrow for any search to see: a residual that is large save in a box of 1e-7."""
    monomials = Monomials.of(1, 2)
    narrow = 1e9 * np.array([0.3**2, -2.0 * 0.3, 1.0])  # (t - 0.3)^2 by powers
    level = np.array([1.0, 0.0, 0.0])
    residuals = np.array([narrow, level])[:, [monomials.exponents.index((i,)) for i in range(3)]]
    polynomial = ChiSquaredPolynomial(np.zeros(1), np.ones(1), monomials, residuals)
    found = global_minima(polynomial, axes_of(1), np.array([[0.3]]))
    assert found.chi2[0] == pytest.approx(1.0, abs=1e-12)


def test_ridge_between_mirror_images_is_left() -> None:
    """(u, v) and (-u, -v) are images of each other, with a saddle between, where an even search begins."""
    monomials = Monomials.of(2, 2)
    residuals = np.zeros((3, len(monomials.exponents)))
    residuals[:, monomials.column_of_product(0)] = -0.25, -0.25, 0.25
    for row, product in enumerate([(1, 1), (2, 2), (1, 2)]):
        residuals[row, monomials.column_of_product(*product)] = 1.0
    polynomial = ChiSquaredPolynomial(np.zeros(2), np.ones(2), monomials, residuals)
    found = global_minima(polynomial, axes_of(2), np.zeros((1, 2)))
    assert found.chi2 == pytest.approx([0.0, 0.0], abs=1e-12)
    assert sorted(np.round(found.places, 6).tolist()) == [[-0.5, 0.5], [0.5, -0.5]]


def test_all_mirror_images_are_returned() -> None:
    polynomial, zero = with_zero(3, 4, seed=5, squared=(0, 2))
    found = global_minima(polynomial, axes_of(3))
    best = found.places[found.chi2 < 1e-9]
    assert len(best) == 4
    assert {tuple(np.sign(each).tolist()) for each in best[:, [0, 2]]} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    assert np.abs(best) == pytest.approx(np.tile(np.abs(zero), (4, 1)), abs=1e-5)


def test_axis_that_does_not_matter_costs_no_search_at_each_of_its_points() -> None:
    polynomial, _ = with_zero(2, 3, seed=1)
    idle = polynomial.monomials.exponents
    flat = replace(polynomial, residuals=polynomial.residuals * np.array([e[1] == 0 for e in idle]))
    found = global_minima(flat, axes_of(2))
    assert 1 < found.chi2.size < 200
    assert np.ptp(found.places[:, 1]) == pytest.approx(2.0, abs=0.1)


def test_order_and_units_of_axes_change_nothing() -> None:
    for seed in range(4):
        polynomial, _ = with_zero(4, 6, seed, squared=(2,))
        axes = axes_of(4)
        found = global_minima(polynomial, axes)
        turned = global_minima(polynomial.reordered([2, 0, 3, 1]), [axes[i] for i in (2, 0, 3, 1)])
        stretched = [replace(axis, values=1e3 * axis.values + 7e3) for axis in axes]
        moved = global_minima(replace(polynomial, centre=np.full(4, 7e3), half_width=np.full(4, 1e3)), stretched)
        for other, places in ((turned, turned.places[:, [1, 3, 0, 2]]), (moved, (moved.places - 7e3) / 1e3)):
            assert other.chi2 == pytest.approx(found.chi2, rel=1e-6, abs=1e-9)
            assert places[0] == pytest.approx(found.places[0], abs=1e-6) or places[1] == pytest.approx(
                found.places[0], abs=1e-6
            )


def test_places_that_are_apart_are_kept_the_lowest_first() -> None:
    t = np.array([[0.0], [1e-6], [0.5], [0.5], [np.nan]])
    chi2, kept = distinct_places(np.array([1.0, 0.5, 2.0, 2.0, np.inf]), t, np.ones(1))
    assert chi2.tolist() == [0.5, 2.0]
    assert kept.ravel().tolist() == [1e-6, 0.5]


def test_spread_axes_keep_their_ends_and_spacing() -> None:
    axes = [Axis("a", np.geomspace(1.0, 100.0, 3)), Axis("b", np.linspace(0.0, 1.0, 1001))]
    (a, b) = spread_axes(axes, 25)
    assert a.values == pytest.approx([1.0, 5.5, 10.0, 55.0, 100.0])
    assert b.values == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


def test_valleys_are_points_no_higher_than_all_neighbours_but_for_rounding() -> None:
    chi2 = np.array([[3.0, 9.0, 9.0], [9.0, 4.0, 9.0], [9.0, 9.0, 5.0]])
    assert np.argwhere(in_valley(chi2)).tolist() == [[0, 0]]
    assert in_valley(np.array([1.0 + 1e-15, 1.0, 2.0, np.inf])).tolist() == [True, True, False, False]


def test_spread_points_leave_no_large_hole() -> None:
    for n in (1, 2, 3):
        points = evenly_spread(64, n)
        corners = np.floor(points * 2).astype(int)
        counts = np.unique(corners, axis=0, return_counts=True)[1]
        assert counts.size == 2**n
        assert counts.min() >= 32 / 2**n


def by_tie() -> Definition:
    return definition(
        [experiment()],
        axes={"x": {"min": -3.0, "max": 3.0, "points": 5}, "sin2_theta_w": {"min": 0.2, "max": 0.3, "points": 3}},
        tied={"eps_ee_uV": {"x": 2.0, "constant": 1.0}},
    )


def test_standard_model_on_axes_with_ties() -> None:
    scan = by_tie()
    assert standard_model(scan) == pytest.approx([-0.5, scan.physics.sin2_theta_w], abs=1e-12)


def test_standard_model_beyond_an_axis_is_at_its_end() -> None:
    scan = definition([experiment()], axes={"eps_ee_uV": {"min": 1.0, "max": 3.0, "points": 5}})
    assert standard_model(scan).tolist() == [1.0]
