"""The table [experiments.response] of a scan file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import LARGEST, SMALLEST
from scanengine.definition.tables.acceptance import build_efficiency
from scanengine.definition.tables.by_isotope import for_isotopes
from scanengine.definition.tables.detector_schema import (
    ResponseTable,
)
from scanengine.definition.tables.edges import build_edges, edge_fault, width_fault
from scanengine.definition.tables.quenching import build_quenching
from scanengine.definition.tables.resolution import build_resolution
from scanengine.grid.axes import FloatArray
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.detectors import DetectorResponse
from scanengine.inputs.nuclei import Target
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Poisson, Resolution

MOST_PHOTO_ELECTRONS = 5000.0

_ROUNDING = 1e-9
"""A threshold this close to an edge of the bins is that edge."""


class ResponseRead(NamedTuple):
    """A response, the recoil energy in keV that it begins at, and the edges (bins + 1,) of `bins` as they are written,
    some of which may be below the threshold.
    """

    reconstruction: DetectorResponse
    recoil_threshold_keV: float
    written_edges: FloatArray


def build_reconstruction(raw: object, target: Target | None, path: KeyPath, report: Report) -> ResponseRead | None:
    """Return the response of a detector made of a target, or None after adding its faults."""
    table, bad = report.check(ResponseTable, raw, path)
    if not isinstance(raw, dict):
        return None
    quenching = build_quenching(raw["quenching"], target, (*path, "quenching"), report) if "quenching" in raw else None
    resolution = build_resolution(raw.get("resolution", {"kind": "none"}), target, (*path, "resolution"), report)
    efficiency = build_efficiency(raw.get("efficiency", 1.0), (*path, "efficiency"), report)
    light_yield: float | ByIsotope[float] | None = None
    if "light_yield_PE_per_keVee" in raw:
        of = (*path, "light_yield_PE_per_keVee")
        light_yield = build_light_yield(raw["light_yield_PE_per_keVee"], target, of, report)
        if light_yield is None:
            return None
    given = build_edges(raw["bins"], (*path, "bins"), report) if "bins" in raw else None
    edges = given
    if given is not None and "threshold_keVee" not in bad and table.threshold_keVee is not None:
        edges = _above(table.threshold_keVee, light_yield, given, (*path, "threshold_keVee"), report)
    if edges is not None and (fault := _edges_fault(edges, resolution)):
        report.add((*path, "bins"), fault, (*path, "resolution"), (*path, "threshold_keVee"))
        return None
    if "recoil_threshold_keV" not in bad and (fault := edge_fault(table.recoil_threshold_keV)):
        report.add((*path, "recoil_threshold_keV"), fault)
        return None
    if bad or quenching is None or resolution is None or efficiency is None or edges is None or given is None:
        return None
    reconstruction = Reconstruction(quenching, light_yield, resolution, efficiency, edges)
    return ResponseRead(reconstruction, table.recoil_threshold_keV, given)


def _above(
    threshold_keVee: float,
    light_yield: float | ByIsotope[float] | None,
    edges: FloatArray,
    path: KeyPath,
    report: Report,
) -> FloatArray | None:
    """Return the edges of bins that begin at a threshold, or None after its fault."""
    if isinstance(light_yield, ByIsotope):
        report.add(
            path, "found with a light yield for each element, of which none is that of the threshold: begin bins there"
        )
        return None
    at = threshold_keVee * (1.0 if light_yield is None else light_yield)
    same = np.isclose(edges, at, rtol=_ROUNDING, atol=0.0)
    at = float(edges[same][0]) if np.any(same) else at
    units = "keVee" if light_yield is None else f"keVee, {at:g} PE"
    if not edges[0] <= at < edges[-1]:
        where = "below the first edge of bins" if at < edges[0] else "at or above the last edge of bins"
        edge = edges[0] if at < edges[0] else edges[-1]
        report.add(
            path, f"found {threshold_keVee:g} {units}, {where}, {edge:g}: it must lie within them", (*path[:-1], "bins")
        )
        return None
    above = edges[edges > at]
    if fault := edge_fault(at) or width_fault(float(above[0]), at):
        report.add(path, fault)
        return None
    return np.append(at, above)


def _edges_fault(edges: FloatArray, resolution: Resolution | ByIsotope[Resolution] | None) -> str | None:
    """Return what is wrong with the bins of a reconstructed quantity, if anything is."""
    if edges[0] < 0.0:
        return f"found {edges[0]:g}, edges must not be negative"
    each = resolution.each.values() if isinstance(resolution, ByIsotope) else (resolution,)
    if not any(isinstance(one, Poisson) for one in each):
        return None
    if edges[-1] > MOST_PHOTO_ELECTRONS:
        return (
            f"found {edges[-1]:g}, up to {MOST_PHOTO_ELECTRONS:g} photo-electrons are counted one by one: beyond them "
            'use a resolution with kind = "gaussian" and b = 1'
        )
    empty = np.ceil(edges[1:]) <= np.ceil(edges[:-1])
    if np.any(empty):
        lo, hi = edges[:-1][empty][0], edges[1:][empty][0]
        return f"found [{lo:g}, {hi:g}], in which there is no whole number of photo-electrons"
    return None


def build_light_yield(
    raw: object, target: Target | None, path: KeyPath, report: Report
) -> float | ByIsotope[float] | None:
    """Return the light yield in PE per keVee, of all or of each isotope, or None after adding its fault."""

    def build(given: object, place: KeyPath) -> float | None:
        value = finite(given)
        if value is not None and SMALLEST <= value <= LARGEST:
            return value
        report.add(place, f"found {written(given)}, it must be a positive number, or one for each element")
        return None

    return for_isotopes(raw, target, build, path, report)
