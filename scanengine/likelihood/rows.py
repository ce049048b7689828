"""How counts above the data become rows of chi2: Poisson counts and whitened residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.nuisances import (
    RowKinds,
    side_by_side,
)
from scanengine.chi2.poisson import poisson_chi2
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.likelihood.templates import Counts
from scanengine.likelihood.whitening import ExperimentWhitening, Whitening


@dataclass(frozen=True, eq=False)
class Rows:
    """How counts above the data become rows of chi2: Poisson counts with data and without, and Gaussian residuals.

    `seen`, `empty` and `gaussian` index the cells, of which `data` (cells,) are the counts seen. `whitening` makes
    residuals of the counts above the data; `below` (residuals,) weighs the square of a negative residual, that of a
    positive one being 1.
    """

    data: FloatArray
    seen: NDArray[np.intp]
    empty: NDArray[np.intp]
    gaussian: NDArray[np.intp]
    whitening: Whitening
    below: FloatArray

    @property
    def are_squares(self) -> bool:
        """Whether chi2 is the sum of the squares of all rows."""
        return self.seen.size + self.empty.size == 0 and bool(np.all(self.below == 1.0))

    def residuals(self, excess: FloatArray) -> FloatArray:
        """Return the Gaussian residuals (..., residuals) of counts above the data (..., cells)."""
        return self.whitening.residuals(excess[..., self.gaussian])

    def chi2(self, excess: FloatArray) -> FloatArray:
        """Return chi2 (...) of counts above the data (..., cells): infinite where some are seen and none expected."""
        poisson = np.concatenate((self.seen, self.empty))
        chi2 = poisson_chi2(excess[..., poisson] + self.data[poisson], self.data[poisson])
        if self.empty.size:
            from scanengine_kernels.nuisances.rows import EMPTY_WALL

            chi2 += ((np.minimum(excess[..., self.empty], 0.0) / EMPTY_WALL) ** 2).sum(axis=-1)
        residuals = self.residuals(excess)
        return np.asarray(chi2 + (residuals**2 * np.where(residuals > 0.0, 1.0, self.below)).sum(axis=-1))

    def slopes(self, excess: FloatArray) -> FloatArray:
        """Return the derivatives (cells,) of chi2 by the counts, where these are so much above the data (cells,)."""
        slopes = np.zeros(excess.size)
        if self.empty.size:
            from scanengine_kernels.nuisances.rows import EMPTY_WALL

            slopes[self.empty] = 2.0 + 2.0 * np.minimum(excess[self.empty], 0.0) / EMPTY_WALL**2
        with np.errstate(divide="ignore", invalid="ignore"):  # no count where some were seen
            slopes[self.seen] = 2.0 * excess[self.seen] / (excess[self.seen] + self.data[self.seen])
        residuals = self.residuals(excess)
        weighted = residuals * np.where(residuals > 0.0, 1.0, self.below)
        slopes[self.gaussian] = 2.0 * self.whitening.slopes(weighted)
        return slopes

    def arranged(self, excess: FloatArray, residuals: FloatArray) -> FloatArray:
        """Return all rows (..., rows) as the kernel takes them, of counts above the data and these residuals."""
        return side_by_side(excess[..., self.seen] / self.data[self.seen], excess[..., self.empty], residuals)

    def with_data(self, data: FloatArray) -> Rows:
        """Return the rows with other data (cells,), and the same whitening."""
        poisson = np.sort(np.concatenate((self.seen, self.empty)))
        seen = data[poisson] > 0.0
        return replace(self, data=data, seen=poisson[seen], empty=poisson[~seen])

    def kinds(self, above: FloatArray, below: FloatArray) -> RowKinds:
        """Return what the rows are, with residuals of these weights above and below zero (residuals,)."""
        return RowKinds(self.data[self.seen], self.empty.size, above, below)

    @classmethod
    def of(cls, definition: Definition, counts: Counts, data: FloatArray) -> Rows:
        """Return the rows of a definition with these data (cells,).

        Raises InputError if something is seen where nothing can be, or if a covariance is singular.
        """
        expected = counts.signal + counts.total_background
        poisson = np.array([definition.statistic_of(cell.experiment).kind == "poisson" for cell in counts.cells])
        impossible = (data > 0.0) & (expected <= 0.0)
        for i in np.flatnonzero(impossible).tolist():
            name = counts.cells[i].experiment
            if poisson[i] or not definition.statistic_of(name).is_given:
                raise InputError(
                    f"experiments.{name}: {data[i]:g} counts were observed in bin {counts.bins[i] + 1}, where neither "
                    "signal nor background is expected: add a background or use wider bins"
                )
        gaussian = np.flatnonzero(~poisson)
        experiments = []
        below = np.ones(gaussian.size)
        for experiment in definition.experiments:
            here = np.flatnonzero(counts.of(experiment.name)[gaussian] > 0.0)
            cells = gaussian[here]
            statistic = definition.statistic_of(experiment.name)
            if cells.size == 0:
                continue
            if statistic.sigma_above is not None and statistic.sigma_below is not None:
                above = statistic.sigma_above[counts.bins[cells]]
                experiments.append(ExperimentWhitening.of(here, 1.0 / above, np.zeros(here.size)))
                below[here] = (above / statistic.sigma_below[counts.bins[cells]]) ** 2
                continue
            if not statistic.is_given and expected[cells].min() <= 0.0:
                worst = int(cells[np.argmin(expected[cells])])
                raise InputError(
                    f"experiments.{experiment.name}: {expected[worst]:g} counts are expected in bin "
                    f"{counts.bins[worst] + 1}, which cannot be their variance: use a statistic with a variance, a "
                    "covariance, or sigma_above and sigma_below"
                )
            normalised = experiment.systematic * counts.signal[cells]
            if statistic.covariance is None:
                root = 1.0 / np.sqrt(expected[cells])
            else:
                given = statistic.covariance[np.ix_(counts.bins[cells], counts.bins[cells])]
                variance = np.diagonal(given)
                alone = np.count_nonzero(given) == np.count_nonzero(variance)
                root = 1.0 / np.sqrt(variance) if alone else np.linalg.inv(np.linalg.cholesky(given))
            experiments.append(ExperimentWhitening.of(here, root, normalised))
        return cls(
            data,
            np.flatnonzero(poisson & (data > 0.0)),
            np.flatnonzero(poisson & (data == 0.0)),
            gaussian,
            Whitening(gaussian.size, tuple(experiments)),
            below,
        )
