"""The minima of chi2 in the box that the axes span, when it is a sum of squared quadratic residuals.

chi2 of several couplings has many minima, and the basin of the lowest may hold no point of a grid. So the search does
not depend on the axes' own points, and begins in three ways: from the valleys of a lattice over some variables with the
others minimised in closed form, from those of a grid over all, and from places spread evenly. Variables of which only
the square is counted are searched as squares, so that no search stays on the ridge between two mirror images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.terms.interactions import standard_model_point
from scanengine_kernels.minimise import Box, Residuals

GRID_POINTS = 100_000
"""Points of the grid over all axes, about."""

LATTICE_POINTS = 10_000
"""Points of the lattice over the variables that are not minimised in closed form, about."""

SPREAD_POINTS = 64

_FEWEST_PER_AXIS, _MOST_PER_AXIS = 3, 401
_MOST_VALLEYS = 2000
_MOST_MINIMA, _MOST_EQUAL = 200, 50
_SAME_PLACE = 1e-4
"""Of the axes' lengths: nearer than this, two searches have ended at the same minimum."""

_MOST_RIDGES = 4
_ASIDE = 0.03
"""Of the axes' lengths: so far from a ridge a search begins anew."""

_FLAT, _CURVATURE = 1e-9, 1e-9
"""Below this share of the largest, or of 1 + chi2 over an axis' length squared, a curvature is rounding."""

_EQUAL = 1e-9
"""Values nearer than this share of 1 + chi2 are equal: rounding does not choose between them."""


class Minima(NamedTuple):
    """Local minima: chi2 (minima,), the lowest first, and where they are on the axes (minima, axes)."""

    chi2: FloatArray
    places: FloatArray


def global_minima(polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], starts: FloatArray | None = None) -> Minima:
    """Return the minima of chi2 within the ends of the axes, the lowest first, of mirror images all.

    `starts` (starts, axes) are values of the axes to begin at too, as the Standard Model and what a scan has found: no
    minimum is above the lowest of them. Of a flat set of best fits, some points are returned.
    """
    n = len(axes)
    ends = polynomial.scaled([axis.values[[0, -1]] for axis in axes])
    lower, upper = np.array(ends).T.copy()
    variables = HiddenVariables(quadratic_residuals(polynomial), lower, upper, ())
    t = [
        _lattice_valleys(polynomial, axes, variables),
        polynomial.to_scaled(valleys(replace(polynomial, compiled=True), spread_axes(axes, GRID_POINTS))),
        lower + (upper - lower) * evenly_spread(SPREAD_POINTS, n),
    ]
    if starts is not None:
        t.append(np.clip(polynomial.to_scaled(starts.reshape(-1, n)), lower, upper))
    chi2, where = _searched(variables, variables.from_scaled(np.concatenate(t)))
    image_of, images = variables.mirror_images(variables.to_scaled(np.empty((chi2.size, 0)), where))
    chi2, images = distinct_places(chi2[image_of], images, upper - lower)
    places = polynomial.from_scaled(images)
    on_axes = np.array([axis.values[[0, -1]] for axis in axes])
    return Minima(chi2, np.clip(places, *on_axes.T))


def standard_model(definition: Definition) -> FloatArray:
    """Return the values of the axes (axes,) at the Standard Model, or as near to it as they come."""
    matrix = definition.parameters.matrix
    wanted = standard_model_point(definition.physics) - matrix[:, 0]
    ends = np.array([axis.values[[0, -1]] for axis in definition.axes])
    centre, half = ends.mean(axis=1), 0.5 * np.diff(ends, axis=1)[:, 0]
    # of several, the one that is nearest to the middle of the axes
    u, *_ = np.linalg.lstsq(matrix[:, 1:] * half, wanted - matrix[:, 1:] @ centre, rcond=None)
    return np.asarray(np.clip(centre + half * u, *ends.T))


def spread_axes(axes: Sequence[Axis], points: int) -> list[Axis]:
    """Return the axes with other values, spread as theirs are and with both ends: a grid of about so many points.

    How many points an axis has itself does not matter, so that a coarse axis is searched as well as a fine one.
    """
    per_axis = int(points ** (1.0 / len(axes)) + 1e-9)
    per_axis = max(_FEWEST_PER_AXIS, min(_MOST_PER_AXIS, per_axis))
    return [replace(axis, values=_spread(axis.values, per_axis)) for axis in axes]


def _spread(values: FloatArray, n: int) -> FloatArray:
    last = values.size - 1
    return np.interp(np.linspace(0.0, last, n), np.arange(last + 1), values)


def evenly_spread(number: int, n: int) -> FloatArray:
    """Return so many points (number, n) of the unit cube that leave no large hole.

    Multiples of powers of the root of x^(n+1) = x + 1, for n = 1 the golden ratio, modulo one.
    """
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (n + 1))
    return np.asarray((0.5 + np.outer(np.arange(1, number + 1), root ** -np.arange(1.0, n + 1))) % 1.0)


def lowest_neighbours(chi2: FloatArray) -> FloatArray:
    """Return the lowest chi2 of each grid point and all its neighbours, diagonal ones among them."""
    lowest = chi2
    for axis in range(chi2.ndim):
        padding = [(int(a == axis),) * 2 for a in range(chi2.ndim)]
        padded = np.pad(lowest, padding, constant_values=np.inf)
        n = chi2.shape[axis]
        lowest = np.minimum.reduce([padded.take(range(i, i + n), axis) for i in range(3)])
    return lowest


