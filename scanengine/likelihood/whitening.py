"""From counts above the data to residuals whose squares add up to chi2, an experiment at a time.

With the covariance V of an experiment, W^T W = V^-1 and the residuals are W (N - data). W is a root of V^-1, a diagonal
or a matrix, after which the direction of a common systematic error is shrunk. Its cost grows with the number of counts,
where that of a matrix for all cells would grow with its square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray


@dataclass(frozen=True, eq=False)
class ExperimentWhitening:
    """The whitening of one experiment, W = (1 - shrink u u^T) R.

    `cells` (n,) are its places among the Gaussian cells, R is `root`, (n,) of a diagonal or (n, n), and u is
    `direction` (n,), of length one, or zero where nothing is shrunk.
    """

    cells: NDArray[np.intp]
    root: FloatArray
    direction: FloatArray
    shrink: float

    @classmethod
    def of(cls, cells: NDArray[np.intp], root: FloatArray, systematic: FloatArray) -> ExperimentWhitening:
        """Return the whitening for V = (R^T R)^-1 + c c^T, of a root R and a systematic error c (n,).

        Only the direction of R c is shrunk: the sum V would be singular to rounding where c is large.
        """
        direction = root * systematic if root.ndim == 1 else root @ systematic
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            return cls(cells, root, np.zeros_like(direction), 0.0)
        return cls(cells, root, direction / length, 1.0 - 1.0 / float(np.hypot(1.0, length)))

    def residuals(self, excess: FloatArray) -> FloatArray:
        """Return W x (..., n) of counts above the data x (..., n)."""
        rooted = excess * self.root if self.root.ndim == 1 else excess @ self.root.T
        if self.shrink:
            rooted -= (self.shrink * (rooted @ self.direction))[..., None] * self.direction
        return rooted

    def slopes(self, residuals: FloatArray) -> FloatArray:
        """Return W^T r (n,) of residuals r (n,)."""
        left = residuals - self.shrink * float(residuals @ self.direction) * self.direction
        return left * self.root if self.root.ndim == 1 else left @ self.root

    def deviations(self, counts: FloatArray) -> FloatArray:
        """Return counts (n,) in standard deviations, the systematic error left out."""
        return counts * self.root if self.root.ndim == 1 else np.asarray(np.abs(self.root) @ counts)


@dataclass(frozen=True, eq=False)
class Whitening:
    """The whitening of all Gaussian cells, of which there are `size`; as many residuals."""

    size: int
    experiments: tuple[ExperimentWhitening, ...]

    def residuals(self, excess: FloatArray) -> FloatArray:
        """Return residuals (..., size) of counts above the data (..., size)."""
        residuals = np.empty_like(excess)
        for experiment in self.experiments:
            residuals[..., experiment.cells] = experiment.residuals(excess[..., experiment.cells])
        return residuals

    def slopes(self, residuals: FloatArray) -> FloatArray:
        """Return W^T r (size,) of residuals r (size,)."""
        slopes = np.empty_like(residuals)
        for experiment in self.experiments:
            slopes[experiment.cells] = experiment.slopes(residuals[experiment.cells])
        return slopes

    def deviations(self, counts: FloatArray) -> FloatArray:
        """Return counts (size,) in standard deviations, systematic errors left out."""
        deviations = np.empty_like(counts)
        for experiment in self.experiments:
            deviations[experiment.cells] = experiment.deviations(counts[experiment.cells])
        return deviations
