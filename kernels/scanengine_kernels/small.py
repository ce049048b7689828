"""chi2 on grids so small that NumPy is done before a compiler, or only Numba's import, would have begun.

The same numbers as the kernels of large grids, which they are tested against, by the plainest way: residuals on every
grid point, squared and added up. That is slower, and rounds the least.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels.grids import LANES, NEGLIGIBLE, NO_TERMS, LineMinima, PlaneMinima, Tables, TilePlace, Weights

SMALL_SQUARES = 1 << 24
"""A grid of up to so many squares, points times residuals, is filled and reduced in less time than it takes to import
Numba and load compiled kernels."""


_ROUNDINGS = 14 * 1.12e-16
"""How far a residual is rounded, relative to the sizes of its terms."""


def fill_squares(
    residuals: NDArray[np.float64],
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    values: Sequence[NDArray[np.float64]],
    chi2: NDArray[np.float64],
) -> None:
    """Set chi2, with one dimension per variable, to sum_k r_k^2 on the tensor grid of these values of each.

    The variables lie in [-1, 1]. residuals (k, monomials of degree two) have starts and groups as in `polynomial`. A
    residual that is zero within its rounding is zero: of a degenerate minimum the points are equal.
    """
    coefficients = residuals[:, None, :]  # (k, points of the variables fixed so far, monomials of the others)
    sizes = np.abs(coefficients)  # of the terms that these are sums of
    for variable, t in enumerate(values[:-1]):
        powers = t ** np.arange(3)[:, None]
        runs = [starts[variable, g : g + 2] for g in range(groups[variable])]
        coefficients, sizes = (
            np.stack([c[..., a:b] @ p[: b - a] for a, b in runs], axis=-1).reshape(residuals.shape[0], -1, len(runs))
            for c, p in ((coefficients, powers), (sizes, np.abs(powers)))
        )
    powers = values[-1] ** np.arange(3)[:, None]
    flat = chi2.reshape(-1, values[-1].size)
    flat[:] = 0.0
    for lines, size in zip(coefficients, _ROUNDINGS * sizes, strict=True):
        r = lines @ powers
        line, point = np.nonzero(np.abs(r) < size.sum(axis=1, keepdims=True))
        if line.size:
            rounding = np.sum(size[line] * np.abs(powers[:, point]).T, axis=1)
            r[line, point] = np.where(np.abs(r[line, point]) < rounding, 0.0, r[line, point])
        r *= r
        flat += r


def reduce_tile(
    chi2: NDArray[np.float64],
    shape: NDArray[np.int64],
    start: NDArray[np.int64],
    planes: PlaneMinima,
    lines: LineMinima,
    best: float,
    best_index: NDArray[np.int64],
) -> float:
    """Lower planes and lines to a tile's chi2; return the lowest chi2 of this and earlier tiles.

    As `profiles.reduce_tile`, argument by argument.
    """
    n = shape.size
    tile = chi2.reshape(shape)
    tile = np.where(np.isnan(tile), np.inf, tile)
    inside = [slice(s, s + length) for s, length in zip(start, shape, strict=True)]
    if planes.values.size > 0:
        for a, b in combinations(range(n), 2):
            first, rows, length = planes.offsets[a, b], planes.grid_shape[a], planes.grid_shape[b]
            plane = planes.values[first : first + rows * length].reshape(rows, length)
            here = plane[inside[a], inside[b]]
            np.minimum(here, tile.min(axis=tuple(c for c in range(n) if c not in {a, b})), out=here)
    for a in range(max(n - 2, 0), n):
        line = lines.values[lines.offsets[a] : lines.offsets[a + 1]][inside[a]]
        np.minimum(line, tile.min(axis=tuple(c for c in range(n) if c != a)), out=line)
    lowest = np.unravel_index(tile.argmin(), tile.shape)
    if tile[lowest] < best:
        best_index[:] = start + lowest
        return float(tile[lowest])
    return best


def sum_tile(chi2: NDArray[np.float64], at: TilePlace, weights: Weights, reference: float, tables: Tables) -> int:
    """Set the tables to what a tile's chi2 adds to them; return the exponent of its terms.

    As `marginals.sum_tile`, argument by argument.
    """
    shape, n = tuple(at.shape), at.shape.size
    lowest = np.min(chi2, where=~np.isnan(chi2), initial=np.inf)
    if not lowest < min(reference + NEGLIGIBLE, np.inf):
        return NO_TERMS
    exponent = int(np.floor(-0.5 * lowest / np.log(2.0)))
    counts = chi2 < min(reference, lowest) + NEGLIGIBLE
    powers = np.zeros(chi2.size)
    powers[counts] = np.exp2(-0.5 / np.log(2.0) * chi2[counts] - exponent)
    for kind, values in zip(weights, tables.values, strict=True):
        along = [kind[axis, s : s + length] for axis, (s, length) in enumerate(zip(at.start, shape, strict=True))]
        for a, b in np.argwhere(tables.offsets >= 0):
            summed = powers.reshape(shape)
            for axis in range(n - 1, -1, -1):
                if axis not in (a, b):
                    summed = np.tensordot(summed, along[axis], (axis, 0))
            table, first = summed.reshape(-1, summed.shape[-1]), tables.offsets[a, b]
            padded = -(-table.shape[1] // LANES) * LANES
            filled = values[first : first + table.shape[0] * padded].reshape(table.shape[0], padded)
            filled[:, : table.shape[1]] = table
    return exponent


def add_tables(
    sums: Tables, low: NDArray[np.float64], grid_shape: NDArray[np.int64], tile: Tables, at: TilePlace, factor: float
) -> None:
    """Add factor, a power of two, times the tables of a tile to the sums of its grid: to sums.values + low.

    As `marginals.add_tables`, argument by argument.
    """
    for a, b in np.argwhere(sums.offsets >= 0):
        rows, length = (grid_shape[a] if b > a else 1), grid_shape[b]
        mine, padded = (at.shape[a] if b > a else 1), -(-at.shape[b] // LANES) * LANES
        inside = np.s_[:, at.start[a] : at.start[a] + mine, at.start[b] : at.start[b] + at.shape[b]]
        if a == b:
            inside = np.s_[:, 0:1, at.start[b] : at.start[b] + at.shape[b]]
        first, of = sums.offsets[a, b], tile.offsets[a, b]
        before, rest = (
            each[:, first : first + rows * length].reshape(2, rows, length)[inside] for each in (sums.values, low)
        )
        term = factor * tile.values[:, of : of + mine * padded].reshape(2, mine, padded)[:, :, : at.shape[b]]
        after = before + term
        taken = after - before
        lost = (before - (after - taken)) + (term - taken) + rest
        before[...], rest[...] = after + lost, lost - ((after + lost) - after)
