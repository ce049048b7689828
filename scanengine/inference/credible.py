"""Credible intervals and regions of highest posterior density, from marginals.

Between its points the logarithm of a density is interpolated by cubics through four points, as that of a Gaussian is
exactly, to points so close that sums over them are integrals. The smallest set of these that holds the asked share of
the posterior is the region.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.marginals import Marginal, trapezoid
from scanengine.grid.shown import Shown
from scanengine.inference.contours import Piece, filled
from scanengine.inference.levels import percent

VISIBLE = 0.02
"""An error of the density, relative to its maximum, or a share of the posterior, that is told of."""

_COARSE = 0.1
"""So much of its size an interval or a region may change with half the points before that is told of."""

_POINTS = {1: 4096, 2: 640}
"""A density is interpolated to about so many points along each axis."""

_HALVINGS = 60
_MOST_STEPS = 64
_LOWEST = -100.0
"""The logarithm of a density this far below that of its maximum is as good as minus infinity."""


class CredibleInterval(NamedTuple):
    """A connected range of values, and by how much half the points of the grid change its ends."""

    lo: float
    hi: float
    lo_error: float
    hi_error: float


@dataclass(frozen=True)
class CredibleIntervals:
    """The narrowest values of one parameter that hold a share `cl` of the posterior, the others integrated over.

    The prior is flat within the axes: an interval that ends where its axis does is cut by the prior. `error` is by how
    much half the points change the density anywhere, relative to its maximum.
    """

    axis: str
    cl: float
    intervals: tuple[CredibleInterval, ...]
    error: float
    warnings: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> CredibleInterval:
        return self.intervals[index]

    def __iter__(self) -> Iterator[CredibleInterval]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)


@dataclass(frozen=True, eq=False)
class CredibleRegion(Shown):
    """The smallest region of a plane that holds a share `cl` of the posterior, the other parameters integrated over.

    Closed pieces, warnings about them, and by how much half the points of the grid change the area. Everywhere within
    the density is at least `density`, per product of the axes' units.
    """

    axes: tuple[str, str]
    cl: float
    density: float
    pieces: tuple[Piece, ...]
    area_error: float
    error: float
    warnings: tuple[str, ...] = ()

    @property
    def area(self) -> float:
        """Area of all pieces together, in the product of the axes' units."""
        return sum(piece.area for piece in self.pieces)

    def __repr__(self) -> str:
        return (
            f"CredibleRegion({', '.join(self.axes)}: {percent(self.cl)} of the posterior; "
            f"pieces: {len(self.pieces)}, warnings: {len(self.warnings)})"
        )


class Fine(NamedTuple):
    """A density on close points: the values of each axis, and its logarithm less that of its maximum on the grid."""

    values: tuple[FloatArray, ...]
    log: FloatArray
    log_maximum: float

    def level(self, cl: float) -> float:
        """Return the logarithm at or above which a share cl of the posterior lies."""
        if len(self.values) == 1:
            return _level_on_line(self.values[0], np.exp(self.log), cl)
        mass = np.exp(self.log)
        for dimension, values in enumerate(self.values):
            mass *= trapezoid(values).reshape([-1 if i == dimension else 1 for i in range(mass.ndim)])
        order = np.argsort(-self.log, axis=None, kind="stable")
        each = mass.reshape(-1)[order]
        held = np.cumsum(each)
        # the border passes through the middle of what a point stands for
        return float(np.interp(cl * held[-1], held - 0.5 * each, self.log.reshape(-1)[order]))


def _level_on_line(x: FloatArray, density: FloatArray, cl: float) -> float:
    """Return the logarithm of a density, straight between its points, above which a share cl of its integral lies."""
    steps, lower, upper = np.diff(x), np.minimum(density[1:], density[:-1]), np.maximum(density[1:], density[:-1])
    whole = float(trapezoid(x) @ density)
    low, high = 0.0, float(density.max())
    for _ in range(_HALVINGS):
        level = 0.5 * (low + high)
        share = np.clip((upper - level) / np.where(upper > lower, upper - lower, 1.0), 0.0, 1.0)
        share[upper == lower] = upper[upper == lower] >= level
        held = float(np.sum(0.5 * steps * share * (upper + np.maximum(lower, level)))) / whole
        low, high = (level, high) if held >= cl else (low, level)
    return math.log(low)


