"""The key `resolution` of [experiments.response]."""

from __future__ import annotations

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.tables.by_isotope import for_isotopes
from scanengine.definition.tables.detector_schema import (
    RESOLUTIONS,
    GammaResolution,
    GaussianResolution,
    PoissonResolution,
)
from scanengine.definition.tables.kinds import table_of_kind
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.nuclei import Target
from scanengine.inputs.resolution import Gamma, Gaussian, Perfect, Poisson, Resolution


def build_resolution(
    raw: object, target: Target | None, path: KeyPath, report: Report
) -> Resolution | ByIsotope[Resolution] | None:
    """Return the resolution, of all or of each isotope, or None after adding its fault."""
    return for_isotopes(raw, target, lambda given, place: _resolution(given, place, report), path, report)


def _resolution(raw: object, path: KeyPath, report: Report) -> Resolution | None:
    match table_of_kind(raw, RESOLUTIONS, path, report):
        case None:
            return None
        case PoissonResolution():
            return Poisson()
        case GammaResolution(shape_per_keVee=shape):
            return Gamma(shape)
        case GaussianResolution(a=a, b=b, c=c):
            if a == b == c == 0.0:
                report.add(path, 'found no a, b or c above zero: give one, or kind = "none"')
                return None
            return Gaussian(a, b, c)
    return Perfect()
