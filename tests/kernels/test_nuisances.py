"""chi2 minimised over nuisances by Newton's iteration, against a simplex on chi2 as it is defined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scanengine.chi2.monomials import Monomials, packed
from scanengine.chi2.nuisances import RowKinds, side_by_side
from scanengine_kernels.nuisances.grid import fill_profiled
from scanengine_kernels.nuisances.kinks import minimise_each
from scanengine_kernels.nuisances.pulls import Nuisances, chi2_of_pulls
from scanengine_kernels.nuisances.rows import EMPTY_WALL
from tests import naive
from tests.naive import FloatArray

pytestmark = pytest.mark.jit_only


@dataclass
class Problem:
    """Counts (templates, counts) with data, and residuals (templates, residuals) with weights below zero."""

    counts: FloatArray
    data: FloatArray
    residuals: FloatArray
    weights_below: FloatArray
    below: NDArray[np.int64]
    log_widths: FloatArray
    shift: FloatArray | None = None

    @property
    def measured(self) -> FloatArray:
        """Where the nuisances were measured."""
        return np.zeros(self.below.size) if self.shift is None else self.shift

    def chi2(self, z: FloatArray) -> float:
        """As it is defined, count by count."""
        chosen = [1 + k if z[k] >= 0.0 else int(self.below[k]) for k in range(z.size)]
        N, r = self.counts[0].copy(), self.residuals[0].copy()
        for k, template in enumerate(chosen):
            N += z[k] * self.counts[template]
            r += z[k] * self.residuals[template]
        if np.any(N[self.data > 0.0] <= 0.0):
            return 1e30
        wall = np.minimum(N[self.data == 0.0], 0.0) / EMPTY_WALL
        seen = self.data > 0.0
        total = 2.0 * np.sum(N - self.data) + np.sum(wall**2)
        total += 2.0 * np.sum(self.data[seen] * np.log(self.data[seen] / N[seen]))
        total += np.sum(np.where(r > 0.0, 1.0, self.weights_below) * r * r)
        for k, width in enumerate(self.log_widths.tolist()):
            at, measured = float(z[k]), float(self.measured[k])
            total += min(naive.log_pull(at, width, measured), 1e30) if width else (at - measured) ** 2
        return float(total)

    @property
    def kinds(self) -> RowKinds:
        return RowKinds(
            self.data[self.data > 0.0],
            int(np.sum(self.data == 0.0)),
            np.ones(self.weights_below.size),
            self.weights_below,
        )

    @property
    def rows(self) -> FloatArray:
        """As the kernel takes them (templates, rows)."""
        seen = self.data > 0.0
        excess = self.counts[:, seen] / self.data[seen]
        excess[0] -= 1.0
        return side_by_side(excess, self.counts[:, ~seen], self.residuals)

    def minimum(self, start: FloatArray) -> tuple[float, FloatArray]:
        z, chi2 = start[None].copy(), np.empty(1)
        nuisances = Nuisances(self.below, self.log_widths, np.ones(self.below.size), self.measured)
        minimise_each(self.kinds.for_kernel(), nuisances, self.rows[None].copy(), z, chi2)
        return float(chi2[0]), z[0]

    @property
    def kinks(self) -> list[int]:
        return [k for k, template in enumerate(self.below) if template != 1 + k]


def problem(
    seed: int,
    bins: int,
    residuals: int,
    nuisances: int,
    two_sided: int = 0,
    logarithmic: bool = False,
    shifted: bool = False,
) -> Problem:
    """Counts of order ten with data that scatter about them, normalisations and tilts of some ten per cent."""
    random = np.random.default_rng(seed)
    columns = 1 + nuisances + two_sided
    expected = random.uniform(0.3, 20.0, bins)
    shares = random.normal(scale=0.1, size=(columns, bins))
    counts = np.concatenate((expected[None], shares[1:] * expected))
    return Problem(
        counts,
        random.poisson(random.uniform(0.7, 1.4) * expected).astype(np.float64),
        random.normal(size=(columns, residuals)),
        random.choice([1.0, 0.5, 2.0], residuals),
        np.array([1 + k if k >= two_sided else 1 + nuisances + k for k in range(nuisances)], dtype=np.int64),
        np.where(np.arange(nuisances) % 2 == 0, 0.28, 0.0) if logarithmic else np.zeros(nuisances),
        random.uniform(-2.5, 2.5, nuisances) if shifted else None,
    )


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(0, 9), st.integers(0, 3), st.booleans())
def test_is_the_minimum_of_chi2(seed: int, bins: int, residuals: int, nuisances: int, logarithmic: bool) -> None:
    case = problem(seed, bins, residuals, nuisances, logarithmic=logarithmic)
    exact, place = naive.minimum_over_nuisances(case.chi2, nuisances)
    chi2, z = case.minimum(np.zeros(nuisances))
    assert chi2 == pytest.approx(exact, rel=1e-10, abs=1e-10)
    assert z == pytest.approx(place, abs=1e-5)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 4), st.integers(1, 2))
def test_templates_that_differ_above_and_below_zero(seed: int, bins: int, residuals: int, two_sided: int) -> None:
    """There may be a minimum on either side of zero: the lower one is found, wherever the iteration begins."""
    case = problem(seed, bins, residuals, 2, two_sided)
    exact, _ = naive.minimum_over_nuisances(case.chi2, 2, case.kinks)
    for start in (np.zeros(2), np.array([1.0, -1.0])):
        assert case.minimum(start)[0] == pytest.approx(exact, rel=1e-10, abs=1e-10)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 4), st.integers(0, 2), st.booleans())
def test_pulls_from_where_the_nuisances_were_measured(
    seed: int, bins: int, residuals: int, two_sided: int, logarithmic: bool
) -> None:
    case = problem(seed, bins, residuals, 2, two_sided, logarithmic, shifted=True)
    exact, _ = naive.minimum_over_nuisances(case.chi2, 2, case.kinks)
    for start in (np.zeros(2), case.measured, np.array([1.0, -1.0])):
        assert case.minimum(start)[0] == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_a_count_that_is_nearly_zero_on_the_way_does_not_hold_the_iteration_up() -> None:
    """There the second derivatives are large, and a few short steps away no longer."""
    case = problem(3840368627, 10, 1, 2, 1, logarithmic=True)
    case.data = np.array([2.0, 2.0, 2.0, 1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 3.0])
    # what a pseudo-experiment was, drawn as in test_pseudo_experiments
    random = np.random.default_rng(3840368626)
    random.poisson(2.0, (3, 10))
    case.residuals[0] -= random.normal(size=(3, 1))[1]
    case.shift = random.uniform(-1.5, 1.5, (3, 2))[1]
    case.weights_below = problem(3840368626, 10, 1, 2, 1).weights_below
    exact, _ = naive.minimum_over_nuisances(case.chi2, 2, case.kinks)
    for start in (np.zeros(2), case.measured):
        assert case.minimum(start)[0] == pytest.approx(exact, rel=1e-10)


def test_a_lower_minimum_beyond_two_kinks_at_once_is_found() -> None:
    """Beyond either kink alone chi2 is higher."""
    case = problem(1846, 10, 2, 2, two_sided=2)
    exact, _ = naive.minimum_over_nuisances(case.chi2, 2, case.kinks)
    for start in (np.array([1.0, -1.0]), np.array([-1.0, -1.0]), np.zeros(2)):
        assert case.minimum(start)[0] == pytest.approx(exact, rel=1e-10)


def test_minimum_at_a_kink() -> None:
    """Counts that rise on either side of zero, with data below them: no side is better than none."""
    counts = np.array([[10.0], [3.0], [-3.0]])  # below zero, z times -3 is an excess again
    case = Problem(counts, np.array([8.0]), np.zeros((3, 0)), np.zeros(0), np.array([2]), np.zeros(1))
    for start in (-2.0, 0.0, 1.5):
        chi2, z = case.minimum(np.array([start]))
        assert z[0] == 0.0
        assert chi2 == pytest.approx(2.0 * (2.0 + 8.0 * np.log(0.8)), rel=1e-14)


@pytest.mark.parametrize("start", [-5.0, -0.5, 0.0, 3.0, 50.0])
def test_a_start_far_away_or_out_of_bounds_leads_to_the_same_minimum(start: float) -> None:
    case = problem(3, 30, 4, 3, logarithmic=True)
    chi2, z = case.minimum(np.zeros(3))
    elsewhere, there = case.minimum(np.full(3, start))
    assert elsewhere == pytest.approx(chi2, rel=1e-13)
    assert there == pytest.approx(z, abs=1e-9)


def test_counts_of_which_none_was_seen_stay_above_zero() -> None:
    """A background of 2 with none seen, known to 100%: twice its count is saved until nothing is left of it."""
    case = Problem(np.array([[2.0], [2.0]]), np.zeros(1), np.zeros((2, 0)), np.zeros(0), np.array([1]), np.zeros(1))
    chi2, z = case.minimum(np.zeros(1))
    assert z[0] == pytest.approx(-1.0, abs=1e-8)
    assert chi2 == pytest.approx(1.0, abs=1e-8)


def test_no_count_where_there_are_data_is_infinitely_unlikely() -> None:
    case = Problem(np.zeros((2, 1)), np.ones(1), np.zeros((2, 0)), np.zeros(0), np.array([1]), np.zeros(1))
    assert case.minimum(np.zeros(1))[0] == np.inf


def cancelling(seed: int, scale: float, nuisances: int, two_sided: int = 0, logarithmic: bool = False) -> Problem:
    """Signals so many times the backgrounds in 7 counts and 3 residuals, with data of these alone: normalisations of
    some ten per cent, and a background's, cancel what is too much.
    """
    random = np.random.default_rng(seed)
    bins, residuals = 7, 3
    signal = scale * random.uniform(0.3, 1.0, bins + residuals)
    background = np.concatenate((random.uniform(2.0, 20.0, bins), random.normal(size=residuals)))
    together = np.zeros((1 + nuisances + two_sided, bins + residuals))
    together[0] = signal + background
    for k, shares in enumerate(random.uniform(0.05, 0.3, (nuisances, bins + residuals))):
        together[1 + k] = shares * background if k % 3 == 2 else shares[0] * signal
    if two_sided:  # a shape, with another one below zero
        together[[1, 1 + nuisances]] = signal * random.normal(scale=0.1, size=(2, bins + residuals))
    return Problem(
        together[:, :bins],
        1.0 + random.poisson(background[:bins]).astype(np.float64),
        together[:, bins:],
        np.ones(residuals),
        np.array([1 + nuisances if k < two_sided else 1 + k for k in range(nuisances)], dtype=np.int64),
        np.where(np.arange(nuisances) == nuisances - 1, 0.1, 0.0) if logarithmic else np.zeros(nuisances),
    )


ROUNDINGS = 20.0 * 2.0**-52
"""What chi2 may be rounded by, relative to effects that cancel."""


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e9, 1e12])
@pytest.mark.parametrize(("nuisances", "two_sided", "logarithmic"), [(1, 0, 0), (2, 0, 0), (6, 0, 0), (3, 1, 1)])
def test_effects_that_are_huge_and_cancel(scale: float, nuisances: int, two_sided: int, logarithmic: bool) -> None:
    """Newton's steps forget the pulls beside effects of 1e8 and more, if second derivatives are summed up."""
    case = cancelling(5, scale, nuisances, two_sided, bool(logarithmic))
    exact = naive.minimum_in_many_digits(case.counts, case.data, case.residuals, case.below.tolist(), case.log_widths)
    for start in (np.zeros(nuisances), np.full(nuisances, -0.7)):
        assert case.minimum(start)[0] == pytest.approx(exact, rel=1e-9, abs=ROUNDINGS * scale)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 17.0), st.integers(1, 9), st.integers(0, 1), st.booleans())
