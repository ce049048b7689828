"""Proven profiles: no bound is above a dense grid, no cell is decided wrongly, and exact profiles are never better."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.driver.exact_profiles import exact_profiles
from scanengine.driver.proven_profiles import Asked, estimated_seconds, proven_profiles
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.inference.decided import decide
from scanengine.inference.levels import delta_chi2
from tests.driver.test_exact_profiles import axes_of, grid_profiles, polynomial_with_squares, random_polynomial

pytestmark = pytest.mark.jit_only

LEVELS = (68.27, 90.0)


HEIGHTS = {dof: [delta_chi2(0.01 * level, dof) for level in LEVELS] for dof in (1, 2)}


@pytest.fixture(autouse=True)
def few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.driver.fine_grid.FINE_POINTS", 11)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("enclosure", [None, 1e-3])
def test_bounds_hold_on_a_grid_with_other_points(n: int, enclosure: float | None) -> None:
    polynomial = random_polynomial(n, 5, seed=n)
    axes = axes_of(polynomial, 6)
    grid, _ = grid_profiles(polynomial, axes)
    fine_axes, found = proven_profiles(polynomial, axes, grid, Asked(HEIGHTS, LEVELS, enclosure), 2)
    bounds = found.bounds
    assert bounds is not None
    assert bounds.minimum[0] <= found.minimum <= bounds.minimum[1] + 1e-9
    assert bounds.confidence_levels == LEVELS
    denser = {axis.name: np.linspace(axis.values[0], axis.values[-1], 13 if n == 4 else 41) for axis in axes}
    for names, chi2 in found.each():
        lower = bounds.over(names)
        assert lower is not None
        assert np.all(lower <= chi2)
        if enclosure is not None:
            assert np.all(chi2 - lower <= 1.01 * enclosure * (1.0 + chi2))
        shown = [axis for axis in fine_axes if axis.name in names]
        every = [axis.values if axis in shown else denser[axis.name] for axis in fine_axes]
        values = np.empty([v.size for v in every])
        polynomial.fill(every, values)
        hidden = tuple(i for i, axis in enumerate(fine_axes) if axis not in shown)
        lowest = values.min(axis=hidden) if hidden else values
        assert np.all(lower <= lowest + 1e-9 * (1.0 + lowest))
        for level in LEVELS:
            decided = decide(names, 0.01 * level, chi2, lower, bounds)
            assert decided.below + decided.above + decided.undecided == chi2.size
            assert enclosure is not None or decided.undecided == 0


def test_a_missed_minimum_is_found_by_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches that begin nowhere near the valleys: the bounds do not depend on them."""
    polynomial = random_polynomial(4, 5, seed=11)
    axes = axes_of(polynomial, 6)
    grid, _ = grid_profiles(polynomial, axes)
    _, right = exact_profiles(polynomial, axes, grid)
    from scanengine.driver import exact_profiles as searches

    real = searches.searched_profiles

    def wrong(*arguments: object) -> searches.Searched:
        found = real(*arguments)  # type: ignore[arg-type]
        for cells in found.cells.values():
            cells.where[:] = cells.hidden.box.upper
        raised = {names: chi2 + 5.0 for names, chi2 in found.profiles.planes.items()}
        worse = Profiles(found.profiles.minimum + 5.0, tuple(axis.values[0] for axis in axes), {
            name: line + 5.0 for name, line in found.profiles.lines.items()
        }, raised)  # fmt: skip
        return found._replace(profiles=worse)

    monkeypatch.setattr("scanengine.driver.proven_profiles.searched_profiles", wrong)
    _, found = proven_profiles(polynomial, axes, grid, Asked(HEIGHTS, LEVELS, 1e-3))
    assert found.minimum == pytest.approx(right.minimum, abs=1e-5)
    for names, chi2 in found.each():
        expected = right.lines[names[0]] if len(names) == 1 else right.planes[names[0], names[1]]
        assert np.all(chi2 <= expected + 1.1e-3 * (1.0 + expected))


def test_a_cell_that_takes_too_many_boxes_is_undecided_and_its_bound_still_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scanengine.driver.proven_profiles.MOST_BOXES", 1)
    polynomial = random_polynomial(4, 5, seed=5)
    axes = axes_of(polynomial, 6)
    grid, _ = grid_profiles(polynomial, axes)
    _, found = proven_profiles(polynomial, axes, grid, Asked(HEIGHTS, LEVELS))
    assert found.bounds is not None
    undecided = 0
    for names, chi2 in found.each():
        lower = found.bounds.over(names)
        assert lower is not None
        assert np.all(lower <= chi2)
        undecided += decide(names, 0.9, chi2, lower, found.bounds).undecided
    assert undecided > 0


def test_squares_and_threads_do_not_change_what_is_proven() -> None:
    polynomial = polynomial_with_squares([(-1.0, 1.0), (0.0, 1.5), (-0.5, 2.0)], [1], 5, seed=3)
    axes = tuple(Axis(name, np.linspace(*ends, 6)) for name, ends in zip("abc", [(-1.0, 1.0), (0.0, 1.5), (-0.5, 2.0)],
                 strict=True))  # fmt: skip
    grid, _ = grid_profiles(polynomial, axes)
    (_, one), (_, two) = (proven_profiles(polynomial, axes, grid, Asked(HEIGHTS, LEVELS), t) for t in (1, 2))
    assert one.bounds is not None
    assert two.bounds is not None
    for names, chi2 in one.each():
        first, second = one.bounds.over(names), two.bounds.over(names)
        assert first is not None
        assert second is not None
        assert np.array_equal(first, second)
        assert np.all(first <= chi2)


def test_how_long_a_proof_takes_is_told() -> None:
    polynomial = random_polynomial(3, 5, seed=2)
    axes = axes_of(polynomial, 6)
    one = estimated_seconds(polynomial, axes, [(0, 1), (0, 2)])
    assert 0.0 < one < 60.0
