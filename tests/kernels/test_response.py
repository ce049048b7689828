"""Moments of the spectrum and response integrals of the kernel, against closed forms and mpmath."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mp, mpf

from scanengine_kernels import response as kernels
from tests import naive
from tests.naive import FloatArray

NO_LINES = np.zeros((0, 2))
NO_SHAPE = np.zeros(0)
SEES_ALL = (np.zeros(1), np.ones(1))
HBARC = 197.3269804
M = 37215.0
# phi = 2 + 3 E - E^2 / 5 + E^3 / 70 from 1 to 2, then 30 - 4 E to 4; and a line of flux 3 at 3.5
KNOTS = np.array([1.0, 2.0, 4.0])
CUBICS = np.array([[2.0, 3.0, -0.2, 1.0 / 70.0], [30.0, -4.0, 0.0, 0.0]])
LINES = np.array([[3.5, 3.0]])


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
        kernels.segment_moments(KNOTS[j], KNOTS[j + 1], CUBICS[j], moments[j])
    return moments


def spectral_moments(e: float) -> FloatArray:
    moments = np.full(3, np.nan)
    kernels.spectral_moments(e, LINES, KNOTS, CUBICS, tails(), moments)
    return moments


@pytest.mark.parametrize("e", [0.0, 0.5, 1.0, 1.3, 2.0, 2.9, 3.4999, 3.5, 3.7, 3.999, 4.0, 9.0])
def test_moments_of_lines_and_continuum_above_any_energy(e: float) -> None:
    np.testing.assert_allclose(spectral_moments(e), exact_moments(e), rtol=3e-15, atol=1e-15)


def test_segment_moments_are_added() -> None:
    moments = np.array([1.0, 2.0, 3.0])
    kernels.segment_moments(1.0, 2.0, np.array([0.0, 1.0, 0.0, 0.0]), moments)
    np.testing.assert_allclose(moments, [1.0 + 1.5, 2.0 + 1.0, 3.0 + np.log(2.0)], rtol=1e-15)


def response(
    panels: list[tuple[float, float]],
    bins: list[int],
    options: tuple[bool, bool, bool, bool] = (False, False, True, True),
    form_factor: tuple[int, FloatArray] = (1, np.array([3.4, 0.9])),
    efficiency: tuple[FloatArray, FloatArray] = SEES_ALL,
    lines: FloatArray = LINES,
) -> tuple[FloatArray, float]:
    integrals = np.zeros((max(bins) + 1, 4))
    left = kernels.response(
        np.array(panels),
        np.array(bins),
        M,
        HBARC,
        lines,
        KNOTS,
        CUBICS,
        tails(),
        *efficiency,
        *form_factor,
        *form_factor,
        np.array(options),
        integrals,
    )
    return integrals, left


def exact_response(
    lo: float, hi: float, full: bool = False, efficiency: Sequence[tuple[float, float]] = ((0.0, 1.0),)
) -> list[float]:
    """The same for F = 1, weak and magnetic, between the recoils (not rounded at the upper end) of two energies."""
    nucleus = naive.Nucleus(1, 1, (M + naive.M_E) / naive.U)
    detector = naive.Detector(nucleus, one, one, efficiency, options=naive.Options(full, full))
    T_keV = [2.0e3 * e * e / (M + 2.0 * e) for e in (lo, hi)]
    spectrum = naive.Spectrum(LINES.tolist(), flux, KNOTS.tolist())
    pp, _, _, magnetic = naive.kinematic_integrals(detector, spectrum, T_keV[0], T_keV[1] if hi < 4.0 else np.inf)
    return [float(pp), float(magnetic)]


def one(q: object) -> object:
    return 1


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("lo", "hi"), [(1.0, 2.0), (2.0, 3.5), (3.5, 4.0), (0.05, 1.0)])
def test_integrals_of_a_point_nucleus(lo: float, hi: float, full: bool) -> None:
    integrals, left = response([(lo, hi)], [0], options=(full, full, True, True), form_factor=(0, NO_SHAPE))
    weak, magnetic = exact_response(lo, hi, full)
    np.testing.assert_allclose(integrals[0], [weak, weak, weak, magnetic], rtol=1e-13)
    assert left <= kernels.AGREEMENT


def test_efficiency_multiplies_the_rate() -> None:
    e, T_keV = 2.0, 2.0e3 * 2.0**2 / (M + 4.0)
    points = np.array([0.0, 2.0 * T_keV]) * 1e-3, np.array([0.2, 1.0])
    integrals, _ = response([(1.0, e)], [0], efficiency=points, form_factor=(0, NO_SHAPE))
    exact = exact_response(1.0, e, efficiency=[(0.0, 0.2), (2.0 * T_keV, 1.0)])
    np.testing.assert_allclose(integrals[0, [0, 3]], exact, rtol=1e-13)


def test_panels_of_a_bin_add_up() -> None:
    whole, _ = response([(1.0, 2.0)], [0])
    parts, _ = response([(1.0, 1.1), (1.1, 1.9), (1.9, 2.0)], [0, 0, 0])
    np.testing.assert_allclose(parts, whole, rtol=1e-14)
    separate, _ = response([(1.0, 1.1), (1.1, 1.9), (1.9, 2.0)], [0, 2, 1])
    np.testing.assert_allclose(separate.sum(axis=0), whole[0], rtol=1e-14)
    assert np.all(separate > 0.0)


def test_moment_is_left_out_where_it_is_not_wanted() -> None:
    without, _ = response([(0.0, 2.0)], [0], options=(False, False, True, False))
    assert without[0, 3] == 0.0
    assert np.all(without[0, :3] > 0.0)


def test_form_factor_of_the_moment_is_that_of_the_protons_or_one() -> None:
    with_F, _ = response([(1.0, 2.0)], [0])
    without_F, _ = response([(1.0, 2.0)], [0], options=(False, False, False, True))
    point, _ = response([(1.0, 2.0)], [0], form_factor=(0, NO_SHAPE))
    assert with_F[0, 3] < without_F[0, 3]
    assert without_F[0, 3] == pytest.approx(point[0, 3], rel=1e-15)


def test_narrow_features_are_bisected_until_they_are_resolved() -> None:
    """A nucleus so large that the form factor oscillates dozens of times in one panel."""
    large = (2, np.array([4000.0, 0.0]))
    whole, left = response([(1.0, 2.0)], [0], form_factor=large)
    cuts = np.linspace(1.0, 2.0, 257)
    parts, _ = response(list(pairwise(cuts.tolist())), [0] * 256, form_factor=large)
    assert left <= kernels.AGREEMENT
    np.testing.assert_allclose(whole, parts, rtol=1e-10)


@pytest.mark.jit_only
def test_kink_inside_a_panel_is_reported_by_what_is_left() -> None:
    """A jump cannot be resolved by bisection: that is what panel edges are for."""
    T = float(2.0 * 1.4**2 / (M + 2.8))
    jump = np.array([T, np.nextafter(T, 1.0)]), np.array([0.0, 1.0])
    assert response([(1.0, 2.0)], [0], efficiency=jump)[1] > kernels.AGREEMENT


@pytest.mark.parametrize("options", [(False, False, True, True), (True, True, False, True), (True, False, True, False)])
def test_rate_terms_are_the_integrand_by_hand(options: tuple[bool, bool, bool, bool]) -> None:
    full, full_magnetic, with_shape, magnetic = options
    e = np.array([0.7, 1.4, 3.2, 3.7, 5.0])
    terms = np.full((e.size, 4), np.nan)
    helm = (1, np.array([5.0, 0.9]), 1, np.array([5.3, 0.9]))
    kernels.rate_terms(e, M, HBARC, LINES, KNOTS, CUBICS, tails(), *helm, np.array(options), terms)
    for i, energy in enumerate(e.tolist()):
        moment = exact_moments(energy)
        T = 2.0 * energy**2 / (M + 2.0 * energy)
        slope = 4.0 * energy * (M + energy) / (M + 2.0 * energy) ** 2
        q = np.sqrt(2.0 * M * T) / HBARC
        F_p, F_n = float(naive.helm(q, 5.0, 0.9)), float(naive.helm(q, 5.3, 0.9))
        weak = moment[0] - M * T / 2.0 * moment[2] + (T * (T / 2.0 * moment[2] - moment[1]) if full else 0.0)
        moments = moment[0] / T - moment[1] + (T / 4.0 * moment[2] if full_magnetic else 0.0)
        expected = [weak * F_p * F_p, weak * F_p * F_n, weak * F_n * F_n]
        expected.append(moments * (F_p**2 if with_shape else 1.0) if magnetic else 0.0)
        np.testing.assert_allclose(terms[i], slope * np.array(expected), rtol=1e-11, atol=1e-20)