def fine(marginal: Marginal) -> Fine:
    """Return a density interpolated to close points."""
    log_maximum = math.log(float(np.max(marginal.density)))
    with np.errstate(divide="ignore"):
        log = np.maximum(np.log(marginal.density) - log_maximum, _LOWEST)
    values = []
    for dimension, axis in enumerate(marginal.axes):
        steps = max(1, min(_MOST_STEPS, -(-_POINTS[len(marginal.axes)] // axis.values.size)))
        places, back = (np.log(axis.values), np.exp) if axis.is_log_spaced else (axis.values, np.asarray)
        close = _between(places, steps)
        log = np.moveaxis(_cubic(places, np.moveaxis(log, dimension, 0), close), 0, dimension)
        found = np.asarray(back(close))
        found[::steps] = axis.values  # exp(log(x)) is not x
        values.append(found)
    return Fine(tuple(values), log, log_maximum)


def _of_half(marginal: Marginal) -> Fine | None:
    """Return the density of half the points along all axes; None where these see nothing, or are all of an axis."""
    thinned = marginal.thinned()
    if any(axis.values.size == 2 for axis in marginal.axes) or not np.max(thinned.density) > 0.0:
        return None
    return fine(thinned)


def _between(places: FloatArray, steps: int) -> FloatArray:
    """Return places with so many equal steps in each of theirs."""
    index = np.arange((places.size - 1) * steps + 1) / steps
    return np.interp(index, np.arange(places.size), places)


def _cubic(places: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Return values (n, ...) at places (n,) interpolated to `at` by the cubic through the four places around.

    Linearly where there are fewer, or where one of the four is as low as nothing.
    """
    n = places.size
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, n - 2)
    t = (at - places[left]) / (places[left + 1] - places[left])
    shaped = (-1,) + (1,) * (values.ndim - 1)
    linear = (1.0 - t).reshape(shaped) * values[left] + t.reshape(shaped) * values[left + 1]
    if n < 4:
        return np.asarray(linear)
    first = np.clip(left - 1, 0, n - 4)
    result, lowest = np.zeros_like(linear), np.full(linear.shape, np.inf)
    for i in range(4):
        weight = np.ones(at.size)
        for j in range(4):
            if j != i:
                weight *= (at - places[first + j]) / (places[first + i] - places[first + j])
        result += weight.reshape(shaped) * values[first + i]
        lowest = np.minimum(lowest, values[first + i])
    return np.asarray(np.where(lowest > _LOWEST, result, linear))


def credible_intervals(marginal: Marginal, cl: float) -> CredibleIntervals:
    """Return where the density of one parameter is highest, so that a share `cl` of the posterior lies there.

    Raises InputError for a bad `cl`, or a marginal that is not of one axis of two or more points.
    """
    cl = confidence_level(cl)
    _check_axes(marginal, 1)
    (axis,) = marginal.axes
    ends, of_half = _ends(fine(marginal), cl), _of_half(marginal)
    others = [] if of_half is None else _ends(of_half, cl)
    found = []
    for lo, hi in ends:
        # an interval that two halves of the points split, or do not see, has the nearest ends there are
        errors = [min((abs(end - other[i]) for other in others), default=math.inf) for i, end in enumerate((lo, hi))]
        found.append(CredibleInterval(lo, hi, *errors))
    touches = [(axis, [lo for lo, _ in ends], [hi for _, hi in ends])]
    name = f"{percent(cl)} credible interval of {axis.name}"
    width, moved = sum(hi - lo for lo, hi in ends), max(max(each.lo_error, each.hi_error) for each in found)
    warnings = [*_coarse(name, "its ends move", moved / width), *_warnings(marginal, name, touches)]
    return CredibleIntervals(axis.name, cl, tuple(found), marginal.error, tuple(warnings))


def _ends(density: Fine, cl: float) -> list[tuple[float, float]]:
    """Return the ends of the ranges in which a density of one parameter is above its level."""
    (x,), above = density.values, density.log - density.level(cl)
    inside = np.concatenate(([False], above >= 0.0, [False]))
    firsts, lasts = np.flatnonzero(inside[1:] & ~inside[:-1]), np.flatnonzero(inside[:-1] & ~inside[1:]) - 1

    def end(i: int, outside: int) -> float:
        if not 0 <= outside < x.size:
            return float(x[i])
        share = above[i] / (above[i] - above[outside])
        return float(x[i] + share * (x[outside] - x[i]))

    return [(end(i, i - 1), end(j, j + 1)) for i, j in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def credible_region(marginal: Marginal, cl: float) -> CredibleRegion:
    """Return where the density of two parameters is highest, so that a share `cl` of the posterior lies there.

    Raises InputError for a bad `cl`, or a marginal that is not of two axes of two or more points.
    """
    cl = confidence_level(cl)
    _check_axes(marginal, 2)
    density = fine(marginal)
    level = density.level(cl)
    pieces, of_half, half_area = _pieces(marginal.axes, density, level), _of_half(marginal), math.inf
    if of_half is not None:
        half_area = sum(piece.area for piece in _pieces(marginal.axes, of_half, of_half.level(cl)))
    points = [np.concatenate([piece.outer[:, i] for piece in pieces] or [np.empty(0)]) for i in (0, 1)]
    name = f"{percent(cl)} credible region of {marginal.axes[0].name} and {marginal.axes[1].name}"
    touches = [(axis, at.tolist(), at.tolist()) for axis, at in zip(marginal.axes, points, strict=True)]
    area = sum(piece.area for piece in pieces)
    warnings = [*_coarse(name, "its area changes", abs(area - half_area) / area), *_warnings(marginal, name, touches)]
    return CredibleRegion(
        (marginal.axes[0].name, marginal.axes[1].name),
        cl,
        math.exp(level + density.log_maximum),
        pieces,
        abs(area - half_area),
        marginal.error,
        tuple(warnings),
    )


def _pieces(axes: Sequence[Axis], density: Fine, level: float) -> tuple[Piece, ...]:
    of_fine = [
        Axis(axis.name, values, axis.units, axis.long_name, axis.symbol, axis.even)
        for axis, values in zip(axes, density.values, strict=True)
    ]
    _, pieces = filled(of_fine, -density.log, -level)
    return pieces


def _check_axes(marginal: Marginal, dimensions: int) -> None:
    if len(marginal.axes) != dimensions or min(marginal.density.shape) < 2:
        what = "an interval is of one axis" if dimensions == 1 else "a region is of two axes"
        found = " and ".join(f"{axis.name} ({axis.values.size} points)" for axis in marginal.axes)
        raise InputError(f"{what} of two or more points: found the marginal of {found}")


def _coarse(name: str, what: str, moved: float) -> Iterator[str]:
    """Say so if half the points along all axes change an interval or a region by much, relative to its size."""
    if moved > _COARSE:
        by = f"by {moved:.0%}" if moved < 1.0 else "by more than its size"
        yield f"The {name} is not resolved: with half the points {what} {by}."


def _warnings(
    marginal: Marginal, name: str, touches: Sequence[tuple[Axis, Sequence[float], Sequence[float]]]
) -> Iterator[str]:
    """Yield what is to be said about an interval or a region, of which the lower and upper ends lie there."""
    for axis, lower, upper in touches:
        for end, at in ((axis.values[0], lower), (axis.values[-1], upper)):
            if float(end) in at and not axis.is_natural_end(float(end)):
                yield (
                    f"The {name} reaches {axis.name} = {end:.6g}, an end of the axis and so of the prior, and depends "
                    "on where the axis ends."
                )
    if marginal.error > VISIBLE:
        yield (
            f"With half the points along {_listed(marginal.integrated)} the posterior density of "
            f"{_listed([axis.name for axis in marginal.axes])} changes by up to {marginal.error:.2g} of its maximum: "
            "use more points."
        )
    if marginal.omitted > VISIBLE:
        yield (
            f"Up to {marginal.omitted:.2g} of the posterior may lie above output.delta_chi2_max, where chi2 "
            "was not evaluated: increase it, or leave it out."
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "its axes"
