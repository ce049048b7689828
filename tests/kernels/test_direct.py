"""The direct kernel: the standard cross-section as the papers have it, and the sum over flat quadrature nodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels import direct as kernels
from scanengine_kernels._jit import jit
from tests import naive
from tests.naive import FloatArray

COUPLING = st.floats(-2.0, 2.0)
PAIR = st.tuples(COUPLING, COUPLING)


@given(
    own=PAIR,
    others=st.tuples(PAIR, PAIR),
    mu=st.floats(-20.0, 20.0),
    E=st.floats(5.0, 60.0),
    share=st.floats(1e-3, 1.0),
    form_factors=st.tuples(st.floats(-0.2, 1.0), st.floats(-0.2, 1.0)),
    options=st.builds(naive.Options, st.booleans(), st.booleans(), st.booleans()),
    target=st.sampled_from(list(naive.MASSES)),
)
def test_standard_cross_section(
    own: tuple[float, float],
    others: tuple[tuple[float, float], tuple[float, float]],
    mu: float,
    E: float,
    share: float,
    form_factors: tuple[float, float],
    options: naive.Options,
    target: str,
) -> None:
    nucleus, flavour = naive.nucleus(target), 4
    M = nucleus.M
    T = share * 2.0 * E * E / (M + 2.0 * E)
    couplings = naive.Couplings(own, others, mu=mu)
    g_p, g_n = couplings.nucleon()
    rows = np.zeros((7, 7))
    rows[flavour, 6] = mu
    for b, (u, d) in enumerate((own, *others)):
        rows[flavour, 2 * b : 2 * b + 2] = 2.0 * u + d, u + 2.0 * d
    rows[flavour, :2] += g_p, g_n
    rows[6, :5] = (
        naive.G_F**2 * naive.HBARC_CM**2 / np.pi,
        np.pi * (naive.ALPHA * 1e-10 / naive.M_E * naive.HBARC_CM) ** 2,
        options.full_kinematics,
        options.full_magnetic,
        options.magnetic_form_factor,
    )
    point = np.array([nucleus.Z, nucleus.N, M, *form_factors])
    exact = naive.cross_section(E, T, nucleus, *form_factors, couplings, options)
    # the size of the terms, where they cancel
    bound = naive.cross_section(E, 1e-3 * T, nucleus, 1.0, 1.0, naive.Couplings((2.0, 2.0), mu=0.0), options)
    assert kernels.cevns(E, T, point, flavour, rows) == pytest.approx(exact, rel=1e-12, abs=1e-14 * bound)


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
