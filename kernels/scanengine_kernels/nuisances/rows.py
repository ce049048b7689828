"""chi2 of counts and residuals, and its derivatives, with all nuisances at given values: eight rows at a time."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_inline
from scanengine_kernels._log import where_positive, x_minus_log1p
from scanengine_kernels._simd import LANES, fma, load, lowest, minimum, splat, store, total
from scanengine_kernels.nuisances.room import Room

EMPTY_WALL = 1e-5
"""A count without data falls this far below zero before chi2 rises by one: the minimum is right to its square."""


class RowWeights(NamedTuple):
    """How many rows of each kind there are, in multiples of 8, and what weighs them.

    `weights` (seen,) are 2 n, `empty_weights` (empty,) are 2; `above` and `below` (Gaussian,) weigh mu^2 for mu > 0 and
    mu <= 0. Rows that fill a block have weight zero.
    """

    seen: int
    empty: int
    gaussian: int
    weights: NDArray[np.float64]
    empty_weights: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@jit_inline
def chi2_of_rows(
    rows: RowWeights, templates: NDArray[np.float64], chosen: NDArray[np.int64], z: NDArray[np.float64], room: Room
) -> float:
    """Return chi2 of the rows at z, and set the first and second derivatives by each row's mu.

    templates (1 + K or more, rows); chosen (K,) of them belong to the nuisances. Infinite where a count with data is
    zero or below; then the derivatives are not set.
    """
    number = templates.shape[1]
    chi2 = splat(0.0)
    least = splat(1.0)
    for r in range(0, rows.seen, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = load(rows.weights, r)
        ratio = mu + 1.0
        least = minimum(ratio, least)
        chi2 = fma(weight, x_minus_log1p(mu, ratio), chi2)
        inverse = 1.0 / ratio
        store(room.first, r, weight * (mu * inverse))
        store(room.second, r, weight * (inverse * inverse))
    if not lowest(where_positive(least, least, -1.0)) > 0.0:
        return inf
    end = rows.seen + rows.empty
    for r in range(rows.seen, end, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = load(rows.empty_weights, r - rows.seen)
        beyond = minimum(mu, 0.0) * (1.0 / EMPTY_WALL)
        wall = where_positive(0.0 - mu, weight * (1.0 / EMPTY_WALL**2), 0.0)
        chi2 = fma(weight, fma(0.5 * beyond, beyond, mu), chi2)
        store(room.first, r, fma(wall, mu, weight))
        store(room.second, r, wall)
    for r in range(end, end + rows.gaussian, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = where_positive(mu, load(rows.above, r - end), load(rows.below, r - end))
        weighted = weight * mu
        chi2 = fma(weighted, mu, chi2)
        store(room.first, r, weighted + weighted)
        store(room.second, r, weight + weight)
    return total(chi2)


@jit_inline
def derivatives_of_four(
    templates: NDArray[np.float64], a: int, b: int, c: int, d: int, weights: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return sum_r weights_r T_r of four templates: each weight is loaded once."""
    number = templates.shape[1]
    p, q, s, t = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    a, b, c, d = a * number, b * number, c * number, d * number
    for r in range(0, number, LANES):
        weight = load(weights, r)
        p = fma(weight, load(templates, a + r), p)
        q = fma(weight, load(templates, b + r), q)
        s = fma(weight, load(templates, c + r), s)
        t = fma(weight, load(templates, d + r), t)
    return total(p), total(q), total(s), total(t)


@jit_inline
def products_of_two_and_four(
    templates: NDArray[np.float64],
    two: tuple[int, int],
    four: tuple[int, int, int, int],
    weights: NDArray[np.float64],
) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
    """Return sum_r weights_r T_r U_r for each of two templates T with each of four U."""
    number = templates.shape[1]
    zero = splat(0.0)
    p0, p1, p2, p3, q0, q1, q2, q3 = zero, zero, zero, zero, zero, zero, zero, zero
    p, q = two[0] * number, two[1] * number
    a, b, c, d = four[0] * number, four[1] * number, four[2] * number, four[3] * number
    for r in range(0, number, LANES):
        weight = load(weights, r)
        x, y = weight * load(templates, p + r), weight * load(templates, q + r)
        u, v = load(templates, a + r), load(templates, b + r)
        p0, p1 = fma(x, u, p0), fma(x, v, p1)
        q0, q1 = fma(y, u, q0), fma(y, v, q1)
        u, v = load(templates, c + r), load(templates, d + r)
        p2, p3 = fma(x, u, p2), fma(x, v, p3)
        q2, q3 = fma(y, u, q2), fma(y, v, q3)
    return (total(p0), total(p1), total(p2), total(p3)), (total(q0), total(q1), total(q2), total(q3))


@jit_inline
def derivative(templates: NDArray[np.float64], template: int, weights: NDArray[np.float64]) -> float:
    """Return sum_r weights_r T_r of one template."""
    number = templates.shape[1]
    # two sums at once: a single one is waited for longer than it is worked on
    even, odd = splat(0.0), splat(0.0)
    for r in range(0, number - LANES, 2 * LANES):
        even = fma(load(weights, r), load(templates, template * number + r), even)
        odd = fma(load(weights, r + LANES), load(templates, template * number + r + LANES), odd)
    if number // LANES % 2:
        last = number - LANES
        even = fma(load(weights, last), load(templates, template * number + last), even)
    return total(even + odd)
