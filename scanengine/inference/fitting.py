"""The best fit of a scan and all other minima of chi2 within its axes, whatever the axes' own points.

A chi2 that is a sum of squared quadratic residuals is searched as `minima` does. Of any other, the minima of one that
is near it are starts, with the valleys of a grid and places spread evenly: nuisances and Poisson counts move minima
more than they make or unmake them. The Standard Model and what the caller knows are starts too, so that no best fit is
above them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from scanengine.chi2.evaluator import Cost, Evaluator, ScanEvaluator
from scanengine.chi2.minima import GRID_POINTS, evenly_spread, global_minima, spread_axes, standard_model, valleys
from scanengine.definition import Definition
from scanengine.errors import RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Fit
from scanengine.inference.objective import FORBIDDEN, Objective, Reached
from scanengine.inference.ways import Ways

_NEWTON_GRID_POINTS = 10_000
"""Points of the grid where chi2 is minimised over nuisances by iteration, each as dear as ten others."""

_MOST_STARTS, _MOST_CANDIDATES = 40, 300
_SPREAD_POINTS = 12
_EQUAL = 1e-8
"""chi2 nearer than this share of 1 + chi2 is equal: rounding does not choose between minima."""

_FLAT = 1e-9
"""Below this share of the largest, a curvature is rounding."""

_FLAT_LENGTH = 0.05
"""Of an axis: equal minima are a connected set if it reaches as far, and not the bottom of one that is no parabola."""

_SAME = 1e-4
"""Of an axis: less is the rounding of a search."""

_PARABOLIC = 4.0
"""At one standard deviation by its curvature chi2 has risen by one, within this factor, or there are no errors."""

_NO_SLOPE = 1e-6


@dataclass(frozen=True)
class Minimum:
    """A local minimum of chi2 within the axes, where it is, and what is known of the parameters there.

    `covariance` (axes, axes), by the second derivatives, and `errors`, the roots of its diagonal, are nothing where
    these do not tell how chi2 rises (not `is_parabolic`), as in a valley or where it does with the fourth power, and
    where the minimum lies on an edge (`at_edge` names the axes). Where it is one of a connected set of equal minima,
    `extent` has the lowest and the highest value met in the set, which may reach farther, of each parameter that
    changes in it.
    """

    chi2: float
    place: dict[str, float]
    at_edge: tuple[str, ...]
    is_parabolic: bool
    covariance: FloatArray | None
    fit: Fit
    extent: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def errors(self) -> dict[str, float] | None:
        """One standard deviation of each parameter, with the others minimised over: where Delta chi2 is one."""
        if self.covariance is None:
            return None
        return dict(zip(self.place, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    def above(self, lowest: Minimum) -> float:
        """Return by how much its chi2 is above the lowest, 0 where rounding does not tell them apart."""
        difference = self.chi2 - lowest.chi2
        return 0.0 if abs(difference) <= _EQUAL * (1.0 + lowest.chi2) else difference

    @property
    def is_flat(self) -> bool:
        """Whether it is one of a connected set of equal minima, as a line or a ring."""
        return bool(self.extent)


def find_minima(
    objective: Objective, evaluator: ScanEvaluator, definition: Definition, starts: FloatArray | None = None
) -> list[Minimum]:
    """Return the minima of chi2 within the axes, the lowest first.

    Of minima without a barrier between them only the lowest is returned, and of equals that which is nearest to the
    Standard Model. `starts` (starts, axes) are places to begin at too, as a scan's best fit: the lowest minimum is not
    above them. The objective is chi2 on the definition's axes, of which the evaluator fills grids. Raises RunError if
    chi2 is finite nowhere.
    """
    origin = standard_model(definition)
    known = np.vstack((origin, np.empty((0, origin.size)) if starts is None else starts))
    if (squares := evaluator.squares) is not None:
        places = np.vstack((known, _lowest_on_grid(squares, definition.axes, GRID_POINTS)))
        minima = global_minima(squares, definition.axes, places).places
        found = [Reached(objective(u)[0], u) for u in objective.u(minima)]
    else:
        found = [objective.search(u) for u in _starts(objective, evaluator, definition, known)]
    found += [objective.search(u) for u in objective.u(known)]
    found = [each for each in found if each.chi2 < FORBIDDEN]
    if not found:
        raise RunError("chi2 is infinite everywhere on the grid: counts were observed where none are expected")
    ways = Ways(objective)
    valleys_found = ways.joined([[each] for each in found])
    valleys_found = ways.joined([[objective.polish(members[0]), *members] for members in valleys_found])
    origin = objective.u(origin)
    ordered = _ordered([_nearest_first(members, origin) for members in valleys_found], origin)
    return [_described(objective, ways, members, definition) for members in ordered]


def _starts(
    objective: Objective, evaluator: ScanEvaluator, definition: Definition, known: FloatArray
) -> list[FloatArray]:
    """Return starts (axes,) for a chi2 of any kind, the lowest first, that a barrier keeps apart."""
    axes = definition.axes
    points = _NEWTON_GRID_POINTS if evaluator.cost >= Cost.ITERATION else GRID_POINTS
    on_grid = valleys(evaluator, spread_axes(axes, points))[:_MOST_CANDIDATES]
    if not len(on_grid):
        raise RunError("chi2 is infinite everywhere on the grid: counts were observed where none are expected")
    places = [
        objective.guesses(axes, known),
        on_grid,
        _lowest_on_grid(evaluator, axes, points),
    ]
    u = np.vstack([*(objective.u(each) for each in places), evenly_spread(_SPREAD_POINTS, len(axes))])
    chi2 = objective.chi2(u)
    ways, apart = Ways(objective), list[Reached]()
    for i in np.argsort(chi2, kind="stable").tolist():
        each = Reached(float(chi2[i]), u[i])
        if len(apart) < _MOST_STARTS and not ways.straight(each, apart):
            apart.append(each)
    return [each.u for each in apart]


def _lowest_on_grid(evaluator: Evaluator, axes: Sequence[Axis], most: int) -> FloatArray:
    """Return the lowest point (1, axes) of the axes' own grid; none (0, axes) of one with more points than that."""
    shape = [axis.values.size for axis in axes]
    if prod(shape) > most:
        return np.empty((0, len(axes)))
    chi2 = np.empty(shape)
    evaluator.fill([axis.values for axis in axes], chi2)
    lowest = np.unravel_index(np.argmin(np.where(np.isnan(chi2), np.inf, chi2)), shape)
    return np.array([[axis.values[i] for axis, i in zip(axes, lowest, strict=True)]])


