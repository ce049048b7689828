"""What kernels are given: a tensor grid, polynomials on it, and the minima of a larger grid that it is a tile of.

Without Numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LANES = 8
"""Numbers in a block."""


class Grid(NamedTuple):
    """A tensor grid of `shape` (axes,): values[a, : shape[a]], of values (axes, longest), are those of axis a."""

    shape: NDArray[np.int64]
    values: NDArray[np.float64]


class Polynomials(NamedTuple):
    """Polynomials side by side, `coefficients` (monomials, their number filled up to whole blocks).

    For `starts` and `groups`, by which the monomials are ordered, see `polynomial`.
    """

    coefficients: NDArray[np.float64]
    starts: NDArray[np.int64]
    groups: NDArray[np.int64]


class PlaneMinima(NamedTuple):
    """Minima of a grid of `grid_shape` (axes,) over all axes but two: those of axes a < b lie in `values` from
    offsets[a, b] on, b fastest. Kernels that work in blocks need 7 elements or more behind them.
    """

    grid_shape: NDArray[np.int64]
    offsets: NDArray[np.int64]
    values: NDArray[np.float64]


class LineMinima(NamedTuple):
    """Minima of a grid over all axes but one: those of axis a lie in `values` from offsets[a] to offsets[a + 1]."""

    offsets: NDArray[np.int64]
    values: NDArray[np.float64]


NEGLIGIBLE = 100.0
"""Points whose chi2 lies this far above the lowest are left out of sums of exp(-chi2 / 2): each is 2e-22 of the largest
term."""

NO_TERMS = -(1 << 62)
"""In place of an exponent: there is nothing to be added."""


class Weights(NamedTuple):
    """Weights of sums over axes: of all points, and of half of them, each (axes, longest axis and 8 more)."""

    full: NDArray[np.float64]
    half: NDArray[np.float64]


class TilePlace(NamedTuple):
    """Where a tile lies in its grid: the index of its first point and its shape, both (axes,)."""

    start: NDArray[np.int64]
    shape: NDArray[np.int64]


class Tables(NamedTuple):
    """Tables over pairs of axes a < b, or over single axes: in `values` (2, points), with full and with half weights,
    from offsets[a, b] on, b fastest, or from offsets[a, a] on; there is none where the offset is below zero.
    """

    offsets: NDArray[np.int64]
    values: NDArray[np.float64]
