"""What a grid point costs whose chi2 is minimised over nuisances: Gaussian in closed form, Poisson by Newton's steps.

`pytest benchmarks/test_nuisances.py --benchmark-enable --benchmark-only` prints the times; the peer minimises a point
with SciPy's BFGS. Under plain `pytest` each case runs once, as a test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from scanengine.chi2.monomials import Monomials
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial, RowKinds, fewest_rows, side_by_side
from scanengine.grid.axes import FloatArray

AXES = [np.linspace(-1.0, 1.0, n) for n in (50, 400)]
MONOMIALS = Monomials.of(2, 2)


def counts(bins: int, nuisances: int) -> tuple[FloatArray, FloatArray]:
    """Templates (1 + nuisances, bins, monomials) of a signal and backgrounds, known to 10 to 30%, and data (bins,).

    The first nuisance is of the signal's normalisation, the last of its shape, the others of backgrounds.
    """
    random = np.random.default_rng(1)
    signal = np.zeros((bins, len(MONOMIALS.exponents)))
    for linear in 0.7 * random.normal(size=(2, 3)):
        for i in range(3):
            for j in range(3):
                signal[:, MONOMIALS.column_of_product(i, j)] += linear[i] * linear[j]
    signal *= random.uniform(1.0, 4.0, (bins, 1))
    backgrounds = np.zeros((nuisances - 2, *signal.shape))
    backgrounds[..., 0] = random.uniform(0.5, 3.0, (nuisances - 2, bins))
    tilt = np.linspace(-0.1, 0.1, bins)[:, None] * signal
    templates = np.array([signal + backgrounds.sum(axis=0), 0.28 * signal, *(0.2 * backgrounds), tilt])
    return templates, random.poisson(templates[0] @ MONOMIALS.values(np.array([0.3, 0.3]))).astype(np.float64)


def poisson(bins: int, nuisances: int) -> tuple[NuisancePolynomial, FloatArray, FloatArray]:
    templates, data = counts(bins, nuisances)
    excess = np.moveaxis(templates, 1, -1).copy()
    excess[0, 0] -= data
    seen = data > 0.0
    rows = side_by_side(excess[..., seen] / data[seen], excess[..., ~seen], np.zeros((*excess.shape[:2], 0)))
    polynomial = NuisancePolynomial(
        np.zeros(2),
        np.ones(2),
        MONOMIALS,
        np.ascontiguousarray(np.moveaxis(rows, 1, -1)),
        RowKinds(data[seen], int(np.sum(~seen)), np.zeros(0), np.zeros(0)),
        np.arange(1, 1 + nuisances),
        np.zeros(nuisances),
        np.ones(nuisances),
    )
    return polynomial, templates, data


def gaussian(bins: int, nuisances: int) -> LinearNuisancePolynomial:
    templates, data = counts(bins, nuisances)
    excess = templates.copy()
    excess[0, :, 0] -= data
    residuals = excess / np.sqrt(templates[0, :, :1] + 1.0)
    return LinearNuisancePolynomial(np.zeros(2), np.ones(2), MONOMIALS, fewest_rows(residuals))


@pytest.mark.parametrize("bins", [14, 144, 1440])
@pytest.mark.benchmark(group="20 thousand points, Gaussian, 3 nuisances")
def test_gaussian(benchmark: Callable[..., None], bins: int) -> None:
    polynomial, chi2 = gaussian(bins, 3), np.zeros((50, 400))
    benchmark(polynomial.fill, AXES, chi2)
    assert np.all(chi2 > 0.0)


@pytest.mark.parametrize("bins", [15, 150])
@pytest.mark.benchmark(group="20 thousand points, Poisson, 4 nuisances")
def test_poisson(benchmark: Callable[..., None], bins: int) -> None:
    polynomial, chi2 = poisson(bins, 4)[0], np.zeros((50, 400))
    benchmark(polynomial.fill, AXES, chi2)
    assert np.all(chi2 > 0.0)


@pytest.mark.benchmark(group="1 point, Poisson, 4 nuisances, 150 bins")
def test_peer_scipy(benchmark: Callable[..., float]) -> None:
    polynomial, templates, data = poisson(150, 4)
    at = templates @ MONOMIALS.values(np.array([AXES[0][20], AXES[1][100]]))
    seen = data > 0.0

    def chi2(z: FloatArray) -> float:
        N = at[0] + z @ at[1:]
        return float(
            2.0 * (np.sum(N - data) + np.sum((data * np.log(data / N, where=seen, out=0.0 * N))[seen])) + z @ z
        )

    found = benchmark(lambda: minimize(chi2, np.zeros(4)).fun)
    ours = np.zeros((50, 400))
    polynomial.fill(AXES, ours)
    assert found == pytest.approx(ours[20, 100], rel=1e-6)
