"""Chosen planes: the same as in a scan of all, found by a pass that hides what no plane shows."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scanengine
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.chosen_planes import HiddenMinimum, Pass, only, pass_for, scan_planes
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import Axis

NSI_5D = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")
SHAPE = (5, 6, 7, 9, 11)
EVERY = list(combinations(range(5), 2))


@cache
def five_dimensional(*overrides: str) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...]]:
    points = [f"axes.{name}.points={n}" for name, n in zip(NSI_5D, SHAPE, strict=True)]
    scan = scanengine.load("large/nsi-5d", [*points, *overrides])
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    assert isinstance(polynomial, ChiSquaredPolynomial)
    return polynomial, scan.definition.axes


@given(st.sets(st.sampled_from(EVERY), min_size=1))
def test_a_pass_shows_the_axes_of_its_planes_and_hides_the_others(planes: set[tuple[int, int]]) -> None:
    polynomial, _ = five_dimensional()
    found = pass_for(polynomial, SHAPE, planes)
    shown = sorted({axis for plane in planes for axis in plane})
    if found is None:
        assert len(shown) == 5
        return
    assert list(found.shown) == shown
    assert sorted((*found.shown, *found.hidden)) == list(range(5))


def test_the_innermost_axis_is_long_or_known_by_its_square() -> None:
    polynomial, _ = five_dimensional()

    def hidden(shape: tuple[int, ...], plane: tuple[int, int]) -> tuple[int, ...]:
        found = pass_for(polynomial, shape, [plane])
        assert found is not None
        return found.hidden

    assert hidden((30, 30, 30, 30, 30), (0, 1))[-1] == 2
    assert hidden((30, 30, 10, 40, 80), (0, 1))[-1] == 3
    assert hidden((30, 30, 10, 10, 80), (0, 1))[-1] == 4
    assert hidden((30, 80, 10, 10, 20), (2, 3)) == (4, 0, 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "planes", [[pair] for pair in EVERY] + [[(0, 1), (1, 2)], [(0, 1), (3, 4)], [(0, 2), (2, 4), (0, 3)]]
)
def test_the_planes_are_those_of_the_whole_scan(planes: list[tuple[int, int]], threads: int) -> None:
    polynomial, axes = five_dimensional()
    names = [(axes[a].name, axes[b].name) for a, b in planes]
    whole = only(scan_grid(polynomial, axes, NoSink()), names)
    told: list[int] = []
    over = pass_for(polynomial, SHAPE, planes)
    assert over is not None
    found = scan_planes(polynomial, axes, planes, over, threads=threads, progress=told.append)
    assert list(found.planes) == list(whole.planes)
    assert list(found.lines) == list(whole.lines)
    for pair, plane in whole.planes.items():
        np.testing.assert_array_less(np.abs(found.planes[pair] - plane), 1e-11 * (1.0 + plane))
    for name, line in whole.lines.items():
        np.testing.assert_array_less(np.abs(found.lines[name] - line), 1e-11 * (1.0 + line))
    assert found.minimum == pytest.approx(whole.minimum, abs=1e-11)
    assert told == sorted(told)
    assert told[-1] == np.prod(SHAPE)


def test_the_best_fit_is_a_grid_point_where_chi2_is_the_minimum() -> None:
    """Away from the Standard Model, so that the minimum is not zero."""
    overrides = ["axes.eps_ee_uV.min=0.11", "axes.mu_nu.min=3.0", "axes.sin2_theta_w.min=0.24"]
    polynomial, axes = five_dimensional(*overrides)
    whole = scan_grid(polynomial, axes, NoSink())
    assert whole.minimum > 0.1
    for planes in ([(0, 1)], [(1, 3)], [(0, 1), (2, 3)]):
        over = pass_for(polynomial, SHAPE, planes)
        assert over is not None
        found = scan_planes(polynomial, axes, planes, over)
        assert found.best_fit == whole.best_fit
        assert found.minimum == pytest.approx(whole.minimum, rel=1e-11)
        assert min(plane.min() for plane in found.planes.values()) >= found.minimum


def test_an_axis_about_zero_or_far_from_it_is_replaced_by_its_square() -> None:
    """The magnetic moment enters by its square alone on any interval; sin2_theta_w does not."""
    for ends in ((0.0, 20.0), (5.0, 6.0), (-3.0, 7.0)):
        polynomial, axes = five_dimensional(f"axes.mu_nu.min={ends[0]}", f"axes.mu_nu.max={ends[1]}")
        one = Pass((0, 1), (2, 4, 3))
        minimum = HiddenMinimum.of(polynomial, axes, one)
        assert minimum.parabolas
        grid = np.empty(SHAPE)
        polynomial.fill([axis.values for axis in axes], grid)
        plane = np.empty(SHAPE[:2])
        minimum.fill([axis.values for axis in axes[:2]], plane)
        expected = grid.min(axis=(2, 3, 4))
        np.testing.assert_array_less(np.abs(plane - expected), 1e-10 * (1.0 + expected))
    assert not HiddenMinimum.of(polynomial, axes, Pass((0, 1), (2, 3, 4))).parabolas


def test_a_reordered_polynomial_is_the_same_function() -> None:
    polynomial, axes = five_dimensional()
    values = [axis.values[:3] for axis in axes]
    order = [3, 0, 4, 2, 1]
    here, there = np.empty([3] * 5), np.empty([3] * 5)
    polynomial.fill(values, here)
    polynomial.reordered(order).fill([values[axis] for axis in order], there)
    np.testing.assert_allclose(there, here.transpose(order), rtol=1e-9, atol=1e-9)
