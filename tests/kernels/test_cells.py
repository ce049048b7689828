"""Searches in every cell of a plane, against searches of the residuals with the shown variables put in by NumPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from scanengine_kernels import cells as kernels
from scanengine_kernels import lattice as lattices
from scanengine_kernels._simd import LANES
from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.minimise import Box, Residuals
from tests.kernels.test_closed_form import linear_part
from tests.kernels.test_minimise import chi2_at, random_residuals
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def whole(point: FloatArray, h: FloatArray) -> FloatArray:
    return np.concatenate((point, h))


def with_linear(random: np.random.Generator, K: int, m: int, linear: int) -> tuple[Residuals, Box, LinearPart]:
    """Residuals in two shown variables and m others, the last of which enter linearly, and their box."""
    residuals = random_residuals(random, K, 2 + m)
    first = 2 + m - linear
    residuals.A[:, first:, :] = residuals.A[:, :, first:] = 0.0
    box = Box(np.full(m, -1.0), np.full(m, 1.0))
    Q = np.ascontiguousarray(residuals.b[:, first:])
    return residuals, box, linear_part(Q, box.lower[m - linear :], box.upper[m - linear :])


def lowest_by_scipy(random: np.random.Generator, residuals: Residuals, point: FloatArray, m: int) -> float:
    starts = random.uniform(-1.0, 1.0, size=(12, m))

    def chi2(h: FloatArray) -> float:
        return chi2_at(residuals, whole(point, h))

    fits = [minimize(chi2, start, bounds=[(-1.0, 1.0)] * m) for start in starts]
    return float(min(fit.fun for fit in fits))


@given(SEEDS, st.integers(0, 3), st.integers(0, 3))
def test_held_residuals_are_those_of_the_variables_left(seed: int, s: int, m: int) -> None:
    random = np.random.default_rng(seed)
    residuals = random_residuals(random, 4, s + m)
    held = kernels.held_residuals(residuals, s)
    point, h = random.normal(size=s), random.normal(size=m)
    kernels.hold_first(residuals, point, held)
    assert chi2_at(held, h) == pytest.approx(chi2_at(residuals, whole(point, h)), rel=1e-9)


@given(SEEDS)
def test_a_search_keeps_what_is_lower_already(seed: int) -> None:
    random = np.random.default_rng(seed)
    residuals, box = random_residuals(random, 5, 4), Box(np.full(2, -1.0), np.full(2, 1.0))
    points, starts = random.normal(size=(6, 2)), random.uniform(-2.0, 2.0, size=(6, 2))
    cells = kernels.no_minima(points, 2)
    _, chi2, where, fallen = cells
    chi2[3:], where[:] = -1.0, 7.0
    kernels.search_from(residuals, box, np.arange(6), starts, cells)
    assert np.all(chi2[3:] == -1.0)
    assert np.all(where[3:] == 7.0)
    assert fallen.tolist() == [True] * 3 + [False] * 3
    for cell in range(3):
        assert chi2[cell] == pytest.approx(chi2_at(residuals, whole(points[cell], where[cell])), rel=1e-9, abs=1e-9)
        assert np.all(np.abs(where[cell]) <= 1.0)


@settings(max_examples=20)
@given(SEEDS)
def test_what_is_known_of_a_cell_does_not_change_the_lowest_of_many_searches(seed: int) -> None:
    """A search is given up where it would end at what is known, or above: never where it would end below."""
    random = np.random.default_rng(seed)
    residuals, box = random_residuals(random, 4, 4), Box(np.full(3, -1.0), np.full(3, 1.0))
    point, starts = random.normal(size=(1, 1)), random.uniform(-1.0, 1.0, size=(40, 3))
    alone = []
    for start in starts:
        cell = kernels.no_minima(point, 3)
        kernels.search_from(residuals, box, np.zeros(1, int), start[None], cell)
        alone.append(cell.chi2[0])
    cell = kernels.no_minima(point, 3)
    kernels.search_from(residuals, box, np.zeros(40, int), starts, cell)
    assert cell.chi2[0] == pytest.approx(min(alone), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 5])
def test_a_cell_that_falls_hands_its_minimiser_on_to_the_ends_of_the_plane(rows: int) -> None:
    """chi2 = (h^2 - 1)^2 + (h - 1)^2 / 100 has minima near -1 and at 1: one cell knows the lower one, and all learn."""
    A = np.zeros((2, 3, 3))
    A[0, 2, 2] = 1.0
    residuals = Residuals(np.array([-1.0, -0.1]), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]), A)
    box, cells = Box(np.full(1, -2.0), np.full(1, 2.0)), kernels.no_minima(np.zeros((60, 2)), 1)
    kernels.search_from(residuals, box, np.arange(60), np.full((60, 1), -1.0), cells)
    assert np.all(cells.where < -0.9)
    cells.fallen[:] = False
    kernels.search_from(residuals, box, np.array([7]), np.ones((1, 1)), cells)
    assert np.flatnonzero(cells.fallen).tolist() == [7]
    assert kernels.hand_on(residuals, box, rows, cells) == 0
    assert cells.chi2 == pytest.approx(0.0, abs=1e-12)
    assert not cells.fallen.any()


@given(st.integers(2, 4), st.integers(0, 3), st.integers(1, 4), st.integers(0, LANES - 1), st.data())
def test_valleys_come_from_the_lowest_up(per_axis: int, axes: int, most: int, lane: int, data: st.DataObject) -> None:
    size = per_axis**axes
    values = np.array(data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size)), dtype=np.float64)
    table = values.reshape((per_axis,) * axes)
    valleys = []
    for number, index in enumerate(product(range(per_axis), repeat=axes)):
        steps = [tuple(np.add(index, s * np.eye(axes, dtype=int)[a])) for a in range(axes) for s in (1, -1)]
        if all(table[index] <= table[n] for n in steps if all(0 <= i < per_axis for i in n)):
            valleys.append(number)
    among_others = np.full((size, LANES), -1.0)
    among_others[:, lane] = values
    lowest = np.empty(most, dtype=np.int64)
    found = lowest[: lattices.valleys_of(among_others.ravel(), lane, per_axis, size, lowest)]
    assert len(found) == min(most, len(valleys))
    assert set(found) <= set(valleys)
    assert values[found].tolist() == sorted(values[valleys])[: len(found)]


@pytest.mark.parametrize("linear", [0, 1, 2, 3])
def test_the_closed_form_is_the_minimum_that_scipy_finds_from_many_starts(linear: int) -> None:
    random = np.random.default_rng(linear)
    m = 1 + linear
    residuals, box, part = with_linear(random, 6, m, linear)
    points = random.uniform(-1.0, 1.0, size=(3, 2))
    cells = kernels.no_minima(points, m)
    _, chi2, where, _ = cells
    kernels.minimise_cells(residuals, part, box, cells)
    for cell in range(3):
        reference = lowest_by_scipy(random, residuals, points[cell], m)
        assert chi2[cell] <= reference + 1e-7 * (1.0 + reference)
        assert chi2_at(residuals, whole(points[cell], where[cell])) == pytest.approx(chi2[cell], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("searched", "linear"), [(1, 0), (1, 1), (2, 0), (1, 3), (2, 2)])
def test_the_lattice_leads_to_the_minimum_that_scipy_finds_from_many_starts(searched: int, linear: int) -> None:
    random = np.random.default_rng(10 * searched + linear)
    m = searched + 1 + linear
    residuals, box, part = with_linear(random, 6, m, linear)
    on_lattice = np.array(list(product(np.linspace(-1.0, 1.0, 7), repeat=searched))).reshape(7**searched, searched)
    lattice = lattices.Lattice(on_lattice, 7, np.linspace(-1.0, 1.0, 9))
    cells = kernels.no_minima(random.uniform(-1.0, 1.0, size=(LANES + 3, 2)), m)
    points, chi2, where, fallen = cells
    chi2[LANES] = -1.0
    lattices.search_lattice(residuals, part, box, lattice, 4, cells)
    assert chi2[LANES] == -1.0
    assert np.flatnonzero(~fallen).tolist() == [LANES]
    for cell in (0, LANES + 2):
        reference = lowest_by_scipy(random, residuals, points[cell], m)
        assert chi2[cell] <= reference + 1e-7 * (1.0 + reference)
        assert chi2_at(residuals, whole(points[cell], where[cell])) == pytest.approx(chi2[cell], rel=1e-7, abs=1e-9)
