"""Sums of squared quadratic residuals for proven bounds: how they are evaluated, and how far that may round.

Arithmetic is double precision, rounded to nearest: u = 2^-53. Sums may be in any order and products may be fused with
them; nothing else is assumed. All statements are about residuals r_k(x) = c_k + b_k . x + x . A_k x whose
coefficients are the doubles that are stored, N variables in all, in a root box |x_i| <= T_i; |.| is the norm over the
residuals.

Lemma 1 (the values). Let S_k = |c_k| + sum_i |b_ik| T_i + sum_ij |A_ijk| T_i T_j and E >= 1.0001 |S|. Some variables
may be held first (`hold`), the n others expanded at a point m of the root box (`expand`), which gives r and J as they
are computed. Then for every h with m + h in the root box
    | sqrt(chi2(m + h)) - |r + J h + q(h)| | <= e - 6 u E,   e = 1.01 (8 N + 16) u E + dropped,
q_k(h) = h . A_k h, where `dropped` bounds the norm of whatever was left out of the residuals. Proof. By the triangle
inequality it suffices to bound |r_k - r_k(m)| + sum_i |J_ik - dr_k/dx_i(m)| |h_i|, |h_i| <= 2 T_i. In r a term of c
passes through at most n roundings, one of b through n + 2, one of A through 2 n + 2; in J_i one of b through one, one
of 2 A m through n + 1. With |m_i| <= T_i and |h_i| <= 2 T_i the sum of all is at most that of n |c_k|, (n + 2 + 2)
|b_ik| T_i and (2 n + 2 + 4 (n + 1)) |A_ijk| T_i T_j, times u (1 + 1e-6): (6 n + 6) u S_k. Holding s variables changes
c_k by 2 s + 2 and b_ik by s + 1 roundings of terms that together are no larger than S_k: (2 s + 2) u S_k. Both add up
to less than (8 N + 8) u S_k. Underflow changes a term by 2^-1074 at most, which the factor 1.01 holds where E >
1e-120. QED. (The 6 u E left are for the last steps of the bounds, which take e off a root that is no larger than |r|
<= 1.001 E.)
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, fma, load, splat, store, total

U = 2.0**-53
SMALLEST_SIZE, LARGEST_SIZE = 1e-120, 1e120
"""Residuals outside of these sizes have no bound but zero: products would underflow or overflow."""


class Quadratics(NamedTuple):
    """r_k(x) = c_k + b_k . x + x . A_k x for c (K,), b (n, K) and symmetric A (m, m, K): the last n - m variables enter
    linearly. K is a multiple of eight.

    `bend` (m, m) are the norms of A_ij, none below the true one, and `error` () is e of Lemma 1: infinite where nothing
    can be said.
    """

    c: NDArray[np.float64]
    b: NDArray[np.float64]
    A: NDArray[np.float64]
    bend: NDArray[np.float64]
    error: float


class Expansion(NamedTuple):
    """Residuals at a point: r (K,), J (n, K), room for other vectors v (K,) and w (K,), and the products of slopes JJ
    (n, n), of r with slopes rJ (n,) and with bends rA (m, m).
    """

    r: NDArray[np.float64]
    J: NDArray[np.float64]
    v: NDArray[np.float64]
    w: NDArray[np.float64]
    JJ: NDArray[np.float64]
    rJ: NDArray[np.float64]
    rA: NDArray[np.float64]


@jit
def expansion_room(K: int, n: int, m: int) -> Expansion:
    """Return room for `expand`."""
    return Expansion(
        np.zeros(K),
        np.zeros((n, K)),
        np.zeros(K),
        np.zeros(K),
        np.zeros((n, n)),
        np.zeros(n),
        np.zeros((m, m)),
    )


@jit
def size_of(
    c: NDArray[np.float64],
    b: NDArray[np.float64],
    A: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> float:
    """Return E of Lemma 1 for residuals c (K,), b (n, K), A (m, m, K) in the box from lower (n,) to upper (n,)."""
    n, m = b.shape[0], A.shape[0]
    squares = 0.0
    for k in range(c.size):
        size = abs(c[k])
        for i in range(n):
            far = max(abs(lower[i]), abs(upper[i]))
            size += abs(b[i, k]) * far
            if i < m:
                for j in range(m):
                    size += abs(A[i, j, k]) * far * max(abs(lower[j]), abs(upper[j]))
        squares += size * size
    return 1.001 * sqrt(squares)


@jit
def error_of(size: float, variables: int, dropped: float) -> float:
    """Return e of Lemma 1 for residuals of a size E in so many variables; infinite where nothing can be said."""
    if not SMALLEST_SIZE < size < LARGEST_SIZE:
        return np.inf
    return 1.01 * (8.0 * variables + 16.0) * U * size + 1.01 * dropped


@jit
def bends_of(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (m, m), the norms over k of A (m, m, K), rounded up."""
    m, _, K = A.shape
    bend = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            squares = 0.0
            for k in range(K):
                squares += A[i, j, k] * A[i, j, k]
            bend[i, j] = sqrt(squares) * (1.0 + (K + 8.0) * U)
            if bend[i, j] < 1e-140:  # squares may have underflowed
                for k in range(K):
                    bend[i, j] += abs(A[i, j, k])
    return bend


