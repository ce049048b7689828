"""Skipping what cannot matter: the tiles of a grid that hold no point near the minimum, by a proven bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from scanengine.chi2.evaluator import Evaluator
from scanengine.chi2.residuals import quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import SomeTiles, Tiling
from scanengine_kernels.bounds import MARGIN, bends
from scanengine_kernels.bounds import relevant_tiles as bounds_of_tiles

_FIRST_LOOK_POINTS = 4096

_TILES = 2_000
_TILE_POINTS = 1 << 17, 1 << 20
"""The fewer points a tile has, the fewer are visited in vain, and the more time goes to handing tiles around."""

_SHORTEST_LINE = 40
"""Points along the last axis below which a tile is filled slowly."""


def compact_tiling(polynomial: ChiSquaredPolynomial, axes: Sequence[Axis]) -> Tiling:
    """Cut the grid over axes into tiles in which the residuals bend little.

    The more they bend along an axis, the more it is cut: a valley passes through few tiles, whatever its direction.
    """
    bend = bends(quadratic_residuals(polynomial))
    half_width = np.array([0.5 * (v[-1] - v[0]) for v in polynomial.scaled([axis.values for axis in axes])])
    shape = [axis.values.size for axis in axes]
    least = [1] * (len(shape) - 1) + [min(shape[-1], _SHORTEST_LINE)]
    tile = list(shape)
    fewest, most = _TILE_POINTS
    while prod(tile) > min(max(prod(shape) // _TILES, fewest), most):
        width = half_width * np.array(tile) / np.array(shape)
        loss = width * (bend @ width)
        possible = [i for i, n in enumerate(tile) if n > least[i]]
        if not possible:
            break
        axis = max(possible, key=lambda i: (loss[i], tile[i]))
        tile[axis] = max(least[axis], -(-tile[axis] // 2))
    return Tiling(tuple(shape), tuple(tile))


def relevant_tiles(
    delta_chi2_max: float, polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], tiling: Tiling
) -> SomeTiles:
    """Return the tiles of the grid over axes that may hold a point with Delta chi2 <= delta_chi2_max.

    Delta chi2 counts from the lowest grid point.
    """
    (found,) = relevant_tiles_of_each(delta_chi2_max, [(polynomial, axes)], tiling)
    return found


def relevant_tiles_of_each(
    delta_chi2_max: float, parts: Sequence[tuple[ChiSquaredPolynomial, Sequence[Axis]]], tiling: Tiling
) -> list[SomeTiles]:
    """Return the tiles of each part of a grid, of one shape but with a polynomial and axes of its own, that may hold a
    point with Delta chi2 <= delta_chi2_max.

    Delta chi2 counts from the lowest grid point of all parts.
    """
    lowest = min(low_chi2(polynomial, axes) for polynomial, axes in parts)
    shape, tile_shape = np.array(tiling.grid_shape), np.array(tiling.tile_shape)
    found = []
    for polynomial, axes in parts:
        values = polynomial.scaled([axis.values for axis in axes])
        packed = np.zeros((len(values), max(tiling.grid_shape)))
        for axis, v in enumerate(values):
            packed[axis, : v.size] = v
        residuals = quadratic_residuals(polynomial)
        numbers, bounds, lowest = bounds_of_tiles(residuals, packed, shape, tile_shape, lowest, delta_chi2_max)
        found.append((numbers, bounds))
    cutoff = lowest + delta_chi2_max
    highest = cutoff + MARGIN * (1.0 + cutoff)  # the first were kept when the minimum was not known yet
    return [tiling.some(numbers[bounds <= highest]) for numbers, bounds in found]


def cut_above(delta_chi2_max: float, profiles: Profiles) -> Profiles:
    """Return profiles that are infinite wherever Delta chi2 > delta_chi2_max: there only some tiles were looked at."""
    highest = profiles.minimum + delta_chi2_max
    marginals = profiles.marginals
    if marginals is not None:
        marginals = replace(marginals, omitted=math.exp(min(0.0, -0.5 * highest - marginals.log_mean)))
    return replace(
        profiles,
        lines={name: np.where(line <= highest, line, np.inf) for name, line in profiles.lines.items()},
        planes={pair: np.where(plane <= highest, plane, np.inf) for pair, plane in profiles.planes.items()},
        marginals=marginals,
    )


def low_chi2(evaluator: Evaluator, axes: Sequence[Axis], points: int = _FIRST_LOOK_POINTS) -> float:
    """Return a chi2 near the grid's minimum, as `low_point` does."""
    return low_point(evaluator, axes, points)[0]


def low_point(
    evaluator: Evaluator, axes: Sequence[Axis], points: int = _FIRST_LOOK_POINTS
) -> tuple[float, tuple[float, ...]]:
    """Return a chi2 near the grid's minimum, and its place on the axes: of about so many points of the grid the lowest,
    then its neighbours' while they gain.
    """
    values = [axis.values for axis in axes]
    per_axis = max(2, int(points ** (1.0 / len(values))))
    looked_at = [np.unique(np.linspace(0, v.size - 1, per_axis).astype(np.int64)) for v in values]
    lowest, at = np.inf, tuple(float(v[0]) for v in values)
    while True:
        chi2 = np.empty([indices.size for indices in looked_at])
        evaluator.fill([v[indices] for v, indices in zip(values, looked_at, strict=True)], chi2)
        chi2[np.isnan(chi2)] = np.inf
        place = np.unravel_index(np.argmin(chi2), chi2.shape)
        if not chi2[place] < lowest:
            return float(lowest), at
        lowest = chi2[place]
        centre = [int(indices[i]) for indices, i in zip(looked_at, place, strict=True)]
        at = tuple(float(v[i]) for v, i in zip(values, centre, strict=True))
        looked_at = [np.arange(max(0, i - 1), min(v.size, i + 2)) for v, i in zip(values, centre, strict=True)]
