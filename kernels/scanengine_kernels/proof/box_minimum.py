"""The minimum of a convex quadratic in a box: a point near it, and what its tangent plane there says of all others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cholesky import factorise, solve


class QuadraticRoom(NamedTuple):
    """g . x + x . C x in n variables, with C = M + diag(d), its factor L, and room for a search."""

    g: NDArray[np.float64]
    M: NDArray[np.float64]
    d: NDArray[np.float64]
    C: NDArray[np.float64]
    L: NDArray[np.float64]
    G: NDArray[np.float64]
    step: NDArray[np.float64]
    free: NDArray[np.bool_]


@jit
def quadratic_room(n: int) -> QuadraticRoom:
    """Return room for quadratics in n variables."""
    return QuadraticRoom(
        np.zeros(n),
        np.zeros((n, n)),
        np.zeros(n),
        np.zeros((n, n)),
        np.zeros((n, n)),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, dtype=np.bool_),
    )


@jit
def minimise_in_box(
    q: QuadraticRoom, down: NDArray[np.float64], up: NDArray[np.float64], x: NDArray[np.float64]
) -> float:
    """Set x to about where q = g . x + x . C x is lowest for -down_i <= x_i <= up_i; return a bound of it.

    It is the minimum over the box of the tangent plane at x, which a convex quadratic is nowhere below, however inexact
    x is. L is the factor of C; an active set is searched: a step ends at the first end that it meets, where its
    variable is held until the slope there points inwards.
    """
    g, C, G, step, free = q.g, q.C, q.G, q.step, q.free
    n = g.size
    x[:] = 0.0
    free[:] = True
    current = True
    for turn in range(3 * n + 4):
        for i in range(n):
            slope = g[i]
            for j in range(n):
                slope += 2.0 * C[i, j] * x[j]
            G[i] = slope
        if turn > 0 and current:
            # at the minimum over the free variables: let go the one held that gains most
            let, most = -1, 0.0
            for i in range(n):
                if not free[i]:
                    pull = G[i] if x[i] >= up[i] else -G[i]
                    gain = pull * (down[i] + up[i])
                    if gain > most:
                        let, most = i, gain
            if let < 0:
                break
            free[let] = True
        if turn > 0 and not factorise(C, free, 0.0, 0.0, q.L):
            break
        solve(q.L, G, 0.5, free, step)
        share, first = 1.0, -1
        for i in range(n):
            if free[i] and step[i] != 0.0:
                way = up[i] - x[i] if step[i] > 0.0 else -down[i] - x[i]
                if abs(step[i]) * share > abs(way):
                    share, first = way / step[i], i
        for i in range(n):
            if free[i]:
                x[i] = min(max(x[i] + share * step[i], -down[i]), up[i])
        current = first < 0
        if first >= 0:
            x[first] = up[first] if step[first] > 0.0 else -down[first]
            free[first] = False
    bound, curved = 0.0, 0.0
    for i in range(n):
        bent = 0.0
        for j in range(n):
            bent += C[i, j] * x[j]
        slope = g[i] + 2.0 * bent
        curved += x[i] * bent
        bound += min(-slope * down[i], slope * up[i])
    return bound - curved
