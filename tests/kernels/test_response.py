"""Moments of the spectrum, against mpmath."""

from __future__ import annotations

from collections.abc import Callable

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mp, mpf

from scanengine_kernels import response as kernels
from scanengine_kernels._jit import interpreted
from tests import naive
from tests.naive import FloatArray

# phi = 2 + 3 E - E^2 / 5 + E^3 / 70 from 1 to 2, then 30 - 4 E to 4; and a line of flux 3 at 3.5
KNOTS = np.array([1.0, 2.0, 4.0])
CUBICS = np.array([[2.0, 3.0, -0.2, 1.0 / 70.0], [30.0, -4.0, 0.0, 0.0]])
LINES = np.array([[3.5, 3.0]])
STEADY = np.zeros(3)


def flux(E: naive.Real) -> naive.Real:
    c = CUBICS[0] if KNOTS[1] > E else CUBICS[1]
    return sum(mpf(float(c[p])) * E**p for p in range(4))


def exact_moments(e: float) -> list[float]:
    with mpmath.workdps(30):
        edges = sorted({max(mpf(e), mpf(float(k))) for k in KNOTS})
        moments = [mp.quad(lambda E, m=m: flux(E) / E**m, edges) if len(edges) > 1 else mpf(0) for m in range(3)]
        return [float(value + (3 / mpf(3.5) ** m if e < 3.5 else 0)) for m, value in enumerate(moments)]


def tails() -> FloatArray:
    moments = np.zeros((3, 3))
    for j in (1, 0):
        moments[j] = moments[j + 1]
        kernels.segment_moments(KNOTS[j], KNOTS[j + 1], CUBICS[j], STEADY, moments[j])
    return moments


def spectral_moments(e: float) -> FloatArray:
    moments = np.full(3, np.nan)
    kernels.spectral_moments(e, LINES, KNOTS, CUBICS, tails(), STEADY, moments)
    return moments


@pytest.mark.parametrize("e", [0.0, 0.5, 1.0, 1.3, 2.0, 2.9, 3.4999, 3.5, 3.7, 3.999, 4.0, 9.0])
def test_moments_of_lines_and_continuum_above_any_energy(e: float) -> None:
    np.testing.assert_allclose(spectral_moments(e), exact_moments(e), rtol=3e-15, atol=1e-15)


def test_segment_moments_are_added() -> None:
    moments = np.array([1.0, 2.0, 3.0])
    kernels.segment_moments(1.0, 2.0, np.array([0.0, 1.0, 0.0, 0.0]), STEADY, moments)
    np.testing.assert_allclose(moments, [1.0 + 1.5, 2.0 + 1.0, 3.0 + np.log(2.0)], rtol=1e-15)


@pytest.mark.parametrize(
    "kernel", [kernels.moments_at, interpreted(kernels.moments_at)], ids=["compiled", "interpreted"]
)
def test_moments_at_many_energies_are_those_at_each(kernel: Callable[..., None]) -> None:
    e = np.array([3.7, 0.0, 1.3, 2.0, 9.0])
    moments = np.full((e.size, 3), np.nan)
    kernel(e, LINES, KNOTS, CUBICS, tails(), STEADY, moments)
    np.testing.assert_allclose(moments, [exact_moments(energy) for energy in e.tolist()], rtol=3e-15, atol=1e-15)


def test_without_a_continuum_the_lines_are_all() -> None:
    moments = np.full(3, np.nan)
    kernels.spectral_moments(2.0, LINES, np.zeros(0), np.zeros((0, 4)), np.zeros((0, 3)), STEADY, moments)
    np.testing.assert_allclose(moments, [3.0, 3.0 / 3.5, 3.0 / 3.5**2], rtol=1e-15)


def test_moments_of_neutrinos_that_oscillate() -> None:
    a, s, low = 1.9, 0.4, 1.25
    cubic = np.array([2.0, 3.0, -0.2, 1.0 / 70.0])
    moments, averaged = np.zeros(3), np.zeros(3)
    kernels.segment_moments(1.25, 2.0, cubic, np.array([a, s, low]), moments)
    kernels.segment_moments(1.0, 1.25, cubic, np.array([a, s, low]), averaged)
    for m in range(3):

        def flux_per_E(E: naive.Real, power: int = m) -> naive.Real:
            return sum(mpf(float(cubic[p])) * E**p for p in range(4)) / E**power

        with mpmath.workdps(30):
            exact = mp.quad(lambda E: flux_per_E(E) * (1 - mpf(s) * mp.sin(mpf(a) / E) ** 2), [mpf(1.25), mpf(2)])
            assert moments[m] == pytest.approx(float(exact), rel=3e-15)
            exact = mp.quad(flux_per_E, [mpf(1), mpf(1.25)]) * (1 - mpf(s) / 2)
            assert averaged[m] == pytest.approx(float(exact), rel=3e-15)
