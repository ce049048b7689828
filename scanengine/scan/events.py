"""Expected counts of a scan, bin by bin and flavour by flavour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Bin, Binning
from scanengine.inputs.electrons import RecoilKind
from scanengine.scan.problem import Problem


class Events(NamedTuple):
    """Expected counts of one flavour in one bin of one channel, of recoiling nuclei or electrons.

    `units` are those of the bin's energies, whose upper end may be infinite.
    """

    experiment: str
    channel: str
    flavour: str
    bin: Bin
    units: str
    counts: float
    recoil: RecoilKind = "nucleus"


def events(problem: Problem, axis_values: Mapping[str, float]) -> list[Events]:
    """Return the expected counts at a point."""
    inside, point = problem.split(problem.point(axis_values))
    rows: list[tuple[tuple[str, str, str], RecoilKind, Binning, FloatArray]]
    if problem.cross_section is not None:
        assert inside.direct is not None
        rows = [
            ((row.experiment.name, row.channel, row.flavour), row.recoil, row.experiment.binning, counts)
            for row, counts in inside.direct.events(point)
        ]
    else:
        theta = inside.definition.parameters.values(point)
        rows = [((r.experiment, r.channel, r.flavour), r.recoil, r.binning, r.counts(theta)) for r in inside.responses]
    return [
        Events(*of, each, binning.units, float(n), recoil)
        for of, recoil, binning, counts in rows
        for each, n in zip(binning, counts, strict=True)
    ]
