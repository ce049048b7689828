"""Searches in every cell of a plane, against searches of the residuals with the shown variables put in by NumPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from scanengine_kernels import cells as kernels
from scanengine_kernels.minimise import Box, Residuals
from tests.kernels.test_closed_form import linear_part
from tests.kernels.test_minimise import chi2_at, random_residuals
from tests.naive import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def whole(point: FloatArray, h: FloatArray) -> FloatArray:
    return np.concatenate((point, h))


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
    chi2 = np.where(np.arange(6) < 3, np.inf, -1.0)
    where = np.full((6, 2), 7.0)
    kernels.search_from(residuals, box, points, starts, chi2, where)
    assert np.all(chi2[3:] == -1.0)
    assert np.all(where[3:] == 7.0)
    for cell in range(3):
        assert chi2[cell] == pytest.approx(chi2_at(residuals, whole(points[cell], where[cell])), rel=1e-9, abs=1e-9)
        assert np.all(np.abs(where[cell]) <= 1.0)


@given(st.integers(2, 4), st.integers(0, 3), st.data())
def test_valleys_come_from_the_lowest_up(per_axis: int, axes: int, data: st.DataObject) -> None:
    size = per_axis**axes
    values = np.array(data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size)), dtype=np.float64)
    table = values.reshape((per_axis,) * axes)
    valleys = set()
    for number, index in enumerate(product(range(per_axis), repeat=axes)):
        steps = [tuple(np.add(index, s * np.eye(axes, dtype=int)[a])) for a in range(axes) for s in (1, -1)]
        if all(table[index] <= table[n] for n in steps if all(0 <= i < per_axis for i in n)):
            valleys.add(number)
    tried, found = np.zeros(size, dtype=np.bool_), []
    while (point := kernels.lowest_valley(values, per_axis, tried)) >= 0:
        tried[point] = True
        found.append(point)
    assert set(found) == valleys
    assert values[found].tolist() == sorted(values[found])


@pytest.mark.parametrize(("searched", "linear"), [(0, 0), (0, 2), (1, 1), (2, 0), (1, 3)])
def test_the_lattice_leads_to_the_minimum_that_scipy_finds_from_many_starts(searched: int, linear: int) -> None:
    random = np.random.default_rng(10 * searched + linear)
    m = searched + 1 + linear
    residuals = random_residuals(random, 6, 2 + m)
    first = 3 + searched
    residuals.A[:, first:, :] = residuals.A[:, :, first:] = 0.0
    box = Box(np.full(m, -1.0), np.full(m, 1.0))
    part = linear_part(np.ascontiguousarray(residuals.b[:, first:]), box.lower[-linear:], box.upper[-linear:])
    if not linear:
        part = linear_part(np.empty((6, 0)), np.empty(0), np.empty(0))
    lattice = np.array(list(product(np.linspace(-1.0, 1.0, 7), repeat=searched))).reshape(7**searched, searched)
    points = random.uniform(-1.0, 1.0, size=(2, 2))
    chi2, where = np.full(2, np.nan), np.empty((2, m))
    kernels.search_lattice(residuals, part, box, lattice, 7, 4, points, chi2, where)
    for cell in range(2):
        at = points[cell]
        assert chi2[cell] == pytest.approx(chi2_at(residuals, whole(at, where[cell])), rel=1e-9)

        def value(h: FloatArray, at: FloatArray = at, residuals: Residuals = residuals) -> float:
            return chi2_at(residuals, whole(at, h))

        starts = random.uniform(-1.0, 1.0, size=(12, m))
        reference = min(minimize(value, start, bounds=[(-1.0, 1.0)] * m).fun for start in starts)
        assert chi2[cell] == pytest.approx(reference, rel=1e-7, abs=1e-9)
