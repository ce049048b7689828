"""Quadrature rules: their degree of exactness, no less and no more, and what the Gauss rule is relied on for."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mpf

from scanengine_kernels.quadrature import (
    EMBEDDED_WEIGHTS,
    GAUSS_NODES,
    GAUSS_WEIGHTS,
    KRONROD_NODES,
    KRONROD_WEIGHTS,
)
from tests.naive import FloatArray

RULES = [
    pytest.param(GAUSS_NODES, GAUSS_WEIGHTS, 23, id="Gauss 12"),
    pytest.param(KRONROD_NODES, KRONROD_WEIGHTS, 31, id="Kronrod 21"),
    pytest.param(KRONROD_NODES, EMBEDDED_WEIGHTS, 19, id="Gauss 10 inside Kronrod 21"),
]


def error(nodes: FloatArray, weights: FloatArray, degree: int) -> float:
    """Of the integral of x^degree over [-1, 1]."""
    with mpmath.workdps(40):
        exact = mpf(2) / (degree + 1) if degree % 2 == 0 else mpf(0)
        total = sum(mpf(float(w)) * mpf(float(x)) ** degree for x, w in zip(nodes, weights, strict=True))
        return float(abs(total - exact))


@pytest.mark.parametrize(("nodes", "weights", "degree"), RULES)
def test_is_exact_up_to_its_degree(nodes: FloatArray, weights: FloatArray, degree: int) -> None:
    assert max(error(nodes, weights, k) for k in range(degree + 1)) < 1e-15


@pytest.mark.parametrize(("nodes", "weights", "degree"), RULES)
def test_is_not_exact_beyond(nodes: FloatArray, weights: FloatArray, degree: int) -> None:
    assert error(nodes, weights, degree + 1) > 1e-12


@pytest.mark.parametrize(("nodes", "weights", "degree"), RULES)
def test_nodes_are_symmetric_and_inside(nodes: FloatArray, weights: FloatArray, degree: int) -> None:
    assert np.all(np.diff(nodes) > 0.0)
    assert nodes[-1] < 1.0
    np.testing.assert_allclose(nodes, -nodes[::-1], atol=1e-16)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-15)


def test_embedded_rule_has_every_second_node() -> None:
    assert np.all(EMBEDDED_WEIGHTS[::2] == 0.0)
    np.testing.assert_allclose(KRONROD_NODES[1::2], np.polynomial.legendre.leggauss(10)[0], atol=1e-15)


@pytest.mark.parametrize(("power", "exact"), [(-1, np.log(2.0)), (-2, 0.5)])
def test_gauss_rule_integrates_inverse_powers_over_a_factor_of_two(power: int, exact: float) -> None:
    E = 1.5 + 0.5 * GAUSS_NODES
    assert 0.5 * GAUSS_WEIGHTS @ E**power == pytest.approx(exact, rel=4e-16)
