"""Confidence intervals of one parameter that cover as often as they say, by pseudo-experiments at each of its values.

Delta chi2 at the true value follows no chi2 distribution where a parameter ends, where chi2 has several minima, or
where counts are few. G. J. Feldman and R. D. Cousins, Phys. Rev. D 57, 3873 (1998), take its quantile from
pseudo-experiments. With nuisances these are made at their best fit to the data at each value, and what is known of them
is scattered as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanengine.combined import CombinedLikelihood
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grids import Axis, FloatArray

_AT_ONCE = 20_000
"""Pseudo-experiments of which the counts are held at once."""

_LEAST_COUNT = 1e-300


@dataclass(frozen=True, eq=False)
class Calibration:
    """Delta chi2 of the data (n,) at the values of an axis (n,), and the quantiles of pseudo-experiments made there.

    `critical` (levels, n) belongs to `levels`. `seed` gives the same `pseudo_experiments` at each value again.
    """

    axis: Axis
    delta_chi2: FloatArray
    levels: tuple[float, ...]
    critical: FloatArray
    pseudo_experiments: int
    seed: int

    def intervals(self, level: float) -> list[tuple[float | None, float | None]]:
        """Return where Delta chi2 is not above the critical value of a level; nothing for an end beyond the axis."""
        return allowed(self.axis.values, self.delta_chi2 - self.critical[self.levels.index(level)])


def allowed(x: FloatArray, excess: FloatArray) -> list[tuple[float | None, float | None]]:
    """Return the intervals of x in which the excess (n,), joined by straight lines, is not above zero."""
    inside = excess <= 0.0
    found: list[tuple[float | None, float | None]] = []
    low: float | None = None
    for i in range(x.size):
        if i and inside[i] != inside[i - 1]:
            crossing = float(x[i - 1] + (x[i] - x[i - 1]) * excess[i - 1] / (excess[i - 1] - excess[i]))
            if inside[i]:
                low = crossing
            else:
                found.append((low, crossing))
        elif i == 0:
            low = None
    return [*found, (low, None)] if inside[-1] else found


def calibrate(
    likelihood: CombinedLikelihood,
    definition: Definition,
    levels: Sequence[float],
    pseudo_experiments: int,
    seed: int,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Return critical values of Delta chi2 at each value of a definition's one axis.

    Minima are those of the axis' values, of the data as of the pseudo-experiments: its steps should be small beside
    the intervals. progress is called with the values
    done and their number. Raises InputError for more axes, for nuisances that are not linear with Gaussian pulls, and
    for errors with two sides, of which no distribution is known.
    """
    if len(definition.axes) != 1:
        raise InputError(f"a calibration needs one axis, and the others fixed: found {len(definition.axes)}")
    for nuisance in definition.nuisances:
        if not nuisance.is_linear:
            raise InputError(
                f"nuisances.{nuisance.name}: pseudo-experiments are known for nuisances with a Gaussian pull that act "
                'linearly; a shape without minus, or pull = "gaussian", would do'
            )
    if np.any(likelihood.rows.below != 1.0):
        raise InputError("an error with two sides has no distribution to draw pseudo-experiments from")
    (axis,) = definition.axes
    theta = definition.parameters.values(axis.values[:, None])
    observed = likelihood.profiled(theta)
    model = _Model(likelihood, likelihood.templates_at(theta), observed.z)
    seeds = np.random.SeedSequence(seed).spawn(axis.values.size)
    critical = np.empty((len(levels), axis.values.size))

    def fill(i: int) -> None:
        drawn = model.delta_chi2(i, pseudo_experiments, np.random.default_rng(seeds[i]))
        critical[:, i] = np.quantile(drawn, levels, method="higher")

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(fill, range(axis.values.size)), start=1):
            if progress is not None:
                progress(done, axis.values.size)
    delta_chi2 = observed.chi2 - observed.chi2.min()
    return Calibration(axis, delta_chi2, tuple(levels), critical, pseudo_experiments, seed)


