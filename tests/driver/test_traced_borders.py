"""Traced borders: on curves that are known, with corners, holes, pieces and ends of axes, and as chi2 has it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.exact_profiles import searched_profiles
from scanengine.driver.rings import rings_of
from scanengine.driver.traced_borders import with_borders
from scanengine.driver.tracing import Stuck, Tracer
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.profiles import Profiles
from scanengine.inference.rings import signed_area
from tests.driver.test_exact_profiles import axes_of, grid_profiles, random_polynomial

pytestmark = pytest.mark.jit_only

Row = dict[tuple[int, ...], float]


def polynomial_of(n: int, rows: list[Row]) -> ChiSquaredPolynomial:
    """Return the sum of squares of rows of coefficients by the numbers, from 1 on, of the variables of a product."""
    monomials = Monomials.of(n, 2)
    values = np.zeros((len(rows), len(monomials.exponents)))
    for i, row in enumerate(rows):
        for factors, value in row.items():
            values[i, monomials.column_of_product(*(factors or (0,)))] = value
    return ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, values)


def even_axes(n: int, points: int = 11, low: float = -1.0) -> tuple[Axis, ...]:
    return tuple(Axis("xyzw"[i], np.linspace(low, 1.0, points)) for i in range(n))


def traced(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...], height: float, threads: int = 1) -> Profiles:
    grid, _ = grid_profiles(polynomial, axes)
    found = searched_profiles(polynomial, axes, grid, threads)
    return with_borders(polynomial, found, found.profiles, {90.0: height}, threads)


def border(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...], height: float) -> Border:
    (found,) = traced(polynomial, axes, height).borders["x", "y"]
    return found


def test_a_disc_of_a_hidden_minimum() -> None:
    """chi2 = 9 x^2 + 9 y^2 + (z - x y)^2."""
    found = border(polynomial_of(3, [{(1,): 3.0}, {(2,): 3.0}, {(3,): 1.0, (1, 2): -1.0}]), even_axes(3), 4.0)
    (ring,) = found.rings
    assert np.array_equal(ring[0], ring[-1])
    radius = np.hypot(*ring.T)
    assert np.abs(radius - 2.0 / 3.0).max() < 2e-6
    assert signed_area(ring) == pytest.approx(math.pi * 4.0 / 9.0, abs=1e-5)
    assert found.error < 1.1e-6
    assert found.is_whole


def test_a_ring_has_a_hole_and_bands_end_at_the_axes() -> None:
    """chi2 = (5 (x^2 + y^2 - 1/2))^2, and (5 (x^2 - 1/4))^2."""
    annulus = border(polynomial_of(2, [{(1, 1): 5.0, (2, 2): 5.0, (): -2.5}]), even_axes(2), 1.0)
    areas = sorted(signed_area(ring) for ring in annulus.rings)
    assert areas == pytest.approx([-0.3 * math.pi, 0.7 * math.pi], abs=1e-5)
    bands = border(polynomial_of(2, [{(1, 1): 5.0, (): -1.25}]), even_axes(2), 1.0)
    assert len(bands.rings) == 2
    ends = math.sqrt(0.25 + 0.2), math.sqrt(0.25 - 0.2)
    for ring in bands.rings:
        assert signed_area(ring) == pytest.approx(2.0 * (ends[0] - ends[1]), abs=5e-6)
        assert ring[:, 1].min() == -1.0
        assert ring[:, 1].max() == 1.0


def test_regions_that_fill_a_corner_the_plane_or_nothing() -> None:
    quarter = border(polynomial_of(2, [{(1,): 3.0}, {(2,): 3.0}]), even_axes(2, low=0.0), 4.0)
    (ring,) = quarter.rings
    assert signed_area(ring) == pytest.approx(math.pi / 9.0, abs=3e-6)
    assert any(np.array_equal(point, [0.0, 0.0]) for point in ring)
    whole = border(polynomial_of(2, [{(1,): 3.0}, {(2,): 3.0}]), even_axes(2), 40.0)
    assert [signed_area(ring) for ring in whole.rings] == [4.0]
    hole = border(polynomial_of(2, [{(1, 1): 5.0, (2, 2): 5.0, (): -2.5}]), even_axes(2), 6.0)
    assert min(signed_area(ring) for ring in hole.rings) < 0.0


def test_corners_where_two_minima_swap() -> None:
    """z is near to 1 or -1: (10 (z^2 - 1))^2, with discs of radius about 1/2 about (z/4, 0) that overlap."""
    polynomial = polynomial_of(3, [{(3, 3): 10.0, (): -10.0}, {(1,): 4.0, (3,): -1.0}, {(2,): 4.0}])
    axes = (*even_axes(2), Axis("z", np.linspace(-1.2, 1.2, 11)))
    found = border(polynomial, axes, 4.0)
    (ring,) = found.rings
    # discs of radius 1/2 about +-1/4, to a hundredth as z gives way a little
    lens = 0.5 * math.acos(0.5) - 0.25 * math.sqrt(0.75)
    assert signed_area(ring) == pytest.approx(2.0 * math.pi * 0.25 - lens, rel=0.002)
    steps = np.diff(ring, axis=0)
    turns = np.abs(np.angle(np.exp(1j * np.diff(np.arctan2(steps[:, 1], steps[:, 0])))))
    corners = ring[1:-1][turns > 0.5]
    assert len(corners) == 2
    assert np.abs(corners[:, 0]).max() < 1e-6
    assert corners[0, 1] == pytest.approx(-corners[1, 1], abs=2e-6)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_every_point_has_the_level_whichever_minimum_is_lowest(n: int, seed: int) -> None:
    polynomial = random_polynomial(n, n + 1, seed=10 * n + seed)
    axes = axes_of(polynomial, 6)
    profiles = traced(polynomial, axes, 3.0, threads=2)
    assert len(profiles.borders) == n * (n - 1) // 2
    random, count = np.random.default_rng(seed), 0
    for pair, borders in profiles.borders.items():
        (found,) = borders
        assert found.is_whole
        shown = [k for k, axis in enumerate(axes) if axis.name in pair]
        ends = np.array([axes[k].values[[0, -1]] for k in shown])
        length = np.ptp(ends, axis=1)
        for ring in found.rings:
            inner = ring[np.all((ring > ends[:, 0]) & (ring < ends[:, 1]), axis=1)]
            assert signed_area(ring) != 0.0
            for x in inner[random.integers(len(inner), size=min(6, len(inner)))] if len(inner) else ():
                here, slope = lowest(polynomial, axes, shown, x, length)
                assert abs(here - profiles.minimum - 3.0) < 3e-6 * slope + 1e-7
                count += 1
    assert count > 5


def lowest(
    polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...], shown: list[int], x: FloatArray, length: FloatArray
) -> tuple[float, float]:
    """Return the lowest chi2 over the hidden axes, by searches of SciPy, and its slope per length of the axes."""
    from scipy.optimize import minimize

    hidden = [k for k in range(len(axes)) if k not in shown]
    ends = [(float(axes[k].values[0]), float(axes[k].values[-1])) for k in hidden]

    def chi2(at: FloatArray, h: FloatArray) -> float:
        values = [np.empty(1)] * len(axes)
        for k, value in zip((*shown, *hidden), (*at, *h), strict=True):
            values[k] = np.array([value])
        out = np.empty((1,) * len(axes))
        polynomial.fill(values, out)
        return float(out.reshape(())[()])

    def minimum(at: FloatArray) -> float:
        if not hidden:
            return chi2(at, np.empty(0))
        random = np.random.default_rng(1)
        starts = [np.array([random.uniform(*end) for end in ends]) for _ in range(12)]

        def of_hidden(h: FloatArray) -> float:
            return chi2(at, h)

        found = [minimize(of_hidden, start, bounds=ends, method="L-BFGS-B", tol=1e-14) for start in starts]
        return float(min(each.fun for each in found))

    here = minimum(x)
    step = 1e-5 * length
    slopes = [abs(minimum(x + step * e) - minimum(x - step * e)) / 2e-5 for e in np.eye(2)]
    return here, float(np.linalg.norm(slopes))


def test_sides_that_are_logarithms_or_roots() -> None:
    """The same disc about 1/2 in log10 x, and in the root of x."""
    log = Axis("x", 10.0 ** np.linspace(-2.0, 0.0, 21))
    root = Axis("x", np.linspace(0.0, 1.0, 21) ** 2)
    for axis, kind in ((log, "log"), (root, "root")):
        from scanengine.driver.traced_borders import Side

        side = Side.of(axis, 0.0, 1.0)
        assert side.kind == kind
        u = np.linspace(0.0, 1.0, 7)
        assert side.u(side.x(u)) == pytest.approx(u)
        for place in (0.2, 0.7):
            value, slope = side.scaled(place)
            near = [side.scaled(place + step)[0] for step in (-1e-6, 1e-6)]
            assert value == pytest.approx(float(side.x(np.array([place]))[0]))
            assert slope == pytest.approx((near[1] - near[0]) / 2e-6, rel=1e-6)
    polynomial = polynomial_of(2, [{(1,): 3.0}, {(2,): 3.0}])
    axes = (root, Axis("y", np.linspace(-1.0, 1.0, 11)))
    found = border(polynomial, axes, 1.0)
    (ring,) = found.rings  # 9 x^2 + 9 y^2 = 1 with x >= 0
    inner = ring[ring[:, 0] > 0.0]
    assert np.abs(np.hypot(*inner.T) - 1.0 / 3.0).max() < 3e-6


def test_a_border_that_cannot_be_followed_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*_: object) -> None:
        raise Stuck

    monkeypatch.setattr(Tracer, "trace", stuck)
    found = border(polynomial_of(2, [{(1,): 3.0}, {(2,): 3.0}]), even_axes(2), 4.0)
    assert not found.is_whole
    assert found.rings == ()


def test_curves_that_end_at_the_sides_are_joined_along_them() -> None:
    up = np.array([[0.6, 0.0], [0.6, 1.0]])  # the region lies to its left
    down = np.array([[0.4, 1.0], [0.4, 0.0]])
    (between,) = rings_of([up, down], corner_is_inside=False)
    assert signed_area(between) == pytest.approx(0.2)
    left, right = sorted(rings_of([up[::-1], down[::-1]], corner_is_inside=True), key=lambda ring: ring[:, 0].min())
    assert [signed_area(left), signed_area(right)] == pytest.approx([0.4, 0.4])
    assert rings_of([], corner_is_inside=False) == []
    (square,) = rings_of([], corner_is_inside=True)
    assert signed_area(square) == 1.0
