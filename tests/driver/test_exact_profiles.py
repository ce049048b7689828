from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.exact_profiles import exact_profiles
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles


def random_polynomial(n: int, residuals: int, seed: int) -> ChiSquaredPolynomial:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(n, 2)
    coefficients = random.normal(size=(residuals, len(monomials.exponents)))
    return ChiSquaredPolynomial(random.normal(size=n), random.uniform(0.5, 2.0, size=n), monomials, coefficients)


def axes_of(polynomial: ChiSquaredPolynomial, points: int) -> tuple[Axis, ...]:
    ends = zip(polynomial.centre, polynomial.half_width, strict=True)
    return tuple(Axis("abcdef"[i], np.linspace(c - h, c + h, points)) for i, (c, h) in enumerate(ends))


def grid_profiles(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...]) -> tuple[Profiles, FloatArray]:
    chi2 = np.empty(tuple(axis.values.size for axis in axes))
    polynomial.fill([axis.values for axis in axes], chi2)
    n = len(axes)
    lines = {axes[i].name: chi2.min(axis=tuple(k for k in range(n) if k != i)) for i in range(n)}
    planes = {
        (axes[i].name, axes[j].name): chi2.min(axis=tuple(k for k in range(n) if k not in (i, j)))
        for i in range(n)
        for j in range(i + 1, n)
    }
    place = np.unravel_index(np.argmin(chi2), chi2.shape)
    best = tuple(float(axis.values[i]) for axis, i in zip(axes, place, strict=True))
    return Profiles(float(chi2.min()), best, lines, planes), chi2


ENDS = st.sampled_from([(0.0, 1.5), (-0.5, 2.0), (-1.0, 1.0), (0.25, 2.0), (5.0, 6.0), (-3.0, -2.5)])


def polynomial_with_squares(
    ends: list[tuple[float, float]], squared: list[int], residuals: int, seed: int
) -> ChiSquaredPolynomial:
    """Random residuals in which these variables occur as x^2 alone, scaled as a scan's axes are."""
    random = np.random.default_rng(seed)
    n = len(ends)
    monomials = Monomials.of(n, 2)
    far = [min(abs(lo), abs(hi)) > hi - lo for lo, hi in ends]
    centre = np.array([0.5 * (lo + hi) if f else 0.0 for (lo, hi), f in zip(ends, far, strict=True)])
    half = np.array([0.5 * (hi - lo) if f else max(-lo, hi) for (lo, hi), f in zip(ends, far, strict=True)])
    coefficients = np.zeros((residuals, len(monomials.exponents)))
    for i in range(n + 1):
        for j in range(i, n + 1):
            alone = {i - 1, j - 1} & set(squared)
            if not alone:
                coefficients[:, monomials.column_of_product(i, j)] = random.normal(size=residuals)
    for i in squared:
        q = random.normal(size=residuals)
        for factor, column in (
            (centre[i] ** 2, (0,)),
            (2.0 * centre[i] * half[i], (1 + i,)),
            (half[i] ** 2, (1 + i, 1 + i)),
        ):
            coefficients[:, monomials.column_of_product(*column)] += factor * q
    return ChiSquaredPolynomial(centre, half, monomials, coefficients)


def chi2_at(polynomial: ChiSquaredPolynomial, t: FloatArray) -> float:
    return float(np.sum((polynomial.residuals @ polynomial.monomials.values(t)) ** 2))


