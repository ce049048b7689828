"""What was seen, above the fitted backgrounds, and the signal."""

from __future__ import annotations

import numpy as np

from scanengine import figures
from scanengine.grid.axes import FloatArray
from scanengine.likelihood.profiled import Likelihood
from scanengine.reproduce import Exhibit

from .paper import SCANS, loaded, missing_note, not_run, there

WITH_SPECTRA = ("csi2017", "csi2021", "lar2020")
ENERGY = {"PE": "photo-electrons", "keVee": "energy [keVee]"}
LAST = {"lar2020": {"energy": 50.0}}
"""Where a panel ends, if there is no signal beyond."""


def fig_spectra() -> Exhibit:
    """Counts above background in energy and in time."""
    panels = [[panel(scan, quantity) for quantity in ("energy", "time_us")] for scan in there(WITH_SPECTRA)]
    return Exhibit(
        "Counts less the backgrounds at the best fit of all nuisances to the Standard Model, over the width of each "
        "bin: what was seen (with the square root of the counts, backgrounds included), and the signal at the same "
        "best fit.",
        not_run("spectra", WITH_SPECTRA),
        figures.sheet(panels) if panels else None,
        notes=missing_note(WITH_SPECTRA),
    )


def panel(scan: str, quantity: str) -> figures.Panel:
    """Return the projection on energy or on time."""
    made = loaded(scan)
    (experiment,) = made.definition.experiments
    seen, signal, background = fitted_counts(scan)
    edges = experiment.binning.edges
    kept = tuple(edges).index(quantity)
    others = tuple(axis for axis in range(len(edges)) if axis != kept)
    projected = [counts.reshape(experiment.binning.shape).sum(axis=others) for counts in (seen, signal, background)]
    last = LAST.get(scan, {}).get(quantity, np.inf)
    shown = edges[quantity][1:] <= last
    ends = edges[quantity][: shown.sum() + 1]
    seen, signal, background = (counts[shown] for counts in projected)
    widths, middles = np.diff(ends), 0.5 * (ends[1:] + ends[:-1])
    excess, error = (seen - background) / widths, np.sqrt(seen) / widths
    ends_of_bars = np.stack([excess - error, excess + error])
    steps_x, steps_y = np.repeat(ends, 2)[1:-1], np.repeat(signal / widths, 2)
    x_label = r"arrival time [$\mu$s]" if quantity == "time_us" else ENERGY[experiment.binning.units]
    per = r"$\mu$s" if quantity == "time_us" else experiment.binning.units
    return figures.Panel(
        (
            figures.Line(steps_x, steps_y, "signal", 1),
            figures.Points(middles, excess, "seen, less backgrounds", 0, y_ends=ends_of_bars),
        ),
        x_label,
        f"counts / {per}",
        SCANS[scan],
        levels=((0.0, ""),),
    )


def fitted_counts(scan: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the counts seen (bins,), and signal and backgrounds (bins,) at the best fit to the Standard Model."""
    made = loaded(scan)
    likelihood = made.likelihood
    assert isinstance(likelihood, Likelihood)  # there are data
    theta = made.problem.theta()
    weights = likelihood.templates.weights(likelihood.profiled(theta).z)
    background = weights @ likelihood.templates.constant
    return likelihood.data, weights @ likelihood.templates_at(theta) - background, background
