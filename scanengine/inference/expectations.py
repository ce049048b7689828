"""What is expected at points of a grid, and chi2 there: of one likelihood, or of one at each value of outer axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scanengine.definition import ParameterMap
from scanengine.grid.axes import FloatArray
from scanengine.likelihood.least_squares import Profiled
from scanengine.likelihood.profiled import Likelihood


class Expectations(Protocol):
    """Expected counts at points (points, axes), in the coordinates that counts are polynomials in.

    `likelihood` has the data, their uncertainties and the nuisances, which are the same at all points.
    """

    @property
    def likelihood(self) -> Likelihood:
        """The likelihood of one of the points."""
        ...

    def templates(self, points: FloatArray) -> FloatArray:
        """Return the templates (points, templates, cells)."""
        ...

    def profiled(self, points: FloatArray) -> Profiled:
        """Return chi2 (points,), and the nuisances (points, nuisances) there."""
        ...


@dataclass(frozen=True)
class OfOneLikelihood:
    """What one likelihood expects, at coordinates that `parameters` takes."""

    likelihood: Likelihood
    parameters: ParameterMap

    def templates(self, points: FloatArray) -> FloatArray:
        """Return the templates (points, templates, cells)."""
        return self.likelihood.templates_at(self.parameters.values(points))

    def profiled(self, points: FloatArray) -> Profiled:
        """Return chi2 (points,), and the nuisances (points, nuisances) there."""
        return self.likelihood.profiled(self.parameters.values(points))
