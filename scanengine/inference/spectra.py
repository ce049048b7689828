"""Counts of each channel at a point, bin by bin: signal, backgrounds and data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from scanengine.definition import Definition
from scanengine.grid.axes import FloatArray
from scanengine.likelihood.profiled import Likelihood
from scanengine.likelihood.whitening import ExperimentWhitening


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Counts of one channel of an experiment in bins of energy; bins of anything else are added up.

    `edges` (bins + 1,) in `units`, of which the last may be infinite; `data`, its standard deviation `sigma` (without
    errors common to all bins), `signal` and each of `backgrounds` (bins,) are counts, signal and backgrounds with the
    nuisances as they are fitted; `reference` is the Standard Model's signal with all nominal backgrounds. `asimov`: the
    data are that expectation.
    """

    experiment: str
    channel: str
    units: str
    edges: FloatArray
    data: FloatArray
    sigma: FloatArray
    signal: FloatArray
    backgrounds: dict[str, FloatArray]
    reference: FloatArray
    asimov: bool

    @property
    def total(self) -> FloatArray:
        """What is expected (bins,)."""
        return np.asarray(np.sum([self.signal, *self.backgrounds.values()], axis=0))

    @property
    def pulls(self) -> FloatArray:
        """How far the data lie above what is expected (bins,), in standard deviations."""
        return np.asarray((self.data - self.total) / self.sigma)


def spectra(likelihood: Likelihood, definition: Definition, theta: FloatArray) -> list[Spectrum]:
    """Return the spectra of all channels at physical parameters theta (parameters,), nuisances fitted to the data."""
    (y,) = likelihood.profiled(theta[None]).z
    total = likelihood.templates.weights(y) @ likelihood.templates_at(theta)
    z = y * likelihood.templates.steps
    sigma = standard_deviations(likelihood)
    units = {(each.experiment, each.channel): each.binning.units for each in likelihood.responses}
    asimov = {experiment.name: experiment.data is None for experiment in definition.experiments}
    known = likelihood.every_count
    fitted = {
        (experiment.name, name): known.background_at(likelihood.nuisances, z, experiment.name, name)
        for experiment in definition.experiments
        for name in experiment.backgrounds
    }
    found = []
    for key in dict.fromkeys((cell.experiment, cell.channel) for cell in likelihood.cells):
        own = [i for i, cell in enumerate(likelihood.cells) if (cell.experiment, cell.channel) == key]
        ends = list(dict.fromkeys(likelihood.cells[i].bin.energy for i in own))
        rows = np.array([ends.index(likelihood.cells[i].bin.energy) for i in own])
        backgrounds = {name: counts for (experiment, name), counts in fitted.items() if experiment == key[0]}

        def summed(values: FloatArray, own: list[int] = own, rows: FloatArray = rows) -> FloatArray:
            return np.bincount(rows, weights=values[own]).astype(np.float64)

        signal = total - np.sum([np.zeros_like(total), *backgrounds.values()], axis=0)
        found.append(
            Spectrum(
                *key,
                units[key],
                np.array([ends[0][0], *(high for _, high in ends)]),
                summed(likelihood.data),
                np.sqrt(summed(sigma**2)),
                summed(signal),
                {name: summed(counts) for name, counts in backgrounds.items()},
                summed(likelihood.expected),
                asimov[key[0]],
            )
        )
    return found


def standard_deviations(likelihood: Likelihood) -> FloatArray:
    """Return the standard deviation of the data in each bin (cells,), without errors common to several.

    Of Poisson counts it is the root of the data, or of what is expected where nothing was seen.
    """
    errors = np.sqrt(np.where(likelihood.data > 0.0, likelihood.data, np.maximum(likelihood.expected, 0.0)))
    for experiment in likelihood.rows.whitening.experiments:
        errors[likelihood.rows.gaussian[experiment.cells]] = _of_experiment(experiment)
    return errors


def _of_experiment(experiment: ExperimentWhitening) -> FloatArray:
    if experiment.root.ndim == 1:
        return 1.0 / np.abs(experiment.root)
    return np.asarray(np.linalg.norm(np.linalg.inv(experiment.root), axis=1))


def finite_edges(edges: FloatArray) -> FloatArray:
    """Return edges (bins + 1,) of which an infinite last one is replaced by one that makes a bin of usual width."""
    if isfinite(float(edges[-1])):
        return edges
    width = edges[-2] - edges[-3] if edges.size > 2 else max(1.0, 0.5 * float(edges[0]))
    return np.append(edges[:-1], edges[-2] + width)