def reference_minimum(
    polynomial: ChiSquaredPolynomial, held: dict[int, float], box: list[tuple[float, float]] | None = None
) -> float:
    """The lowest chi2 in the box with some scaled variables held, by SciPy from many starts."""
    n = polynomial.centre.size
    box = box or [(-1.0, 1.0)] * n
    hidden = [i for i in range(n) if i not in held]
    random = np.random.default_rng(0)
    forms = quadratic_forms(polynomial)
    t = np.ones(1 + n)
    for i, x in held.items():
        t[1 + i] = x

    def value(h: FloatArray) -> tuple[float, FloatArray]:
        """chi2 and its gradient: of r = t Q t, with symmetric Q, they are sum(r^2) and 4 sum(r Q t)."""
        t[[1 + i for i in hidden]] = h
        slopes = forms @ t
        residuals = slopes @ t
        gradient = 4.0 * (residuals @ slopes)
        return float(residuals @ residuals), gradient[[1 + i for i in hidden]]

    bounds = [box[i] for i in hidden]
    lower, upper = np.array(bounds).T
    starts = random.uniform(lower, upper, size=(15, len(hidden)))
    fits = [minimize(value, start, bounds=bounds, jac=True) for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    t[[1 + i for i in hidden]] = best.x
    assert float(best.fun) == pytest.approx(chi2_at(polynomial, t[1:]), rel=1e-9, abs=1e-12)
    return float(best.fun)


def quadratic_forms(polynomial: ChiSquaredPolynomial) -> FloatArray:
    """The symmetric matrix Q of each residual, t Q t with t = (1, scaled variables)."""
    n = polynomial.centre.size
    forms = np.zeros((polynomial.residuals.shape[0], 1 + n, 1 + n))
    for i in range(1 + n):
        for j in range(i, 1 + n):
            half = 0.5 * polynomial.residuals[:, polynomial.monomials.column_of_product(i, j)]
            forms[:, i, j] += half
            forms[:, j, i] += half
    return forms


@pytest.mark.parametrize("seed", range(4))
def test_planes_and_lines_reach_the_minimum_that_scipy_finds_from_many_starts(seed: int) -> None:
    polynomial = random_polynomial(4, residuals=5, seed=seed)
    axes = axes_of(polynomial, 5)
    grid, _ = grid_profiles(polynomial, axes)
    _, exact = exact_profiles(polynomial, axes, grid)
    t = np.linspace(-1.0, 1.0, 5)
    for i, j in ((0, 0), (1, 3), (4, 2)):
        assert exact.planes["a", "c"][25 * i, 25 * j] == pytest.approx(
            reference_minimum(polynomial, {0: t[i], 2: t[j]}), abs=1e-6
        )
    for i in (0, 2, 4):
        assert exact.lines["d"][25 * i] == pytest.approx(reference_minimum(polynomial, {3: t[i]}), abs=1e-6)
    assert exact.minimum == pytest.approx(reference_minimum(polynomial, {}), abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_an_exact_profile_is_nowhere_above_the_grid_and_approached_by_finer_grids(n: int) -> None:
    polynomial = random_polynomial(n, residuals=6, seed=n)
    coarse = axes_of(polynomial, 5)
    grid, _ = grid_profiles(polynomial, coarse)
    _, exact = exact_profiles(polynomial, coarse, grid)
    for name, line in exact.lines.items():
        assert np.all(line[::25] <= grid.lines[name])
    for pair, plane in exact.planes.items():
        assert np.all(plane[::25, ::25] <= grid.planes[pair])
    fine = axes_of(polynomial, 17)
    finer, _ = grid_profiles(polynomial, fine)
    for name, line in exact.lines.items():
        assert np.all(line[::25] <= finer.lines[name][::4] + 1e-12)
    assert exact.minimum <= finer.minimum


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.lists(ENDS, min_size=4, max_size=4),
    st.sampled_from([[3], [2, 3], [0, 3], [0, 1, 2, 3]]),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
@example([(0.0, 1.5)] * 4, [2, 3], 1, 0)
def test_squared_variables_are_minimised_within_the_ends_of_their_axes(
    ends: list[tuple[float, float]], squared: list[int], residuals: int, seed: int
) -> None:
    """Against SciPy, whatever the axis does about zero; with one residual the minimum is not unique."""
    polynomial = polynomial_with_squares(ends, squared, residuals, seed)
    axes = tuple(Axis("abcd"[i], np.linspace(lo, hi, 4)) for i, (lo, hi) in enumerate(ends))
    grid, chi2 = grid_profiles(polynomial, axes)
    fine_axes, exact = exact_profiles(polynomial, axes, grid)
    t = [polynomial.scaled([axis.values for axis in fine_axes])[i] for i in range(4)]
    box = [(float(v[0]), float(v[-1])) for v in t]
    for a, b in ((0, 1), (1, 2), (2, 3)):
        plane = exact.planes["abcd"[a], "abcd"[b]]
        for i, j in ((0, 51), (34, 17)):
            reference = reference_minimum(polynomial, {a: t[a][i], b: t[b][j]}, box)
            assert plane[i, j] <= reference + 1e-6 * (1.0 + reference)
        on_grid = chi2.min(axis=tuple(k for k in range(4) if k not in (a, b)))
        assert np.all(plane[::34, ::34] <= on_grid)
    place = (np.array(exact.best_fit) - polynomial.centre) / polynomial.half_width
    assert chi2_at(polynomial, place) == pytest.approx(exact.minimum, rel=1e-7, abs=1e-7)
    assert all(lo <= x <= hi for x, (lo, hi) in zip(exact.best_fit, ends, strict=True))


@pytest.mark.parametrize("ends", [(0.0, 1.5), (-0.5, 2.0), (0.25, 2.0), (5.0, 6.0)])
def test_a_fine_grid_comes_down_to_the_exact_profile_of_squared_variables(ends: tuple[float, float]) -> None:
    polynomial = polynomial_with_squares([(-1.0, 1.0), (-1.0, 1.0), ends, ends], [2, 3], 5, seed=7)
    gaps = []
    for points in (9, 33, 129):
        shape = [(-1.0, 1.0, 5), (-1.0, 1.0, 5), (*ends, points), (*ends, points)]
        axes = tuple(Axis("abcd"[i], np.linspace(*axis)) for i, axis in enumerate(shape))
        grid, _ = grid_profiles(polynomial, axes)
        coarse = tuple(Axis(axis.name, axis.values[[0, -1]]) if i > 1 else axis for i, axis in enumerate(axes))
        _, exact = exact_profiles(polynomial, coarse, grid_profiles(polynomial, coarse)[0])
        above = grid.planes["a", "b"] - exact.planes["a", "b"][::25, ::25]
        assert np.all(above >= -1e-9)
        gaps.append(above.max())
    assert gaps[2] <= 0.1 * gaps[0] + 1e-9  # nothing to gain where the minimum lies at a corner
    assert gaps[2] < 0.02


def test_the_best_fit_is_where_the_minimum_is_and_inside_the_axes() -> None:
    polynomial = random_polynomial(3, residuals=4, seed=11)
    axes = axes_of(polynomial, 6)
    _, exact = exact_profiles(polynomial, axes, grid_profiles(polynomial, axes)[0])
    t = (np.array(exact.best_fit) - polynomial.centre) / polynomial.half_width
    assert np.all(np.abs(t) <= 1.0 + 1e-12)
    assert chi2_at(polynomial, t) == pytest.approx(exact.minimum, abs=1e-9)
    assert exact.minimum <= min(line.min() for line in exact.lines.values()) + 1e-12


def test_a_valley_between_grid_points_is_found() -> None:
    """chi2 = (10 (a - b) - 1)^2 + ((a + b) c)^2 vanishes along a line that a 3-point grid of b never meets."""
    monomials = Monomials.of(3, 2)
    residuals = np.zeros((2, len(monomials.exponents)))
    residuals[0, [monomials.column_of_product(i) for i in (0, 1, 2)]] = -1.0, 10.0, -10.0
    residuals[1, [monomials.column_of_product(i, 3) for i in (1, 2)]] = 1.0
    polynomial = ChiSquaredPolynomial(np.zeros(3), np.ones(3), monomials, residuals)
    axes = axes_of(polynomial, 3)
    grid, _ = grid_profiles(polynomial, axes)
    _, exact = exact_profiles(polynomial, axes, grid)
    assert grid.lines["a"].min() == pytest.approx(1.0)
    assert exact.lines["a"][[50, 100]] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert exact.lines["a"][0] == pytest.approx(1.0)  # b = a - 0.1 lies outside its axis


def test_axes_are_refined_to_a_hundred_points_and_keep_those_of_the_grid() -> None:
    polynomial = random_polynomial(3, residuals=4, seed=2)
    axes = axes_of(polynomial, 6)
    fine_axes, exact = exact_profiles(polynomial, axes, grid_profiles(polynomial, axes)[0])
    for axis, fine in zip(axes, fine_axes, strict=True):
        assert fine.values.size == 101
        assert np.array_equal(fine.values[::20], axis.values)
        assert exact.lines[axis.name].shape == (101,)
    assert exact.planes["a", "c"].shape == (101, 101)


def test_between_grid_points_planes_and_lines_agree() -> None:
    polynomial = random_polynomial(3, residuals=4, seed=5)
    axes = axes_of(polynomial, 6)
    _, exact = exact_profiles(polynomial, axes, grid_profiles(polynomial, axes)[0])
    for line in (exact.planes["a", "b"].min(axis=1), exact.planes["a", "c"].min(axis=1)):
        assert np.all(exact.lines["a"] <= line + 1e-9)
        assert exact.lines["a"] == pytest.approx(line, rel=0.01, abs=0.01)


def test_the_number_of_threads_changes_nothing() -> None:
    polynomial = random_polynomial(4, residuals=5, seed=3)
    axes = axes_of(polynomial, 6)
    grid, _ = grid_profiles(polynomial, axes)
    one, two = (exact_profiles(polynomial, axes, grid, threads)[1] for threads in (1, 2))
    assert one.minimum == two.minimum
    assert all(np.array_equal(one.planes[pair], two.planes[pair]) for pair in one.planes)
