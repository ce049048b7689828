"""Form factors against the textbook formulas in 80 digits, and against the densities that they belong to."""

from __future__ import annotations

from collections.abc import Callable

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.interpolate import CubicSpline

from scanengine_kernels import form_factors as kernels
from tests import naive

# Both sides of where the kernels change from series to closed forms, x = 0.5 and y = 0.1, and everything between.
Q = np.unique(np.concatenate((np.geomspace(1e-12, 10.0, 67), np.linspace(0.01, 0.4, 40), np.linspace(0.4, 10.0, 25))))
ROUNDING = 1e-13

KINDS = [
    pytest.param(kernels.helm, naive.helm, id="helm"),
    pytest.param(kernels.klein_nystrand, naive.klein_nystrand, id="klein-nystrand"),
    pytest.param(kernels.symmetrised_fermi, naive.symmetrised_fermi, id="symmetrised-fermi"),
]
SHAPES = [(2.2, 0.52), (3.0, 0.9), (5.7, 0.7), (7.1, 0.3)]


@pytest.mark.parametrize(("radius", "width"), SHAPES)
@pytest.mark.parametrize(("kernel", "textbook"), KINDS)
def test_equals_the_textbook_formula_at_every_momentum_transfer(
    kernel: Callable[[float, float, float], float],
    textbook: Callable[[float, float, float], naive.Real],
    radius: float,
    width: float,
) -> None:
    with mpmath.workdps(80):
        exact = [textbook(q, radius, width) for q in Q]
        errors = [abs(kernel(q, radius, width) - F) for q, F in zip(Q, exact, strict=True)]
    assert float(max(errors)) < ROUNDING


@pytest.mark.parametrize(("kernel", "textbook"), KINDS)
def test_is_exactly_one_at_zero(kernel: Callable[[float, float, float], float], textbook: object) -> None:
    assert kernel(0.0, 3.0, 0.5) == 1.0


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-9, 0.1, 0.4999999, 0.5, 0.5000001, 3.0, 4.4934, 60.0])
def test_bessel_quotient(x: float) -> None:
    with mpmath.workdps(80):
        exact = (mp.sin(x) - x * mp.cos(x)) / mpf(x) ** 3 if x > 1e-20 else mpf(1) / 3
        assert kernels.j1_over_x(x) == pytest.approx(float(exact), abs=1e-15)
        assert kernels.j1_over_x(-x) == kernels.j1_over_x(x)


@pytest.mark.parametrize("q", [0.1, 0.5, 1.0, 2.0])
def test_symmetrised_fermi_is_the_transform_of_its_density(q: float) -> None:
    c, a = 3.1, 0.52
    with mpmath.workdps(20):
        exact = naive.fourier_transform(lambda r: mp.sinh(c / a) / (mp.cosh(r / a) + mp.cosh(c / a)), q, mpf(40))
    assert kernels.symmetrised_fermi(q, c, a) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("q", [0.1, 0.5, 1.0, 2.0])
def test_helm_is_the_transform_of_a_sphere_folded_with_a_gaussian(q: float) -> None:
    R0, s = 3.2, 0.9

    def folded(r: object) -> object:
        root2, rootpi = mp.sqrt(2), mp.sqrt(mp.pi)
        up, down = (mpf(r) + R0) / (root2 * s), (mpf(r) - R0) / (root2 * s)
        step = (mp.erf(up) - mp.erf(down)) / 2
        return step + s / (root2 * rootpi * mpf(r)) * (mp.exp(-(up**2)) - mp.exp(-(down**2)))

    with mpmath.workdps(20):
        exact = naive.fourier_transform(folded, q, mpf(20))
    assert kernels.helm(q, R0, s) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("q", [0.1, 0.5, 1.0])
def test_klein_nystrand_is_the_product_of_a_sphere_and_a_yukawa(q: float) -> None:
    with mpmath.workdps(20):
        sphere = naive.fourier_transform(lambda _: 1, q, mpf(3))
        yukawa = mp.quad(lambda r: r * mp.exp(-r / 0.7) * mp.sinc(q * r), [0, 1, 3, 10, 50]) / mpf(0.7) ** 2
    assert kernels.klein_nystrand(q, 3.0, 0.7) == pytest.approx(float(sphere * yukawa), abs=1e-12)


def packed(q: naive.FloatArray, F: naive.FloatArray) -> naive.FloatArray:
    return np.concatenate(([float(q.size)], q, CubicSpline(q, F).c.ravel()))


def test_table_runs_through_its_points_and_is_their_spline_between_and_beyond() -> None:
    q = np.array([0.0, 0.2, 0.3, 0.7, 1.1, 1.9])
    F = np.exp(-((0.8 * q) ** 2))
    spline = CubicSpline(q, F)
    table = packed(q, F)
    for x, value in zip(q, F, strict=True):
        assert kernels.tabulated(x, table) == pytest.approx(value, abs=1e-15)
    for x in np.linspace(0.0, 2.2, 101):
        assert kernels.tabulated(x, table) == pytest.approx(float(spline(x)), abs=1e-14)


OSCILLATOR = np.array([1.8, 1.0, -1.1, 0.3, -0.02])


def test_oscillator_is_the_gaussian_times_its_polynomial_at_every_momentum_transfer() -> None:
    b, *a = OSCILLATOR
    with mpmath.workdps(40):
        for q in Q:
            y = (mpf(q) * mpf(b)) ** 2 / 4
            exact = mp.exp(-y) * sum(mpf(c) * y**k for k, c in enumerate(a))
            assert kernels.oscillator(q, OSCILLATOR) == pytest.approx(float(exact), abs=ROUNDING)


@pytest.mark.parametrize(("q", "F"), [(0.0, 1.0), (1e3, 0.0), (1e60, 0.0), (1e100, 0.0)])
def test_oscillator_at_zero_and_at_absurd_momentum_transfers(q: float, F: float) -> None:
    assert kernels.oscillator(q, OSCILLATOR) == F


def test_each_code_selects_its_form_factor() -> None:
    q, shape = 0.8, np.array([3.0, 0.6])
    points = np.linspace(0.0, 2.0, 6)
    assert kernels.form_factor(0, shape, q) == 1.0
    assert kernels.form_factor(1, shape, q) == kernels.helm(q, 3.0, 0.6)
    assert kernels.form_factor(2, shape, q) == kernels.klein_nystrand(q, 3.0, 0.6)
    assert kernels.form_factor(3, shape, q) == kernels.symmetrised_fermi(q, 3.0, 0.6)
    table = packed(points, np.cos(points))
    assert kernels.form_factor(4, table, q) == kernels.tabulated(q, table)
    assert kernels.form_factor(5, OSCILLATOR, q) == kernels.oscillator(q, OSCILLATOR)