def _equal(members: Sequence[Reached]) -> list[Reached]:
    """Return the members whose chi2 is that of the lowest."""
    lowest = min(each.chi2 for each in members)
    return [each for each in members if each.chi2 <= lowest + _EQUAL * (1.0 + lowest)]


def _nearest_first(members: Sequence[Reached], origin: FloatArray) -> list[Reached]:
    """Return the lowest members of a valley, that which is nearest to the origin first."""
    return sorted(_equal(members), key=lambda each: _rank(each, origin))


def _rank(minimum: Reached, origin: FloatArray) -> tuple[float, ...]:
    """What equals are ordered by: the distance from the origin, and the place, without their rounding."""
    off = minimum.u - origin
    return (round(float(np.linalg.norm(off)), 6), *np.round(off, 6).tolist())


def _ordered(groups: Sequence[list[Reached]], origin: FloatArray) -> list[list[Reached]]:
    """Return the valleys, the lowest first, and of equals that which is nearest to the origin."""
    by_chi2 = sorted(groups, key=lambda members: members[0].chi2)
    ordered: list[list[Reached]] = []
    while by_chi2:
        equals = [each for each in by_chi2 if len(_equal([by_chi2[0][0], each[0]])) == 2 or each is by_chi2[0]]
        ordered += sorted(equals, key=lambda members: _rank(members[0], origin))
        by_chi2 = by_chi2[len(equals) :]
    return ordered


def _described(objective: Objective, ways: Ways, members: Sequence[Reached], definition: Definition) -> Minimum:
    chi2, u = members[0]
    edge = (u <= 0.0) | (u >= 1.0)
    H = objective.hessian(u)
    free = ~edge | (np.abs(objective(u)[1]) < _NO_SLOPE * (1.0 + chi2))  # a valley may just end at an edge
    sizes, directions = np.linalg.eigh(H[np.ix_(free, free)])
    flat = sizes <= _FLAT * np.abs(sizes).max(initial=0.0)
    is_parabolic = not np.any(flat)
    along = np.zeros((sizes.size, u.size))
    along[:, free] = directions.T
    for size, direction in zip(sizes, along, strict=True):
        if is_parabolic:
            deviation = np.sqrt(2.0 / size) * direction
            rise = objective(u + deviation)[0] - chi2, objective(u - deviation)[0] - chi2
            is_parabolic = all(1.0 / _PARABOLIC < each < _PARABOLIC for each in rise)
    lengths = objective.lengths
    covariance = None
    if is_parabolic and not np.any(edge):
        covariance = 2.0 * np.linalg.inv(H) * np.outer(lengths, lengths)
    names = [axis.name for axis in definition.axes]
    places = objective.place(np.array([u, *_flat_set(ways, members, along[flat])]))
    # a variable on an edge has the edge's value, whatever the rounding of the scaled one
    places = np.clip(places, *np.array([axis.values[[0, -1]] for axis in definition.axes]).T)
    ends = np.array([places.min(axis=0), places.max(axis=0)]).T
    differ = ends[:, 1] - ends[:, 0] > _SAME * lengths
    return Minimum(
        chi2=chi2,
        place=dict(zip(names, places[0].tolist(), strict=True)),
        at_edge=tuple(name for name, on in zip(names, edge, strict=True) if on),
        is_parabolic=is_parabolic,
        covariance=covariance,
        fit=objective.likelihood.fit_at(definition.parameters.values(places[0]), len(names)),
        extent={name: (low, high) for name, (low, high), d in zip(names, ends.tolist(), differ, strict=True) if d},
    )


def _flat_set(ways: Ways, members: Sequence[Reached], directions: FloatArray) -> list[FloatArray]:
    """Return places (axes,) that are joined to the first of equal minima by others that are equal; none if there is no
    such set.

    They are the members, if between the first and the farthest there are equals too, and what lies in directions
    (directions, axes) of no curvature.
    """
    first, *others = members
    found: list[FloatArray] = []
    far = [each.u for each in others if np.max(np.abs(each.u - first.u)) > _FLAT_LENGTH]
    aside = [first.u + sign * 2.0 * _FLAT_LENGTH * direction for direction in directions for sign in (1.0, -1.0)]
    for u in (*far, *(np.clip(each, 0.0, 1.0) for each in aside)):
        if np.max(np.abs(u - first.u)) > _FLAT_LENGTH:
            between = ways.between(first, Reached(first.chi2, u), enough=first.chi2 + 0.5 * _EQUAL)
            if len(_equal([first, between])) == 2 and np.max(np.abs(between.u - first.u)) > _FLAT_LENGTH / 4:
                found.append(between.u)
    return [*found, *(each.u for each in others)] if found else []
