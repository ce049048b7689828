"""chi2 on the box of the axes where counts are no polynomials of them: derivatives from differences of the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanengine.chi2.monomials import Monomials
from scanengine.definition import Definition, ParameterMap
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inference.objective import FORBIDDEN, Objective
from scanengine.likelihood.profiled import Likelihood

_STEP = 1e-5
_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class PointObjective(Objective):
    """chi2 and its derivatives from the counts themselves; the polynomials of an `Objective` are empty."""

    parameters: ParameterMap

    @classmethod
    def of(cls, likelihood: Likelihood, definition: Definition) -> PointObjective:
        """Take the counts of a definition's axes as they are."""
        ends = np.array([axis.values[[0, -1]] for axis in definition.axes])
        length = ends[:, 1] - ends[:, 0]
        empty = Monomials.of(len(ends), 0)
        one = np.ones(len(ends))
        return cls(likelihood, 0.0 * one, one, ends[:, 0], length, empty, np.empty((0, 0, 0)), definition.parameters)

    def with_gradient(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return chi2 (points,) and its gradient (points, axes) at u (points, axes)."""
        excess = self._excess(u)
        chi2, z = np.empty(len(u)), np.zeros((len(u), len(self.likelihood.nuisances)))
        self.likelihood.minimise(excess, chi2, z)
        steps = _STEP * np.eye(u.shape[1])
        sides = self._excess((u[:, None, None] + np.stack((steps, -steps), axis=1)).reshape(-1, u.shape[1]))
        changes = np.diff(sides.reshape(*u.shape, 2, *sides.shape[1:]), axis=2)[:, :, 0] / (-2.0 * _STEP)
        gradient = np.zeros(u.shape)
        for i in np.flatnonzero(np.isfinite(chi2)).tolist():
            weights = self.likelihood.templates.weights(z[i])
            gradient[i] = weights @ changes[i] @ self.likelihood.rows.slopes(weights @ excess[i])
        return np.where(np.isfinite(chi2), chi2, FORBIDDEN), gradient

    def chi2(self, u: FloatArray) -> FloatArray:
        """Return chi2 (points,) at u (points, axes)."""
        chi2, z = np.empty(len(u)), np.zeros((len(u), len(self.likelihood.nuisances)))
        for first in range(0, len(u), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            self.likelihood.minimise(self._excess(u[part]), chi2[part], z[part])
        return np.asarray(np.where(np.isfinite(chi2), chi2, FORBIDDEN))

    def guesses(self, axes: Sequence[Axis], known: FloatArray) -> FloatArray:  # noqa: ARG002  (the grid has to do)
        """Return no places (0, axes): there is no polynomial that would be near."""
        return np.empty((0, known.shape[1]))

    def _excess(self, u: FloatArray) -> FloatArray:
        """Return the templates (points, templates, cells) at u (points, axes), with the data taken off the first."""
        templates = self.likelihood.templates_at(self.parameters.values(self.place(u)))
        templates[:, 0] -= self.likelihood.data
        return np.ascontiguousarray(templates)
