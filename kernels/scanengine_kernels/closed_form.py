"""The minimum of a sum of squares in closed form: over variables that enter every residual linearly, within bounds, and
over one more that enters quadratically.

chi2 = |c_0 + c_1 z + c_2 z^2 + Q s|^2 is convex in s: for any z its minimum over a box lies on one of the box's faces,
where some of s stand at a bound and the others at the free minimum, a linear function of |...|'s inner products. On
each face chi2 is then a quartic in z, and its minima are roots of a cubic. chi2 minimised over s has no kink in z, so
that its own minima are among these.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit

ROOT_STEPS = 60
ROOT_WIDTH = 1e-10
"""Relative to the interval; chi2 is right to the square of it."""


class LinearPart(NamedTuple):
    """Variables s (j,) that enter residuals as Q s, Q (k, j), with lower <= s <= upper.

    For each of the 2^j sets of free variables, `inverses` (2^j, j, j) holds the inverse of Q^T Q on them, zero
    elsewhere, and `usable` (2^j,) whether there is one; variable i is free in set f if bit i of f is set. A minimum
    that is not unique lies on a smaller face as well, where the inverse exists.
    """

    Q: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    inverses: NDArray[np.float64]
    usable: NDArray[np.bool_]


@jit
def cubic_root(c: NDArray[np.float64], a: float, b: float) -> float:
    """Return where c_0 + c_1 z + c_2 z^2 + c_3 z^3, monotone from below zero at a to zero or above at b, vanishes."""
    narrow = ROOT_WIDTH * (b - a)
    z = 0.5 * (a + b)
    for _ in range(ROOT_STEPS):
        value = c[0] + z * (c[1] + z * (c[2] + z * c[3]))
        slope = c[1] + z * (2.0 * c[2] + z * 3.0 * c[3])
        if value < 0.0:
            a = z
        else:
            b = z
        following = z - value / slope if slope > 0.0 else a
        if not a < following < b:
            following = 0.5 * (a + b)
        step = abs(following - z)
        z = following
        if step <= narrow:
            break
    return z


@jit
def quartic_minima(q: NDArray[np.float64], lower: float, upper: float, z: NDArray[np.float64]) -> int:
    """Set the first of z (4,) to where sum_i q_i z^i may be lowest in [lower, upper]; return how many these are.

    They are the two ends and the minima between, two at most.
    """
    z[0], z[1] = lower, upper
    count = 2
    if upper <= lower:
        return 1
    c = np.empty(4)
    for i in range(4):
        c[i] = (i + 1) * q[i + 1]
    # between the turning points of the cubic it is monotone
    turn, other = upper, upper
    half, under_root = -c[2], c[2] * c[2] - 3.0 * c[3] * c[1]
    if under_root > 0.0:
        far = half - sqrt(under_root) if half < 0.0 else half + sqrt(under_root)
        # a turning point that far out is no number any more, and outside
        first = far / (3.0 * c[3]) if abs(far) < 1e300 * abs(3.0 * c[3]) else lower
        second = c[1] / far if abs(c[1]) < 1e300 * abs(far) else upper
        turn = min(max(min(first, second), lower), upper)
        other = min(max(first, second, lower), upper)
    a = lower
    for piece in range(3):
        b = turn if piece == 0 else (other if piece == 1 else upper)
        if b > a:
            at_a = c[0] + a * (c[1] + a * (c[2] + a * c[3]))
            at_b = c[0] + b * (c[1] + b * (c[2] + b * c[3]))
            if at_a < 0.0 <= at_b and count < z.size:
                z[count] = cubic_root(c, a, b)
                count += 1
            a = b
    return count


@jit
def minimise_closed(
    c: NDArray[np.float64],
    linear: LinearPart,
    lower: float,
    upper: float,
    z_and_s: NDArray[np.float64],
) -> float:
    """Set z_and_s (1 + j,) to where |c_0 + c_1 z + c_2 z^2 + Q s|^2 is lowest in the box; return that minimum.

    c (3, k); lower <= z <= upper. The minimum is right to rounding times the squares that cancel in it.
    """
    K, j = linear.Q.shape
    dots = np.zeros((3, 3))
    u = np.zeros((3, j))
    for power in range(3):
        for other in range(power + 1):
            for k in range(K):
                dots[power, other] += c[power, k] * c[other, k]
        for i in range(j):
            for k in range(K):
                u[power, i] += linear.Q[k, i] * c[power, k]
    base = np.array(
        [dots[0, 0], 2.0 * dots[1, 0], 2.0 * dots[2, 0] + dots[1, 1], 2.0 * dots[2, 1], dots[2, 2]], dtype=np.float64
    )
    G = np.zeros((j, j))
    for i in range(j):
        for o in range(j):
            for k in range(K):
                G[i, o] += linear.Q[k, i] * linear.Q[k, o]
    q, places = np.empty(5), np.empty(4)
    held, s, v, solved = np.zeros(j), np.empty(j), np.empty((3, j)), np.empty((3, j))
    best = np.inf
    for face in range(3**j):
        # digit i of the face: variable i is free, at its lower or at its upper bound
        rest, free, bit = face, 0, 1
        for i in range(j):
            digit = rest % 3
            rest //= 3
            held[i] = 0.0
            if digit == 0:
                free += bit
            elif digit == 1:
                held[i] = linear.lower[i]
            else:
                held[i] = linear.upper[i]
            bit *= 2
        if not linear.usable[free]:
            continue
        q[:] = base
        for i in range(j):
            G_held = 0.0
            for o in range(j):
                G_held += G[i, o] * held[o]
            for power in range(3):
                q[power] += 2.0 * held[i] * u[power, i]
                v[power, i] = u[power, i]
            q[0] += held[i] * G_held
            v[0, i] += G_held
        for power in range(3):
            for i in range(j):
                solved[power, i] = 0.0
                for o in range(j):
                    solved[power, i] += linear.inverses[free, i, o] * v[power, o]
            for other in range(3):
                for i in range(j):
                    q[power + other] -= v[other, i] * solved[power, i]
        inside = True
        lowest = np.inf
        for candidate in range(quartic_minima(q, lower, upper, places)):
            z = places[candidate]
            value = base[0] + z * (base[1] + z * (base[2] + z * (base[3] + z * base[4])))
            on_face = q[0] + z * (q[1] + z * (q[2] + z * (q[3] + z * q[4])))
            moved = False
            for i in range(j):
                wanted = held[i] - solved[0, i] - z * (solved[1, i] + z * solved[2, i])
                s[i] = min(max(wanted, linear.lower[i]), linear.upper[i])
                moved = moved or s[i] != wanted
            for i in range(j):
                value += 2.0 * s[i] * (u[0, i] + z * (u[1, i] + z * u[2, i]))
                for o in range(j):
                    value += s[i] * G[i, o] * s[o]
            if on_face < lowest:
                lowest = on_face
                inside = not moved
            if value < best:
                best = value
                z_and_s[0] = z
                z_and_s[1:] = s
        # with all of s free chi2 is nowhere higher than on a face: if its minimum lies inside, that is all
        if face == 0 and inside:
            break
    return best
