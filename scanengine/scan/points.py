"""chi2, its gradient and expected counts at many points at once: what samplers, minimisers and own loops call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanengine.errors import InputError
from scanengine.grid.arguments import LARGEST, number
from scanengine.grid.axes import FloatArray
from scanengine.inference.objective import FORBIDDEN
from scanengine.inputs.aliases import canonical
from scanengine.likelihood.counts import sum_over_flavours
from scanengine.scan.problem import Problem
from scanengine.scan.statements import polynomial_likelihood

_AT_ONCE = 4096


class _Points(NamedTuple):
    """Points (n, axes), and the shape that their values were given in."""

    places: FloatArray
    shape: tuple[int, ...]


def chi2(problem: Problem, axis_values: Mapping[str, ArrayLike]) -> float | FloatArray:
    """Return chi2 at one point or, of arrays of axis values, in the shape that these have together.

    One point comes from the counts themselves, many from polynomials of the axes where there are any: equal to 1e-10
    (1 + chi2). Raises InputError for a name that is no axis, values that are no numbers, and shapes that do not fit.
    """
    points = _points(problem, axis_values)
    if points.shape == ():
        return problem.chi2(points.places[0])
    return _chi2(problem, points.places).reshape(points.shape)


def gradient(problem: Problem, axis_values: Mapping[str, ArrayLike]) -> FloatArray:
    """Return the derivatives (..., axes) of chi2 by the axes, nan where chi2 is infinite.

    Raises InputError as `chi2` does, and where chi2 is not made of polynomials of the axes.
    """
    points = _points(problem, axis_values)
    polynomial_likelihood(problem, "a gradient")
    parameters, objective = problem.definition.parameters, problem.objective
    found = np.empty(points.places.shape)
    for first in range(0, len(found), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        values, by_u = objective.with_gradient(objective.at(parameters.coordinates(points.places[part])))
        found[part] = np.where(values[:, None] < FORBIDDEN, by_u / objective.lengths, np.nan)
    if any(parameters.squared):  # chi2 depends on x by x^2
        found *= np.where(parameters.squared, 2.0 * points.places, 1.0)
    return found.reshape(*points.shape, -1)


def counts(problem: Problem, axis_values: Mapping[str, ArrayLike]) -> FloatArray:
    """Return the expected signal (..., bins) in the order of `Scan.bins`. Raises InputError as `chi2` does."""
    points = _points(problem, axis_values)
    found: FloatArray | None = None
    for inside, places, rows in _by_problem(problem, points.places):
        if problem.cross_section is not None and inside.direct is not None:
            part = inside.direct.counts(places)
        else:
            part = sum_over_flavours(inside.responses, inside.definition.parameters.values(places))
        found = np.empty((len(points.places), part.shape[-1])) if found is None else found
        found[rows] = part
    assert found is not None
    return found.reshape(*points.shape, -1)


def log_likelihood(problem: Problem, places: ArrayLike) -> float | FloatArray:
    """Return -chi2 / 2 at one point (axes,) or many (n, axes), in the order of the axes; -inf beyond their ends.

    Raises InputError for another shape.
    """
    axes = problem.check().axes
    x = np.asarray(places, dtype=np.float64)
    if x.ndim not in (1, 2) or x.shape[-1] != len(axes):
        raise InputError(
            f"a point has {len(axes)} numbers, of {', '.join(axis.name for axis in axes)}, and points are an array "
            f"(n, {len(axes)}): found the shape {x.shape}"
        )
    flat = np.atleast_2d(x)
    low, high = np.array([axis.values[[0, -1]] for axis in axes]).T
    within = np.all((flat >= low) & (flat <= high), axis=1)
    found = np.full(len(flat), -np.inf)
    if np.any(within):
        found[within] = -0.5 * _chi2(problem, flat[within])
    return found if x.ndim == 2 else float(found[0])


def _points(problem: Problem, axis_values: Mapping[str, ArrayLike]) -> _Points:
    """Return the points that values of some axes stand for; axes not named stay at the Standard Model."""
    arrays = {canonical(name): _array(value, name) for name, value in axis_values.items()}
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"values of several axes must have shapes that go together: found {shapes}") from None
    rest = problem.point(dict.fromkeys(arrays, 0.0))
    columns = [arrays.get(axis.name, at) for axis, at in zip(problem.definition.axes, rest, strict=True)]
    places = [np.broadcast_to(column, shape).reshape(-1) for column in columns]
    return _Points(np.stack(places, axis=-1) if places else np.empty((1, 0)), shape)


def _array(value: ArrayLike, name: str) -> FloatArray:
    try:
        array = np.asarray(value)
    except ValueError:  # of lists of unequal lengths
        array = np.array([None])
    if array.ndim == 0:
        return np.array(number(value, name))
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} must be a number or an array of numbers: found {value!r:.60}")
    if not np.all(np.abs(array) <= LARGEST):
        raise InputError(f"{name} must be finite numbers, from -{LARGEST:g} to {LARGEST:g}")
    return array.astype(np.float64)


def _by_problem(problem: Problem, places: FloatArray) -> list[tuple[Problem, FloatArray, NDArray[np.intp]]]:
    """Return the problems at all outer values of places (n, axes), with the places in them and their rows."""
    outer = np.array([axis.is_outer for axis in problem.definition.axes], dtype=np.bool_)
    if not np.any(outer):
        return [(problem, places, np.arange(len(places)))]
    values, which = np.unique(places[:, outer], axis=0, return_inverse=True)
    rows = [np.flatnonzero(which.reshape(-1) == i) for i in range(len(values))]
    return [(problem.inside.at(at.tolist()), places[r][:, ~outer], r) for at, r in zip(values, rows, strict=True)]


def _chi2(problem: Problem, places: FloatArray) -> FloatArray:
    """Return chi2 (n,) at places (n, axes)."""
    found = np.empty(len(places))
    for inside, inner, rows in _by_problem(problem, places):
        if inside.is_direct or not inner.shape[1]:
            found[rows] = [inside.chi2(place) for place in inner]
            continue
        if inside.is_propagated:
            found[rows] = inside.likelihood.chi2(inside.definition.parameters.values(inner))
            continue
        objective = inside.objective
        part = objective.chi2(objective.at(inside.definition.parameters.coordinates(inner)))
        found[rows] = np.where(part < FORBIDDEN, part, np.inf)
    return found
