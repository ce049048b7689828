"""Bounds of tiles against rational arithmetic: no tile is above chi2 somewhere, nor below the hidden minimum."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from scanengine_kernels import minimise
from scanengine_kernels.minimise import Box
from scanengine_kernels.proof.bounds import box_room
from scanengine_kernels.proof.quadratics import Quadratics, U
from scanengine_kernels.proof.regions import BoundedTiles, HiddenBoxes, Tiles, bound_tiles
from scanengine_kernels.proof.sections import section_bound, section_room
from tests.kernels.proof.exact import FAMILIES, Case, exact_chi2, padded, quadratics
from tests.naive import FloatArray

pytestmark = pytest.mark.jit_only

CASES = 15


class Hidden(NamedTuple):
    """A case of which the first s variables are shown."""

    case: Case
    s: int
    quadratics: Quadratics
    box: Box


def hidden(case: Case, s: int) -> Hidden:
    lower, upper = case.box
    return Hidden(case, s, quadratics(case), Box(lower[s:].copy(), upper[s:].copy()))


def bounded(of: Hidden, tiles: list[tuple[FloatArray, FloatArray]], above: float, below: float) -> BoundedTiles:
    """Bound tiles from the whole hidden box."""
    count, h = len(tiles), of.box.lower.size
    middle = 0.5 * (of.box.lower + of.box.upper)
    lower, upper = (np.array([tile[i] for tile in tiles]).reshape(count, of.s) for i in (0, 1))
    start = Tiles(
        lower, upper, np.zeros(count), np.full(count, np.inf), np.tile(middle, (count, 1)), np.arange(count + 1)
    )
    low, high, point = (np.tile(x, (count, 1)) for x in (of.box.lower, of.box.upper, middle))
    boxes = HiddenBoxes(low, high, point, np.zeros(count))
    residuals = padded(of.case.residuals)
    levels = np.array([above]), np.array([below])
    found: BoundedTiles = bound_tiles(of.quadratics, residuals, of.box, start, boxes, *levels, 48, False)
    assert found.boxes.bound.size == found.first[-1]
    assert h == found.where.shape[1]
    return found


def cut(lower: FloatArray, upper: FloatArray, parts: int) -> list[tuple[FloatArray, FloatArray]]:
    """Return equal parts of a box of shown variables."""
    edges = [np.linspace(a, b, parts + 1) for a, b in zip(lower, upper, strict=True)]
    return [
        (
            np.array([each[i] for each, i in zip(edges, at, strict=True)]),
            np.array([each[i + 1] for each, i in zip(edges, at, strict=True)]),
        )
        for at in product(range(parts), repeat=lower.size)
    ]


def lowest(of: Hidden, x: FloatArray, starts: FloatArray) -> Fraction:
    """Return the lowest exact chi2 over the hidden variables that searches find at shown ones."""
    found = []
    residuals = padded(of.case.residuals)
    for start in starts:
        point = np.concatenate((x, start))
        if start.size:
            held = Box(np.concatenate((x, of.box.lower)), np.concatenate((x, of.box.upper)))
            minimise.minimise_squares(residuals, held, point)
        found.append(exact_chi2(of.case.residuals, point))
    return min(found)


@pytest.mark.parametrize("s", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_statement_about_a_tile_is_false_at_a_point_of_it(family: str, s: int) -> None:
    """Upper bounds are held against searches, which are too poor for sizes apart; the next test needs none."""
    random = np.random.default_rng(20261130 + s)
    outside = inside = 0
    for _ in range(CASES):
        case = FAMILIES[family](random)
        lower, upper = case.box
        if lower.size < s:
            continue
        of = hidden(case, s)
        starts = random.uniform(of.box.lower, of.box.upper, size=(3, lower.size - s))
        middle = float(lowest(of, 0.5 * (lower[:s] + upper[:s]), starts))
        tiles = cut(lower[:s], upper[:s], 4)
        found = bounded(of, tiles, middle * (1.0 + 1e-9) + 1e-12, middle)
        for (a, b), least, most, where in zip(tiles, found.lower, found.upper, found.where, strict=True):
            corners = [np.array(corner) for corner in product(*zip(a, b, strict=True))]
            for x in (*corners, *random.uniform(a, b, size=(2, s))):
                here = lowest(of, x, np.concatenate((starts, where[None])))
                assert Fraction(float(least)) <= here
                if most < np.inf and family != "scales apart":
                    assert here <= Fraction(float(most))
            outside += least > middle
            inside += most <= middle
    assert outside > 4  # bounds that say nothing prove nothing
    assert inside > 5


@pytest.mark.parametrize("family", FAMILIES)
def test_an_upper_bound_holds_along_its_section_in_rational_arithmetic(family: str) -> None:
    random = np.random.default_rng(20261201)
    close = count = 0
    for _ in range(60):
        case = FAMILIES[family](random)
        lower, upper = case.box
        s = int(random.integers(1, min(2, lower.size) + 1))
        of = hidden(case, s)
        point = random.uniform(lower, upper)
        w = np.minimum(point - lower, upper - point)[:s] * 10.0 ** random.uniform(-3.0, 0.0)
        K, n, m = of.quadratics.c.size, lower.size, of.quadratics.A.shape[0]
        room = section_room(K, n, s)
        bound = section_bound(of.quadratics, of.box, point, w, box_room(K, n, m), room)
        T = [[Fraction(float(value)) for value in row] for row in room.T]
        highest = Fraction(0)
        for corner in product((-1, 0, 1), repeat=s):
            shift = [Fraction(float(width)) * sign for width, sign in zip(w, corner, strict=True)]
            at = [
                Fraction(float(x)) + sum((t * row[i] for t, row in zip(shift, T, strict=True)), Fraction(0))
                for i, x in enumerate(point)
            ]
            for i in range(s, n):  # the section ends where the hidden box does
                assert Fraction(float(lower[i])) <= at[i] <= Fraction(float(upper[i]))
            highest = max(highest, exact_at(case, at))
        assert highest <= Fraction(bound)
        count += 1
        close += bound <= 2.0 * float(highest) + 1e-6
    assert close > count // 4


def exact_at(case: Case, at: list[Fraction]) -> Fraction:
    """Return the exact chi2 at a rational point."""
    total = Fraction(0)
    for c, b, A in zip(*(part.tolist() for part in case.residuals), strict=True):
        r = Fraction(c)
        for i, x in enumerate(at):
            r += x * (Fraction(b[i]) + sum((Fraction(a) * y for a, y in zip(A[i], at, strict=True)), Fraction(0)))
        total += r * r
    return total


def test_boxes_that_are_left_hold_all_that_is_low() -> None:
    """Parts of a tile need no other hidden boxes than those that it leaves."""
    random = np.random.default_rng(7)
    seen = 0
    for _ in range(40):
        case = FAMILIES["generic"](random)
        lower, upper = case.box
        if lower.size < 2:
            continue
        of = hidden(case, 1)
        x = random.uniform(lower[:1], upper[:1])
        starts = random.uniform(of.box.lower, of.box.upper, size=(4, lower.size - 1))
        level = float(lowest(of, x, starts))
        found = bounded(of, [(lower[:1], upper[:1])], level, 0.5 * level)
        points = random.uniform(lower, upper, size=(300, lower.size))
        for point in points:
            if exact_chi2(case.residuals, point) <= level and found.upper[0] > 0.5 * level:
                held = np.all((found.boxes.lower <= point[1:]) & (point[1:] <= found.boxes.upper), axis=1)
                assert held.any()
                seen += 1
    assert seen > 50


def test_a_tile_of_a_parabola_is_decided_as_it_should_be() -> None:
    """chi2 = x^2 + (y - x)^2 with y hidden is x^2: tiles within |x| < 1 are inside of 1, those beyond outside."""
    c, b = np.zeros(2), np.array([[1.0, 0.0], [-1.0, 1.0]])
    case = Case(minimise.Residuals(c, b, np.zeros((2, 2, 2))), Box(np.full(2, -2.0), np.full(2, 2.0)))
    of = hidden(case, 1)
    tiles = [(np.array([a]), np.array([z])) for a, z in ((-0.99, 0.99), (1.01, 2.0), (0.9, 1.1))]
    found = bounded(of, tiles, 1.0, 1.0)
    assert found.upper[0] <= 1.0 < found.lower[1]
    assert found.upper[0] == pytest.approx(0.99**2, rel=1e-12)
    assert found.lower[2] <= 0.81 + 1e-12
    assert found.upper[2] >= 1.21 * (1.0 - 4.0 * U)
