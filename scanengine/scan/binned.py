"""What is expected in each bin of energy, and what was seen: signal, backgrounds and data side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scanengine.grid.axes import FloatArray
from scanengine.scan.problem import Problem


class BinCounts(NamedTuple):
    """Counts of one channel in one bin of energy, bins of anything else added up.

    `backgrounds` are the nominal ones by their names; `data` is None where none were given.
    """

    experiment: str
    channel: str
    energy: tuple[float, float]
    units: str
    signal: float
    backgrounds: Mapping[str, float]
    data: float | None


def bin_counts(problem: Problem, axis_values: Mapping[str, float]) -> list[BinCounts]:
    """Return the counts of all bins at one point, with all nuisances at their nominal values.

    Raises InputError as a likelihood does: of bins in which something was seen and nothing can be.
    """
    inside, point = problem.split(problem.point(axis_values))
    likelihood = inside.likelihood
    signal = likelihood.counts(inside.definition.parameters.values(point))
    units = {(each.experiment, each.channel): each.binning.units for each in likelihood.responses}
    seen = {experiment.name: experiment.data is not None for experiment in inside.definition.experiments}
    known = likelihood.every_count
    backgrounds = {
        experiment.name: {name: known.background(experiment.name, name) for name in experiment.backgrounds}
        for experiment in inside.definition.experiments
    }
    rows: dict[tuple[str, str, tuple[float, float]], list[int]] = {}
    for i, cell in enumerate(likelihood.cells):
        rows.setdefault((cell.experiment, cell.channel, cell.bin.energy), []).append(i)

    def summed(values: FloatArray, cells: list[int]) -> float:
        return float(values[cells].sum())

    return [
        BinCounts(
            experiment,
            channel,
            energy,
            units[experiment, channel],
            summed(signal, cells),
            {name: summed(counts, cells) for name, counts in backgrounds[experiment].items()},
            summed(likelihood.data, cells) if seen[experiment] else None,
        )
        for (experiment, channel, energy), cells in rows.items()
    ]
