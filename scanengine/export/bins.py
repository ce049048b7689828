"""The bins of an exported likelihood: what is expected, as a polynomial, and what was seen."""

from __future__ import annotations

from math import isfinite

import numpy as np

from scanengine.definition import Definition
from scanengine.inference.spectra import standard_deviations
from scanengine.likelihood.profiled import Likelihood


def bins(definition: Definition, likelihood: Likelihood) -> list[dict[str, object]]:
    """Return each bin with the coefficients of its signal, its background and its data."""
    coordinates = definition.in_coordinates
    signal = likelihood.count_polynomials(coordinates.axes, coordinates.parameters).coefficients
    units = {(each.experiment, each.channel): each.binning.units for each in likelihood.responses}
    measured = {experiment.name for experiment in definition.experiments if experiment.data is not None}
    errors = standard_deviations(likelihood)
    found = []
    for i, cell in enumerate(likelihood.cells):
        low, high = cell.bin.energy
        kept = int(np.flatnonzero(signal[i])[-1]) + 1 if np.any(signal[i]) else 0
        found.append(
            {
                "experiment": cell.experiment,
                "channel": cell.channel,
                "energy": [low, high if isfinite(high) else None],
                "units": units[cell.experiment, cell.channel],
                **({"time_us": list(cell.bin.time_us)} if cell.bin.time_us else {}),
                "signal": signal[i, :kept].tolist(),
                "background": float(likelihood.templates.constant[0, i]),
                "data": float(likelihood.data[i]),
                "sigma": float(errors[i]),
                "asimov": cell.experiment not in measured,
                "statistic": definition.statistic_of(cell.experiment).kind,
            }
        )
    return found