def test_chi2_of_huge_effects_is_a_number(
    seed: int, power: float, nuisances: int, two_sided: int, logarithmic: bool
) -> None:
    """What is rounded too much to be known is a number still, and not below zero by more than that."""
    case = cancelling(seed, 10.0**power, nuisances, two_sided, logarithmic)
    chi2, z = case.minimum(np.zeros(nuisances))
    assert np.all(np.isfinite(z))
    assert -ROUNDINGS * 10.0**power <= chi2 <= case.chi2(np.zeros(nuisances)) * (1.0 + 1e-12)


@pytest.mark.parametrize(("width", "x"), [(0.28, 0.3), (1e-6, 1e-7), (0.5, -0.9), (0.3, 1e-3), (0.3, -2e-3)])
def test_logarithmic_pull_keeps_its_digits(width: float, x: float) -> None:
    """One residual without a template: chi2 is the pull alone."""
    nuisances = Nuisances(np.array([1]), np.array([width]), np.ones(1), np.zeros(1))
    exact = naive.log_pull(x / width, width)
    assert chi2_of_pulls(nuisances, np.array([x / width])) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("shape", "two_sided"), [((3, 40), 0), ((2, 3, 9), 1), ((1,), 0), ((25,), 2)])
def test_fills_a_grid(shape: tuple[int, ...], two_sided: int) -> None:
    """Warm starts or not, every point is that of its own minimisation."""
    n, nuisances, bins, residuals = len(shape), 3, 21, 5
    random = np.random.default_rng(8)
    monomials = Monomials.of(n, 2)
    case = problem(5, bins, residuals, nuisances, two_sided, logarithmic=True)
    columns = len(case.counts)
    rise = random.uniform(0.0, 0.5, (columns, bins + residuals, len(monomials.exponents)))
    rise[0, :, 0] = 0.0
    rise[1:] *= 0.1
    base = np.concatenate((case.counts, case.residuals), axis=1)
    coefficients = rise * np.abs(base[0])[:, None]
    coefficients[..., 0] += base
    values = [np.linspace(0.0, 1.0, length) for length in shape]

    def at(t: FloatArray) -> Problem:
        together = coefficients @ monomials.values(t)
        return Problem(
            together[:, :bins], case.data, together[:, bins:], case.weights_below, case.below, case.log_widths
        )

    origin = np.zeros(n)
    parts = []
    for exponents in range(len(monomials.exponents)):
        part = Problem(
            coefficients[:, :bins, exponents],
            case.data,
            coefficients[:, bins:, exponents],
            case.weights_below,
            case.below,
            case.log_widths,
        ).rows
        if exponents:
            part[0, : int(np.sum(case.data > 0.0))] += 1.0  # the data are taken off the constant alone
        parts.append(part)
    assert parts[0] == pytest.approx(at(origin).rows)
    quadratics = np.array(parts).reshape(len(parts), -1)
    points = packed(values)
    chi2 = np.full((int(np.prod(points.shape[:-1])), points.shape[-1]), np.nan)
    columns, number = parts[0].shape
    fill_profiled(
        monomials.polynomials(quadratics),
        np.arange(columns),
        np.zeros((columns, number)),
        case.kinds.for_kernel(),
        Nuisances(case.below, case.log_widths, np.ones(case.below.size), np.zeros(case.below.size)),
        points,
        chi2,
    )
    grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, n)
    alone = np.array([at(point).minimum(np.zeros(nuisances))[0] for point in grid])
    np.testing.assert_allclose(chi2.ravel(), alone, rtol=1e-11)
