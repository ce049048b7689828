"""Lower bounds of chi2 over boxes against rational arithmetic, on families that break careless margins."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from scanengine_kernels import minimise
from scanengine_kernels.proof import branch
from scanengine_kernels.proof import quadratics as kernels
from scanengine_kernels.proof.bounds import bending, box_room, plane_bound, quadratic_bound, set_box
from tests.kernels.proof.exact import FAMILIES, Case, exact_chi2, known_minima, padded, quadratics
from tests.naive import FloatArray

BOXES = 60


class Bounds(NamedTuple):
    """All that is said of a box."""

    plane: float
    quadratic: float
    upper: float


def bounds(case: Case, point: FloatArray, loss: float) -> Bounds:
    """Return both lower bounds of a box, and an upper one at a point of it."""
    q = quadratics(case)
    m, n, K = q.A.shape[0], point.size, q.c.size
    room = box_room(K, n, m)
    squares = kernels.expand(q, point, room.at)
    set_box(*case.box, point, room)
    kernels.products(q, room.at)
    most = bending(q, room.W)
    slopes = float(np.sqrt(np.diagonal(room.at.JJ)) @ room.W)
    plane = plane_bound(q, squares, slopes, most, np.inf, room)
    return Bounds(plane, quadratic_bound(q, squares, slopes, most, loss, room), kernels.upper_bound(q, squares))


def low_points(case: Case, random: np.random.Generator) -> list[FloatArray]:
    """Return points of a box where chi2 may be lowest: corners, the ends of searches, and points beside them."""
    lower, upper = case.box
    corners = [np.array(corner) for corner in product(*zip(lower, upper, strict=True))]
    residuals = padded(case.residuals)
    found = []
    for start in (0.5 * (lower + upper), *random.uniform(lower, upper, size=(2, lower.size))):
        at = start.copy()
        minimise.minimise_squares(residuals, case.box, at)
        found.append(at)
    beside = [np.clip(np.nextafter(at, random.choice([-9.0, 9.0], size=at.size)), lower, upper) for at in found]
    return [*corners, *found, *beside]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_bound_is_above_chi2_anywhere(family: str) -> None:
    random = np.random.default_rng(20261129)
    close = 0
    for _ in range(BOXES):
        case = FAMILIES[family](random)
        lower, upper = case.box
        points = low_points(case, random)
        lowest = min(exact_chi2(case.residuals, x) for x in points)
        point = points[-2] if random.random() < 0.5 else np.clip(random.uniform(lower, upper), lower, upper)
        loss = max(float(lowest), 1e-3) * 10.0 ** random.uniform(-12.0, 1.0)
        found = bounds(case, point, loss)
        assert Fraction(found.plane) <= lowest
        assert Fraction(found.quadratic) <= lowest
        assert Fraction(found.upper) >= exact_chi2(case.residuals, point)
        close += max(found.plane, found.quadratic) >= 0.9 * float(lowest)
    assert close > BOXES // 10  # bounds that say nothing prove nothing


def test_a_bound_by_a_plane_has_a_positive_part_only() -> None:
    """r = x on [-2, 1/8]: the least of v . r is negative, and its square says nothing."""
    case = next(each.case for each in known_minima() if each.name == "square of a negative minimum")
    assert bounds(case, np.array([-1.0]), 1e-3).plane == 0.0


def test_the_quadratic_loses_the_fourth_power_of_the_width_at_the_minimum() -> None:
    """chi2 = 1 + x^4 / 4 + y^2: at its minimum bound and chi2 differ by what is given up and no more."""
    A = np.zeros((3, 2, 2))
    A[1, 0, 0] = 0.5
    b = np.zeros((3, 2))
    b[2, 1] = 1.0
    residuals = minimise.Residuals(np.array([1.0, 0.0, 0.0]), b, A)
    lost = []
    for width in (0.2, 0.1):
        case = Case(residuals, minimise.Box(np.full(2, -width), np.full(2, width)))
        found = bounds(case, np.zeros(2), 0.25 * width**4)
        lost.append(1.0 - found.quadratic)
    assert lost[0] < 0.2**4
    assert lost[1] < lost[0] / 15.0


@pytest.mark.parametrize("axis", range(3))
def test_each_half_has_a_point_of_its_own(axis: int) -> None:
    """A bound is proven for boxes about a point of theirs: of a variable that enters linearly too."""
    case = next(each.case for each in known_minima() if each.name == "one linear variable 0")
    q = quadratics(case)
    assert (q.b.shape[0], q.A.shape[0]) == (3, 2)
    room = branch.search_room(q.c.size, 3, 2)
    room.lower[:], room.upper[:], room.point[:] = 0.0, 1.0, (0.9, 0.1, 0.8)
    branch.halve(q, axis, 0.5, 0, room)
    points, lower, upper = (each[:2] for each in (room.stack.point, room.stack.lower, room.stack.upper))
    assert np.all((lower <= points) & (points <= upper))
    assert np.any(np.all(points == room.point, axis=1))


def test_halves_share_the_number_at_which_a_box_is_cut() -> None:
    case = known_minima()[6].case
    q = quadratics(case)
    room = branch.search_room(q.c.size, q.b.shape[0], q.A.shape[0])
    lower, upper = np.full(q.b.shape[0], 0.1), np.full(q.b.shape[0], 0.1 + 1e-15)
    room.lower[:], room.upper[:], room.point[:] = lower, upper, lower
    branch.halve(q, 0, 0.5, 0, room)
    ends = {(float(room.stack.lower[i, 0]), float(room.stack.upper[i, 0])) for i in range(2)}
    (middle,) = {end for pair in ends for end in pair} - {float(lower[0]), float(upper[0])}
    assert ends == {(float(lower[0]), middle), (middle, float(upper[0]))}
