"""Minima of quartics and of sums of squares over a box, against NumPy's roots and SciPy's bounded least squares."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from scanengine_kernels import closed_form as kernels
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)
COEFFICIENTS = st.lists(st.floats(-10.0, 10.0), min_size=5, max_size=5)


def linear_part(Q: FloatArray, lower: FloatArray, upper: FloatArray) -> kernels.LinearPart:
    """With inverses wherever the columns chosen are independent, by their rank."""
    j = Q.shape[1]
    inverses, usable = np.zeros((2**j, j, j)), np.zeros(2**j, dtype=np.bool_)
    for free in range(2**j):
        chosen = [i for i in range(j) if free >> i & 1]
        usable[free] = not chosen or np.linalg.matrix_rank(Q[:, chosen]) == len(chosen)
        if usable[free] and chosen:
            inverses[np.ix_([free], chosen, chosen)] = np.linalg.inv(Q[:, chosen].T @ Q[:, chosen])
    return kernels.LinearPart(Q, lower, upper, inverses, usable)


def lowest(c: FloatArray, linear: kernels.LinearPart, z: float) -> float:
    """The minimum over s alone, by SciPy."""
    r = c[0] + z * (c[1] + z * c[2])
    fixed = linear.lower == linear.upper
    r = r + linear.Q[:, fixed] @ linear.lower[fixed]
    if fixed.all():
        return float(r @ r)
    bounds = linear.lower[~fixed], linear.upper[~fixed]
    return 2.0 * float(lsq_linear(linear.Q[:, ~fixed], -r, bounds, method="bvls", tol=1e-14).cost)


@given(COEFFICIENTS, st.floats(-3.0, 3.0), st.floats(0.0, 3.0))
@example([0.0, 0.0, 0.0, 0.0, 1.0], -1.0, 2.5)
@example([0.0, 0.0, -1.0, 0.0, 1.0], -2.0, 4.0)
@example([0.0, -1.0, 1.0, 0.0, 0.0], -1.0, 3.0)
@example([0.0, 1.0, 0.0, -3.0, 1e-12], -1.0, 2.0)
@example([0.0, 0.0, 0.0, 1.0, 2.225073858507203e-309], 0.0, 1.0)
@example([0.0, 1e300, 1e-10, 1e-160, 0.0], -1.0, 2.0)
def test_a_quartic_is_lowest_at_one_of_the_places(q: list[float], lower: float, width: float) -> None:
    places = np.full(4, np.nan)
    count = kernels.quartic_minima(np.array(q), lower, lower + width, places)
    found = places[:count]
    assert np.all((found >= lower) & (found <= lower + width))
    everywhere = np.linspace(lower, lower + width, 1001)
    value = np.polynomial.Polynomial(q)
    scale = 1.0 + float(np.abs(np.array(q)) @ (max(abs(lower), abs(lower + width)) ** np.arange(5)))
    assert value(found).min() <= value(everywhere).min() + 1e-12 * scale


def test_both_minima_of_a_double_well_are_found() -> None:
    places = np.empty(4)
    assert kernels.quartic_minima(np.array([0.0, 0.01, -2.0, 0.0, 1.0]), -2.0, 2.0, places) == 4
    assert sorted(places) == pytest.approx([-2.0, -1.0012, 0.9987, 2.0], abs=1e-4)


@given(SEEDS, st.integers(0, 3), st.integers(1, 5), st.sampled_from(["free", "parallel", "absent"]))
def test_the_minimum_is_reached_inside_and_nothing_is_lower(seed: int, j: int, K: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    c, Q = random.normal(size=(3, K)), random.normal(size=(K, j))
    if j > 1 and kind == "parallel":
        Q[:, 1] = -2.0 * Q[:, 0]
    if j > 0 and kind == "absent":
        Q[:, 0] = 0.0
    lower = random.normal(size=j)
    upper = lower + random.choice([0.0, 0.3, 3.0], size=j)
    linear = linear_part(Q, lower, upper)
    z_lower, z_upper = np.sort(random.normal(size=2)).tolist()
    place = np.full(1 + j, np.nan)
    chi2 = kernels.minimise_closed(c, linear, z_lower, z_upper, place)
    z, s = place[0], place[1:]
    assert z_lower <= z <= z_upper
    assert np.all((s >= lower) & (s <= upper))
    assert chi2 == pytest.approx(np.sum((c[0] + z * (c[1] + z * c[2]) + Q @ s) ** 2), rel=1e-10, abs=1e-10)
    assert chi2 == pytest.approx(lowest(c, linear, z), rel=1e-8, abs=1e-8)
    for other in np.linspace(z_lower, z_upper, 11):
        assert chi2 <= lowest(c, linear, float(other)) + 1e-8


@given(SEEDS)
def test_a_box_that_cuts_off_the_free_minimum_has_its_minimum_on_the_right_face(seed: int) -> None:
    """Against every corner and edge of a fine net over both variables."""
    random = np.random.default_rng(seed)
    c, Q = random.normal(size=(3, 4)), random.normal(size=(4, 2))
    c[1:] = 0.0
    linear = linear_part(Q, np.array([0.5, -0.5]), np.array([0.75, 2.0]))
    chi2 = kernels.minimise_closed(c, linear, 0.0, 0.0, np.empty(3))
    net = np.array(list(product(np.linspace(0.5, 0.75, 26), np.linspace(-0.5, 2.0, 251))))
    brute = float(np.sum((c[0] + net @ Q.T) ** 2, axis=1).min())
    assert brute - 0.01 <= chi2 <= brute + 1e-12