def in_valley(chi2: FloatArray) -> NDArray[np.bool_]:
    """Return which points of a grid are no higher than any neighbour, but for rounding."""
    return np.asarray(np.isfinite(chi2) & (chi2 <= lowest_neighbours(chi2) * (1.0 + _EQUAL) + _EQUAL))


class Fills(Protocol):
    """Computes chi2 on grids."""

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> object:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""


def valleys(evaluator: Fills, axes: Sequence[Axis]) -> FloatArray:
    """Return the lowest points (valleys, axes) of a grid that are no higher than any neighbour."""
    values = [axis.values for axis in axes]
    chi2 = np.empty([v.size for v in values])
    evaluator.fill(values, chi2)
    low = np.argwhere(in_valley(chi2))
    low = low[np.argsort(chi2[tuple(low.T)], kind="stable")][:_MOST_VALLEYS]
    return np.column_stack([v[i] for v, i in zip(values, low.T, strict=True)])


def distinct_places(chi2: FloatArray, t: FloatArray, lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return chi2 (minima,) and t (minima, n) of those that are apart, the lowest first; lengths (n,) are the box's.

    Of many with equal chi2, as in a flat set, some that are far from each other.
    """
    order = np.argsort(chi2, kind="stable")
    order = order[np.isfinite(chi2[order])]
    rises = np.diff(chi2[order]) > _EQUAL * (1.0 + chi2[order][:-1])
    kept: list[int] = []
    for level in np.split(order, np.flatnonzero(rises) + 1):
        if len(kept) >= _MOST_MINIMA:
            break
        near = [_distances(t[level], each, lengths) for each in t[kept]]
        distance = np.min(near, axis=0) if near else np.full(level.size, np.inf)
        for _ in range(_MOST_EQUAL):
            farthest = int(np.argmax(distance))
            if level.size == 0 or distance[farthest] <= _SAME_PLACE:
                break
            kept.append(int(level[farthest]))
            distance = np.minimum(distance, _distances(t[level], t[kept[-1]], lengths))
    return chi2[kept], t[kept]


def _distances(t: FloatArray, place: FloatArray, lengths: FloatArray) -> FloatArray:
    return np.asarray(np.max(np.abs(t - place) / np.where(lengths > 0.0, lengths, 1.0), axis=1))


def _lattice_valleys(polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], variables: HiddenVariables) -> FloatArray:
    """Return the valleys (valleys, n), scaled, of chi2 over the variables that have no minimum in closed form."""
    from scanengine_kernels.cells import minimise_cells, no_minima

    shown = variables.order[: variables.searched]
    lower, upper = np.array(polynomial.scaled([axis.values[[0, -1]] for axis in axes])).T.copy()
    hidden = HiddenVariables(quadratic_residuals(polynomial), lower, upper, shown)
    chosen = spread_axes([axes[i] for i in shown], LATTICE_POINTS) if shown else []
    values = [
        (axis.values - polynomial.centre[i]) / polynomial.half_width[i] for axis, i in zip(chosen, shown, strict=True)
    ]
    points = np.array(list(product(*values)), dtype=np.float64)
    cells = no_minima(points, len(hidden.order))
    minimise_cells(hidden.residuals, hidden.linear, hidden.box, cells)
    low = np.flatnonzero(in_valley(cells.chi2.reshape([v.size for v in values])))
    return hidden.to_scaled(points[low], cells.where[low])


def _searched(variables: HiddenVariables, starts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return chi2 (minima,) and where (minima, n) it is least, among those apart, by searches from starts (starts, n).

    A search may end on a ridge, from which it is begun again on either side.
    """
    from scanengine_kernels.cells import no_minima, search_from

    box, lengths = variables.box, variables.box.upper - variables.box.lower
    found = np.empty(0), np.empty((0, starts.shape[1]))
    for _ in range(_MOST_RIDGES):
        cells = no_minima(np.empty((len(starts), 0)), starts.shape[1])
        search_from(variables.residuals, box, np.arange(len(starts)), starts, cells)
        chi2, where = distinct_places(cells.chi2, cells.where, lengths)
        ways = [_ways_down(variables.residuals, box, each) for each in where]
        settled = np.array([len(each) == 0 for each in ways], dtype=bool)
        found = np.concatenate((found[0], chi2[settled])), np.concatenate((found[1], where[settled]))
        if settled.all():
            break
        starts = np.concatenate(ways)
    return distinct_places(*found, lengths)


def _ways_down(residuals: Residuals, box: Box, where: FloatArray) -> FloatArray:
    """Return starts (starts, n) on either side of a place (n,) that is on a ridge of chi2; none if it is a minimum."""
    bent = residuals.A @ where
    r = residuals.c + (residuals.b + bent) @ where
    slopes = residuals.b + 2.0 * bent
    gradient = 2.0 * r @ slopes
    hessian = 2.0 * slopes.T @ slopes + 4.0 * np.einsum("k,kij->ij", r, residuals.A)
    lengths = box.upper - box.lower
    free = ~(((where <= box.lower) & (gradient > 0.0)) | ((where >= box.upper) & (gradient < 0.0)))
    scale = lengths[free]
    sizes, directions = np.linalg.eigh(hessian[np.ix_(free, free)] * np.outer(scale, scale))
    down = directions[:, sizes < -_FLAT * np.abs(sizes).max(initial=0.0) - _CURVATURE * (1.0 + r @ r)].T
    starts = np.repeat(where[None], 2 * len(down), axis=0)
    starts[:, free] += _ASIDE * np.concatenate((down, -down)) * scale
    return np.clip(starts, box.lower, box.upper)
