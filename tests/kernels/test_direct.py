"""The direct kernels: sums over flat quadrature nodes, of interactions and of any cross-section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scanengine_kernels import direct as kernels
from scanengine_kernels._jit import interpreted, jit
from tests.naive import FloatArray


@jit
def made_up(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return float(parameters[0] * E + parameters[1] * T * nucleus[2] + flavour)


ENERGIES = 9


def own_and_common(random: np.random.Generator, nodes: int) -> NDArray[np.int64]:
    """Ranges of energies for each node (nodes, 4), two of each, some of them empty."""
    return np.sort(random.integers(0, ENERGIES + 1, (nodes, 2, 2)), axis=-1).reshape(nodes, 4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_sum_over_energies(seed: int, nodes: int) -> None:
    random = np.random.default_rng(seed)
    ends = own_and_common(random, nodes)
    T, T_weight = random.uniform(size=(2, nodes))
    E, E_weight = random.uniform(size=(2, ENERGIES))
    nucleus, flavour = random.uniform(size=(nodes, 5)), random.integers(0, 6, nodes)
    parameters = random.uniform(size=2)
    rates, exact = np.full(nodes, np.nan), np.zeros(nodes)
    kernels.rates_of_given(made_up, parameters, T, T_weight, nucleus, flavour, ends, E, E_weight, rates)
    for i in range(nodes):
        for k in (*range(*ends[i, :2].tolist()), *range(*ends[i, 2:].tolist())):
            sigma = parameters[0] * E[k] + parameters[1] * T[i] * nucleus[i, 2] + flavour[i]
            exact[i] += T_weight[i] * E_weight[k] * sigma
    np.testing.assert_allclose(rates, exact, rtol=1e-13)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 3))
def test_sum_of_interactions_over_energies(seed: int, nodes: int, structures: int) -> None:
    random = np.random.default_rng(seed)
    ends = own_and_common(random, nodes)
    T_weight = random.uniform(size=nodes)
    E, E_weight = random.uniform(0.5, 1.5, size=(2, ENERGIES))
    brackets, kinematics = random.uniform(size=(nodes, structures)), random.normal(size=(nodes, structures, 3))
    rates, exact = np.full(nodes, np.nan), np.zeros(nodes)
    kernels.rates_of_terms(brackets, kinematics, T_weight, ends, E, E_weight, rates)
    for i in range(nodes):
        for k in (*range(*ends[i, :2].tolist()), *range(*ends[i, 2:].tolist())):
            powers = 1.0, 1.0 / E[k], 1.0 / E[k] ** 2
            sigma = sum(brackets[i, s] * np.dot(kinematics[i, s], powers) for s in range(structures))
            exact[i] += T_weight[i] * E_weight[k] * sigma
    np.testing.assert_allclose(rates, exact, rtol=1e-12, atol=1e-13)


OUTSIDE = {
    "energies below": [[-1, 1, 0, 0], [1, 2, 0, 0]],
    "energies beyond": [[0, 1, 0, 0], [1, 3, 0, 0]],
    "common ones below": [[0, 1, -1, 1], [1, 2, 0, 0]],
    "common ones beyond": [[0, 1, 0, 0], [1, 2, 0, 3]],
}
TERMS = [kernels.rates_of_terms, interpreted(kernels.rates_of_terms)]


@pytest.mark.parametrize("where", list(OUTSIDE))
@pytest.mark.parametrize("kernel", TERMS, ids=["compiled", "interpreted"])
def test_nodes_of_interactions_outside_of_the_arrays_are_an_error(kernel: Callable[..., Any], where: str) -> None:
    one = np.ones(2)
    with pytest.raises(IndexError, match="the energies of a node"):
        kernel(np.ones((2, 1)), np.ones((2, 1, 3)), one, np.array(OUTSIDE[where]), one, one, np.zeros(2))


@pytest.mark.parametrize("where", list(OUTSIDE))
def test_nodes_of_a_given_cross_section_outside_of_the_arrays_are_an_error(where: str) -> None:
    one, flavour = np.ones(2), np.zeros(2, dtype=np.int64)
    nodes = one, one, np.ones((2, 5)), flavour, np.array(OUTSIDE[where]), one, one
    with pytest.raises(IndexError, match="the energies of a node"):
        kernels.rates_of_given(made_up, one, *nodes, np.zeros(2))


@jit
def elastic(E: float, M: float) -> float:
    return 2.0 * E * E / (M + 2.0 * E)


def test_least_energies_are_those_of_the_kinematics() -> None:
    M, T = 37000.0, np.array([0.0, 1e-6, 1e-3, 0.05])
    E = np.empty(4)
    kernels.least_energies(elastic, M, 53.0, T, E)
    assert pytest.approx(0.5 * (T + np.sqrt(T * (T + 2.0 * M))), rel=1e-14, abs=1e-50) == E
    kernels.least_energies(elastic, M, 53.0, np.array([1.0]), E[:1])
    assert E[0] == 53.0
