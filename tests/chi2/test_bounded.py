"""chi2 bounded over boxes: nothing said to be above a cutoff is below it anywhere, and little is left open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from scanengine.chi2.bounded import Bounded
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial, RowKinds, side_by_side
from scanengine.chi2.poisson import PoissonPolynomial
from scanengine_kernels.nuisances.rows import EMPTY_WALL
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)
SEEN, EMPTY, RESIDUALS = 5, 2, 3


class Case:
    """chi2 of a few rows of each kind with some nuisances, and the same by plain formulas at any t and z."""

    def __init__(self, seed: int, n: int, plain: int, kinked: int, logarithmic: int, size: float) -> None:
        random = np.random.default_rng(seed)
        self.n, K = n, plain + kinked + logarithmic
        monomials = Monomials.of(n, 2)
        constant = monomials.column_of_product(0)

        def templates(rows: int, scale: float) -> FloatArray:
            found = scale * random.normal(size=(1 + K + kinked, rows, len(monomials.exponents)))
            held = random.random(1 + K + kinked) < 0.4
            held[0] = False
            for k in np.flatnonzero(held):
                found[k, :, np.arange(found.shape[2]) != constant] = 0.0
            found[1:] *= 0.3
            return found

        self.data = random.integers(1, 60, SEEN).astype(np.float64)
        self.seen = templates(SEEN, size / np.sqrt(60.0))
        self.empty = templates(EMPTY, 0.2 * size)
        self.empty[0, :, constant] = 3.0 + np.abs(self.empty[0]).sum(axis=1)
        self.residuals = templates(RESIDUALS, size)
        self.above, self.below = np.ones(RESIDUALS), random.choice([1.0, 0.5, 3.0], RESIDUALS)
        self.other = np.arange(1, 1 + K)
        self.other[plain : plain + kinked] = 1 + K + np.arange(kinked)
        self.widths = np.concatenate((np.zeros(plain + kinked), random.uniform(0.1, 0.5, logarithmic)))
        self.exponents = np.array(monomials.exponents)
        rows = np.moveaxis(
            side_by_side(*(np.moveaxis(each, 1, 2) for each in (self.seen, self.empty, self.residuals))), 1, 2
        )
        self.polynomial = NuisancePolynomial(
            np.zeros(n),
            np.ones(n),
            monomials,
            np.ascontiguousarray(rows),
            RowKinds(self.data, EMPTY, self.above, self.below),
            self.other,
            self.widths,
            np.ones(K),
        )

    def chi2(self, t: FloatArray, z: FloatArray) -> float:
        """Return chi2 at t and z, pulls and all."""
        powers = np.prod(t**self.exponents, axis=1)
        chosen = [0, *(1 + k if z[k] >= 0.0 else self.other[k] for k in range(z.size))]
        at = np.concatenate(([1.0], z))
        x, N, r = (at @ (each[chosen] @ powers) for each in (self.seen, self.empty, self.residuals))
        if np.any(x <= -1.0) or np.any(1.0 + self.widths * z <= 0.0):
            return np.inf
        found = 2.0 * np.sum(self.data * (x - np.log1p(x)))
        found += np.sum(2.0 * N + (np.minimum(N, 0.0) / EMPTY_WALL) ** 2)
        found += np.sum(np.where(r > 0.0, self.above, self.below) * r**2)
        for z_k, width in zip(z.tolist(), self.widths.tolist(), strict=True):
            found += 2.0 * (width * z_k - np.log1p(width * z_k)) / width**2 if width else z_k**2
        return float(found)

    def lowest(self, lower: FloatArray, upper: FloatArray, random: np.random.Generator, starts: int = 6) -> float:
        """Return the lowest chi2 that searches over t in a box and z find, each from a random place."""
        K, best = self.widths.size, np.inf
        least = np.where(self.widths > 0.0, -0.99 / np.where(self.widths > 0.0, self.widths, 1.0), -8.0)
        bounds = [*zip(lower, upper, strict=True), *zip(least, np.full(K, 8.0), strict=True)]

        def finite(x: FloatArray) -> float:
            return min(self.chi2(x[: self.n], x[self.n :]), 1e6)

        for _ in range(starts):
            x = np.concatenate((random.uniform(lower, upper), 0.3 * random.normal(size=K)))
            for _ in range(2):
                x = minimize(finite, x, method="Powell", bounds=bounds, options={"maxiter": 40}).x
            best = min(best, finite(x))
        return best


def highest_excluded(bounded: Bounded, lower: FloatArray, upper: FloatArray) -> float:
    """Return about the highest cutoff that a box is said to lie above."""
    low, high = -1.0, 1e4
    for _ in range(40):
        cutoff = 0.5 * (low + high)
        decided = bounded.decide(lower[None], upper[None], cutoff, np.zeros((1, bounded.number_of_nuisances)))
        low, high = (cutoff, high) if decided.above[0] else (low, cutoff)
    return low


@settings(max_examples=60, deadline=None)
@given(
    SEEDS, st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.sampled_from([0.3, 1.0, 4.0])
)
def test_no_box_is_said_to_lie_above_what_it_reaches(
    seed: int, n: int, plain: int, kinked: int, logarithmic: int, size: float
) -> None:
    case, random = Case(seed, n, plain, kinked, logarithmic, size), np.random.default_rng(seed)
    middle, width = random.uniform(-0.7, 0.7, n), random.choice([1e-6, 0.05, 0.3], n)
    lower, upper = middle - width, middle + width
    bound = highest_excluded(case.polynomial.bounded, lower, upper)
    assert bound <= case.lowest(lower, upper, random) + 1e-7 * (1.0 + abs(bound))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(0, 3), st.integers(0, 1), st.sampled_from([0.3, 1.0]))
def test_over_a_point_the_bound_is_chi2_itself(seed: int, n: int, plain: int, logarithmic: int, size: float) -> None:
    case = Case(seed, n, plain, 0, logarithmic, size)
    t = np.random.default_rng(seed).uniform(-1.0, 1.0, n)
    chi2 = np.empty((1,) * n)
    case.polynomial.fill([np.array([x]) for x in t], chi2)
    if np.isfinite(chi2).all():
        assert highest_excluded(case.polynomial.bounded, t, t) == pytest.approx(chi2.item(), rel=1e-6, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 2))
def test_kinks_are_looked_at_on_either_side(seed: int, kinked: int) -> None:
    """Over a point nothing is lost by nuisances that have another template below zero."""
    case = Case(seed, 2, 1, kinked, 0, 2.0)
    t = np.random.default_rng(seed).uniform(-1.0, 1.0, 2)
    chi2 = np.empty((1, 1))
    case.polynomial.fill([np.array([x]) for x in t], chi2)
    if np.isfinite(chi2).all():
        bound = highest_excluded(case.polynomial.bounded, t, t)
        assert bound <= chi2.item() * (1.0 + 1e-7) + 1e-7
        assert bound >= chi2.item() - 0.5 * (1.0 + 0.2 * chi2.item())


def test_what_is_lost_falls_with_the_square_of_the_width() -> None:
    case = Case(4, 2, 2, 0, 0, 1.0)
    t, lost = np.array([0.6, -0.4]), []
    random = np.random.default_rng(1)
    for width in (0.2, 0.05):
        lower, upper = t - width, t + width
        lost.append(case.lowest(lower, upper, random, 20) - highest_excluded(case.polynomial.bounded, lower, upper))
    assert 0.0 <= lost[1] <= lost[0] / 8.0


def sampled(
    evaluator: PoissonPolynomial | LinearNuisancePolynomial, boxes: Sequence[tuple[FloatArray, FloatArray]]
) -> None:
    """Compare bounds of boxes with chi2 on a grid in each."""
    for lower, upper in boxes:
        values = [np.linspace(a, b, 9) for a, b in zip(lower, upper, strict=True)]
        chi2 = np.empty([9] * len(values))
        evaluator.fill(values, chi2)
        bound = highest_excluded(evaluator.bounded, lower, upper)
        assert bound <= chi2.min() * (1.0 + 1e-9) + 1e-9
        width = float(np.max(upper - lower))
        assert bound >= chi2.min() - 60.0 * width * (1.0 + chi2.min())


def boxes_of(n: int, random: np.random.Generator) -> list[tuple[FloatArray, FloatArray]]:
    found = []
    for width in (1e-5, 0.03, 0.2):
        middle = random.uniform(-0.8, 0.8, n)
        found.append((middle - width, middle + width))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_poisson_counts_without_nuisances(seed: int) -> None:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(2, 2)
    coefficients = random.normal(size=(12, len(monomials.exponents)))
    coefficients[:, monomials.column_of_product(0)] = 4.0 + np.abs(coefficients).sum(axis=1)
    data = random.poisson(4.0, 12).astype(np.float64)
    data[:2] = 0.0
    sampled(PoissonPolynomial.of(np.zeros(2), np.ones(2), monomials, coefficients, data), boxes_of(2, random))


@pytest.mark.parametrize("seed", range(8))
def test_gaussian_rows_with_nuisances_of_the_signal(seed: int) -> None:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(3, 2)
    templates = random.normal(size=(3, 11, len(monomials.exponents)))
    sampled(LinearNuisancePolynomial(np.zeros(3), np.ones(3), monomials, templates), boxes_of(3, random))
