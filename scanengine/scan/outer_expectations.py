"""What is expected along axes of numbers of the scan file, where the data and their errors stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.likelihood.least_squares import Profiled
from scanengine.likelihood.profiled import Likelihood

if TYPE_CHECKING:
    from scanengine.scan.problem import Problem

_SAME = 1e-12
"""Relative: numbers that differ by less are equal but for rounding."""


class OverOuter:
    """Expected counts at points of all axes of a problem with outer ones, in coordinates.

    Raises InputError if data, their errors or what is known of nuisances change along an outer axis: data drawn at one
    of its values are none at another.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._is_outer = np.array([axis.is_outer for axis in problem.definition.axes])
        every = list(product(*(axis.values.tolist() for axis in problem.definition.outer)))
        self.likelihood = problem.inside.at(every[0]).likelihood
        wanted = _compared(self.likelihood)
        for values in every[1:]:
            found = _compared(problem.inside.at(values).likelihood)
            what = next((name for name, parts in found.items() if not _same(parts, wanted[name])), None)
            if what is not None:
                pairs = zip(problem.definition.outer, every[0], values, strict=True)
                axis, value = next((axis.name, at) for axis, first, at in pairs if at != first)
                raise InputError(
                    f"pseudo-experiments of one value of {axis} are compared with all others, and {what} not the same "
                    f"at {value:g} as at the first value: give the data and their errors in the scan file, or hold "
                    f"{axis} at a value"
                )

    def templates(self, points: FloatArray) -> FloatArray:
        """Return the templates (points, templates, cells)."""
        likelihood = self.likelihood
        found = np.empty((len(points), len(likelihood.templates.constant), len(likelihood.cells)))
        for here, each, theta in self._parts(points):
            found[here] = each.templates_at(theta)
        return found

    def profiled(self, points: FloatArray) -> Profiled:
        """Return chi2 (points,), and the nuisances (points, nuisances) there."""
        chi2, z = np.empty(len(points)), np.empty((len(points), len(self.likelihood.nuisances)))
        for here, each, theta in self._parts(points):
            chi2[here], z[here] = each.profiled(theta)
        return Profiled(chi2, z)

    def _parts(self, points: FloatArray) -> Iterator[tuple[NDArray[np.intp], Likelihood, FloatArray]]:
        """Yield which points have the same outer values, their likelihood and their parameters."""
        outer, number = np.unique(points[:, self._is_outer], axis=0, return_inverse=True)
        for k, values in enumerate(outer):
            here = np.flatnonzero(number.ravel() == k)
            inside = self._problem.inside.at(values.tolist())
            parameters = inside.coordinates.parameters
            yield here, inside.likelihood, parameters.values(points[here][:, ~self._is_outer])


def _compared(likelihood: Likelihood) -> dict[str, tuple[FloatArray, ...]]:
    """Return what must not change along an outer axis, by the words for it with their verb."""
    rows, constraints = likelihood.rows, likelihood.constraints
    kinds = (rows.seen, rows.empty, rows.gaussian, rows.below)
    roots = (part for each in rows.whitening.experiments for part in (each.root, each.shrink * each.direction))
    widths = [(each.width, each.width_below or each.width) for each in likelihood.nuisances]
    return {
        "the data are": (rows.data,),
        "the errors of the data are": tuple(np.asarray(part, dtype=np.float64) for part in (*kinds, *roots)),
        "what is known of the nuisances is": (
            np.array(widths, dtype=np.float64),
            np.array([each.pull == "log" for each in likelihood.nuisances], dtype=np.float64),
            likelihood.templates.below.astype(np.float64),
            constraints.correlation,
            constraints.templates,
        ),
    }


def _same(one: tuple[FloatArray, ...], other: tuple[FloatArray, ...]) -> bool:
    if len(one) != len(other):
        return False
    return all(a.shape == b.shape and np.allclose(a, b, rtol=_SAME, atol=0.0) for a, b in zip(one, other, strict=True))
