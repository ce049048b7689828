"""Minimise a sum of squared quadratic residuals inside a box: Newton's method, damped, with the bounds as an active
set.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit

MAX_STEPS = 60
CONVERGED = 1e-13
"""Relative decrease of chi2 below which a step ends the search; Newton converges quadratically, so the next would be
smaller still."""


@jit
def residuals_at(
    c: NDArray[np.float64],
    b: NDArray[np.float64],
    A: NDArray[np.float64],
    h: NDArray[np.float64],
    r: NDArray[np.float64],
    J: NDArray[np.float64],
) -> float:
    """Set r_k = c_k + b_k . h + h . A_k h, J_k = b_k + 2 A_k h for c (k,), b (k, m), symmetric A (k, m, m); return sum
    r_k^2.
    """
    total = 0.0
    for k in range(c.size):
        value = c[k]
        for i in range(h.size):
            Ah = 0.0
            for j in range(h.size):
                Ah += A[k, i, j] * h[j]
            J[k, i] = b[k, i] + 2.0 * Ah
            value += h[i] * (b[k, i] + Ah)
        r[k] = value
        total += value * value
    return total


@jit
def solve_damped(
    H: NDArray[np.float64], g: NDArray[np.float64], free: NDArray[np.bool_], damping: float, step: NDArray[np.float64]
) -> bool:
    """Set step to -(H + damping D)^-1 g over the free variables, D the diagonal of |H|; False if that is not positive
    definite.
    """
    m = g.size
    L = np.zeros((m, m))
    for i in range(m):
        for j in range(i + 1):
            value = 0.0
            if free[i] and free[j]:
                value = H[i, j]
            if i == j:
                value = value + damping * (abs(H[i, i]) + 1e-12) if free[i] else 1.0
            for k in range(j):
                value -= L[i, k] * L[j, k]
            if i == j:
                if value <= 1e-14 * abs(H[i, i]):
                    return False
                L[i, i] = sqrt(value)
            else:
                L[i, j] = value / L[j, j]
    for i in range(m):
        value = -g[i] if free[i] else 0.0
        for k in range(i):
            value -= L[i, k] * step[k]
        step[i] = value / L[i, i]
    for i in range(m - 1, -1, -1):
        value = step[i]
        for k in range(i + 1, m):
            value -= L[k, i] * step[k]
        step[i] = value / L[i, i]
    return True


@jit
def minimise_squares(
    c: NDArray[np.float64],
    b: NDArray[np.float64],
    A: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    h: NDArray[np.float64],
) -> float:
    """Move h (m,) from where it is to a local minimum of sum_k r_k^2 with lower <= h <= upper; return that minimum."""
    m, K = h.size, c.size
    r, J = np.empty(K), np.empty((K, m))
    trial_r, trial_J = np.empty(K), np.empty((K, m))
    g, step, trial = np.empty(m), np.empty(m), np.empty(m)
    H = np.empty((m, m))
    free = np.empty(m, dtype=np.bool_)
    best = residuals_at(c, b, A, h, r, J)
    damping = 0.0
    for _ in range(MAX_STEPS):
        for i in range(m):
            g[i] = 0.0
            for k in range(K):
                g[i] += 2.0 * r[k] * J[k, i]
            for j in range(i + 1):
                H[i, j] = 0.0
                for k in range(K):
                    H[i, j] += 2.0 * (J[k, i] * J[k, j] + 2.0 * r[k] * A[k, i, j])
                H[j, i] = H[i, j]
        for i in range(m):
            free[i] = not ((h[i] <= lower[i] and g[i] > 0.0) or (h[i] >= upper[i] and g[i] < 0.0))
        accepted = False
        while damping < 1e12:
            if solve_damped(H, g, free, damping, step):
                for i in range(m):
                    trial[i] = min(max(h[i] + step[i], lower[i]), upper[i])
                value = residuals_at(c, b, A, trial, trial_r, trial_J)
                if value < best:
                    accepted = True
                    break
            damping = max(4.0 * damping, 1e-3)
        if not accepted:
            break
        decrease = best - value
        best = value
        h[:] = trial
        r[:] = trial_r
        J[:] = trial_J
        damping = damping / 8.0 if damping > 1e-3 else 0.0
        if decrease <= CONVERGED * (1.0 + best):
            break
    return best


@jit
def profile_cells(
    c0: NDArray[np.float64],
    b0: NDArray[np.float64],
    A: NDArray[np.float64],
    shown: NDArray[np.int64],
    hidden: NDArray[np.int64],
    points: NDArray[np.float64],
    starts: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    chi2: NDArray[np.float64],
    where: NDArray[np.float64],
) -> None:
    """Lower chi2 (cells,) and move where (cells, hidden) by a search from starts (cells, hidden), in each cell.

    c0 (k,), b0 (k, n), A (k, n, n) are the residuals in all variables; in cell i those named by shown are held at
    points[i].
    """
    K, s, m = c0.size, shown.size, hidden.size
    c, b, Ah, h = np.empty(K), np.empty((K, m)), np.empty((K, m, m)), np.empty(m)
    lo, hi = np.empty(m), np.empty(m)
    for i in range(m):
        lo[i], hi[i] = lower[hidden[i]], upper[hidden[i]]
    for k in range(K):
        for i in range(m):
            for j in range(m):
                Ah[k, i, j] = A[k, hidden[i], hidden[j]]
    for cell in range(chi2.size):
        for k in range(K):
            c[k] = c0[k]
            for i in range(s):
                x = points[cell, i]
                c[k] += x * b0[k, shown[i]]
                for j in range(s):
                    c[k] += x * A[k, shown[i], shown[j]] * points[cell, j]
            for i in range(m):
                b[k, i] = b0[k, hidden[i]]
                for j in range(s):
                    b[k, i] += 2.0 * A[k, hidden[i], shown[j]] * points[cell, j]
        h[:] = starts[cell]
        value = minimise_squares(c, b, Ah, lo, hi, h)
        if value < chi2[cell]:
            chi2[cell] = value
            where[cell] = h


@jit
def best_starts(
    c0: NDArray[np.float64],
    b0: NDArray[np.float64],
    A: NDArray[np.float64],
    shown: NDArray[np.int64],
    hidden: NDArray[np.int64],
    points: NDArray[np.float64],
    candidates: NDArray[np.float64],
    starts: NDArray[np.float64],
) -> None:
    """Set starts (cells, hidden) to whichever of the candidates (many, hidden) has the lowest chi2 in each cell."""
    n = b0.shape[1]
    t, r, J = np.empty(n), np.empty(c0.size), np.empty((c0.size, n))
    for cell in range(points.shape[0]):
        for i in range(shown.size):
            t[shown[i]] = points[cell, i]
        lowest = np.inf
        for candidate in range(candidates.shape[0]):
            for i in range(hidden.size):
                t[hidden[i]] = candidates[candidate, i]
            value = residuals_at(c0, b0, A, t, r, J)
            if value < lowest:
                lowest = value
                starts[cell] = candidates[candidate]
