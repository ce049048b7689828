"""Expected counts of a scan, bin by bin and flavour by flavour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scanengine.errors import InputError
from scanengine.inputs.detectors import Bin
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
    """Return the expected counts at a point. Raises InputError for another cross-section."""
    if problem.cross_section is not None:
        raise InputError("events need the standard cross-section: load the scan without cross_section")
    inside, point = problem.split(problem.point(axis_values))
    theta = inside.definition.parameters.values(point)
    return [
        Events(*response.key[:3], each, response.binning.units, float(counts), response.recoil)
        for response in inside.responses
        for each, counts in zip(response.binning, response.counts(theta), strict=True)
    ]
