"""Delta chi2 of pseudo-experiments, against a minimisation of each alone and dense least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine_kernels import pseudo_experiments as kernels
from tests.kernels.test_nuisances import Problem, problem


@pytest.mark.jit_only
@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 11), st.integers(0, 3), st.integers(0, 2), st.booleans())
def test_each_is_minimised_over_the_nuisances_at_every_place(
    seed: int, bins: int, residuals: int, two_sided: int, logarithmic: bool
) -> None:
    """Rows are arranged anew for each: a bin may have counts in one and none in the next."""
    places, number, chosen = 3, 3, 1
    cases = [problem(seed + j, bins, residuals, 2, two_sided, logarithmic) for j in range(places)]
    random = np.random.default_rng(seed)
    data = random.poisson(2.0, (number, bins)).astype(np.float64)
    seen = random.normal(size=(number, residuals))
    measured = random.uniform(-1.5, 1.5, (number, 2))
    weights, below, widths = cases[0].weights_below, cases[0].below, cases[0].log_widths
    expected = kernels.Expected(
        np.array([case.counts for case in cases]),
        np.array([case.residuals for case in cases]),
        np.ones(residuals),
        weights,
    )
    delta, best = np.empty(number), np.empty(number, dtype=np.int64)
    kernels.delta_by_minimising(data, seen, measured, expected, below, widths, np.ones(2), chosen, delta, best)
    for p in range(number):
        least = []
        for case in cases:
            shifted = case.residuals.copy()
            shifted[0] -= seen[p]
            alone = Problem(case.counts, data[p], shifted, weights, below, widths, measured[p])
            least.append(alone.minimum(np.zeros(2))[0])
        assert delta[p] == pytest.approx(least[chosen] - min(least), rel=1e-8, abs=1e-8)
        assert least[best[p]] == pytest.approx(min(least), rel=1e-8, abs=1e-8)


@pytest.mark.jit_only
def test_one_count_by_hand() -> None:
    """Two places that expect 4 and 9 with a nuisance of 10%, a background of 1, and 7 counts seen."""
    expected = kernels.Expected(
        np.array([[[5.0], [0.4]], [[10.0], [0.9]]]), np.zeros((2, 2, 0)), np.zeros(0), np.zeros(0)
    )
    chi2 = []
    for N, change in ((5.0, 0.4), (10.0, 0.9)):
        z = np.linspace(-6.0, 6.0, 2_000_001)
        counts = N + change * z
        with np.errstate(invalid="ignore", divide="ignore"):
            found = 2.0 * (counts - 7.0 + 7.0 * np.log(7.0 / counts)) + (z - 0.5) ** 2
        chi2.append(float(np.nanmin(found)))
    delta, best = np.empty(1), np.empty(1, dtype=np.int64)
    measured = np.array([[0.5]])
    data = np.array([[7.0]])
    pulls = np.array([1]), np.zeros(1), np.ones(1)
    kernels.delta_by_minimising(data, np.zeros((1, 0)), measured, expected, *pulls, 1, delta, best)
    assert best[0] == np.argmin(chi2)
    assert delta[0] == pytest.approx(chi2[1] - min(chi2), abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3), st.integers(1, 6))
def test_squares_less_what_the_nuisances_take_up(seed: int, residuals: int, nuisances: int, places: int) -> None:
    random = np.random.default_rng(seed)
    r = random.normal(size=(places, residuals))
    A = random.normal(size=(places, residuals, nuisances))
    data = random.normal(size=(4, residuals + nuisances))
    Q = np.linalg.qr(np.concatenate((A, np.broadcast_to(np.eye(nuisances), (places, nuisances, nuisances))), axis=1))[0]
    delta, best = np.empty(4), np.empty(4, dtype=np.int64)
    kernels.delta_of_squares(
        data,
        np.sum(r**2, axis=1),
        np.concatenate((r.T, np.zeros((nuisances, places)))),
        np.einsum("pr,prk->kp", r, Q[:, :residuals]),
        np.ascontiguousarray(Q.transpose(2, 1, 0)),
        places - 1,
        delta,
        best,
    )
    for p in range(4):
        least = []
        for j in range(places):
            # residuals r + A z - data, and pulls z - measured
            rows = np.vstack((A[j], np.eye(nuisances)))
            target = np.concatenate((data[p, :residuals] - r[j], data[p, residuals:]))
            z = np.linalg.lstsq(rows, target, rcond=None)[0] if nuisances else np.zeros(0)
            least.append(float(np.sum((rows @ z - target) ** 2)))
        assert delta[p] == pytest.approx(least[-1] - min(least), rel=1e-9, abs=1e-9)
