"""Physical parameters as functions of the axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import PHYSICAL_PARAMETERS
from scanengine.inputs.terms.term import Parameter


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """Physical parameters as linear functions of the scan axes, with fixed values and ties folded in.

    `matrix` has shape (parameters, 1 + axes), its rows in the order of `parameters`: parameter p is matrix[p, 0] +
    sum_i matrix[p, 1 + i] u_i, with u_i the value of axis i, or its square where `squared` (axes,) says so, as of a
    mediator's coupling. Without `squared` none is.
    """

    axes: tuple[str, ...]
    matrix: FloatArray
    parameters: tuple[Parameter, ...] = PHYSICAL_PARAMETERS
    squared: tuple[bool, ...] = ()

    def coordinates(self, axis_values: ArrayLike) -> FloatArray:
        """Return what parameters are linear in (..., axes), of axis values (..., axes)."""
        points = np.asarray(axis_values, dtype=np.float64)
        return np.where(self.squared, points * points, points) if any(self.squared) else points

    def from_coordinates(self, coordinates: FloatArray) -> FloatArray:
        """Return the axis values (..., axes) of coordinates (..., axes), the roots that are not negative of squares."""
        if not any(self.squared):
            return coordinates
        return np.where(self.squared, np.sqrt(np.maximum(coordinates, 0.0)), coordinates)

    def values(self, axis_values: ArrayLike) -> FloatArray:
        """Return the physical parameters (..., parameters) at axis values of shape (..., axes)."""
        points = self.coordinates(axis_values)
        result: FloatArray = self.matrix[:, 0] + points @ self.matrix[:, 1:].T
        return result

    @property
    def used(self) -> frozenset[str]:
        """The parameters, by name, that are not zero at every point."""
        rows = np.flatnonzero(np.any(self.matrix != 0.0, axis=1)).tolist()
        return frozenset(self.parameters[row].name for row in rows)

    def bounds_of(self, axis: str) -> tuple[float, float]:
        """Return the bounds of an axis that is a parameter of its own, infinite ones of any other."""
        column = 1 + self.axes.index(axis)
        rows = np.flatnonzero(self.matrix[:, column])
        if rows.size != 1 or any(self.squared):
            return -inf, inf
        row = self.matrix[rows[0]]
        alone = row[column] == 1.0 and np.count_nonzero(row) == 1
        return self.parameters[rows[0]].bounds if alone else (-inf, inf)

    def is_even(self, axis: str) -> bool:
        """Whether counts know only the square of an axis: all that it sets enters squared, and is it times a factor."""
        index = self.axes.index(axis)
        if self.squared and self.squared[index]:
            return True
        column = 1 + index
        rows = np.flatnonzero(self.matrix[:, column])
        alone = np.count_nonzero(self.matrix[rows], axis=1) == 1
        return bool(rows.size and np.all(alone) and all(self.parameters[row].squared for row in rows))
