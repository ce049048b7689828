"""A Gaussian chi2 on a tensor grid, minimised at every point over nuisance parameters that enter linearly.

With whitened residuals r(t) and templates A_k(t), the change of r per standard deviation of nuisance k,

    chi2 = min_z sum_r (r_r + sum_k z_k A_kr)^2 + sum_k z_k^2

is a small linear system at each point. Residuals and templates are quadratics of the scanned variables. They are
evaluated in blocks of eight points; the sum of squares is formed at the solution, where an error of z counts only
squared, so that nothing cancels.

Where effects of 1e6 or more nearly cancel each other the system forgets the pulls. Then the templates, with a row more
for each pull, are made orthogonal one after the other, and r to them: what is left of it are the residuals at the
minimum (modified Gram-Schmidt, as accurate as reflections: A. Bjorck, BIT 7 (1967) 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, Lanes, fma, load, lowest, maximum, minimum, splat, store
from scanengine_kernels.grids import Grid, Polynomials
from scanengine_kernels.polynomial import contraction, go_to_line

LEAST_PIVOT = 1e-10
"""Of a diagonal element: what is left of it below this has fewer than six digits."""


@jit
def solve_block(H: NDArray[np.float64], g: NDArray[np.float64], nuisances: int) -> bool:
    """Replace g by -H^-1 g for eight positive definite systems at once; return whether all had digits enough.

    H (nuisances, nuisances, 8), of which the lower triangle is read and overwritten, and g (nuisances, 8) are flat.
    """
    K = nuisances
    least = splat(1.0)
    for i in range(K):
        size = load(H, (i * K + i) * LANES)
        for j in range(i):
            # H = L D L^T: the row holds L D until it is divided by D, of which the diagonal keeps the inverse
            value = load(H, (i * K + j) * LANES)
            for m in range(j):
                value = value - load(H, (i * K + m) * LANES) * load(H, (j * K + m) * LANES)
            store(H, (i * K + j) * LANES, value)
        diagonal = load(H, (i * K + i) * LANES)
        for j in range(i):
            scaled = load(H, (i * K + j) * LANES)
            factor = scaled * load(H, (j * K + j) * LANES)
            diagonal = diagonal - scaled * factor
            store(H, (i * K + j) * LANES, factor)
        least = minimum(diagonal / size, least)
        # what is smaller is not used, but may be zero
        store(H, (i * K + i) * LANES, 1.0 / maximum(diagonal, LEAST_PIVOT * size))
    for i in range(K):
        value = 0.0 - load(g, i * LANES)
        for j in range(i):
            value = value - load(H, (i * K + j) * LANES) * load(g, j * LANES)
        store(g, i * LANES, value)
    for i in range(K - 1, -1, -1):
        value = load(g, i * LANES) * load(H, (i * K + i) * LANES)
        for j in range(i + 1, K):
            value = value - load(H, (j * K + i) * LANES) * load(g, j * LANES)
        store(g, i * LANES, value)
    return lowest(least) > LEAST_PIVOT


@jit
def least_squares(values: NDArray[np.float64], pulls: NDArray[np.float64], rows: int, nuisances: int) -> Lanes:
    """Return the least sum of squares at eight points; values ((1 + nuisances) rows 8,) are overwritten.

    pulls ((1 + nuisances) nuisances 8,) is room to work in.
    """
    K = nuisances
    for column in range(1 + K):
        for k in range(K):
            store(pulls, (column * K + k) * LANES, 1.0 if column == 1 + k else 0.0)
    for k in range(1, 1 + K):
        square = square_of(values, k, k, rows) + square_of(pulls, k, k, K)
        for other in range(K + 1):
            m = other + 1 if other < K else 0
            if m > k or m == 0:
                share = (square_of(values, k, m, rows) + square_of(pulls, k, m, K)) / square
                take_off(values, k, m, rows, share)
                take_off(pulls, k, m, K, share)
    return square_of(values, 0, 0, rows) + square_of(pulls, 0, 0, K)


@jit_inline
def square_of(columns: NDArray[np.float64], k: int, m: int, rows: int) -> Lanes:
    """Return the products of columns k and m at eight points."""
    found = splat(0.0)
    for r in range(rows):
        found = fma(load(columns, (k * rows + r) * LANES), load(columns, (m * rows + r) * LANES), found)
    return found


@jit_inline
def take_off(columns: NDArray[np.float64], k: int, m: int, rows: int, share: Lanes) -> None:
    """Take a share of column k off column m at eight points."""
    for r in range(rows):
        left = fma(0.0 - share, load(columns, (k * rows + r) * LANES), load(columns, (m * rows + r) * LANES))
        store(columns, (m * rows + r) * LANES, left)


@jit
def fill_line(
    quadratics: NDArray[np.float64],
    rows: int,
    nuisances: int,
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    H: NDArray[np.float64],
    g: NDArray[np.float64],
    pulls: NDArray[np.float64],
    row: NDArray[np.float64],
) -> None:
    """Set row to chi2 at x, both of whole blocks; quadratics are those of `fill_linear` with one variable left.

    values ((1 + nuisances) rows 8,), H (nuisances^2 8,), g (nuisances 8,) and pulls ((1 + nuisances) nuisances 8,) are
    room to work in.
    """
    K = nuisances
    for first in range(0, x.size, LANES):
        t = load(x, first)
        for q in range((1 + K) * rows):
            store(values, q * LANES, fma(t, fma(t, quadratics[2, q], quadratics[1, q]), quadratics[0, q]))
        for k in range(K):
            for m in range(k + 1):
                gram = splat(1.0 if m == k else 0.0)
                for r in range(rows):
                    gram = fma(
                        load(values, ((1 + k) * rows + r) * LANES), load(values, ((1 + m) * rows + r) * LANES), gram
                    )
                store(H, (k * K + m) * LANES, gram)
            slope = splat(0.0)
            for r in range(rows):
                slope = fma(load(values, ((1 + k) * rows + r) * LANES), load(values, r * LANES), slope)
            store(g, k * LANES, slope)
        if not solve_block(H, g, K):
            store(row, first, least_squares(values, pulls, rows, K))
            continue
        chi2 = splat(0.0)
        for k in range(K):
            z = load(g, k * LANES)
            chi2 = fma(z, z, chi2)
        for r in range(rows):
            residual = load(values, r * LANES)
            for k in range(K):
                residual = fma(load(g, k * LANES), load(values, ((1 + k) * rows + r) * LANES), residual)
            chi2 = fma(residual, residual, chi2)
        store(row, first, chi2)


@jit
def fill_linear(quadratics: Polynomials, rows: int, nuisances: int, grid: Grid, chi2: NDArray[np.float64]) -> None:
    """Fill chi2 (lines, shape[-1]) on a tensor grid.

    quadratics, (1 + nuisances) rows of them rounded up to whole blocks, are the rows of the residuals, then those of
    each nuisance's template.
    """
    lines = contraction(quadratics, grid)
    x, on_line = lines.x, lines.levels[grid.shape.size - 1]
    row = np.empty(x.size)
    at_points = np.empty((1 + nuisances) * rows * LANES)
    H = np.empty(nuisances * nuisances * LANES)
    g = np.empty(nuisances * LANES)
    pulls = np.empty((1 + nuisances) * nuisances * LANES)
    for line in range(chi2.shape[0]):
        go_to_line(lines, line)
        fill_line(on_line, rows, nuisances, x, at_points, H, g, pulls, row)
        chi2[line] = row[: chi2.shape[1]]
