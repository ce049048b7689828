"""Minimise a sum of squared quadratic residuals over hidden variables, in each cell of a plane or line of shown ones:
from given starts, or from the valleys of a lattice on which all hidden variables but some are minimised in closed form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.closed_form import LinearPart, minimise_closed
from scanengine_kernels.minimise import Box, Residuals, minimise_squares


@jit
def hold_first(residuals: Residuals, point: NDArray[np.float64], held: Residuals) -> None:
    """Set c and b of held to those of the residuals with their first variables at point (s,); A does not change."""
    s = point.size
    for k in range(residuals.c.size):
        value = residuals.c[k]
        for i in range(s):
            Ax = 0.0
            for j in range(s):
                Ax += residuals.A[k, i, j] * point[j]
            value += point[i] * (residuals.b[k, i] + Ax)
        held.c[k] = value
        for i in range(held.b.shape[1]):
            slope = residuals.b[k, s + i]
            for j in range(s):
                slope += 2.0 * residuals.A[k, s + i, j] * point[j]
            held.b[k, i] = slope


@jit
def held_residuals(residuals: Residuals, s: int) -> Residuals:
    """Return room for the residuals with the first s variables held."""
    K, n = residuals.b.shape
    return Residuals(np.empty(K), np.empty((K, n - s)), residuals.A[:, s:, s:].copy())


@jit
def search_from(
    residuals: Residuals,
    box: Box,
    points: NDArray[np.float64],
    starts: NDArray[np.float64],
    chi2: NDArray[np.float64],
    where: NDArray[np.float64],
) -> None:
    """Lower chi2 (cells,) and move where (cells, m) by a search from starts (cells, m) in the box, in each cell.

    In cell i the first variables of the residuals are held at points[i] (s,), and the m others are searched.
    """
    held = held_residuals(residuals, points.shape[1])
    h = np.empty(starts.shape[1])
    for cell in range(chi2.size):
        hold_first(residuals, points[cell], held)
        for i in range(h.size):
            h[i] = min(max(starts[cell, i], box.lower[i]), box.upper[i])
        value = minimise_squares(held, box, h)
        if value < chi2[cell]:
            chi2[cell] = value
            where[cell] = h


@jit
def lowest_valley(values: NDArray[np.float64], per_axis: int, tried: NDArray[np.bool_]) -> int:
    """Return the lowest point of a lattice, in C order with per_axis points along each axis, that is no higher than its
    neighbours and has not been tried; -1 if there is none.
    """
    lowest = -1
    for point in range(values.size):
        if tried[point] or (lowest >= 0 and values[point] >= values[lowest]):
            continue
        stride = 1
        valley = True
        while stride < values.size:
            along = point // stride % per_axis
            if (along > 0 and values[point - stride] < values[point]) or (
                along < per_axis - 1 and values[point + stride] < values[point]
            ):
                valley = False
                break
            stride *= per_axis
        if valley:
            lowest = point
    return lowest


@jit
def search_lattice(
    residuals: Residuals,
    linear: LinearPart,
    box: Box,
    lattice: NDArray[np.float64],
    per_axis: int,
    most_starts: int,
    points: NDArray[np.float64],
    chi2: NDArray[np.float64],
    where: NDArray[np.float64],
) -> None:
    """Set chi2 (cells,) and where (cells, m) to the lowest minimum found from a lattice, in each cell.

    In cell i the first variables of the residuals are held at points[i]. Of the m others the first f are put on each
    point of the lattice (per_axis^f, f), in C order, the next is minimised as a quartic, and the last, which enter
    linearly, as `linear` says. From the lowest of the lattice's valleys, at most most_starts, all m are then searched
    together.
    """
    held = held_residuals(residuals, points.shape[1])
    K, m = held.b.shape
    p, f = int(lattice.shape[0]), int(lattice.shape[1])
    along_z, values, z_and_s = np.empty((3, K)), np.empty(p), np.empty((p, m - f))
    tried = np.empty(p, dtype=np.bool_)
    for k in range(K):
        along_z[2, k] = held.A[k, f, f]
    h = np.empty(m)
    for cell in range(chi2.size):
        hold_first(residuals, points[cell], held)
        for point in range(p):
            y = lattice[point]
            for k in range(K):
                value, slope = held.c[k], held.b[k, f]
                for i in range(f):
                    Ay = 0.0
                    for j in range(f):
                        Ay += held.A[k, i, j] * y[j]
                    value += y[i] * (held.b[k, i] + Ay)
                    slope += 2.0 * held.A[k, f, i] * y[i]
                along_z[0, k] = value
                along_z[1, k] = slope
            values[point] = minimise_closed(along_z, linear, box.lower[f], box.upper[f], z_and_s[point])
        chi2[cell] = np.inf
        tried[:] = False
        for _ in range(most_starts):
            start = lowest_valley(values, per_axis, tried)
            if start < 0:
                break
            tried[start] = True
            h[:f] = lattice[start]
            h[f:] = z_and_s[start]
            value = minimise_squares(held, box, h)
            if value < chi2[cell]:
                chi2[cell] = value
                where[cell] = h
