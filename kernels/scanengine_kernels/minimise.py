"""Minimise a sum of squared quadratic residuals inside a box: Newton's method, damped, with the bounds as an active
set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cholesky import factorise, solve

MAX_STEPS = 300
CONVERGED = 1e-13
"""Relative decrease of chi2 below which a step ends the search; Newton converges quadratically, so the next would be
smaller still."""

HOPEFUL = 4.0
"""A search is given up where so many times what an undamped step promises would not bring it below what is known."""

KNOWN_PLACE = 1e-3
"""Relative to the box: a search whose undamped step ends so near to the known minimum ends there too."""

LEAST_PIVOT = 1e-14
"""Relative to the diagonal of H: below, it is not positive definite but for rounding."""

LEAST_DAMPING = 1e-6
"""Relative to the diagonal of H, which across a narrow valley is larger than along it by many orders."""


class Residuals(NamedTuple):
    """r_k(t) = c_k + b_k . t + t . A_k t for c (k,), b (k, n) and symmetric A (k, n, n)."""

    c: NDArray[np.float64]
    b: NDArray[np.float64]
    A: NDArray[np.float64]


class Box(NamedTuple):
    """lower <= h <= upper, both (m,)."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


class Room(NamedTuple):
    """What a search of m variables in K residuals writes to: residuals r (K,) and derivatives J (K, m) where it is and
    where it tries to go, the place h (m,) to begin at, gradient, step and trial (m,), and the matrices H and L (m, m).
    """

    r: NDArray[np.float64]
    J: NDArray[np.float64]
    trial_r: NDArray[np.float64]
    trial_J: NDArray[np.float64]
    h: NDArray[np.float64]
    g: NDArray[np.float64]
    step: NDArray[np.float64]
    trial: NDArray[np.float64]
    H: NDArray[np.float64]
    L: NDArray[np.float64]
    free: NDArray[np.bool_]


@jit
def room_for(K: int, m: int) -> Room:
    """Return room for searches of m variables in K residuals."""
    return Room(
        np.empty(K),
        np.empty((K, m)),
        np.empty(K),
        np.empty((K, m)),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty((m, m)),
        np.empty((m, m)),
        np.empty(m, dtype=np.bool_),
    )


@jit
def residuals_at(residuals: Residuals, h: NDArray[np.float64], r: NDArray[np.float64], J: NDArray[np.float64]) -> float:
    """Set r (k,) to the residuals at h and J (k, n) to their derivatives; return sum r_k^2."""
    total = 0.0
    for k in range(residuals.c.size):
        value = residuals.c[k]
        for i in range(h.size):
            Ah = 0.0
            for j in range(h.size):
                Ah += residuals.A[k, i, j] * h[j]
            J[k, i] = residuals.b[k, i] + 2.0 * Ah
            value += h[i] * (residuals.b[k, i] + Ah)
        r[k] = value
        total += value * value
    return total


@jit
def solve_inside(
    H: NDArray[np.float64],
    g: NDArray[np.float64],
    box: Box,
    h: NDArray[np.float64],
    free: NDArray[np.bool_],
    damping: float,
    L: NDArray[np.float64],
    step: NDArray[np.float64],
) -> bool:
    """Set step to -(H + damping D)^-1 g over the free variables, D the diagonal of |H|; return False if that is not
    positive definite.

    Variables that the step would take out of the box at once are held, and no longer free afterwards. L (m, m) is room.
    """
    for _ in range(g.size + 1):
        if not factorise(H, free, damping, LEAST_PIVOT, L):
            return False
        solve(L, g, 1.0, free, step)
        settled = True
        for i in range(g.size):
            if free[i] and ((h[i] <= box.lower[i] and step[i] < 0.0) or (h[i] >= box.upper[i] and step[i] > 0.0)):
                free[i] = False
                settled = False
        if settled:
            break
    return True


