"""Sums of squares as the kernels of quartics take them, and their plain values."""

from __future__ import annotations

from itertools import product

import numpy as np

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.grids import Grid
from scanengine_kernels.quartic.squares import Squares
from tests import naive
from tests.naive import FloatArray


def products_of(n: int) -> naive.Real:
    """Where the product of two quadratic monomials of n variables goes among the quartic ones."""
    quadratic, quartic = Monomials.of(n, 2), Monomials.of(n, 4)
    sums = [[tuple(a + b for a, b in zip(e, f, strict=True)) for f in quadratic.exponents] for e in quadratic.exponents]
    return np.array([[quartic.column[total] for total in row] for row in sums])


def squares_of(residuals: FloatArray, variables: int) -> Squares:
    """Of residuals (k, monomials) in three variables or more."""
    monomials = Monomials.of(variables, 2)
    return Squares(monomials.polynomials(residuals.T), products_of(3), products_of(2), products_of(1))


def grid_of(values: list[FloatArray]) -> Grid:
    """The grid that values of each axis span; what is beyond an axis' end must never be read."""
    array = np.full((len(values), max(v.size for v in values)), np.nan)
    for axis, v in enumerate(values):
        array[axis, : v.size] = v
    return Grid(np.array([v.size for v in values]), array)


def exact(residuals: FloatArray, values: list[FloatArray]) -> FloatArray:
    """sum_k r_k^2 on the tensor grid of values, residuals (k, monomials)."""
    exponents = np.array(Monomials.of(len(values), 2).exponents)
    points = np.array(list(product(*(v.tolist() for v in values))))
    return np.asarray(np.sum((np.prod(points[:, None, :] ** exponents, axis=-1) @ residuals.T) ** 2, axis=-1))


def random_values(random: np.random.Generator, shape: list[int]) -> list[FloatArray]:
    """Increasing values in [-1, 1], for some axes on one side of zero only."""
    ends = [(-1.0, 1.0), (0.0, 1.0), (-1.0, -0.25)]
    return [np.sort(random.uniform(*ends[random.integers(3)], size=n)) for n in shape]
