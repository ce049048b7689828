"""Resolution: shares of bins against SciPy's distributions and quadrature."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from scanengine.inputs.acceptances import Acceptance, ExponentialDecay, Logistic, PiecewiseLinear, constant
from scanengine.inputs.resolution import Gamma, Gaussian, Perfect, Poisson, Resolution, Shown
from tests.naive import FloatArray

LIGHT_YIELD = 13.35
CSI_2021 = Logistic(1.32045, 0.285979, 10.8646, -0.333322)
ACCEPTANCES: dict[str, Acceptance] = {
    "all": constant(1.0),
    "logistic": Logistic(0.6655, 0.4942, 10.8507, threshold=5.0),
    "steep": Logistic(0.9, 40.0, 17.3),
    "falling": Logistic(0.9, -0.3, 30.0),
    "zero below": CSI_2021,
    "curve": PiecewiseLinear(np.array([3.0, 20.0, 21.0]), np.array([0.1, 0.9, 0.3]), threshold=7.2),
}
EDGES = np.array([0.0, 6.5, 12.0, 20.0, 45.0, 80.0])
MEANS = np.array([1e-3, 0.4, 3.0, 11.0, 33.0, 90.0])
SHOWN = Shown(MEANS / LIGHT_YIELD, MEANS)


def density(resolution: Resolution, i: int) -> Any:
    E, x = float(SHOWN.E_keVee[i]), float(MEANS[i])
    if isinstance(resolution, Gaussian):
        return stats.norm(x, np.sqrt(resolution.a**2 + resolution.b**2 * x + resolution.c**2 * x * x))
    assert isinstance(resolution, Gamma)
    shape = 1.0 + resolution.shape_per_keVee * E
    return stats.gamma(shape, scale=x / shape)


SMEARED = [Gaussian(0.7, 0.0, 0.0), Gaussian(0.3, 0.9, 0.05), Gamma(9.56), Gamma(300.0)]


@pytest.mark.parametrize("resolution", SMEARED, ids=str)
def test_without_efficiency_shares_are_differences_of_the_distribution(resolution: Resolution) -> None:
    shares = resolution.shares(SHOWN, EDGES, constant(1.0))
    for i in range(MEANS.size):
        exact = np.diff(density(resolution, i).cdf(EDGES))
        np.testing.assert_allclose(shares[:, i], exact, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("name", ACCEPTANCES)
@pytest.mark.parametrize("resolution", SMEARED, ids=str)
def test_shares_are_integrals_of_the_density_with_the_efficiency(resolution: Resolution, name: str) -> None:
    efficiency = ACCEPTANCES[name]
    shares = resolution.shares(SHOWN, EDGES, efficiency)
    for i in (2, 3, 4):
        of_x = density(resolution, i)
        middle, sigma = of_x.mean(), of_x.std()
        own = [b for b in efficiency.breaks if np.isfinite(b)]
        cuts = np.union1d(np.union1d(EDGES, own), middle + sigma * np.linspace(-12.0, 12.0, 25))
        for j, (lo, hi) in enumerate(pairwise(EDGES)):
            parts = cuts[(cuts >= lo) & (cuts <= hi)]
            exact = sum(
                quad(lambda x, f=of_x: float(efficiency(np.array(x))) * f.pdf(x), a, b, epsabs=0.0, epsrel=1e-12)[0]
                for a, b in pairwise(parts)
            )
            assert shares[j, i] == pytest.approx(exact, rel=1e-9, abs=1e-14), (name, i, j)


def test_poisson_counts_whole_numbers_from_the_lower_edge_to_below_the_upper() -> None:
    edges = np.array([0.0, 3.0, 6.5, 9.0])
    shares = Poisson().shares(SHOWN, edges, constant(1.0))
    for i, mean in enumerate(MEANS):
        k = np.arange(9)
        p = stats.poisson.pmf(k, mean)
        np.testing.assert_allclose(shares[:, i], [p[:3].sum(), p[3:7].sum(), p[7:].sum()], rtol=1e-12)


def test_poisson_takes_the_efficiency_at_whole_numbers() -> None:
    efficiency = ACCEPTANCES["logistic"]
    shares = Poisson().shares(SHOWN, np.array([4.0, 8.0]), efficiency)
    for i, mean in enumerate(MEANS):
        # 4 is below the threshold
        exact = sum(0.6655 / (1.0 + np.exp(-0.4942 * (k - 10.8507))) * stats.poisson.pmf(k, mean) for k in (5, 6, 7))
        assert shares[0, i] == pytest.approx(exact, rel=1e-12)


def test_a_mean_of_zero_gives_no_photo_electron() -> None:
    nothing = Shown(np.zeros(1), np.zeros(1))
    assert Poisson().shares(nothing, np.array([0.0, 1.0, 2.0]), constant(0.5)).ravel().tolist() == [0.5, 0.0]
    assert Gamma(9.56).shares(nothing, np.array([1.0, 2.0]), constant(1.0)).ravel().tolist() == [0.0]


def test_without_resolution_a_mean_is_in_one_bin() -> None:
    shares = Perfect().shares(SHOWN, EDGES, ACCEPTANCES["curve"])
    expected = np.zeros_like(shares)
    for i, mean in enumerate(MEANS[:-1]):
        expected[np.searchsorted(EDGES, mean, side="right") - 1, i] = ACCEPTANCES["curve"](np.array(mean))
    assert np.array_equal(shares, expected)


@pytest.mark.parametrize("resolution", [*SMEARED, Poisson()], ids=str)
@given(mean=st.floats(1e-6, 70.0), cut=st.floats(1.0, 70.0))
def test_splitting_a_bin_adds_up(resolution: Resolution, mean: float, cut: float) -> None:
    shown = Shown(np.array([mean / LIGHT_YIELD]), np.array([mean]))
    whole = resolution.shares(shown, np.array([0.5, 75.0]), CSI_2021)
    split = resolution.shares(shown, np.array([0.5, cut, 75.0]), CSI_2021)
    assert split.sum() == pytest.approx(whole.sum(), rel=1e-10, abs=1e-16)


@pytest.mark.parametrize("resolution", [*SMEARED, Poisson()], ids=str)
@given(mean=st.floats(5.0, 200.0))
def test_everything_is_reconstructed_somewhere(resolution: Resolution, mean: float) -> None:
    shown = Shown(np.array([mean / LIGHT_YIELD]), np.array([mean]))
    low = -1e4 if isinstance(resolution, Gaussian) else 0.0
    shares = resolution.shares(shown, np.array([low, 600.0 if isinstance(resolution, Poisson) else 1e5]), constant(1.0))
    assert shares.sum() == pytest.approx(1.0, rel=1e-11)


# Acceptances.


@pytest.mark.parametrize("name", ACCEPTANCES)
def test_acceptances_are_smooth_between_their_breaks(name: str) -> None:
    efficiency = ACCEPTANCES[name]
    cuts = np.union1d([1.0, 60.0], [b for b in efficiency.breaks if 1.0 < b < 60.0])
    nodes, weights = np.polynomial.legendre.leggauss(12)
    for lo, hi in pairwise(cuts):
        by_rule = 0.5 * (hi - lo) * (efficiency(0.5 * (lo + hi) + 0.5 * (hi - lo) * nodes) @ weights)
        exact = quad(lambda x: float(efficiency(np.array(x))), lo, hi, epsabs=0.0, epsrel=1e-12)[0]
        assert by_rule == pytest.approx(exact, rel=1e-9, abs=1e-15)


def test_csi_efficiency_is_zero_below_seven_photo_electrons() -> None:
    x: FloatArray = np.array([0.0, 7.06, 7.08, 60.0])
    below, at, above, far = CSI_2021(x)
    assert below == at == 0.0
    assert 0.0 < above < 1e-3
    assert far == pytest.approx(1.32045 - 0.333322, rel=1e-5)
    assert any(b == pytest.approx(7.0681, abs=1e-3) for b in CSI_2021.breaks)


def test_decay_begins_at_its_start() -> None:
    np.testing.assert_allclose(ExponentialDecay(0.5, 2.0)(np.array([-1.0, 0.5, 1.5])), [1.0, 1.0, np.exp(-2.0)])
