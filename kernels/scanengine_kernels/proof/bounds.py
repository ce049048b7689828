"""Two lower bounds of a sum of squared quadratic residuals over a box, with margins that hold their rounding.

A box is given by a point m of it: x = m + h with -down_i <= h_i <= up_i, W_i = max(up_i, down_i). r, J are the
residuals and slopes at m as computed, q_k(h) = h . A_k h; by Lemma 1 (`quadratics`) they may be taken as exact, and
chi2 >= (max(0, |r + J h + q(h)| - e + 6 u E))^2 follows from what is proven of |r + J h + q(h)|. Let

    z >= |r| + sum |J_i| W_i + sum |A_ij| W_i W_j:

no residual in the box is longer. z is computed with relative errors below 1e-12, which the factors 1.01 below hold.

Lemma 2 (a plane; kills large boxes). For any v, let `low` be the minimum over the box of v . (r + J h + q(h)), with
-2 |v . A_ij| W_i W_j for products of two variables, as computed. Then
    chi2 >= (max(0, (low - 1.01 (K + n (n + 1) / 2 + 8) u |v| z) / |v| - e))^2 (1 - 8 u).
Without the positive part it is false. Proof. A vector is no shorter than its part along v. For one variable, min (g h
+ B h^2) over -down <= h <= up is that of both ends, and -g^2 / (4 B) where the vertex is inside. It changes by no
more than W |dg| + W^2 |dB| with g and B, whose terms pass through K roundings; forming it takes three more (taking
the vertex for outside although it is inside, by a relative u of W, costs B (u W)^2), and n (n + 1) / 2 + 1 additions
follow. Each time what is rounded are terms of v . r, v . J_i W_i, v . A_ij W_i W_j, the sum of whose sizes is at most
|v| z. QED.

Lemma 3 (a quadratic; kills small boxes). For any s in (0, 1), d_i >= 0 and point x of the box, let N = sum |A_ij| W_i
W_j >= |q|, M = s J J^T + 2 r . A + diag(d), g = 2 J r, G = g + 2 M x, and
    B = r . r + sum min(-G_i down_i, G_i up_i) - x . M x - s / (1 - s) N^2 (1 + 32 u) - sum d_i W_i^2
as computed. If Cholesky's factorisation of M runs through (without the variables of W_i = 0), then
    chi2 >= (max(0, sqrt(max(0, B - kappa u Z)) - e))^2 (1 - 8 u),
Z = z^2 + sum d_i W_i^2, kappa = 1.01 (3 K + 4 n^2 + 20 n + 64). Proof. |a + b|^2 >= s |a|^2 - s / (1 - s) |b|^2 for 0
< s < 1, from 2 a . b >= -(1 - s) |a|^2 - |b|^2 / (1 - s). Hence |r + J h + q|^2 >= r . r + 2 r . (J h + q) + s |J
h|^2 - s / (1 - s) N^2 = r . r + g . h + h . M h - sum d_i h_i^2 - s / (1 - s) N^2. If M is positive semidefinite, h .
M h >= 2 h . M x - x . M x, and what is linear in h has its minimum at a corner. Rounding: the terms of M_ij pass
through K + 4 roundings; their sizes, times W_i W_j and summed, are at most Z: (K + 5) u Z. Cholesky's success means
that M + F is positive semidefinite for an F with |F_ij| <= (n + 2) u (M_ii M_jj)^(1/2) (N. J. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., SIAM 2002, theorem 10.3), and sum_ij W_i W_j (M_ii M_jj)^(1/2) <= n sum
M_ii W_i^2 <= n Z; F enters three times: 3 n (n + 2) u Z. r . r: K u Z. g: (K + 1) u Z, since 2 |r| sum |J_i| W_i <=
z^2. G: (n + 2) u times sum |g_i| W_i + 2 sum |M_ij| W_i W_j <= 3 Z. Its products and their sum: (n + 3) u 3 Z. x . M
x: (2 n + 1) u Z. The last sum has six terms that add up, without the one of N^2, to at most 6 Z, and five additions:
30 u Z. sum d_i W_i^2: (n + 3) u Z. In all (3 K + 3 n^2 + 15 n + 55) u Z. The term of N^2 has 12 roundings of its own
at most, and five. QED. z^2 cannot be left out for |r|^2: M is rounded by u |J_i| |J_j|.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, fma, load, store, total
from scanengine_kernels.cholesky import factorise
from scanengine_kernels.proof.box_minimum import QuadraticRoom, minimise_in_box, quadratic_room
from scanengine_kernels.proof.quadratics import Expansion, Quadratics, U, dot, expansion_room

PLANES = 6
"""Directions that are tried for the bound by a plane."""

LEAST_LOSS = 2.0**-46
"""Least 1 - s: about what rounding costs anyway."""

CONVEXIFIERS = (0.02, 0.3, 1.5)
"""Shares of the loss that may be spent on the diagonal d, tried in turn."""


class BoxRoom(NamedTuple):
    """What bounding a box of n variables needs: the expansion at m, the box about it (down, up, W, all (n,)), a point h
    (n,) of it where chi2 is low, and room for the quadratic.
    """

    at: Expansion
    down: NDArray[np.float64]
    up: NDArray[np.float64]
    W: NDArray[np.float64]
    h: NDArray[np.float64]
    quadratic: QuadraticRoom


@jit
def box_room(K: int, n: int, m: int) -> BoxRoom:
    """Return room for bounds of K residuals in n variables, of which the first m bend."""
    return BoxRoom(expansion_room(K, n, m), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), quadratic_room(n))


@jit
def set_box(lower: NDArray[np.float64], upper: NDArray[np.float64], point: NDArray[np.float64], room: BoxRoom) -> None:
    """Set down, up and W to no less than the way from a point (n,) to the ends of a box that it lies in."""
    for i in range(point.size):
        # a difference is rounded by less than u of itself
        room.down[i] = (point[i] - lower[i]) * (1.0 + 4.0 * U)
        room.up[i] = (upper[i] - point[i]) * (1.0 + 4.0 * U)
        room.W[i] = max(room.down[i], room.up[i])


@jit
def bending(quadratics: Quadratics, W: NDArray[np.float64]) -> float:
    """Return N of Lemma 3: no less than |q(h)| for |h_i| <= W_i."""
    m = quadratics.bend.shape[0]
    most = 0.0
    for i in range(m):
        row = 0.0
        for j in range(m):
            row += quadratics.bend[i, j] * W[j]
        most += row * W[i]
    return most * (1.0 + (2.0 * m + 4.0) * U) + 1e-150


@jit
def plane_bound(
    quadratics: Quadratics, squares: float, slopes: float, most: float, enough: float, room: BoxRoom
) -> float:
    """Return the best bound of Lemma 2 from some directions v, and set h where the last one was lowest.

    r and J stand in `room.at`, with r . r = squares; slopes is sum |J_i| W_i, most is N. The search ends once the
    bound is above `enough`, or cannot get there. Directions as in E. G. Gilbert, SIAM J. Control 4 (1966) 61: the next
    is the point nearest to the origin between v and the residuals on that side of the box.
    """
    K, n, m = quadratics.c.size, quadratics.b.shape[0], quadratics.A.shape[0]
    at, down, up, W, h = room.at, room.down, room.up, room.W, room.h
    for k in range(K):
        at.v[k] = at.r[k]
    length2 = squares
    z = sqrt(squares) + slopes + most
    margin = 1.01 * (K + 0.5 * n * (n + 1) + 8.0) * U
    best = 0.0
    for _ in range(PLANES):
        low = dot(at.v, 0, at.r, 0, K)
        for i in range(n):
            g = dot(at.v, 0, at.J, i * K, K)
            if i >= m:
                h[i] = -down[i] if g > 0.0 else up[i]
                low += g * h[i]
                continue
            for j in range(i):
                low -= 2.0 * abs(dot(at.v, 0, quadratics.A, (i * m + j) * K, K)) * W[i] * W[j]
            B = dot(at.v, 0, quadratics.A, (i * m + i) * K, K)
            below, above = down[i] * (B * down[i] - g), up[i] * (B * up[i] + g)
            if B > 0.0 and -2.0 * B * up[i] < g < 2.0 * B * down[i]:
                h[i] = -g / (2.0 * B)
                low -= g * g / (4.0 * B)
            elif below < above:
                h[i] = -down[i]
                low += below
            else:
                h[i] = up[i]
                low += above
        length = sqrt(length2) * (1.0 + (K + 8.0) * U)
        root = (low - margin * length * z) / length - quadratics.error
        if root > 0.0:
            best = max(best, root * root * (1.0 - 8.0 * U))
        # v is itself between points of the residuals' hull, so that no plane is farther away
        if best > enough or not length2 > enough:
            break
        toward, apart = 0.0, 0.0
        for k in range(0, K, LANES):
            r = load(at.r, k)
            for i in range(m):
                Ah = load(quadratics.A, i * m * K + k) * h[0]
                for j in range(1, m):
                    Ah = fma(h[j], load(quadratics.A, (i * m + j) * K + k), Ah)
                r = fma(h[i], load(at.J, i * K + k) + Ah, r)
            for i in range(m, n):
                r = fma(h[i], load(at.J, i * K + k), r)
            store(at.w, k, r)
            v = load(at.v, k)
            toward += total(v * (v - r))
            apart += total((v - r) * (v - r))
        if not (toward > 0.0 and apart > 0.0):
            break
        share = min(toward / apart, 1.0)
        for k in range(K):
            at.v[k] += share * (at.w[k] - at.v[k])
        length2 = dot(at.v, 0, at.v, 0, K)
        if not length2 > 0.0:
            break
    return best


@jit
def quadratic_bound(
    quadratics: Quadratics, squares: float, slopes: float, most: float, loss: float, room: BoxRoom
) -> float:
    """Return the bound of Lemma 3, and set h to where the quadratic is lowest in the box; zero if M is not convex.

    The expansion with its products stands in `room.at`, r . r = squares; slopes is sum |J_i| W_i and most is N. Of
    chi2 about `loss` may be given up for N^2 and some of it for convexity.
    """
    n, m = quadratics.b.shape[0], quadratics.A.shape[0]
    K = quadratics.c.size
    at, down, up, W, h = room.at, room.down, room.up, room.W, room.h
    q = room.quadratic
    N2 = most * most
    one_less_s = max(N2 / (N2 + loss), LEAST_LOSS)
    s = 1.0 - one_less_s
    if not 0.0 < s < 1.0:
        return 0.0
    given_up = s / (1.0 - s) * N2 * (1.0 + 32.0 * U)
    for i in range(n):
        q.g[i] = 2.0 * at.rJ[i]
        for j in range(i + 1):
            q.M[i, j] = s * at.JJ[i, j]
            if i < m:
                q.M[i, j] += 2.0 * at.rA[i, j]
        if W[i] == 0.0:
            q.g[i] = 0.0
            q.M[i, :i] = 0.0
            q.M[i, i] = 1.0
        else:
            for j in range(i):
                if W[j] == 0.0:
                    q.M[i, j] = 0.0
    convex, spent = False, 0.0
    q.free[:] = True
    for share in CONVEXIFIERS:
        wanted = share * loss / n
        for i in range(n):
            if W[i] > 0.0:
                q.d[i] = wanted / (W[i] * W[i])
        for i in range(n):
            for j in range(i):
                q.C[i, j] = q.M[i, j]
                q.C[j, i] = q.M[i, j]
            q.C[i, i] = q.M[i, i] + (q.d[i] if W[i] > 0.0 else 0.0)
        if factorise(q.C, q.free, 0.0, 0.0, q.L):
            convex = True
            break
    if not convex:
        return 0.0
    for i in range(n):
        if W[i] > 0.0:
            spent += q.d[i] * W[i] * W[i]
    value = minimise_in_box(q, down, up, h)
    B = squares + value - given_up - spent
    z = sqrt(squares) + slopes + most
    margin = 1.01 * (3.0 * K + 4.0 * n * n + 20.0 * n + 64.0) * U * (z * z + spent)
    root = sqrt(max(B - margin, 0.0)) - quadratics.error
    return root * root * (1.0 - 8.0 * U) if root > 0.0 else 0.0
