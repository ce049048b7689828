"""The best fit of scans with outer axes: minima over the other axes, followed along the outer ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inference.fitting import Minimum

_MOST_POINTS = 160
"""Outer points at which the other axes are searched before the lowest of them are followed."""

_MOST_VALLEYS = 4
_SAME = 1e-3
"""Of an outer axis: minima nearer than this are one."""

_PRECISION = 1e-6

InnerFit = Callable[[Sequence[float]], list[Minimum]]
"""Returns the minima over the other axes at outer values, the lowest first."""


def fit_over_outer(definition: Definition, inner: InnerFit, starts: Sequence[Sequence[float]]) -> list[Minimum]:
    """Return the minima over all axes, the lowest first; `starts` are outer values to begin at as well.

    Along outer axes each is found to a millionth of the axis; of parameters on them there are no errors.
    """
    outer = definition.outer
    per_axis = max(3, int(_MOST_POINTS ** (1.0 / len(outer))))
    u = [np.linspace(0.0, 1.0, min(per_axis, axis.values.size)) for axis in outer]
    shape = tuple(each.size for each in u)
    known: dict[tuple[float, ...], float] = {}

    def chi2(place: FloatArray) -> float:
        at = tuple(np.clip(place, 0.0, 1.0).tolist())
        if at not in known:
            known[at] = inner(_values(outer, at))[0].chi2
        return known[at]

    grid = np.array([chi2(np.array(place)) for place in product(*u)]).reshape(shape)
    begin = [np.array([each[i] for each, i in zip(u, index, strict=True)]) for index in _valleys(grid)]
    begin += [_places(outer, start) for start in starts]
    found: list[tuple[float, FloatArray]] = []
    for place in begin:
        low, at = _descended(chi2, place, [1.0 / (n - 1) for n in shape])
        if all(np.max(np.abs(at - other)) > _SAME for _, other in found):
            found.append((low, at))
    minima = [_whole(definition, inner(_values(outer, at.tolist()))[0], at) for _, at in found]
    return sorted(minima, key=lambda minimum: minimum.chi2)


def _valleys(chi2: FloatArray) -> list[tuple[int, ...]]:
    """Return the grid points that are no higher than those beside them, the lowest first."""
    around = np.pad(chi2, 1, constant_values=np.inf)
    low = np.ones(chi2.shape, dtype=np.bool_)
    centre = tuple(slice(1, -1) for _ in chi2.shape)
    for axis in range(chi2.ndim):
        for ends in (slice(2, None), slice(None, -2)):
            low &= chi2 <= around[(*centre[:axis], ends, *centre[axis + 1 :])]
    points = np.argwhere(low)
    order = np.argsort(chi2[tuple(points.T)], kind="stable")[:_MOST_VALLEYS]
    return [tuple(point) for point in points[order].tolist()]


def _descended(
    chi2: Callable[[FloatArray], float], place: FloatArray, steps: Sequence[float]
) -> tuple[float, FloatArray]:
    """Return the minimum near a place (outer axes,) of the unit cube, and where it is."""
    from scipy.optimize import minimize, minimize_scalar

    if place.size == 1:
        low, high = max(0.0, place[0] - steps[0]), min(1.0, place[0] + steps[0])
        along = minimize_scalar(
            lambda x: chi2(np.array([x])), bounds=(low, high), method="bounded", options={"xatol": _PRECISION}
        )
        candidates = [(float(along.fun), np.array([float(along.x)]))]
    else:
        simplex = np.clip(np.vstack((place, place + np.diag(steps) * np.where(place > 0.5, -1.0, 1.0))), 0.0, 1.0)
        found = minimize(
            chi2,
            place,
            method="Nelder-Mead",
            bounds=[(0.0, 1.0)] * place.size,
            options={"initial_simplex": simplex, "xatol": _PRECISION, "fatol": 1e-9},
        )
        candidates = [(float(found.fun), np.asarray(found.x, dtype=np.float64))]
    candidates.append((chi2(place), place))  # of equals the place that was there, as on an edge
    return min(candidates, key=lambda each: (round(each[0], 9), float(np.max(np.abs(each[1] - place)))))


def _values(outer: Sequence[Axis], u: Sequence[float]) -> list[float]:
    """Return the values of outer axes at places of the unit cube, spread as the axes' own."""
    return [
        float(np.interp(x * (a.values.size - 1), np.arange(a.values.size), a.values))
        for a, x in zip(outer, u, strict=True)
    ]


def _places(outer: Sequence[Axis], values: Sequence[float]) -> FloatArray:
    return np.array(
        [
            np.interp(x, a.values, np.arange(a.values.size)) / (a.values.size - 1)
            for a, x in zip(outer, values, strict=True)
        ]
    )


def _whole(definition: Definition, minimum: Minimum, at: FloatArray) -> Minimum:
    """Return a minimum over the other axes as one over all."""
    outer = definition.outer
    place = minimum.place | dict(zip([axis.name for axis in outer], _values(outer, at.tolist()), strict=True))
    edges = [axis.name for axis, x in zip(outer, at.tolist(), strict=True) if x in (0.0, 1.0)]
    order = [axis.name for axis in definition.axes]
    dof = None if minimum.fit.dof is None else minimum.fit.dof - len(outer)
    return replace(
        minimum,
        place={name: place[name] for name in order},
        at_edge=tuple(name for name in order if name in (*minimum.at_edge, *edges)),
        is_parabolic=False,
        covariance=None,
        fit=replace(minimum.fit, dof=dof),
    )
