"""Newton's step in the nuisances, and Cholesky's factor of the second derivatives of chi2 by them.

These are A^T w A + p, of the templates A of the rows, the rows' weights w and those of the pulls, p. Where effects are
1e6 or more standard deviations and nearly cancel each other, the pulls are lost in that sum and in the gradient. Then
the step is that of least squares, sum_r w_r (b_r + sum_k A_rk step_k)^2 with w b the first derivatives, and found from
A itself: its columns, with a row more for each pull, are made orthogonal one after the other, and b to them (modified
Gram-Schmidt, as accurate as reflections: A. Bjorck, BIT 7 (1967) 1).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, fma, load, splat, store, total
from scanengine_kernels.cholesky import factorise, solve
from scanengine_kernels.nuisances.pulls import Nuisances, half_curvature_of_pull, slope_of_pull
from scanengine_kernels.nuisances.room import Room
from scanengine_kernels.nuisances.rows import derivative, products_of_two_and_four

LEAST_PIVOT = 1e-10
"""Of a diagonal element: what is left of it below this has fewer than six digits."""


@jit_inline
def set_hessian(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set the lower triangle of the second derivatives, two rows and four columns of it at a time."""
    last, chosen = z.size - 1, room.template
    for k in range(0, z.size, 2):
        other = min(k + 1, last)
        for m in range(0, other + 1, 4):
            two = chosen[k], chosen[other]
            four = chosen[m], chosen[min(m + 1, last)], chosen[min(m + 2, last)], chosen[min(m + 3, last)]
            first, second = products_of_two_and_four(templates, two, four, room.second)
            for i in range(4):
                if m + i <= k:
                    room.hessian[k, m + i] = first[i]
                if m + i <= other and other > k:
                    room.hessian[other, m + i] = second[i]
    for k in range(z.size):
        room.hessian[k, k] += 2.0 * half_curvature_of_pull(nuisances, k, z[k])


@jit_inline
def product(room: Room, k: int, m: int) -> float:
    """Return the product of two columns, weighted."""
    size = room.weights.size
    found = splat(0.0)
    for r in range(0, size, LANES):
        found = fma(load(room.weights, r) * load(room.columns, k * size + r), load(room.columns, m * size + r), found)
    return total(found)


@jit_inline
def set_columns(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set the columns and weights, and behind the columns the one that the step is to make zero; room.product is left
    with the first derivatives of rows without a second.
    """
    K, number = z.size, templates.shape[1]
    room.columns[:, number:] = 0.0
    room.weights[number:] = 0.0
    for r in range(number):
        weight = room.second[r]
        room.weights[r] = weight
        room.columns[K, r] = room.first[r] / weight if weight > 0.0 else 0.0
        room.product[r] = 0.0 if weight > 0.0 else room.first[r]
    for k in range(K):
        curvature = 2.0 * half_curvature_of_pull(nuisances, k, z[k])
        room.columns[k, :number] = templates[room.template[k]]
        room.columns[k, number + k] = 1.0
        room.weights[number + k] = curvature
        room.columns[K, number + k] = slope_of_pull(nuisances, k, z[k]) / curvature


@jit
def solve_columns(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> float:
    """Set the factor and Newton's step over the free nuisances, from neither second derivatives nor the gradient.

    Returns the slope of chi2 along the step.
    """
    K, size = z.size, room.weights.size
    set_columns(nuisances, templates, z, room)
    for k in range(K):
        length = sqrt(product(room, k, k)) if room.free[k] else 1.0
        room.hessian[k, k] = length
        value = derivative(templates, room.template[k], room.product) if room.free[k] else 0.0
        for m in range(k):
            value -= room.hessian[k, m] * room.step[m]
        room.step[k] = value / length
        for m in range(k + 1, K + 1):
            both = room.free[k] and (m == K or room.free[m])
            along = product(room, k, m) / length if both else 0.0
            if m < K:
                room.hessian[m, k] = along
            else:
                room.trial[k] = along
            share = along / length
            if share != 0.0:
                for r in range(0, size, LANES):
                    left = fma(0.0 - share, load(room.columns, k * size + r), load(room.columns, m * size + r))
                    store(room.columns, m * size + r, left)
    slope = 0.0
    for k in range(K - 1, -1, -1):
        value = -(room.step[k] + room.trial[k])
        slope -= value * value
        for m in range(k + 1, K):
            value -= room.hessian[m, k] * room.step[m]
        room.step[k] = value / room.hessian[k, k]
    return slope


@jit_inline
def slope_along(room: Room) -> float:
    """Return the slope of chi2 along the step."""
    slope = 0.0
    for k in range(room.step.size):
        slope += room.gradient[k] * room.step[k]
    return slope


@jit_inline
def set_newton_step(
    nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> tuple[float, bool]:
    """Set the factor and Newton's step over the free nuisances.

    Returns the slope of chi2 along it, and whether the second derivatives had digits left for their factor.
    """
    set_hessian(nuisances, templates, z, room)
    if not factorise(room.hessian, room.free, 0.0, LEAST_PIVOT, room.hessian):
        return solve_columns(nuisances, templates, z, room), False
    solve(room.hessian, room.gradient, 1.0, room.free, room.step)
    return slope_along(room), True
