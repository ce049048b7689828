"""Statements about tiles gone over again: those that are true are confirmed, those that are not are caught."""

from __future__ import annotations

import math

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
