"""The direct kernels: sums over flat quadrature nodes, of interactions and of any cross-section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels import direct as kernels
from scanengine_kernels._jit import interpreted, jit
from tests.naive import FloatArray


@jit
def made_up(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return float(parameters[0] * E + parameters[1] * T * nucleus[2] + flavour)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4))
def test_sum_over_nodes(seed: int, nodes: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    inner = random.integers(0, 4, nodes)
    first = np.concatenate(([0], np.cumsum(inner)))
    T, T_weight = random.uniform(size=(2, nodes))
    E, E_weight = random.uniform(size=(2, int(first[-1])))
    nucleus = random.uniform(size=(nodes, 5))
    flavour, cell = random.integers(0, 6, nodes), random.integers(0, cells, nodes)
    parameters = random.uniform(size=2)
    counts = np.full(cells, np.nan)
    kernels.sum_counts(made_up, parameters, T, T_weight, nucleus, flavour, cell, first, E, E_weight, counts)
    exact = [0.0] * cells
    for i in range(nodes):
        for k in range(int(first[i]), int(first[i + 1])):
            sigma = parameters[0] * E[k] + parameters[1] * T[i] * nucleus[i, 2] + flavour[i]
            exact[int(cell[i])] += T_weight[i] * E_weight[k] * sigma
    np.testing.assert_allclose(counts, exact, rtol=1e-13)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3))
def test_sum_of_interactions_over_nodes(seed: int, nodes: int, cells: int, structures: int) -> None:
    random = np.random.default_rng(seed)
    first = np.concatenate(([0], np.cumsum(random.integers(0, 4, nodes))))
    T_weight, cell = random.uniform(size=nodes), random.integers(0, cells, nodes)
    E, E_weight = random.uniform(0.5, 1.5, size=(2, int(first[-1])))
    brackets, kinematics = random.uniform(size=(nodes, structures)), random.normal(size=(nodes, structures, 3))
    before = random.uniform(size=cells)
    counts, exact = before.copy(), before.copy()
    kernels.sum_terms(brackets, kinematics, T_weight, cell, first, E, E_weight, counts)
    for i in range(nodes):
        for k in range(int(first[i]), int(first[i + 1])):
            powers = 1.0, 1.0 / E[k], 1.0 / E[k] ** 2
            sigma = sum(brackets[i, s] * np.dot(kinematics[i, s], powers) for s in range(structures))
            exact[int(cell[i])] += T_weight[i] * E_weight[k] * sigma
    np.testing.assert_allclose(counts, exact, rtol=1e-12, atol=1e-13)


OUTSIDE: dict[str, tuple[list[int], list[int]]] = {
    "cell below": ([0, -1], [0, 1, 2]),
    "cell beyond": ([0, 2], [0, 1, 2]),
    "energies below": ([0, 1], [-1, 1, 2]),
    "energies beyond": ([0, 1], [0, 1, 3]),
}


@pytest.mark.parametrize("where", list(OUTSIDE))
@pytest.mark.parametrize("kernel", [kernels.sum_terms, interpreted(kernels.sum_terms)], ids=["compiled", "interpreted"])
def test_nodes_of_interactions_outside_of_the_arrays_are_an_error(kernel: Callable[..., Any], where: str) -> None:
    cell, first = OUTSIDE[where]
    one = np.ones(2)
    with pytest.raises(IndexError, match="a node's cell or its energies"):
        kernel(np.ones((2, 1)), np.ones((2, 1, 3)), one, np.array(cell), np.array(first), one, one, np.zeros(2))


@pytest.mark.parametrize("where", list(OUTSIDE))
def test_nodes_of_a_given_cross_section_outside_of_the_arrays_are_an_error(where: str) -> None:
    cell, first = OUTSIDE[where]
    one, flavour = np.ones(2), np.zeros(2, dtype=np.int64)
    nodes = one, one, np.ones((2, 5)), flavour, np.array(cell), np.array(first), one, one
    with pytest.raises(IndexError, match="a node's cell or its energies"):
        kernels.sum_counts(made_up, one, *nodes, np.zeros(2))