@jit
def step_inside(box: Box, h: NDArray[np.float64], step: NDArray[np.float64], trial: NDArray[np.float64]) -> float:
    """Set trial to h + share * step, where the share is 1 or ends at the first bound met; return the share.

    Clipping each variable by itself would leave a narrow valley that runs towards a bound.
    """
    share = 1.0
    first = -1
    for i in range(h.size):
        room = (box.upper[i] if step[i] > 0.0 else box.lower[i]) - h[i]
        if abs(step[i]) * share > abs(room):
            share = room / step[i]
            first = i
    for i in range(h.size):
        trial[i] = min(max(h[i] + share * step[i], box.lower[i]), box.upper[i])
    if first >= 0:
        trial[first] = box.upper[first] if step[first] > 0.0 else box.lower[first]
    return share


@jit
def descend(
    residuals: Residuals,
    box: Box,
    h: NDArray[np.float64],
    known: NDArray[np.float64],
    ceiling: float,
    room: Room,
) -> float:
    """Move h (m,) from where it is in the box to a local minimum of sum_k r_k^2; return that minimum.

    A minimum `ceiling` is known to lie at `known` (m,): a search that is about to end there, or above it, is given up,
    and what it has reached by then is returned. The ceiling may be infinite; nothing is then known.
    """
    m, K = h.size, residuals.c.size
    r, J, g, H = room.r, room.J, room.g, room.H
    best = residuals_at(residuals, h, r, J)
    damping = 0.0
    for _ in range(MAX_STEPS):
        for i in range(m):
            g[i] = 0.0
            for k in range(K):
                g[i] += 2.0 * r[k] * J[k, i]
            for j in range(i + 1):
                total = 0.0
                for k in range(K):
                    total += J[k, i] * J[k, j] + 2.0 * r[k] * residuals.A[k, i, j]
                H[i, j] = 2.0 * total
                H[j, i] = 2.0 * total
        for i in range(m):
            room.free[i] = not ((h[i] <= box.lower[i] and g[i] > 0.0) or (h[i] >= box.upper[i] and g[i] < 0.0))
        share, value = 1.0, best
        accepted = False
        while damping < 1e12:
            if solve_inside(H, g, box, h, room.free, damping, room.L, room.step):
                promised = 0.0
                for i in range(m):
                    promised -= g[i] * room.step[i]
                if promised <= CONVERGED * (1.0 + best):
                    break
                share = step_inside(box, h, room.step, room.trial)
                if damping == 0.0 and share == 1.0 and ceiling < np.inf:
                    if best - HOPEFUL * promised > ceiling:
                        return best
                    arrived = best - promised <= ceiling + 0.01 * (1.0 + ceiling)
                    for i in range(m):
                        far = KNOWN_PLACE * (box.upper[i] - box.lower[i])
                        arrived = arrived and abs(room.trial[i] - known[i]) <= far
                        arrived = arrived and abs(h[i] - known[i]) <= 30.0 * far
                    if arrived:
                        return best
                value = residuals_at(residuals, room.trial, room.trial_r, room.trial_J)
                # a step that ends at a bound may gain nothing by itself: the next one is free to go along it
                if value < best or (share < 1.0 and value <= best + CONVERGED * (1.0 + best)):
                    accepted = True
                    break
            damping = max(8.0 * damping, LEAST_DAMPING)
        if not accepted:
            break
        decrease = best - value
        best = value
        h[:] = room.trial
        r[:] = room.trial_r
        J[:] = room.trial_J
        damping = damping / 8.0 if damping > LEAST_DAMPING else 0.0
        if share == 1.0 and decrease <= CONVERGED * (1.0 + best):
            break
    return best


@jit
def minimise_squares(residuals: Residuals, box: Box, h: NDArray[np.float64]) -> float:
    """Move h (m,) from where it is in the box to a local minimum of sum_k r_k^2; return that minimum."""
    return descend(residuals, box, h, h, np.inf, room_for(residuals.c.size, h.size))
