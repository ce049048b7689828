"""Proven enclosures of profiles: against searches, grids and levels, whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scanengine.chi2.enclosures import ProvenMinima
from scanengine.chi2.residuals import HiddenVariables
from scanengine.grid.axes import FloatArray
from scanengine_kernels.minimise import Residuals
from tests.chi2.test_residuals import chi2_at, with_lone_variables

pytestmark = pytest.mark.jit_only

LOWER, UPPER = np.full(4, -1.0), np.full(4, 1.0)


def problem(seed: int) -> tuple[Residuals, ProvenMinima, FloatArray]:
    """Four variables, of which two are shown, and the last enters as a square alone."""
    residuals = with_lone_variables(np.random.default_rng(seed), 4, [0.0])
    proven = ProvenMinima(HiddenVariables(residuals, LOWER, UPPER, (0, 1)), LOWER, UPPER)
    x = np.linspace(-1.0, 1.0, 7)
    return residuals, proven, np.array([(a, b) for a in x for b in x])


@pytest.mark.parametrize("seed", range(3))
def test_enclosures_hold_the_lowest_of_a_grid(seed: int) -> None:
    residuals, proven, points = problem(seed)
    found = proven.enclose(points, np.zeros((len(points), 2)), tolerance=1e-3, most_boxes=20_000)
    fine = np.linspace(-1.0, 1.0, 101)
    hidden = np.array([(c, d) for c in fine for d in fine])
    for point, lower, upper in zip(points, found.lower, found.upper, strict=True):
        lowest = chi2_at(residuals, np.column_stack((np.tile(point, (len(hidden), 1)), hidden))).min()
        assert lower <= lowest
        assert upper <= lowest + 1e-9
        assert upper - lower <= 1.01e-3 * (1.0 + upper)
    assert not found.left.any()


def test_levels_are_decided_the_same_with_any_threads() -> None:
    _, proven, points = problem(3)
    points = np.tile(points, (25, 1))
    starts = np.zeros((len(points), 2))
    middle = float(np.median(proven.enclose(points, starts, tolerance=1e-3, most_boxes=20_000).upper))
    levels = [0.5 * middle, middle + 0.1]
    alone = proven.enclose(points, starts, levels=levels, most_boxes=20_000)
    with ThreadPoolExecutor(2) as pool:
        together = proven.enclose(points, starts, levels=levels, most_boxes=20_000, pool=pool)
    assert np.array_equal(alone.lower, together.lower)
    assert np.array_equal(alone.upper, together.upper)
    for level in levels:
        assert np.all((alone.lower > level) | (alone.upper <= level))
    assert {bool(upper <= levels[1]) for upper in alone.upper} == {False, True}
    assert not starts.any()  # they are not written to
