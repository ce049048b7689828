"""Arrival times: the pulse convolved with the decays, against nested quadrature."""

from __future__ import annotations

from itertools import pairwise
from math import erf, exp, expm1, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf  # type: ignore[import-untyped]
from scipy.integrate import quad

from scanengine.inputs.acceptances import ExponentialDecay
from scanengine.inputs.constants import TAU_MU_US, TAU_PI_US
from scanengine.inputs.timing import LIFETIMES_US, Pulse, Timing, bin_averages

EDGES = np.array([-0.3, 0.0, 0.4, 0.6, 1.0, 2.5, 6.0])


def rate(t: float, mean: float, width: float, lifetimes: tuple[float, ...]) -> float:
    """The convolution by quadrature over the decay time."""

    def decays(s: float) -> float:
        if len(lifetimes) == 1:
            return exp(-s / lifetimes[0]) / lifetimes[0]
        a, b = lifetimes
        return (exp(-s / b) - exp(-s / a)) / (b - a)

    def integrand(s: float) -> float:
        return decays(s) * exp(-0.5 * ((t - s - mean) / width) ** 2) / (width * sqrt(2.0 * pi))

    peak = t - mean
    points = sorted(
        {0.0, *(max(0.0, peak + k * width) for k in range(-9, 10)), *(k * lifetimes[0] for k in range(1, 30))}
    )
    points.append(points[-1] + 30.0 * lifetimes[-1])
    return sum(quad(integrand, a, b, epsabs=1e-16, epsrel=1e-11)[0] for a, b in pairwise(points))


@pytest.mark.parametrize("name", LIFETIMES_US)
@pytest.mark.parametrize(("mean", "width"), [(0.44, 0.15), (0.5, 0.02), (0.2, 0.6)])
def test_rate_is_the_convolution(name: str, mean: float, width: float) -> None:
    pulse, lifetimes = Pulse(mean, width), LIFETIMES_US[name]
    for t in (0.1, 0.44, 0.7, 1.5, 4.0):
        assert pulse.rate_per_us(t, lifetimes) == pytest.approx(rate(t, mean, width, lifetimes), rel=1e-8, abs=1e-13)


