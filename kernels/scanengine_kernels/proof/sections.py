"""An upper bound of a profile on a whole box of shown variables: chi2 along a stored affine section of hidden ones.

A section is a stored point m of the root box and directions T_a = e_a + D_a (n,) for each of s shown variables, where
D_a has hidden components only: for a shift t of the shown variables the hidden ones go to m + sum_a t_a D_a, an exact
real number that need not be a double. No implicit function is involved: any section will do, a good one follows the
minimum.

Lemma 5. Let |t_a| <= w_a be the box, W_i >= sum_a |T_ai| w_a, and let the section lie in the root box for all such t.
With r, J as computed at m (Lemma 1), g_a = J T_a, N = sum_ab |T_a . A T_b| w_a w_b and
    z >= |r| + sum |J_i| W_i + sum |A_ij| W_i W_j
as in `bounds`, for all t
    chi2 <= (max over corners |r + sum_a +-w_a g_a| + N + 1.01 (2 K + 8 n + 40) u z + e)^2 (1 + 8 u).
Proof. By Lemma 1 sqrt(chi2) <= |r + J h + q(h)| + e with h = sum_a t_a T_a, that is |r + sum_a t_a g_a| + |sum_ab t_a
t_b T_a . A T_b| + e. The first norm is convex in t and highest at a corner of the box, the second is at most N.
Rounding: a term of g_a passes through n roundings, one of the sum over a through 2 s more; sizes, summed over a with
w_a and taken in the norm, are at most |r| + sum |J_i| W_i: (n + 2 s + 1) u z. Terms of T_a . A_k T_b pass through
2 n + 1 roundings, their sizes add up to sum |A_ij| W_i W_j: (2 n + 2) u z, and products with w_a w_b, norms and sums
over a, b cost (K + 4 + s^2 + 4) u N. The norm at a corner is rounded by (K + 4) u of itself. With s <= 2 and s <= n
all are below (2 K + 8 n + 40) u z. QED.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cholesky import factorise, solve
from scanengine_kernels.minimise import Box
from scanengine_kernels.proof.bounds import BoxRoom, bending
from scanengine_kernels.proof.quadratics import Quadratics, U, expand, products

DAMPING = 1e-9
"""Of the curvature along hidden variables, lest a flat valley sends the section anywhere."""


class SectionRoom(NamedTuple):
    """Room for a section: T (s, n), J T (s, K), half the Hessian of the h hidden variables and its factor (h, h), the
    slope and step (h,) of a hidden point along a shown variable, and which are free (h,).
    """

    T: NDArray[np.float64]
    g: NDArray[np.float64]
    H: NDArray[np.float64]
    L: NDArray[np.float64]
    slope: NDArray[np.float64]
    step: NDArray[np.float64]
    free: NDArray[np.bool_]


@jit
def section_room(K: int, n: int, s: int) -> SectionRoom:
    """Return room for sections of n variables of which the first s are shown."""
    h = n - s
    return SectionRoom(
        np.zeros((s, n)),
        np.zeros((s, K)),
        np.zeros((h, h)),
        np.zeros((h, h)),
        np.zeros(h),
        np.zeros(h),
        np.zeros(h, dtype=np.bool_),
    )


@jit
def follow_minimum(
    quadratics: Quadratics,
    hidden: Box,
    point: NDArray[np.float64],
    w: NDArray[np.float64],
    box: BoxRoom,
    room: SectionRoom,
) -> None:
    """Set T so that the section follows the minimum over the hidden variables, and stays within their ends.

    The expansion at the point (n,) stands in box.at with its products. Hidden variables at an end are held there.
    """
    at, T, free = box.at, room.T, room.free
    s, n = T.shape
    m = quadratics.A.shape[0]
    for i in range(s, n):
        free[i - s] = hidden.lower[i - s] < point[i] < hidden.upper[i - s]
        for j in range(s, i + 1):
            value = at.JJ[i, j]
            if i < m and j < m:
                value += 2.0 * at.rA[i, j]
            room.H[i - s, j - s] = value
    T[:] = 0.0
    curved = factorise(room.H, free, DAMPING, 0.0, room.L)
    for a in range(s):
        T[a, a] = 1.0
        if not curved:
            continue
        for i in range(s, n):
            value = at.JJ[i, a]
            if i < m and a < m:
                value += 2.0 * at.rA[i, a]
            room.slope[i - s] = value
        solve(room.L, room.slope, 1.0, free, room.step)
        for i in range(s, n):
            if abs(room.step[i - s]) < 1e6:  # not where it is no number
                T[a, i] = room.step[i - s]
    for i in range(s, n):
        reach = 0.0
        for a in range(s):
            reach += abs(T[a, i]) * w[a]
        # what the products and the difference are rounded by is less than 16 u of them
        space = min(hidden.upper[i - s] - point[i], point[i] - hidden.lower[i - s]) * (1.0 - 16.0 * U)
        if reach > space:
            share = max(0.0, space / reach) * (1.0 - 16.0 * U)
            for a in range(s):
                T[a, i] *= share


@jit
def section_bound(
    quadratics: Quadratics,
    hidden: Box,
    point: NDArray[np.float64],
    w: NDArray[np.float64],
    box: BoxRoom,
    room: SectionRoom,
) -> float:
    """Return the bound of Lemma 5 for shown variables within w (s,) of those of a point (n,) of the root box.

    The first s of n variables are shown, s being 1 or 2; the others lie in the box `hidden`, whose ends belong to it.
    """
    at, T, g, W = box.at, room.T, room.g, box.W
    s, n = T.shape
    K, m = quadratics.c.size, quadratics.A.shape[0]
    squares = expand(quadratics, point, at)
    products(quadratics, at)
    follow_minimum(quadratics, hidden, point, w, box, room)
    slopes = 0.0
    for i in range(n):
        W[i] = 0.0
        for a in range(s):
            W[i] += abs(T[a, i]) * w[a]
        W[i] *= 1.0 + 8.0 * U
        slopes += sqrt(at.JJ[i, i]) * W[i]
    z = sqrt(squares) + slopes + bending(quadratics, W)
    for a in range(s):
        for k in range(K):
            value = 0.0
            for i in range(n):
                value += T[a, i] * at.J[i, k]
            g[a, k] = value
    N = 0.0
    for a in range(s):
        for b in range(s):
            norm = 0.0
            for k in range(K):
                value = 0.0
                for i in range(m):
                    if T[a, i] != 0.0:
                        along = 0.0
                        for j in range(m):
                            along += quadratics.A[i, j, k] * T[b, j]
                        value += T[a, i] * along
                norm += value * value
            N += sqrt(norm) * w[a] * w[b]
    highest = 0.0
    for corner in range(2 ** (s - 1)):  # for s = 1 both ends, for s = 2 all four corners, by pairs
        one, other = 0.0, 0.0
        for k in range(K):
            first = w[0] * g[0, k]
            rest = at.r[k]
            if s == 2:
                rest += (w[1] if corner == 0 else -w[1]) * g[1, k]
            one += (rest + first) * (rest + first)
            other += (rest - first) * (rest - first)
        highest = max(highest, one, other)
    root = sqrt(highest) + N + 1.01 * (2.0 * K + 8.0 * n + 40.0) * U * z + quadratics.error
    return root * root * (1.0 + 8.0 * U)
