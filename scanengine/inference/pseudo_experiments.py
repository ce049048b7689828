"""Pseudo-experiments at the points of a grid: their data drawn, and chi2 of each at all points of the grid.

Drawn is what chi2 is the likelihood of. A Poisson count is one; a Gaussian residual is normal, and with two standard
deviations it is normal on either side, the side chosen by their ratio. A nuisance with a Gaussian pull was measured
with a unit error in standard deviations, correlated ones with correlated errors; a logarithmic pull 2 (x - ln(1 + x)) /
w^2 is that of a Poisson count with the expectation (1 + x) / w^2, which has been 1 / w^2.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inference.expectations import Expectations
from scanengine.inference.outcomes import Outcomes

_LEAST_COUNT = 1e-300
_LEAST_MEASURED = 1e-6
"""A count of zero that measures 1 + x is taken for this much: chi2 is right to about 1e-4."""

_NEGLIGIBLE = 1e-12
"""Directions this small beside the largest are left out: they enter chi2 squared."""

_MOST = 20_000
_NUMBERS = 4_000_000
_MINIMISATIONS = 200_000


class Drawn(NamedTuple):
    """Data (number, counts) of Poisson counts, residuals of the data (number, residuals), and what is measured of the
    nuisances (number, nuisances), in standard deviations.
    """

    counts: FloatArray
    residuals: FloatArray
    measured: FloatArray


class Found(NamedTuple):
    """Of pseudo-experiments (number,): chi2 above its minimum over the grid, and which point of it fits best."""

    delta_chi2: FloatArray
    best: NDArray[np.int64]


class PseudoExperiments:
    """Pseudo-experiments of what is expected at points (places, axes).

    The nuisances are there what fits the data best. Raises InputError if that makes a Poisson count negative.
    """

    def __init__(self, expectations: Expectations, points: FloatArray) -> None:
        likelihood = expectations.likelihood
        self._likelihood, rows = likelihood, likelihood.rows
        observed = expectations.profiled(points)
        self.observed = observed.chi2
        """chi2 (places,) of the data."""
        templates = expectations.templates(points)
        self._z = observed.z
        self.poisson = np.sort(np.concatenate((rows.seen, rows.empty)))
        """Which of the cells are Poisson counts."""
        self._counts = np.ascontiguousarray(templates[..., self.poisson])
        self._residuals = rows.residuals(templates)
        if self._is_symmetric and rows.gaussian.size:
            self._residuals = _spanned(self._residuals)
        self._scattering = self._residuals.shape[2]
        self._residuals = likelihood.constraints.beside(self._residuals)
        weights = np.array([likelihood.templates.weights(z) for z in observed.z])
        self.true_counts = np.einsum("pc,pcb->pb", weights, self._counts)
        """What is expected (places, counts) of these, with the nuisances that fit the data best."""
        self._true_residuals = np.einsum("pc,pcr->pr", weights, self._residuals)
        negative = np.any(self.true_counts < 0.0, axis=1)
        if np.any(negative):
            cell = self.poisson[int(np.argmin(self.true_counts[np.argmax(negative)]))]
            raise InputError(
                f"experiments.{likelihood.cells[cell].experiment}: at some values of the axes the best fit to the data "
                "has counts below zero, which no pseudo-experiment can have: use narrower nuisances"
            )

    @property
    def places(self) -> int:
        """Number of points of the grid."""
        return len(self._z)

    @property
    def at_once(self) -> int:
        """How many pseudo-experiments are to be made at once: about a second's work."""
        return max(1, min(_MOST, (_MINIMISATIONS if self._is_minimised else _NUMBERS) // self.places))

    @property
    def _is_minimised(self) -> bool:
        """Whether chi2 is found by iteration."""
        return not (self._is_plain or self._likelihood.is_linear)

    @property
    def _is_plain(self) -> bool:
        """Whether there is nothing to be minimised over."""
        return not self._z.shape[1] and self._is_symmetric

    @property
    def _is_symmetric(self) -> bool:
        """Whether a residual weighs the same on either side."""
        return bool(np.all(self._likelihood.rows.below == 1.0))

    def outcomes(self, chosen: NDArray[np.bool_]) -> Outcomes | None:
        """Return all outcomes where they are those of a few Poisson counts alone, and not too many.

        It will be known how many have their best fit at one of the chosen places (places,).
        """
        if not self._is_plain or self._likelihood.rows.gaussian.size:
            return None
        return Outcomes.of(self.true_counts, self._likelihood.rows.data[self.poisson], chosen)

    def made(self, place: int, number: int, random: np.random.Generator) -> Found:
        """Return the Delta chi2 of a number of pseudo-experiments at a point."""
        drawn = self.draw(place, number, random)
        if self._is_minimised:
            return self._by_iteration(drawn, place)
        return self._of_squares(drawn, place) if self._likelihood.is_linear else self._of_counts(drawn, place)

    def draw(self, place: int, number: int, random: np.random.Generator) -> Drawn:
        """Return a number of pseudo-experiments at a point."""
        counts = random.poisson(self.true_counts[place], (number, self.poisson.size)).astype(np.float64)
        scattered = random.standard_normal((number, self._scattering))
        if not self._is_symmetric:
            ratio = 1.0 / np.sqrt(self._likelihood.rows.below)
            above = random.random(scattered.shape) < 1.0 / (1.0 + ratio)
            scattered = np.where(above, np.abs(scattered), -ratio * np.abs(scattered))
        z, widths, constraints = self._z[place], self._likelihood.log_widths, self._likelihood.constraints
        measured = z + random.standard_normal((number, z.size)) @ constraints.spread.T
        for k in np.flatnonzero(widths):
            w = widths[k]
            ratios = w**2 * random.poisson((1.0 + w * z[k]) / w**2, number)
            measured[:, k] = (np.maximum(ratios, _LEAST_MEASURED) - 1.0) / w
        residuals = self._true_residuals[place, : self._scattering] - scattered
        return Drawn(counts, np.hstack((residuals, measured @ constraints.measured.T)), measured)

    @cached_property
    def _logarithms(self) -> FloatArray:
        return np.log(np.maximum(self._counts[:, 0], _LEAST_COUNT)).T

    def _of_counts(self, drawn: Drawn, place: int) -> Found:
        """Products of matrices: chi2 = sum 2 N - 2 n ln N of counts, (r - r_data)^2 of residuals, but for what is the
        same at all places.
        """
        r = self._residuals[:, 0]
        chi2 = drawn.counts @ self._logarithms
        if r.shape[1]:
            chi2 += drawn.residuals @ r.T
        chi2 *= -2.0
        chi2 += 2.0 * self._counts[:, 0].sum(axis=1) + np.sum(r**2, axis=1)
        return Found(chi2[:, place] - chi2.min(axis=1), chi2.argmin(axis=1))

    @property
    def _pull_roots(self) -> FloatArray:
        return np.sqrt(self._likelihood.pull_weights)

    @cached_property
    def _squares(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What `delta_of_squares` takes: the square of all residuals and pulls less that of what nuisances take up,
        which lies in an orthonormal basis Q (places, residuals + nuisances, nuisances) of their effects.
        """
        K = self._z.shape[1]
        r = self._residuals[:, 0]
        pulls = np.broadcast_to(np.diag(self._pull_roots), (self.places, K, K))
        Q = np.linalg.qr(np.concatenate((np.swapaxes(self._residuals[:, 1:], 1, 2), pulls), axis=1))[0]
        linear = np.concatenate((r.T, np.zeros((K, self.places))))
        offsets = np.einsum("pr,prk->kp", r, Q[:, : r.shape[1]])
        taken = np.ascontiguousarray(Q.transpose(2, 1, 0))
        return np.sum(r**2, axis=1), linear, offsets, taken

    def _of_squares(self, drawn: Drawn, place: int) -> Found:
        from scanengine_kernels.pseudo_experiments import delta_of_squares

        found = _unknown(len(drawn.counts))
        delta_of_squares(np.hstack((drawn.residuals, drawn.measured * self._pull_roots)), *self._squares, place, *found)
        return found

    def _by_iteration(self, drawn: Drawn, place: int) -> Found:
        from scanengine_kernels.pseudo_experiments import Expected, delta_by_minimising

        likelihood = self._likelihood
        constraints = likelihood.constraints
        above = np.ones(self._scattering)
        below = above if self._is_symmetric else likelihood.rows.below
        expected = Expected(
            self._counts,
            np.ascontiguousarray(self._residuals),
            np.concatenate((above, constraints.above)),
            np.concatenate((below, constraints.below)),
        )
        found = _unknown(len(drawn.counts))
        pulls = likelihood.templates.below, likelihood.log_widths, likelihood.pull_weights
        delta_by_minimising(*drawn, expected, *pulls, place, *found)
        return found


def _unknown(number: int) -> Found:
    return Found(np.empty(number), np.empty(number, dtype=np.int64))


def _spanned(residuals: FloatArray) -> FloatArray:
    """Return residuals (places, templates, fewer) in an orthonormal basis of those (places, templates, residuals).

    What data have beside it changes chi2 at all places alike, and in it they scatter as before.
    """
    every = residuals.reshape(-1, residuals.shape[2])
    _, sizes, basis = np.linalg.svd(every, full_matrices=False)
    return np.asarray(residuals @ basis[sizes > _NEGLIGIBLE * sizes.max(initial=0.0)].T)