class _Model:
    """The templates (n, templates, cells) at n values, and the nuisances z (n, nuisances) that fit the data there."""

    def __init__(self, likelihood: CombinedLikelihood, templates: FloatArray, z: FloatArray) -> None:
        self._likelihood = likelihood
        self._templates = templates
        self._z = z
        rows = likelihood.rows
        self._scatter = np.linalg.inv(rows.whitening)
        self._poisson = np.sort(np.concatenate((rows.seen, rows.empty)))

    def delta_chi2(self, i: int, number: int, random: np.random.Generator) -> FloatArray:
        """Return Delta chi2 (number,) at value i of pseudo-experiments made there."""
        parts = []
        for first in range(0, number, _AT_ONCE):
            data, known = self._draw(i, min(_AT_ONCE, number - first), random)
            if not self._z.shape[1]:
                chi2 = self._chi2(data)
            elif self._likelihood.rows.are_squares:
                chi2 = self._chi2_of_squares(data, known)
            else:
                chi2 = self._chi2_of_each(data, known)
            parts.append(chi2[:, i] - chi2.min(axis=1))
        return np.concatenate(parts)

    def _draw(self, i: int, number: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return data (number, cells), and what is measured of the nuisances elsewhere (number, nuisances)."""
        rows = self._likelihood.rows
        expected = self._templates[i, 0] + self._z[i] @ self._templates[i, 1:]
        data = np.empty((number, expected.size))
        if np.any(expected[self._poisson] < 0.0):
            raise InputError(
                "the best fit to the data at a value of the axis has counts below zero, which no pseudo-experiment "
                "can have: narrower nuisances would do"
            )
        data[:, self._poisson] = random.poisson(expected[self._poisson], (number, self._poisson.size))
        scattered = random.standard_normal((number, rows.gaussian.size)) @ self._scatter.T
        data[:, rows.gaussian] = expected[rows.gaussian] + scattered
        return data, self._z[i] + random.standard_normal((number, self._z.shape[1]))

    def _chi2(self, data: FloatArray) -> FloatArray:
        """Return chi2 (number, n) but for what does not depend on the value: products of matrices."""
        rows, counts = self._likelihood.rows, self._templates[:, 0]
        N = np.maximum(counts[:, self._poisson], _LEAST_COUNT)
        chi2 = 2.0 * N.sum(axis=1) - 2.0 * data[:, self._poisson] @ np.log(N).T
        whitened = counts[:, rows.gaussian] @ rows.whitening.T
        of_data = data[:, rows.gaussian] @ rows.whitening.T
        return np.asarray(chi2 + np.sum(whitened**2, axis=1) - 2.0 * of_data @ whitened.T)

    @cached_property
    def _projections(self) -> list[FloatArray]:
        """At each value, what of residuals and pulls (residuals + nuisances, residuals) no nuisance takes up."""
        whitening = self._likelihood.rows.whitening
        found = []
        for templates in self._templates:
            changes = whitening @ templates[1:].T
            q, _ = np.linalg.qr(np.vstack((changes, np.eye(changes.shape[1]))), mode="complete")
            found.append(q[:, changes.shape[1] :])
        return found

    def _chi2_of_squares(self, data: FloatArray, known: FloatArray) -> FloatArray:
        """Return chi2 (number, n) minimised over nuisances where all is Gaussian: matrix products."""
        rows = self._likelihood.rows
        of_data = data @ rows.whitening.T
        chi2 = np.empty((len(data), len(self._templates)))
        for j, projection in enumerate(self._projections):
            residuals = rows.whitening @ self._templates[j, 0] - of_data
            chi2[:, j] = np.sum((np.hstack((residuals, -known)) @ projection) ** 2, axis=1)
        return chi2

    def _chi2_of_each(self, data: FloatArray, known: FloatArray) -> FloatArray:
        """Return chi2 (number, n) minimised over the nuisances, one pseudo-experiment after the other."""
        chi2 = np.empty((len(data), len(self._templates)))
        z = np.empty((len(self._templates), known.shape[1]))
        for row, counts, shift in zip(chi2, data, known, strict=True):
            excess = self._templates.copy()
            excess[:, 0] += np.einsum("k,ikb->ib", shift, self._templates[:, 1:]) - counts
            z[:] = self._z - shift
            self._likelihood.with_data(counts).minimise(excess, row, z)
        return chi2
