"""Arrival times: the pulse convolved with the decays, against nested quadrature."""

from __future__ import annotations

from itertools import pairwise
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
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


@pytest.mark.parametrize("width", [1e-4, 0.026, 0.15, 1.0, 50.0])
def test_everything_arrives_in_the_end(width: float) -> None:
    for lifetimes in LIFETIMES_US.values():
        assert Pulse(0.44, width).arrived(-1e3, lifetimes) == pytest.approx(0.0, abs=1e-12)
        assert Pulse(0.44, width).arrived(1e3, lifetimes) == pytest.approx(1.0, rel=1e-12)


def test_short_lived_parents_leave_the_pulse_as_it_is() -> None:
    for t in (0.2, 0.44, 0.6):
        gaussian = 0.5 * (1.0 + erf((t - 0.44) / (0.15 * sqrt(2.0))))
        assert Pulse(0.44, 0.15).arrived(t, (1e-9,)) == pytest.approx(gaussian, abs=1e-8)


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


def test_muon_neutrinos_are_prompt_and_the_others_delayed() -> None:
    timing = Timing(np.array([0.0, 1.0]), {"prompt": np.array([0.9]), "delayed": np.array([0.2])})
    assert [float(timing.of(flavour)[0]) for flavour in ("nu_mu", "nu_e", "nu_mubar")] == [0.9, 0.2, 0.2]
