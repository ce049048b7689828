"""What is known of nuisances beside the data and their own widths: correlations, and backgrounds that do not vanish.

Either becomes rows of chi2 without data, which depend on the nuisances alone. Correlated ones z, of correlations C, are
counted in steps y of sqrt(lambda) standard deviations, lambda being the largest eigenvalue of C: then

    z^T C^-1 z = y^T y + sum_i (lambda / lambda_i - 1) (v_i^T y)^2

with the eigenvalues lambda_i and eigenvectors v_i of C, which are independent pulls and squares of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine.definition import Correlation
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import FittedNuisance
from scanengine.inputs.nuisances import Nuisance
from scanengine.likelihood.templates import Counts, Templates

_WALL = 1e-6
"""A background falls this share of itself below zero before chi2 rises by one: the minimum is right to its square."""


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rows without data: `templates` (templates, rows), of which the first is their value at nominal nuisances.

    Their squares weigh `above` (rows,) where a row is above zero and `below` (rows,) where it is not. `measured` (rows,
    nuisances) times where the nuisances were measured is what a row is compared with, zero but for pseudo-experiments.
    `correlation` (nuisances, nuisances) is that of the nuisances; of those that are `free` (nuisances,) nothing is
    known.
    """

    templates: FloatArray
    above: FloatArray
    below: FloatArray
    measured: FloatArray
    correlation: FloatArray
    free: NDArray[np.bool_]

    @property
    def are_squares(self) -> bool:
        """Whether a row counts the same on either side of zero."""
        return bool(np.all(self.above == 1.0) and np.all(self.below == 1.0))

    @property
    def pulls(self) -> FloatArray:
        """The rows of correlations alone (templates, rows)."""
        return self.templates[:, self.above == 1.0]

    @property
    def spread(self) -> FloatArray:
        """A matrix (nuisances, nuisances) that takes independent errors of one standard deviation to those of the
        nuisances, in their steps; free ones are not measured.
        """
        spread = np.linalg.cholesky(self.correlation) / steps_of(self.correlation)[:, None]
        return np.where(self.free[:, None], 0.0, spread)

    def beside(self, residuals: FloatArray) -> FloatArray:
        """Return residuals (..., templates, residuals) with the rows beside them (..., templates, residuals + rows)."""
        if not self.above.size:
            return residuals
        own = np.broadcast_to(self.templates, (*residuals.shape[:-1], self.above.size))
        return np.concatenate((residuals, own), axis=-1)

    def beside_polynomials(self, residuals: FloatArray) -> FloatArray:
        """Return residuals (templates, residuals, monomials) with the rows beside them, which are constant."""
        own = np.zeros((len(self.templates), self.above.size, residuals.shape[-1]))
        own[:, :, 0] = self.templates
        return np.concatenate((residuals, own), axis=1)

    @classmethod
    def of(
        cls, nuisances: Sequence[Nuisance], correlation: FloatArray, counts: Counts, templates: Templates
    ) -> Constraints:
        """Return the constraints of nuisances whose effects on counts are these templates."""
        pulls = _rows_of_pulls(correlation)
        walls = _walls(nuisances, counts, templates)
        found = np.zeros((len(templates.constant), len(pulls) + walls.shape[1]))
        found[1 : 1 + len(nuisances), : len(pulls)] = pulls.T
        found[templates.below, : len(pulls)] = pulls.T
        found[:, len(pulls) :] = walls
        are_pulls = np.arange(found.shape[1]) < len(pulls)
        measured = np.concatenate((pulls, np.zeros((walls.shape[1], len(nuisances)))))
        above, below = np.where(are_pulls, 1.0, 0.0), np.where(are_pulls, 1.0, _WALL**-2)
        free = np.array([nuisance.free for nuisance in nuisances], dtype=np.bool_)
        return cls(found, above, below, measured, correlation, free)


def correlation_of(nuisances: Sequence[Nuisance], correlations: Sequence[Correlation]) -> FloatArray:
    """Return the correlations (nuisances, nuisances); those of nuisances that are not there are left out."""
    place = {nuisance.name: k for k, nuisance in enumerate(nuisances)}
    matrix = np.eye(len(nuisances))
    for each in correlations:
        if each.first in place and each.second in place:
            i, j = place[each.first], place[each.second]
            matrix[i, j] = matrix[j, i] = each.value
    return matrix


def steps_of(correlation: FloatArray) -> FloatArray:
    """Return in how many standard deviations each nuisance (nuisances,) is counted: one where it has no correlation."""
    alone = np.all(correlation == np.eye(len(correlation)), axis=1)
    largest = float(np.linalg.eigvalsh(correlation)[-1]) if len(correlation) else 1.0
    return np.where(alone, 1.0, np.sqrt(largest))


def _rows_of_pulls(correlation: FloatArray) -> FloatArray:
    """Return rows (rows, nuisances) whose squares at y are what correlations add to the squares of y."""
    chosen = np.flatnonzero(np.any(correlation != np.eye(len(correlation)), axis=1))
    sizes, directions = np.linalg.eigh(correlation[np.ix_(chosen, chosen)])
    largest = sizes.max(initial=0.0)
    rows = np.zeros((max(chosen.size - 1, 0), len(correlation)))
    # of the largest eigenvalue nothing is left
    rows[:, chosen] = (np.sqrt(largest / sizes - 1.0)[:, None] * directions.T)[: len(rows)]
    return rows


def _walls(nuisances: Sequence[Nuisance], counts: Counts, templates: Templates) -> FloatArray:
    """Return rows (templates, rows) that are the bins of backgrounds that must not be negative, over what is expected
    in each; bins that change alike are one row.
    """
    found = [np.zeros((len(templates.constant), 0))]
    for experiment in counts.experiments:
        inside = counts.of(experiment.name) > 0.0
        for name in experiment.nonnegative:
            nominal = counts.background(experiment.name, name)[inside]
            rows = np.zeros((len(templates.constant), nominal.size))
            rows[0] = nominal
            for k, nuisance in enumerate(nuisances):
                above, below = (
                    templates.steps[k] * counts.background_change(nuisance, experiment.name, name, side)[inside]
                    for side in ("plus", "minus")
                )
                rows[1 + k] = above
                if templates.below[k] != 1 + k:
                    rows[templates.below[k]] = below
            rows /= np.where(nominal > 0.0, nominal, 1.0)
            if np.any(rows[1:]):
                found.append(np.unique(rows.round(12), axis=1))
    return np.concatenate(found, axis=1)


def fitted(nuisance: Nuisance, z: float) -> FittedNuisance:
    """Return a nuisance at z in standard deviations, with the root of what a logarithmic pull adds to chi2."""
    x = nuisance.width_on("plus" if z >= 0.0 else "minus") * z
    pull = 0.0 if nuisance.free else z
    if nuisance.pull == "log":
        pull = copysign(sqrt(2.0 * max(x - log1p(x), 0.0)) / nuisance.width, x)
    return FittedNuisance(nuisance.name, x, pull, nuisance.free)
