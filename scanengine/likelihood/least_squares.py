"""chi2 minimised over nuisances that enter linearly, at single points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scanengine.grid.axes import FloatArray

_LARGE = 1e10
"""Squares of effects, in standard deviations: beside larger ones the pulls keep fewer than six digits."""


class Profiled(NamedTuple):
    """chi2 (...) minimised over nuisances, and where z (..., nuisances) its minimum is, in standard deviations."""

    chi2: FloatArray
    z: FloatArray


def minimum_of_squares(rows: FloatArray) -> Profiled:
    """Return chi2 and z where sum_r (T_0r + sum_k z_k T_kr)^2 + sum_k z_k^2 is least, of T (points, 1 + k, r)."""
    r, A = rows[:, 0], rows[:, 1:]
    H = A @ np.swapaxes(A, 1, 2) + np.eye(A.shape[1])
    if np.any(np.trace(H, axis1=1, axis2=2) > _LARGE):
        return _by_reflections(rows)
    z: FloatArray = -np.linalg.solve(H, A @ r[..., None])[..., 0].astype(np.float64)
    at_minimum = r + np.einsum("pk,pkr->pr", z, A)
    return Profiled(np.sum(at_minimum**2, axis=1) + np.sum(z**2, axis=1), z)


def _by_reflections(rows: FloatArray) -> Profiled:
    """Return the same without products of templates, which forget the pulls beside large effects that cancel."""
    points, columns, r = rows.shape
    k = columns - 1
    matrix = np.zeros((points, r + k, columns))
    matrix[:, :r, :k] = np.swapaxes(rows[:, 1:], 1, 2)
    matrix[:, r:, :k] = np.eye(k)
    matrix[:, :r, k] = rows[:, 0]
    triangle: FloatArray = np.asarray(np.linalg.qr(matrix, mode="r"), dtype=np.float64)
    z: FloatArray = -np.linalg.solve(triangle[:, :k, :k], triangle[:, :k, k:])[..., 0].astype(np.float64)
    return Profiled(np.sum(triangle[:, k:, k] ** 2, axis=1), z)
