"""Credible intervals and regions: of Gaussians in closed form, of densities in pieces, and at the ends of the prior."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.integrate import quad

from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.grid.marginals import Marginal, trapezoid
from scanengine.inference.credible import credible_intervals, credible_region
from tests.naive import FloatArray


def line(x: FloatArray, density: FloatArray, half: FloatArray | None = None, *, even: bool = False) -> Marginal:
    whole = trapezoid(x) @ density
    return Marginal((Axis("x", x, even=even),), density / whole, (density if half is None else half) / whole, ("y",))


@pytest.mark.parametrize("cl", [0.6827, 0.90, 0.99])
@pytest.mark.parametrize("points", [25, 41, 200])
def test_interval_of_a_gaussian(cl: float, points: int) -> None:
    x = np.linspace(-7.3, 7.0, points)
    found = credible_intervals(line(x, np.exp(-0.5 * (x - 0.2) ** 2)), cl)
    (interval,) = found
    half_width = NormalDist().inv_cdf(0.5 + 0.5 * cl)
    # the logarithm is a parabola, which cubics are exactly; what is left are the sums on close points
    assert interval.lo == pytest.approx(0.2 - half_width, abs=1e-4)
    assert interval.hi == pytest.approx(0.2 + half_width, abs=1e-4)
    assert abs(interval.lo - (0.2 - half_width)) <= interval.lo_error + 1e-4
    assert not found.warnings


def test_interval_of_two_peaks_by_quadrature() -> None:
    """Where the asked share lies in two ranges: each end has the same density, and together they hold the share."""

    def density(x: float) -> float:
        return math.exp(-0.5 * ((x - 1.5) / 0.4) ** 2) + 0.6 * math.exp(-0.5 * ((x + 1.5) / 0.5) ** 2)

    x = np.linspace(-5.0, 5.0, 101)
    found = credible_intervals(line(x, np.array([density(value) for value in x.tolist()])), 0.8)
    assert len(found) == 2
    held = sum(quad(density, each.lo, each.hi)[0] for each in found) / quad(density, -5.0, 5.0)[0]
    assert held == pytest.approx(0.8, abs=1e-4)
    at_ends = np.array([density(end) for each in found for end in each[:2]])
    assert np.ptp(at_ends) < 1e-4


def test_interval_on_a_logarithmic_axis_is_flat_in_the_axis_itself() -> None:
    """The density of exp(-x), per unit of x: an upper end at -ln(1 - cl)."""
    x = np.geomspace(1e-4, 40.0, 400)
    (interval,) = credible_intervals(line(x, np.exp(-x)), 0.9)
    assert interval.lo == x[0]
    assert interval.hi == pytest.approx(-math.log(0.1), rel=2e-3)


def test_ends_of_the_prior_are_told_but_not_bounds_of_the_parameter() -> None:
    x = np.linspace(0.0, 5.0, 51)
    flat = credible_intervals(line(x, np.exp(-0.5 * x)), 0.95)
    assert flat[0].lo == 0.0
    assert [("x = 0," in w, "end of the axis" in w) for w in flat.warnings] == [(True, True)]
    assert not credible_intervals(line(x, np.exp(-0.5 * x), even=True), 0.95).warnings


def test_uniform_density() -> None:
    x = np.linspace(0.0, 5.0, 51)
    (interval,) = credible_intervals(line(x, np.ones(51)), 0.5)
    assert (interval.lo, interval.hi) == (0.0, 5.0)


def test_half_the_points_tell_the_error_of_the_ends() -> None:
    x = np.linspace(-5.0, 5.0, 41)
    found = credible_intervals(line(x, np.exp(-0.5 * x**2), np.exp(-0.5 * (x / 1.1) ** 2)), 0.9)
    assert found[0].hi_error == pytest.approx(0.1 * 1.6449, rel=0.02)
    assert any("half the points along y" in warning for warning in found.warnings)


def test_a_density_that_only_one_point_sees_is_not_resolved() -> None:
    x = np.linspace(-5.0, 5.0, 40)
    found = credible_intervals(line(x, np.exp(-0.5 * ((x - x[21]) / 0.02) ** 2)), 0.9)
    assert any("not resolved" in warning for warning in found.warnings)


def plane(x: FloatArray, y: FloatArray, density: FloatArray) -> Marginal:
    density = density / (trapezoid(x) @ density @ trapezoid(y))
    return Marginal((Axis("x", x), Axis("y", y)), density, density, ("z",))


@pytest.mark.parametrize("cl", [0.6827, 0.95])
def test_region_of_a_correlated_gaussian(cl: float) -> None:
    x, y, rho = np.linspace(-6.0, 6.5, 51), np.linspace(-6.0, 6.0, 45), 0.6
    X, Y = np.meshgrid(x, y, indexing="ij")
    chi2 = (X**2 - 2 * rho * X * Y + Y**2) / (1 - rho**2)
    found = credible_region(plane(x, y, np.exp(-0.5 * chi2)), cl)
    level = -2.0 * math.log(1.0 - cl)
    assert found.area == pytest.approx(math.pi * level * math.sqrt(1 - rho**2), rel=2e-3)
    (piece,) = found.pieces
    u, v = piece.outer.T
    assert np.allclose((u**2 - 2 * rho * u * v + v**2) / (1 - rho**2), level, rtol=5e-3)
    assert found.density == pytest.approx((1.0 - cl) / (2 * math.pi * math.sqrt(1 - rho**2)), rel=2e-3)
    assert found.area_error < 0.01 * found.area
    assert not found.warnings
    assert "pieces: 1" in repr(found)


def test_region_in_two_pieces_cut_by_the_prior() -> None:
    x, y = np.linspace(0.0, 6.0, 61), np.linspace(-5.0, 5.0, 81)
    X, Y = np.meshgrid(x, y, indexing="ij")
    density = np.exp(-0.5 * ((X / 0.8) ** 2 + ((Y - 2.5) / 0.4) ** 2)) + np.exp(
        -0.5 * ((X / 0.8) ** 2 + ((Y + 2.5) / 0.4) ** 2)
    )
    found = credible_region(plane(x, y, density), 0.9)
    assert len(found.pieces) == 2
    assert found.area == pytest.approx(math.pi * -2.0 * math.log(0.1) * 0.8 * 0.4, rel=5e-3)
    assert any("x = 0," in warning for warning in found.warnings)


def test_what_is_not_of_one_axis_or_two_is_refused() -> None:
    one, two = line(np.arange(3.0), np.ones(3)), plane(np.arange(3.0), np.arange(3.0), np.ones((3, 3)))
    with pytest.raises(InputError, match=r"of one axis .* x \(3 points\) and y"):
        credible_intervals(two, 0.9)
    with pytest.raises(InputError, match="of two axes"):
        credible_region(one, 0.9)
    with pytest.raises(InputError, match="two or more points"):
        credible_intervals(line(np.array([1.0]), np.ones(1)), 0.9)
    with pytest.raises(InputError):
        credible_intervals(one, 1.5)


@pytest.mark.parametrize("density", [[0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 1.0], [0.5, 1.0]])
def test_what_half_the_points_do_not_see_is_not_resolved(density: list[float]) -> None:
    """Nor what lies between two points, which have no half."""
    x = np.linspace(0.0, 1.0, len(density))
    found = credible_intervals(line(x, np.array(density)), 0.9)
    assert all(each.lo_error == each.hi_error == math.inf for each in found)
    assert any("is not resolved" in each for each in found.warnings)
    y = np.linspace(0.0, 2.0, 6)
    plane = np.outer(density, np.ones(6))
    plane /= trapezoid(x) @ plane @ trapezoid(y)
    region = credible_region(Marginal((Axis("x", x), Axis("y", y)), plane, plane), 0.9)
    assert region.area_error == math.inf
    assert any("is not resolved" in each for each in region.warnings)
