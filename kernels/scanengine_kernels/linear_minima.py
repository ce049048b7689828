"""The minimum of a sum of squares over two variables that enter every residual linearly, in many cells, eight at once.

So do the squares of a magnetic moment and of a flavour-changing coupling. chi2 = |r + Q s|^2 is convex in s: over a box
it is lowest at the free minimum, if that lies inside, or else on an edge, where one of both stands at a bound and the
other at its own minimum, or the bound nearest to it. All five places lie in the box: the lowest of them is the minimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, Lanes, aligned, fma, load, maximum, minimum, splat, store, where_less
from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.minimise import Residuals

BOTH = 3
"""The set of free variables in which both are."""


@jit
def minimise_linear(
    residuals: Residuals,
    linear: LinearPart,
    points: NDArray[np.float64],
    chi2: NDArray[np.float64],
    where: NDArray[np.float64],
) -> None:
    """Set chi2 (cells,) to its minima over the last two variables, and where (2, cells) to where they are reached.

    `linear` says how these enter, and their bounds; points (others, cells) are the other variables'. The cells fill
    blocks of eight.
    """
    K, cells = residuals.c.size, chi2.size
    Q, low, high = linear.Q, linear.lower, linear.upper
    a, b, c = 0.0, 0.0, 0.0
    for k in range(K):
        a += Q[k, 0] * Q[k, 0]
        b += Q[k, 0] * Q[k, 1]
        c += Q[k, 1] * Q[k, 1]
    per_a, per_c = 1.0 / a if a > 0.0 else 0.0, 1.0 / c if c > 0.0 else 0.0
    inverse = linear.inverses[BOTH]
    r = aligned(K * LANES)
    for cell in range(0, cells, LANES):
        u, v = splat(0.0), splat(0.0)
        for k in range(K):
            value = residual_at(residuals, k, points, cell)
            store(r, k * LANES, value)
            u, v = fma(value, Q[k, 0], u), fma(value, Q[k, 1], v)
        # without both inverses this is a place in the box like any other
        s = between(0.0 - fma(inverse[0, 0], u, inverse[0, 1] * v), low[0], high[0])
        t = between(0.0 - fma(inverse[1, 0], u, inverse[1, 1] * v), low[1], high[1])
        lowest = form(s, t, u, v, a, b, c)
        for end in range(2):
            held = splat(low[0] if end == 0 else high[0])
            other = between(0.0 - fma(held, b, v) * per_c, low[1], high[1])
            value = form(held, other, u, v, a, b, c)
            s, t = where_less(value, lowest, held, s), where_less(value, lowest, other, t)
            lowest = minimum(value, lowest)
            held = splat(low[1] if end == 0 else high[1])
            other = between(0.0 - fma(held, b, u) * per_a, low[0], high[0])
            value = form(other, held, u, v, a, b, c)
            s, t = where_less(value, lowest, other, s), where_less(value, lowest, held, t)
            lowest = minimum(value, lowest)
        # there as squares: the form cancels
        total = splat(0.0)
        for k in range(K):
            value = fma(s, Q[k, 0], fma(t, Q[k, 1], load(r, k * LANES)))
            total = fma(value, value, total)
        store(chi2, cell, total)
        store(where, cell, s)
        store(where, cells + cell, t)


@jit_inline
def residual_at(residuals: Residuals, k: int, points: NDArray[np.float64], cell: int) -> Lanes:
    """Return residual k in eight cells, the last two variables being zero."""
    cells = points.shape[1]
    value = splat(residuals.c[k])
    for i in range(points.shape[0]):
        t = load(points, i * cells + cell)
        slope = fma(residuals.A[k, i, i], t, residuals.b[k, i])
        for j in range(i):
            slope = fma(2.0 * residuals.A[k, i, j], load(points, j * cells + cell), slope)
        value = fma(t, slope, value)
    return value


@jit_inline
def form(s: Lanes, t: Lanes, u: Lanes, v: Lanes, a: float, b: float, c: float) -> Lanes:
    """Return 2 (u s + v t) + a s^2 + 2 b s t + c t^2."""
    return fma(s, fma(a, s, 2.0 * u), t * fma(c, t, fma(2.0 * b, s, 2.0 * v)))


@jit_inline
def between(x: Lanes, low: float, high: float) -> Lanes:
    """Return x, or the bound that it is beyond."""
    return minimum(maximum(x, low), high)