@pytest.mark.parametrize("name", LIFETIMES_US)
@pytest.mark.parametrize("width", [0.001, 0.15, 3.0])
def test_shares_are_integrals_of_the_rate(name: str, width: float) -> None:
    pulse, lifetimes = Pulse(0.44, width), LIFETIMES_US[name]
    shares = pulse.shares(EDGES, lifetimes, None)
    for share, lo, hi in zip(shares, EDGES[:-1], EDGES[1:], strict=True):
        near = 0.44 + width * np.linspace(-10.0, 10.0, 41)
        cuts = np.union1d([lo, hi], [t for t in [*near, *(0.44 + TAU_PI_US * np.arange(40))] if lo < t < hi])
        exact = sum(
            quad(lambda t: pulse.rate_per_us(t, lifetimes), a, b, epsabs=1e-15, epsrel=1e-12)[0]
            for a, b in pairwise(cuts)
        )
        assert share == pytest.approx(exact, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("width", [1e-30, 1e-4, 0.026, 0.15, 1.0, 50.0, 1e4])
@pytest.mark.parametrize("mean", [0.44, -3e5])
@pytest.mark.parametrize("efficiency", [None, ExponentialDecay(0.52, 0.0)])
def test_everything_arrives_in_the_end(width: float, mean: float, efficiency: ExponentialDecay | None) -> None:
    for lifetimes in LIFETIMES_US.values():
        first, last = mean - 20.0 * max(width, 1e-3), mean + 20.0 * width + 6e3
        for edges in ([first, last], [first - 1e7, last + 1e9], [first, mean, mean + 0.1, mean + 3.0, last]):
            shares = Pulse(mean, width).shares(np.array(edges), lifetimes, efficiency)
            assert shares.sum() == pytest.approx(1.0, rel=1e-12)


def exact_share(pulse: Pulse, lifetimes: tuple[float, ...], lo: float, hi: float, rate: float = 0.0) -> float:
    """Of a pulse's flux the share between lo and hi, kept with exp(-rate (t - mean)), in closed form with 80 digits.

    With k = 1 / tau + rate and D = exp(r^2 / 2 - r z) Phi(z - r), r = width / tau, the integral of exp(-rate t) D is by
    parts [exp(s^2 / 2) Phi(z - s) - exp(-rate t) D] / k with s = -width rate.
    """
    with mp.workdps(80):

        def integral(tau: mpf, t: mpf) -> mpf:
            z, r, s = t / width, width / tau, -width * mpf(rate)
            decaying = mp.exp(r * r / 2 - r * z) * mp.ncdf(z - r)
            risen = mp.exp(s * s / 2) * mp.ncdf(z - s)
            return (risen - mp.exp(-rate * t) * decaying) / (1 / tau + rate) / tau

        width, mean = mpf(pulse.width_us), mpf(pulse.mean_us)
        taus = [mpf(tau) for tau in lifetimes]
        weights = [mpf(1)] if len(taus) == 1 else [taus[0] / (taus[0] - taus[1]), taus[1] / (taus[1] - taus[0])]
        a, b = mpf(lo) - mean, mpf(hi) - mean
        return float(sum(w * (integral(tau, b) - integral(tau, a)) for w, tau in zip(weights, taus, strict=True)))


@given(
    st.floats(-3.0, 1.0).map(lambda x: 10.0**x),
    st.lists(st.floats(-6.0, 5.0).map(lambda x: 10.0**x), min_size=1, max_size=5, unique=True),
    st.sampled_from(sorted(LIFETIMES_US)),
    st.sampled_from([None, 0.01, 1.0, 5.0]),
)
@settings(max_examples=25)
def test_shares_of_any_bins_are_exact(width: float, lengths: list[float], name: str, falls: float | None) -> None:
    pulse, lifetimes = Pulse(0.44, width), LIFETIMES_US[name]
    rate = 0.0 if falls is None else falls / width
    edges = 0.44 - 2.0 * width + np.concatenate(([0.0], np.cumsum(lengths)))
    efficiency = None if falls is None else ExponentialDecay(float(edges[0]), rate)
    shares = pulse.shares(edges, lifetimes, efficiency)
    for share, lo, hi in zip(shares, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        exact = exact_share(pulse, lifetimes, lo, hi, rate) * exp(rate * (float(edges[0]) - 0.44))
        assert share == pytest.approx(exact, rel=1e-9, abs=1e-60)


def test_short_lived_parents_leave_the_pulse_as_it_is() -> None:
    for t in (0.2, 0.44, 0.6):
        gaussian = 0.5 * (1.0 + erf((t - 0.44) / (0.15 * sqrt(2.0))))
        assert Pulse(0.44, 0.15).shares(np.array([-5.0, t]), (1e-9,), None) == pytest.approx(gaussian, abs=1e-8)


def test_mean_delays_are_the_lifetimes() -> None:
    edges = np.linspace(-1.0, 60.0, 6101)
    middle = 0.5 * (edges[1:] + edges[:-1])
    for name, delay in (("prompt", TAU_PI_US), ("delayed", TAU_PI_US + TAU_MU_US)):
        shares = Pulse(0.44, 0.15).shares(edges, LIFETIMES_US[name], None)
        assert shares @ middle == pytest.approx(0.44 + delay, abs=1e-4)


@pytest.mark.parametrize("width", [1e-9, 0.001, 3.0])
def test_efficiency_of_one_changes_nothing_whatever_the_width(width: float) -> None:
    for lifetimes in LIFETIMES_US.values():
        with_efficiency = Pulse(0.44, width).shares(EDGES, lifetimes, ExponentialDecay(0.0, 0.0))
        np.testing.assert_allclose(with_efficiency, Pulse(0.44, width).shares(EDGES, lifetimes, None), atol=1e-10)


@pytest.mark.parametrize("name", LIFETIMES_US)
def test_efficiency_in_time(name: str) -> None:
    pulse, lifetimes, efficiency = Pulse(0.5, 0.153), LIFETIMES_US[name], ExponentialDecay(0.52, 0.7)
    shares = pulse.shares(EDGES, lifetimes, efficiency)
    for share, lo, hi in zip(shares, EDGES[:-1], EDGES[1:], strict=True):
        cuts = np.union1d([lo, hi], [t for t in [0.52, *(0.5 + 0.03 * np.arange(-40, 60))] if lo < t < hi])
        exact = sum(
            quad(lambda t: float(efficiency(np.array(t))) * pulse.rate_per_us(t, lifetimes), a, b, epsrel=1e-12)[0]
            for a, b in pairwise(cuts)
        )
        assert share == pytest.approx(exact, rel=1e-9, abs=1e-13)


def test_average_of_an_efficiency_over_bins() -> None:
    averages = bin_averages(ExponentialDecay(0.5, 2.0), np.array([0.0, 0.4, 1.0, 3.0]))
    expected = [1.0, (0.1 + (1.0 - exp(-1.0)) / 2.0) / 0.6, (exp(-1.0) - exp(-5.0)) / 2.0 / 2.0]
    np.testing.assert_allclose(averages, expected, rtol=1e-12)


def test_average_over_bins_of_any_width() -> None:
    for rate in (1e-6, 0.1, 30.0, 1e7):
        averages = bin_averages(ExponentialDecay(0.5, rate), np.array([0.0, 1e6, 1e6 + 1.0]))
        assert averages[0] == pytest.approx((0.5 - expm1(-rate * (1e6 - 0.5)) / rate) / 1e6, rel=1e-12)
        assert averages[1] == pytest.approx(exp(-rate * (1e6 - 0.5)) * -expm1(-rate) / rate, rel=1e-9)


def test_muon_neutrinos_are_prompt_and_the_others_delayed() -> None:
    timing = Timing(np.array([0.0, 1.0]), {"prompt": np.array([0.9]), "delayed": np.array([0.2])})
    assert [float(timing.of(flavour)[0]) for flavour in ("nu_mu", "nu_e", "nu_mubar")] == [0.9, 0.2, 0.2]