@jit_inline
def dot(a: NDArray[np.float64], first: int, b: NDArray[np.float64], second: int, K: int) -> float:
    """Return the product of K numbers of a from index `first` on with K of b from `second` on, both C-contiguous.

    Each term passes through at most K roundings.
    """
    products = splat(0.0)
    for k in range(0, K, LANES):
        products = fma(load(a, first + k), load(b, second + k), products)
    return total(products)


@jit
def expand(quadratics: Quadratics, x: NDArray[np.float64], expansion: Expansion) -> float:
    """Set r and J to the residuals at x (n,) and their slopes; return sum r_k^2, each term rounded K times at most."""
    K, n, m = quadratics.c.size, quadratics.b.shape[0], quadratics.A.shape[0]
    squares = splat(0.0)
    for k in range(0, K, LANES):
        r = load(quadratics.c, k)
        for i in range(m):
            Ax = splat(0.0)
            for j in range(m):
                Ax = fma(x[j], load(quadratics.A, (i * m + j) * K + k), Ax)
            b = load(quadratics.b, i * K + k)
            r = fma(x[i], b + Ax, r)
            store(expansion.J, i * K + k, fma(2.0, Ax, b))
        for i in range(m, n):
            b = load(quadratics.b, i * K + k)
            r = fma(x[i], b, r)
            store(expansion.J, i * K + k, b)
        store(expansion.r, k, r)
        squares = fma(r, r, squares)
    return total(squares)


@jit
def products(quadratics: Quadratics, expansion: Expansion) -> None:
    """Set JJ, rJ and rA of an expansion; each term passes through at most K roundings."""
    K, n, m = quadratics.c.size, quadratics.b.shape[0], quadratics.A.shape[0]
    for i in range(n):
        expansion.rJ[i] = dot(expansion.J, i * K, expansion.r, 0, K)
        for j in range(i + 1):
            expansion.JJ[i, j] = dot(expansion.J, i * K, expansion.J, j * K, K)
            expansion.JJ[j, i] = expansion.JJ[i, j]
            if i < m:
                expansion.rA[i, j] = dot(quadratics.A, (i * m + j) * K, expansion.r, 0, K)
                expansion.rA[j, i] = expansion.rA[i, j]


@jit
def upper_bound(quadratics: Quadratics, squares: float) -> float:
    """Return a number that chi2 at a point is not above, of the sum of squares that `expand` has returned there.

    Lemma 4. chi2(x) <= (sqrt(squares) (1 + (K + 4) u) + e)^2 (1 + 8 u). Proof: Lemma 1 with h = 0, and the sum of K
    squares is rounded by less than (K + 1) u of itself. QED.
    """
    root = sqrt(squares) * (1.0 + (quadratics.c.size + 4.0) * U) + quadratics.error
    return root * root * (1.0 + 8.0 * U)
