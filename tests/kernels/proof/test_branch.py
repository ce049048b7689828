"""Branch and bound against minima known to 20 digits, and against exact chi2 wherever a search ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from scanengine_kernels.minimise import Box, Residuals, minimise_squares
from scanengine_kernels.proof.branch import Enclosure
from scanengine_kernels.proof.cells import enclose_cells
from scanengine_kernels.proof.cover import Cover, cover
from tests.kernels.proof.exact import (
    FAMILIES,
    Case,
    KnownMinimum,
    error,
    exact_chi2,
    known_minima,
    linear,
    padded,
    quadratics,
)
from tests.naive import FloatArray

pytestmark = pytest.mark.jit_only  # too slow without, and Python complains of a division that kernels may do

KNOWN = known_minima()
NONE = np.zeros(0)


def enclosed(
    case: Case,
    tolerance: float = np.inf,
    levels: FloatArray = NONE,
    most_boxes: int = 20_000,
    points: FloatArray | None = None,
) -> list[tuple[Enclosure, FloatArray]]:
    """Return an enclosure of the minimum, and the place found, with the first variables held at points if given."""
    points = np.zeros((1, 0)) if points is None else points
    cells, held = points.shape
    box = Box(case.box.lower[held:].copy(), case.box.upper[held:].copy())
    where = np.tile(0.5 * (box.lower + box.upper), (cells, 1))
    lower, upper = np.zeros(cells), np.zeros(cells)
    boxes, left = np.zeros(cells, dtype=np.int64), np.zeros(cells, dtype=np.int64)
    bent = Residuals(*case.residuals)
    residuals = padded(bent)
    last = min(linear(residuals), residuals.b.shape[1] - held)
    enclose_cells(
        residuals, last, error(case), box, points, tolerance, levels, most_boxes, where, lower, upper, boxes, left
    )
    found = zip(lower.tolist(), upper.tolist(), boxes.tolist(), left.tolist(), strict=True)
    return [(Enclosure(*each), place) for each, place in zip(found, where, strict=True)]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_known_minima_are_enclosed(known: KnownMinimum, tolerance: float) -> None:
    ((found, place),) = enclosed(known.case, tolerance)
    rounded = known.minimum * Fraction(1, 10**20)
    assert Fraction(found.lower) <= known.minimum + rounded
    assert Fraction(found.upper) >= known.minimum - rounded
    assert Fraction(found.upper) >= exact_chi2(known.case.residuals, place) - rounded
    if not found.left:
        assert found.upper - found.lower <= 1.01 * tolerance * (1.0 + found.upper)


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_levels_on_either_side_of_the_minimum_are_decided(known: KnownMinimum) -> None:
    minimum = float(known.minimum)
    levels = np.array([0.98 * minimum - 1e-3, 1.01 * minimum + 1e-3])
    ((found, _),) = enclosed(known.case, levels=levels)
    assert found.upper <= levels[1]
    assert found.lower > levels[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_search_ends_below_an_enclosure(family: str) -> None:
    random = np.random.default_rng(4)
    for _ in range(40):
        case = FAMILIES[family](random)
        ((found, place),) = enclosed(case, 1e-4, most_boxes=2000)
        at = random.uniform(*case.box)
        minimise_squares(padded(case.residuals), case.box, at)
        assert Fraction(found.lower) <= min(exact_chi2(case.residuals, x) for x in (at, place))
        assert Fraction(found.upper) >= exact_chi2(case.residuals, place)


def test_what_a_budget_leaves_is_enclosed_too_and_said() -> None:
    known = next(each for each in KNOWN if each.name == "random 6 7")
    ((few, _),) = enclosed(known.case, 1e-6, most_boxes=100)
    assert few.left > 0
    assert few.boxes == 100
    assert few.lower <= known.minimum <= few.upper


def test_variables_held_at_points_leave_a_profile() -> None:
    """chi2 = (y - x^2)^2 + (x - 1 / 2)^2 with x held at points: zero hidden loss, (x - 1 / 2)^2 is left."""
    A = np.zeros((2, 2, 2))
    A[0, 0, 0] = -1.0
    residuals = Residuals(np.array([0.0, -0.5]), np.array([[0.0, 1.0], [1.0, 0.0]]), A)
    case = Case(residuals, Box(np.array([-1.0, -1.0]), np.array([1.0, 1.0])))
    x = np.linspace(-1.0, 1.0, 9)
    found = enclosed(case, 1e-6, points=x[:, None].copy())
    for at, (enclosure, _) in zip(x, found, strict=True):
        assert enclosure.lower <= (at - 0.5) ** 2 <= enclosure.upper
        assert enclosure.upper - enclosure.lower < 1e-5


def covered(known: KnownMinimum, level: float, most_boxes: int = 20_000) -> Cover:
    return cover(quadratics(known.case), known.case.box, np.zeros((0, len(known.case.box.lower))), level, 0.1, 1e-3,
                 most_boxes)  # fmt: skip


@pytest.mark.parametrize("name", ["two mirror minima", "Rosenbrock", "random 3 4", "narrow wells 0"])
@pytest.mark.parametrize("most_boxes", [5, 20_000])
def test_all_low_points_lie_in_the_cover(name: str, most_boxes: int) -> None:
    known = next(each for each in KNOWN if each.name == name)
    level = float(known.minimum) + 0.02
    found = covered(known, level, most_boxes)
    random = np.random.default_rng(1)
    low = 0
    for start in random.uniform(*known.case.box, size=(300, len(known.case.box.lower))):
        at = start.copy()
        minimise_squares(padded(known.case.residuals), known.case.box, at)
        if exact_chi2(known.case.residuals, at) <= level:
            low += 1
            assert np.any(np.all((found.lower <= at) & (at <= found.upper), axis=1))
    assert low > 0
    volume = np.prod(found.upper - found.lower, axis=1).sum() / np.prod(known.case.box.upper - known.case.box.lower)
    assert volume < 0.6 or most_boxes == 5


def test_the_cover_of_nothing_is_empty() -> None:
    known = next(each for each in KNOWN if each.name == "bent valley above zero")
    assert len(covered(known, 2.2).lower) == 0
    assert len(covered(known, 2.26).lower) > 0
