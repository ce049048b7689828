"""The best fit of a scan: the lowest points of a coarse grid, each followed to its minimum, and all that are found.

Counts are quadratic in the parameters, so that chi2 has several minima as a rule. chi2 minimised over nuisances has the
gradient that it has with these held where they are, which is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.combined import CombinedLikelihood
from scanengine.definition import Definition
from scanengine.driver import Evaluator
from scanengine.errors import RunError
from scanengine.grids import Axis, Fit, FloatArray
from scanengine.polynomials import Monomials

COARSE_POINTS = 100_000
"""Points of the grid whose minima are followed, at most; along an axis at least `_FEWEST`, or all it has."""

_FEWEST = 5
_MOST_CANDIDATES, _MOST_STARTS = 300, 30
_BARRIER = 0.01
"""Minima are one if chi2 rises by less than this on the straight way from the higher to the lower: no data tell them
apart.
"""

_BETWEEN = (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875)
_FLAT = 1e-9
"""Below this share of the largest, a curvature is rounding."""

_PARABOLIC = 4.0
"""At one standard deviation by its curvature chi2 has risen by one, within this factor, or there are no errors."""

_NO_CURVATURE = 1e-13
_LEAST_DAMPING = 1e-9
_NO_SLOPE = 1e-6
_FORBIDDEN = 1e30
_STEP = 1e-5
_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Minimum:
    """A local minimum of chi2 within the axes, where it is, and what is known of the parameters there.

    `covariance` (axes, axes), by the second derivatives, and `errors`, the roots of its diagonal, are nothing where
    these do not tell how chi2 rises (not `is_parabolic`), as in a valley or where it does with the fourth power, and
    where the minimum lies on an edge (`at_edge` names the axes).
    """

    chi2: float
    place: dict[str, float]
    at_edge: tuple[str, ...]
    is_parabolic: bool
    covariance: FloatArray | None
    fit: Fit

    @property
    def errors(self) -> dict[str, float] | None:
        """One standard deviation of each parameter, with the others minimised over: where Delta chi2 is one."""
        if self.covariance is None:
            return None
        return dict(zip(self.place, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Objective:
    """chi2 minimised over nuisances and its derivatives, in variables t = (x - centre) / half_width."""

    likelihood: CombinedLikelihood
    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    excess: FloatArray
    """Templates (templates, monomials, cells) with the data taken off the first."""

    @classmethod
    def of(cls, likelihood: CombinedLikelihood, definition: Definition) -> Objective:
        """Compile the templates of a definition's axes."""
        return cls(likelihood, *likelihood.excess_polynomials(definition.axes, definition.parameters))

    @cached_property
    def _derivatives(self) -> list[tuple[FloatArray, NDArray[np.intp]]]:
        """Of each variable, the factors (monomials,) and which monomials its derivatives are multiples of."""
        found = []
        for variable in range(self.centre.size):
            factors, columns = [], []
            for exponents in self.monomials.exponents:
                power = exponents[variable]
                lowered = tuple(e - (i == variable) for i, e in enumerate(exponents))
                factors.append(float(power))
                columns.append(self.monomials.column[lowered] if power else 0)
            found.append((np.array(factors), np.array(columns)))
        return found

    def __call__(self, t: FloatArray) -> tuple[float, FloatArray]:
        """Return chi2 and its gradient (variables,) at t (variables,)."""
        values = self.monomials.values(t)
        templates = np.einsum("m,cmb->cb", values, self.excess)
        chi2, z = self.likelihood.minimised_at(templates)
        weights = self.likelihood.templates.weights(z)
        slopes = self.likelihood.rows.slopes(weights @ templates)
        by_monomial = np.einsum("c,cmb,b->m", weights, self.excess, slopes, optimize=True)
        gradient = [float((factors * values[columns]) @ by_monomial) for factors, columns in self._derivatives]
        # out of bounds, where counts that were seen are not expected, a search only has to turn back
        return (chi2, np.array(gradient)) if np.isfinite(chi2) else (_FORBIDDEN, np.zeros(t.size))

    def hessian(self, t: FloatArray) -> FloatArray:
        """Return the second derivatives (variables, variables), from differences of the gradient."""
        n = t.size
        H = np.empty((n, n))
        for i in range(n):
            step = np.zeros(n)
            step[i] = _STEP
            H[i] = (self(t + step)[1] - self(t - step)[1]) / (2.0 * _STEP)
        return 0.5 * (H + H.T)


