"""What a grid point of a Poisson likelihood costs, beside plain Numba with the logarithm of the C library.

`pytest benchmarks/test_poisson.py --benchmark-enable --benchmark-only` prints the times. Both work on the same points,
in one thread; under plain `pytest` each case runs once, as a test.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numba
import numpy as np
import pytest

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.poisson import PoissonPolynomial
from scanengine.grid.axes import FloatArray

SHAPE = (10, 20, 400)
BINS = [1, 10, 100]


@numba.njit(error_model="numpy", fastmath={"contract"})
def plain(
    exponents: FloatArray, coefficients: FloatArray, data: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray
) -> FloatArray:
    """Per bin and point: the quadratic, contracted along the outer axes as well, and one logarithm."""
    chi2 = np.zeros((x.size, y.size, z.size))
    lines = np.empty((data.size, 3))
    for i in range(x.size):
        for j in range(y.size):
            lines[:] = 0.0
            for b in range(data.size):
                for m in range(exponents.shape[0]):
                    term = coefficients[b, m] * x[i] ** exponents[m, 0] * y[j] ** exponents[m, 1]
                    lines[b, exponents[m, 2]] += term
            for k in range(z.size):
                total = 0.0
                for b in range(data.size):
                    N = lines[b, 0] + z[k] * (lines[b, 1] + z[k] * lines[b, 2])
                    total += N - data[b] + data[b] * log(data[b] / N)
                chi2[i, j, k] = 2.0 * total
    return chi2


def counts(bins: int) -> tuple[Monomials, FloatArray, FloatArray]:
    """Monomials, coefficients (bins, monomials) of squares of linear functions, and data."""
    random = np.random.default_rng(1)
    monomials = Monomials.of(3, 2)
    coefficients = np.zeros((bins, len(monomials.exponents)))
    for linear in random.normal(size=(2, bins, 4)):
        for i in range(4):
            for j in range(4):
                coefficients[:, monomials.column_of_product(i, j)] += 100.0 * linear[:, i] * linear[:, j]
    coefficients[:, 0] += 1.0
    return monomials, coefficients, random.uniform(10.0, 1000.0, bins)


AXES = [np.linspace(-1.0, 1.0, n) for n in SHAPE]


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.benchmark(group="80 thousand points of a Poisson likelihood")
def test_fill(benchmark: Callable[..., None], bins: int) -> None:
    polynomial = PoissonPolynomial.of(np.zeros(3), np.ones(3), *counts(bins))
    chi2 = np.zeros(SHAPE)
    benchmark(polynomial.fill, AXES, chi2)
    assert np.all(chi2 > 0.0)


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.benchmark(group="80 thousand points of a Poisson likelihood")
def test_peer_plain_numba(benchmark: Callable[..., FloatArray], bins: int) -> None:
    monomials, coefficients, data = counts(bins)
    chi2 = benchmark(plain, np.array(monomials.exponents), coefficients, data, *AXES)
    ours = np.zeros(SHAPE)
    PoissonPolynomial.of(np.zeros(3), np.ones(3), monomials, coefficients, data).fill(AXES, ours)
    np.testing.assert_allclose(chi2, ours, rtol=1e-9, atol=1e-9)
