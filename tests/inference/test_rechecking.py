"""Statements about tiles gone over again: those that are true are confirmed, those that are not are caught."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from scanengine.grid.axes import FloatArray
from scanengine.inference.proven_regions import INSIDE, OUTSIDE, ProvenRegion, proven_region
from scanengine.inference.rechecking import Recheck, Rechecked, recheck
from tests.driver.test_proven_tiles import bounds_of, circle
from tests.driver.test_traced_borders import polynomial_of

pytestmark = [pytest.mark.jit_only, pytest.mark.slow]


def again(region: ProvenRegion, number: int | None, lowest: tuple[float, float]) -> Rechecked:
    polynomial, axes = circle()
    ends = np.array([axis.values[[0, -1]] for axis in axes]).T

    def scaled(_: ProvenRegion, places: FloatArray) -> FloatArray:
        return places

    def shown(_: ProvenRegion) -> list[int]:
        return [0, 1]

    return recheck(Recheck(polynomial, *ends), [region], scaled, shown, lowest, number)


def test_true_statements_are_confirmed_and_false_ones_named() -> None:
    polynomial, axes = circle()
    bounds = bounds_of(polynomial, axes, 32)
    region = proven_region(("x", "y"), 0.9, bounds.tiles["x", "y"], bounds.minimum)
    found = again(region, None, bounds.minimum)
    assert found.false is None
    assert found.confirmed + found.undecided == np.count_nonzero(region.status != 2)
    assert found.undecided == 0
    assert again(region, 7, bounds.minimum).confirmed == 7
    for wrong, side in ((OUTSIDE, "outside"), (INSIDE, "inside")):
        right = INSIDE if wrong == OUTSIDE else OUTSIDE
        status = region.status.copy()
        status[np.flatnonzero(status == right)[0]] = wrong
        forged = ProvenRegion(region.axes, region.cl, region.dof, region.level, region.tiles, status)
        said = again(forged, None, bounds.minimum).false
        assert said is not None
        assert f"said to be {side}" in said


def test_what_takes_too_long_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.inference.rechecking.MOST_BOXES", -1)
    polynomial = polynomial_of(3, [{(1,): 3.0}, {(2,): 3.0, (3, 3): 1.0}, {(3,): 1.0, (1, 2): -2.0}])
    check = Recheck(polynomial, np.full(3, -1.0), np.full(3, 1.0))
    assert check.is_above(np.array([0.5]), np.array([1.0]), [0], 2.2) is None
    monkeypatch.undo()
    assert check.is_above(np.array([0.5]), np.array([1.0]), [0], 2.2) is True
    assert check.is_above(np.array([0.5]), np.array([1.0]), [0], 2.5) is False
    assert check.is_nowhere_above(np.array([-0.4]), np.array([0.4]), [0], 9.0 * 0.4**2 + 1e-6) is True
    assert not check.is_nowhere_above(np.array([-0.4]), np.array([0.4]), [0], 9.0 * 0.39**2)
    assert check.chi2_at(np.array([0.5, 0.0, 0.0])) == pytest.approx(2.25)
    assert math.isfinite(check.chi2_at(np.zeros(3)))


def test_a_statement_is_not_called_false_where_chi2_is_only_rounded_below() -> None:
    """Terms of 1e9 that cancel: chi2 as computed is off by 1e-6, what is said of it is about its exact value."""
    random, lower = np.random.default_rng(3), 0
    for _ in range(40):
        x, slope, bend = random.uniform(0.2, 0.9), 1e9 * random.normal(), 1e9 * random.normal()
        c = 2.0 - (slope * x + bend * x * x)
        exact = (Fraction(c) + Fraction(slope) * Fraction(x) + Fraction(bend) * Fraction(x) ** 2) ** 2
        computed = (c + slope * x + bend * x * x) ** 2
        check = Recheck(polynomial_of(1, [{(): c, (1,): slope, (1, 1): bend}]), -np.ones(1), np.ones(1))
        level = 0.5 * (computed + float(exact))
        lower += computed < level * (1.0 - 1e-8)
        assert level > exact or check.is_above(np.array([x]), np.array([x]), [0], level) is not False
    assert lower > 5


def test_a_tile_that_just_reaches_the_level_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    polynomial, axes = circle()
    bounds = bounds_of(polynomial, axes, 8)
    region = proven_region(("x", "y"), 0.9, bounds.tiles["x", "y"], bounds.minimum)
    monkeypatch.setattr(Recheck, "is_nowhere_above", lambda *_: None)
    monkeypatch.setattr(Recheck, "is_above", lambda _, start, stop, shown, level: level <= region.level)
    status = np.full_like(region.status, INSIDE)
    said = ProvenRegion(region.axes, region.cl, region.dof, region.level, region.tiles, status)
    assert again(said, 5, (0.0, 0.0)) == Rechecked(0, 5, None)


def test_outside_is_false_only_above_the_lowest_chi2_that_is_said() -> None:
    """What is reached at the best fit may be higher by rounding."""
    polynomial, axes = circle()
    bounds = bounds_of(polynomial, axes, 32)
    region = proven_region(("x", "y"), 0.9, bounds.tiles["x", "y"], bounds.minimum)
    ends = np.array([axis.values[[0, -1]] for axis in axes]).T
    found = recheck(
        Recheck(polynomial, *ends), [region], lambda _, x: x, lambda _: [0, 1], bounds.minimum, None, reached=0.5
    )
    assert found.false is None
    assert found.undecided > 0