def coarse_axes(axes: Sequence[Axis], points: int = COARSE_POINTS) -> list[Axis]:
    """Return the axes with fewer of their values, evenly and with both ends: a grid of about so many points."""
    sizes = [axis.values.size for axis in axes]
    per_axis = max(sizes)
    while np.prod([min(n, per_axis) for n in sizes], dtype=np.float64) > points and per_axis > _FEWEST:
        per_axis -= max(1, per_axis // 20)
    per_axis = max(per_axis, _FEWEST)
    return [
        axis
        if axis.values.size <= per_axis
        else replace(axis, values=axis.values[np.linspace(0, axis.values.size - 1, per_axis).round().astype(int)])
        for axis in axes
    ]


def lowest_neighbours(chi2: FloatArray) -> FloatArray:
    """Return the lowest chi2 of each grid point and all its neighbours, diagonal ones among them."""
    lowest = chi2
    for axis in range(chi2.ndim):
        padding = [(int(a == axis),) * 2 for a in range(chi2.ndim)]
        padded = np.pad(lowest, padding, constant_values=np.inf)
        n = chi2.shape[axis]
        lowest = np.minimum.reduce([padded.take(range(i, i + n), axis) for i in range(3)])
    return lowest


class _Reached(NamedTuple):
    """chi2 and the variables t where a search has ended."""

    chi2: float
    t: FloatArray


def find_minima(likelihood: CombinedLikelihood, evaluator: Evaluator, definition: Definition) -> list[Minimum]:
    """Return the minima of chi2 within the axes that a coarse grid shows, the lowest first.

    Of minima without a barrier between them only the lowest is returned.

    evaluator gives chi2 on the grid. Raises RunError if chi2 is finite nowhere on it.
    """
    axes = coarse_axes(definition.axes)
    values = [axis.values for axis in axes]
    chi2 = np.empty([v.size for v in values])
    evaluator.fill(values, chi2)
    low = np.argwhere((chi2 <= lowest_neighbours(chi2)) & np.isfinite(chi2))
    if low.size == 0:
        raise RunError("chi2 is infinite all over the grid: counts were seen where none is expected")
    low = low[np.argsort(chi2[tuple(low.T)], kind="stable")][:_MOST_CANDIDATES]
    objective = Objective.of(likelihood, definition)
    ends = np.array([(axis.values[0], axis.values[-1]) for axis in axes])
    lower, upper = ((ends.T - objective.centre) / objective.half_width).tolist()
    box = np.array(lower), np.array(upper)
    starts = np.array([[v[i] for v, i in zip(values, index, strict=True)] for index in low])
    reached = [
        _search(objective, t, *box) for t in _apart(objective, (starts - objective.centre) / objective.half_width)
    ]
    polished = [_polish(objective, each, *box) for each in _distinct(objective, reached)]
    return [_described(objective, each, box, definition) for each in _distinct(objective, polished)]


def _apart(objective: Objective, starts: FloatArray) -> list[FloatArray]:
    """Return of starts (starts, variables), the lowest first, those that are apart from each before by a barrier."""
    chosen: list[_Reached] = []
    for t in starts:
        each = _Reached(objective(t)[0], t)
        if len(chosen) < _MOST_STARTS and not any(_are_one(objective, each, other) for other in chosen):
            chosen.append(each)
    return [each.t for each in chosen]


def _distinct(objective: Objective, reached: Sequence[_Reached]) -> list[_Reached]:
    """Return the lowest of each group of minima that are one, the lowest first."""
    groups: list[list[_Reached]] = []
    for each in reached:
        joined = [group for group in groups if any(_are_one(objective, each, other) for other in group)]
        groups = [group for group in groups if not any(group is other for other in joined)]
        groups.append([each, *(other for group in joined for other in group)])
    return sorted((min(group, key=lambda each: each.chi2) for group in groups), key=lambda each: each.chi2)


def _are_one(objective: Objective, first: _Reached, second: _Reached) -> bool:
    """Whether there is no barrier on the straight way between two minima."""
    highest = max(first.chi2, second.chi2) + _BARRIER
    return all(objective(first.t + share * (second.t - first.t))[0] <= highest for share in _BETWEEN)


def _search(objective: Objective, start: FloatArray, lower: FloatArray, upper: FloatArray) -> _Reached:
    """Return the minimum that a start leads to by quasi-Newton steps."""
    from scipy.optimize import minimize

    bounds = list(zip(lower.tolist(), upper.tolist(), strict=True))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13})
    return _Reached(float(found.fun), np.asarray(found.x, dtype=np.float64))


