"""Marginals out of one pass over a grid: those of a Gaussian in closed form, whatever the tiles, threads and sinks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import pi, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.driver.skipping import low_chi2
from scanengine.errors import RunError
from scanengine.grid.axes import Axis
from scanengine.grid.marginals import Marginals, half_trapezoid, trapezoid
from scanengine.grid.tiling import Tiling
from tests.driver.test_one_pass import random_polynomial
from tests.naive import FloatArray

SHAPES = st.lists(st.integers(2, 9), min_size=1, max_size=5).map(tuple)


def axes_of(shape: Sequence[int]) -> list[Axis]:
    return [Axis(f"x{a}", np.linspace(-1.0, 1.0, n) * (1.0 + 0.2 * a)) for a, n in enumerate(shape)]


def naive_marginals(chi2: FloatArray, axes: Sequence[Axis], *, half: bool) -> dict[tuple[str, ...], FloatArray]:
    """All densities, with all points or with half of them along the axes summed over, relative to the sum of all."""
    names = [axis.name for axis in axes]
    likelihood = np.exp(-0.5 * (chi2 - chi2.min()))
    whole = likelihood
    for axis in axes:
        whole = np.tensordot(trapezoid(axis.values), whole, (0, 0))
    found: dict[tuple[str, ...], FloatArray] = {}
    for kept in [*((a,) for a in range(len(axes))), *combinations(range(len(axes)), 2)]:
        density = likelihood
        for a in reversed(range(len(axes))):
            if a not in kept:
                weights = (half_trapezoid if half else trapezoid)(axes[a].values)
                density = np.tensordot(density, weights, (a, 0))
        found[tuple(names[a] for a in kept)] = density / whole
    return found


def assert_marginals_of(found: Marginals | None, chi2: FloatArray, axes: Sequence[Axis]) -> None:
    assert found is not None
    for half, lines, planes in ((False, found.lines, found.planes), (True, found.half_lines, found.half_planes)):
        right = naive_marginals(chi2, axes, half=half)
        assert set(lines) == {axis.name for axis in axes}
        assert len(planes) == (len(axes) * (len(axes) - 1) // 2 if len(axes) > 2 else 0)
        for names, density in ({(name,): line for name, line in lines.items()} | dict(planes)).items():
            assert np.allclose(density, right[names], rtol=1e-9, atol=1e-20 + 1e-11 * right[names].max())
    volume = prod(np.ptp(axis.values) for axis in axes)
    whole = np.exp(-0.5 * (chi2 - chi2.min()))
    for axis in axes:
        whole = np.tensordot(trapezoid(axis.values), whole, (0, 0))
    assert found.log_mean == pytest.approx(np.log(whole / volume) - 0.5 * chi2.min(), abs=1e-9)


def same(a: Marginals | None, b: Marginals | None) -> bool:
    assert a is not None
    assert b is not None
    kinds = ("lines", "planes", "half_lines", "half_planes")
    parts = [(getattr(a, kind), getattr(b, kind)) for kind in kinds]
    equal = all(np.array_equal(one[name], other[name]) for one, other in parts for name in one)
    return equal and a.log_mean == b.log_mean


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 1000), st.integers(1, 400), st.sampled_from([0.01, 1.0, 100.0]), st.booleans())
def test_marginals_of_any_grid(shape: tuple[int, ...], seed: int, tile_points: int, scale: float, stored: bool) -> None:
    polynomial = random_polynomial(len(shape), seed)
    evaluator = ChiSquaredPolynomial(
        polynomial.centre, polynomial.half_width, polynomial.monomials, scale * polynomial.residuals
    )
    axes = axes_of(shape)
    chi2 = np.empty(shape)
    evaluator.fill([axis.values for axis in axes], chi2)
    reference = low_chi2(evaluator, axes)
    found = []
    for threads, points in ((1, tile_points), (3, tile_points), (2, 7 * tile_points)):
        sink: Sink[Any] = ArraySink(shape) if stored else NoSink()
        tiling = Tiling.of(shape, points)
        found.append(scan_grid(evaluator, axes, sink, tiling=tiling, threads=threads, marginal_reference=reference))
        assert_marginals_of(found[-1].marginals, chi2, axes)
    assert same(found[0].marginals, found[1].marginals), "threads change nothing"
    by_numpy = scan_grid(evaluator, axes, NoSink(), compiled=False, marginal_reference=reference)
    assert_marginals_of(by_numpy.marginals, chi2, axes)


def test_a_grid_in_single_precision_has_the_same_marginals() -> None:
    evaluator, axes = random_polynomial(3, 5), axes_of((9, 8, 40))
    sinks: list[Sink[Any]] = [ArraySink((9, 8, 40), "float32"), ArraySink((9, 8, 40)), NoSink()]
    found = [scan_grid(evaluator, axes, sink, marginal_reference=np.inf).marginals for sink in sinks]
    assert same(found[0], found[1])
    assert found[0] is not None
    assert found[2] is not None
    assert np.allclose(found[0].planes["x0", "x2"], found[2].planes["x0", "x2"], rtol=1e-10)


class Gaussian:
    """chi2 = (x - m) C^-1 (x - m), with correlations."""

    def __init__(self, covariance: FloatArray, mean: FloatArray) -> None:
        self.covariance, self.inverse, self.mean = covariance, np.linalg.inv(covariance), mean

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        x = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1) - self.mean
        chi2[...] = np.einsum("...i,ij,...j->...", x, self.inverse, x)

    def density(self, kept: list[int], points: FloatArray) -> FloatArray:
        covariance = self.covariance[np.ix_(kept, kept)]
        x = points - self.mean[kept]
        size = np.sqrt(np.linalg.det(2.0 * pi * covariance))
        return np.asarray(np.exp(-0.5 * np.einsum("...i,ij,...j->...", x, np.linalg.inv(covariance), x)) / size)


def gaussian(n: int) -> Gaussian:
    random = np.random.default_rng(n)
    root = random.normal(size=(n, n))
    covariance = root @ root.T + np.eye(n)
    size = np.sqrt(np.diag(covariance))
    return Gaussian(covariance / np.outer(size, size), np.linspace(-0.3, 0.4, n))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_gaussian_has_its_closed_form(n: int) -> None:
    """Where points are closer than a standard deviation the trapezoidal rule is exact but for what lies outside."""
    evaluator = gaussian(n)
    axes = [Axis(f"x{a}", np.linspace(-8.0, 8.0, 31 + a)) for a in range(n)]
    found = scan_grid(evaluator, axes, NoSink(), marginal_reference=low_chi2(evaluator, axes)).marginals
    assert found is not None
    for a, axis in enumerate(axes):
        right = evaluator.density([a], axis.values[:, None])
        assert np.allclose(found.lines[axis.name], right, atol=1e-6 * right.max())
    for (x, y), plane in found.planes.items():
        a, b = int(x[1:]), int(y[1:])
        points = np.stack(np.meshgrid(axes[a].values, axes[b].values, indexing="ij"), axis=-1)
        right = evaluator.density([a, b], points)
        assert np.allclose(plane, right, atol=1e-6 * right.max())
    integral = 0.5 * np.log(np.linalg.det(2.0 * pi * evaluator.covariance)) - n * np.log(16.0)
    assert found.log_mean == pytest.approx(integral, abs=1e-6)


@pytest.mark.parametrize("points", [9, 13, 17, 25, 41])
def test_the_error_that_half_the_points_tell_is_true(points: int) -> None:
    """A density is off by less than the difference to half the points, on grids that see nothing and on fine ones."""
    evaluator = gaussian(3)
    axes = [Axis(f"x{a}", np.linspace(-7.0, 7.5, points)) for a in range(3)]
    found = scan_grid(evaluator, axes, NoSink(), marginal_reference=np.inf).marginals
    assert found is not None
    for a, axis in enumerate(axes):
        right = evaluator.density([a], axis.values[:, None])
        told = np.max(np.abs(found.lines[axis.name] - found.half_lines[axis.name]))
        assert np.max(np.abs(found.lines[axis.name] - right)) <= told + 1e-9


def test_a_hidden_peak_between_points_is_told() -> None:
    """A hidden width far below a step gives the same shape with half the points, but not the same integral."""
    covariance = np.array([[1.0, 0.0], [0.0, 1e-4]])
    evaluator = Gaussian(covariance, np.zeros(2))
    axes = [Axis("x0", np.linspace(-5.0, 5.0, 41)), Axis("x1", np.linspace(-2.0, 2.0, 17))]
    found = scan_grid(evaluator, axes, NoSink(), marginal_reference=np.inf).marginals
    assert found is not None
    assert np.allclose(found.half_lines["x0"], 2.0 * found.lines["x0"])


class Nowhere:
    """chi2 that is infinite but at one point, which is not a number."""

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        assert len(values) == chi2.ndim
        chi2[...] = np.inf
        chi2.flat[0] = np.nan


def test_no_posterior_at_all() -> None:
    with pytest.raises(RunError, match="not a number anywhere"):
        scan_grid(Nowhere(), axes_of((3, 3)), NoSink(), marginal_reference=np.inf)
