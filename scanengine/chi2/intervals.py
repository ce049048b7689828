"""Interval arithmetic for sums of squared quadratic residuals: chi2, slopes and curvatures, and bounds over boxes.

It is there to check proofs by another way: none of the lemmas of the kernels is used, but numbers that carry how far
they may be off (midpoint and radius; S. M. Rump, BIT 39 (1999) 534), and boxes are bounded by the range that second
derivatives have in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine_kernels.minimise import Residuals

_UNIT = 1.2e-16
"""A little more than 2^-53, by which an operation rounds at most."""

_MORE = 1.0 + 1e-10
"""Radii are sums of positive terms, whose own rounding is far less."""


class Interval(NamedTuple):
    """Numbers within a radius of a middle, arrays of one shape."""

    middle: FloatArray
    radius: FloatArray

    @property
    def low(self) -> FloatArray:
        """The lowest."""
        return np.asarray(np.nextafter(self.middle - self.radius * _MORE, -np.inf))

    @property
    def high(self) -> FloatArray:
        """The highest."""
        return np.asarray(np.nextafter(self.middle + self.radius * _MORE, np.inf))


@dataclass(frozen=True, eq=False)
class Expanded:
    """chi2 (boxes,) in the middle of boxes, its slopes (boxes, n) and half its curvatures (boxes, n, n) there; how far
    half the curvatures are from these anywhere in a box (boxes, n, n); and chi2 (boxes,) that is nowhere undercut, by
    the part of the residuals along those in the middle.
    """

    chi2: Interval
    slope: Interval
    curvature: Interval
    change: FloatArray
    along: FloatArray


def expanded(residuals: Residuals, middle: FloatArray, half: FloatArray) -> Expanded:
    """Expand chi2 about the middles (boxes, n) of boxes of half-widths (boxes, n)."""
    c, b, A = residuals
    n, K = middle.shape[1], c.size
    rounding = _UNIT * (n * n + 2 * n + K + 20)  # no sum below has so many terms and products
    size = np.abs(A)
    Am = np.einsum("kij,pj->pki", A, middle)
    Am_size = np.einsum("kij,pj->pki", size, np.abs(middle))
    r = c + np.einsum("pki,pi->pk", b + Am, middle)
    dr = rounding * (np.abs(c) + np.einsum("pki,pi->pk", np.abs(b) + Am_size, np.abs(middle)))
    J, dJ = b + 2.0 * Am, rounding * (np.abs(b) + 2.0 * Am_size)
    r_size, J_size = np.abs(r), np.abs(J)

    chi2 = Interval(np.sum(r * r, axis=1), np.sum((2.0 * r_size + dr) * dr + rounding * r * r, axis=1))
    rJ = np.einsum("pk,pki->pi", r_size, rounding * J_size + dJ) + np.einsum("pk,pki->pi", dr, J_size + dJ)
    slope = Interval(2.0 * np.einsum("pk,pki->pi", r, J), 2.0 * rJ)
    JJ = np.einsum("pki,pkj->pij", J_size, dJ)
    off = JJ + np.swapaxes(JJ, 1, 2) + np.einsum("pki,pkj->pij", dJ, dJ)
    off += rounding * np.einsum("pki,pkj->pij", J_size, J_size)
    off += 2.0 * np.einsum("pk,kij->pij", dr + rounding * r_size, size)
    bent = np.einsum("pki,pkj->pij", J, J) + 2.0 * np.einsum("pk,kij->pij", r, A)

    # over the box J changes by at most `turned`, r by `moved`, half the curvature J J + 2 r A by `change`
    turned = 2.0 * np.einsum("kij,pj->pki", size, half)
    whole = J_size + dJ
    moved = np.einsum("pki,pi->pk", whole + 0.5 * turned, half)
    JdJ = np.einsum("pki,pkj->pij", whole, turned)
    change = JdJ + np.swapaxes(JdJ, 1, 2) + np.einsum("pki,pkj->pij", turned, turned)
    change += 2.0 * np.einsum("pk,kij->pij", moved, size)

    length = np.sqrt(chi2.middle)
    v = np.divide(r, length[:, None], out=np.zeros_like(r), where=length[:, None] > 0.0)
    reach = np.einsum("pi,pi->p", np.abs(np.einsum("pk,pki->pi", v, J)), half)
    reach += np.einsum("pij,pi,pj->p", np.abs(np.einsum("pk,kij->pij", v, A)), half, half)
    lost = rounding * np.sum(r_size + moved, axis=1) + np.sum(dr, axis=1) + np.sum(dJ * half[:, None, :], axis=(1, 2))
    along = np.maximum(length - (reach + 2.0 * lost) * _MORE, 0.0) ** 2 * (1.0 - 1e-14)
    return Expanded(chi2, slope, Interval(bent, off), change * _MORE, along)


def lower_bounds(found: Expanded, half: FloatArray, enough: float) -> FloatArray:
    """Return a lower bound (boxes,) of chi2 in boxes of half-widths (boxes, n) in which it is expanded, no better than
    `enough` asks.

    chi2(m + h) >= chi2(m) + g h + h (C + d) h - d sum w_i^2 - sum |change| w_i w_j, where C + d is positive
    semidefinite: this part is nowhere below its tangent plane at any point of the box.
    """
    bounds = found.along.copy()
    some = np.flatnonzero(bounds <= enough)
    n, half = half.shape[1], half[some]
    # y = h / half lies between -1 and 1
    scale = half[:, :, None] * half[:, None, :]
    C, g = found.curvature.middle[some] * scale, found.slope.middle[some] * half
    lost = np.sum((found.curvature.radius[some] + found.change[some]) * scale, axis=(1, 2))
    lost += np.sum(found.slope.radius[some] * half, axis=1) + found.chi2.radius[some]
    # of the eigenvalues as they are computed the error is less than this (Weyl's theorem)
    sizes = np.sqrt(np.sum(C * C, axis=(1, 2)))
    d = np.maximum(0.0, 1e-13 * n * n * sizes - np.linalg.eigvalsh(C)[:, 0]) if some.size else np.zeros(0)
    y, diagonal = np.zeros_like(g), np.einsum("pii->pi", C) + d[:, None]
    for _ in range(2 * n + 4):
        for i in range(n):
            slope = g[:, i] + 2.0 * (np.einsum("pj,pj->p", C[:, i], y) + d * y[:, i])
            step = np.divide(slope, 2.0 * diagonal[:, i], out=np.zeros_like(slope), where=diagonal[:, i] > 0.0)
            y[:, i] = np.clip(y[:, i] - step, -1.0, 1.0)
    Cy = np.einsum("pij,pj->pi", C, y) + d[:, None] * y
    value = -np.einsum("pi,pi->p", y, Cy) - np.sum(np.abs(g + 2.0 * Cy), axis=1) - n * d
    # no sum has so many terms, and each is one of these
    sizes_of_all = found.chi2.middle[some] + np.sum(np.abs(g), axis=1) + 4.0 * n * (sizes + d)
    value = found.chi2.middle[some] + value - lost * _MORE - _UNIT * (8 * n * n + 40) * sizes_of_all
    bounds[some] = np.maximum(bounds[some], value)
    return bounds


def upper_bound(residuals: Residuals, point: FloatArray, directions: FloatArray, half: FloatArray) -> float:
    """Return an upper bound of chi2 at point (n,) + sum_a s_a directions[a] for |s_a| <= half[a]."""
    reach = np.abs(directions).T @ half * _MORE
    found = expanded(residuals, point[None], reach[None])
    n = point.size
    slope, off = found.slope.middle[0], found.slope.radius[0]
    steep = np.abs(directions @ slope) + np.abs(directions) @ (off + _UNIT * (n + 4) * np.abs(slope))
    C, C_off = found.curvature.middle[0], found.curvature.radius[0] + found.change[0]
    C_off = C_off + _UNIT * (n * n + 8) * np.abs(C)
    bend = np.abs(directions @ C @ directions.T) + np.abs(directions) @ C_off @ np.abs(directions).T
    return float(np.nextafter(found.chi2.high[0] + (steep @ half + half @ bend @ half) * _MORE, np.inf))