def _polish(objective: Objective, reached: _Reached, lower: FloatArray, upper: FloatArray) -> _Reached:
    """Return the minimum after damped steps of Newton's, also where chi2 rises with the fourth power."""
    t = reached.t
    chi2, gradient = objective(t)
    damping = 0.0
    for _ in range(_NEWTON_STEPS):
        free = ~(((t <= lower) & (gradient > 0.0)) | ((t >= upper) & (gradient < 0.0)))
        sizes, directions = np.linalg.eigh(objective.hessian(t)[np.ix_(free, free)])
        largest = np.abs(sizes).max(initial=0.0)
        along = directions.T @ gradient[free]
        lowered = False
        while not lowered and damping < 1.0:
            damped = np.abs(sizes) + (damping + _NO_CURVATURE) * largest
            step = np.zeros(t.size)
            step[free] = -directions @ np.divide(along, damped, out=np.zeros(along.size), where=damped > 0.0)
            trial = np.clip(t + step, lower, upper)
            there = objective(trial)
            lowered = there[0] < chi2
            damping = 0.1 * damping if lowered else max(10.0 * damping, _LEAST_DAMPING)
        if not lowered:
            break
        gain = chi2 - there[0]
        t, (chi2, gradient) = trial, there
        if gain < 1e-15 * (1.0 + chi2):
            break
    return _Reached(chi2, t)


def _described(
    objective: Objective, found: _Reached, box: tuple[FloatArray, FloatArray], definition: Definition
) -> Minimum:
    chi2, t = found
    names = [axis.name for axis in definition.axes]
    lower, upper = box
    edge = (t <= lower) | (t >= upper)
    H = objective.hessian(t)
    free = ~edge | (np.abs(objective(t)[1]) < _NO_SLOPE * (1.0 + chi2))  # a valley may just end at an edge
    sizes, directions = np.linalg.eigh(H[np.ix_(free, free)])
    is_parabolic = bool(np.all(sizes > _FLAT * np.abs(sizes).max(initial=0.0)))
    for size, direction in zip(sizes, directions.T, strict=True):
        deviation = np.zeros(t.size)
        if is_parabolic:
            deviation[free] = np.sqrt(2.0 / size) * direction
            rise = objective(t + deviation)[0] - chi2, objective(t - deviation)[0] - chi2
            is_parabolic = all(1.0 / _PARABOLIC < each < _PARABOLIC for each in rise)
    covariance = None
    if is_parabolic and not np.any(edge):
        covariance = 2.0 * np.linalg.inv(H) * np.outer(objective.half_width, objective.half_width)
    place = objective.centre + objective.half_width * t
    # a variable on an edge has the edge's value, whatever the rounding of the scaled one
    for i, axis in enumerate(definition.axes):
        place[i] = np.clip(place[i], axis.values[0], axis.values[-1])
    return Minimum(
        chi2=chi2,
        place=dict(zip(names, place.tolist(), strict=True)),
        at_edge=tuple(name for name, on in zip(names, edge, strict=True) if on),
        is_parabolic=is_parabolic,
        covariance=covariance,
        fit=objective.likelihood.fit_at(definition.parameters.values(place), len(names)),
    )
