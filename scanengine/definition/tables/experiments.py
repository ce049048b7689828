"""The tables [[experiments]] of a scan file, each read key by key so that all its faults are found at once."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

import numpy as np

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import quoted, written
from scanengine.definition.tables.backgrounds import unread_backgrounds
from scanengine.definition.tables.channels import build_channels
from scanengine.definition.tables.detector import DETECTOR_KEYS, Counted, Detector, build_detector
from scanengine.definition.tables.edges import increasing
from scanengine.definition.tables.electrons import build_electrons, build_recoils
from scanengine.definition.tables.experiment_schema import ExperimentTable
from scanengine.definition.tables.form_factors import build_form_factors
from scanengine.definition.tables.parts import Parts
from scanengine.definition.tables.recoil_efficiency import build_recoil_efficiency
from scanengine.definition.tables.reconstruction import ResponseRead, build_reconstruction
from scanengine.definition.tables.response_matrix import build_matrix
from scanengine.definition.tables.source import Sources
from scanengine.definition.tables.targets import build_target
from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from scanengine.inputs.detectors import Binning, binning_of
from scanengine.inputs.nuclei import Target
from scanengine.inputs.sources import Source

MIN_EDGES = 2


def build_experiments(raw: object, sources: Sources, kind: str, report: Report) -> list[Parts]:
    """Return what could be read of each experiment, after adding all faults of single keys to the report.

    kind is the statistic of experiments without one of their own.
    """
    path: KeyPath = ("experiments",)
    if isinstance(raw, dict):
        report.add(path, "found a single table, write its header as [[experiments]]")
        return []
    if not isinstance(raw, list) or not raw:
        report.add(path, f"found {written(raw)}, it must be one or more tables [[experiments]]")
        return []
    names = [table.get("name") if isinstance(table, dict) else None for table in raw]
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            report.add(
                (*path, index, "name"), f"found {quoted(name)} a second time, each experiment needs a name of its own"
            )
    found = []
    for index, table in enumerate(raw):
        here: KeyPath = (*path, index)
        source = sources.of(table, here, report) if isinstance(table, dict) else None
        make = partial(_parts, table, here, source, kind, report)
        found.append(report.once(f"experiment {index} {kind}", (table, source), make))
    return found


def _parts(raw: object, path: KeyPath, source: Source | None, kind: str, report: Report) -> Parts:
    table, bad = report.check(ExperimentTable, raw, path, "[[experiments]]")
    if not isinstance(raw, dict):
        return Parts(path, "", "", None, None, None, None, None, None)
    make_target = partial(build_target, raw.get("target"), (*path, "target"), report)
    material = report.once(f"target {path[-1]}", (raw["target"],), make_target) if "target" in raw else None
    channels = build_channels(raw["channels"], source, (*path, "channels"), report) if "channels" in raw else None
    if "channels" not in raw and source is not None and not report.misspelt(raw, ("channels",), ExperimentTable):
        channels = {"all": tuple(source.spectra)}
    numbers = _numbers(table, bad, raw, source, path, report)
    kg_day = None if numbers is None or (source and source.fluence) else numbers[0] * numbers[1] / SECONDS_PER_DAY
    timed = source is not None and bool(source.arrivals)
    detector, gaussian = Detector(backgrounds=unread_backgrounds(raw)), _kind(raw.get("statistic", kind)) != "poisson"
    if "response" in raw:
        window_key = "response"
        for key in ("recoil_window_keV", "recoil_bins_keV"):
            if key in raw:
                report.add((*path, key), "found beside response, which has the bins: leave it out", (*path, "response"))
        is_matrix = isinstance(raw["response"], dict) and "matrix" in raw["response"]
        build_response = _matrix if is_matrix else build_reconstruction
        make = partial(build_response, raw["response"], material, (*path, "response"), report)
        response = report.once("response", (raw["response"], material), make)
        for key in ("time", "extra_bins", "recoils") if is_matrix else ():
            if key in raw and raw[key] != ["nucleus"]:
                message = "found beside a response matrix, which is one of nuclei and has all bins: leave it out"
                report.add((*path, key), message)
                return Parts(path, "", "", None, None, None, None, None, None)
        edges = None if response is None else np.array([response.recoil_threshold_keV, inf])
        if response is not None:
            reconstruction, _, written_edges = response
            binning = binning_of(reconstruction)
            counted = Counted(binning, reconstruction, written_edges, kg_day, gaussian, timed)
            build = partial(build_detector, raw, channels, counted, path, report)
            read = (response, *(raw.get(key) for key in DETECTOR_KEYS))
            detector = report.once(f"detector {path[-1]} {gaussian} {channels} {kg_day} {timed}", read, build)
    else:
        window_key = "recoil_bins_keV" if "recoil_bins_keV" in raw else "recoil_window_keV"
        window_known = report.exactly_one(raw, ("recoil_window_keV", "recoil_bins_keV"), path, ExperimentTable)
        edges = _bin_edges(raw[window_key], (*path, window_key), report) if window_known else None
        if edges is not None:
            counted = Counted(Binning(edges), None, edges, kg_day, gaussian, timed)
            detector = build_detector(raw, channels, counted, path, report)
    efficiency = build_recoil_efficiency(raw.get("efficiency", 1.0), (*path, "efficiency"), report)
    recoils, electrons = build_recoils(raw, path, report), None
    if "electron" in recoils and ("response" not in raw or detector.reconstruction is not None):
        electrons = build_electrons(raw, material, efficiency, detector, path, report)
    return Parts(
        path=path,
        name="" if "name" in bad else table.name,
        window_key=window_key,
        target=material,
        numbers=numbers,
        efficiency=efficiency,
        bin_edges_keV=edges,
        form_factors=build_form_factors(raw.get("form_factor", "helm"), material, (*path, "form_factor"), report),
        channels=channels,
        source=source,
        own_source="source" in raw,
        detector=detector,
        recoils=recoils,
        electrons=electrons,
    )


def _matrix(raw: dict[str, Any], target: Target | None, path: KeyPath, report: Report) -> ResponseRead | None:  # noqa: ARG001
    """Return a response matrix, or None after adding its faults."""
    matrix = build_matrix(raw, path, report)
    return None if matrix is None else ResponseRead(matrix, float(matrix.T_keV[0]), matrix.edges)


def _kind(statistic: object) -> object:
    """Return the kind of a statistic that may have a fault."""
    return statistic.get("kind", "gaussian") if isinstance(statistic, dict) else statistic


def _numbers(
    table: ExperimentTable,
    bad: frozenset[str],
    raw: dict[str, Any],
    source: Source | None,
    path: KeyPath,
    report: Report,
) -> tuple[float, float, float, float] | None:
    live_times = ("live_time_yr", "live_time_s")
    if source is not None and source.fluence:
        for key in live_times:
            if key in raw:
                report.add((*path, key), "the source has protons_on_target in all: leave the live time out")
        known = True
    elif source is None and not set(live_times) & set(raw):
        known = False  # whether there must be one depends on a source with a fault
    else:
        known = report.exactly_one(raw, live_times, path, ExperimentTable)
    distance_m = _distance_m(table, bad, raw, source, path, report)
    if not known or distance_m is None or bad & {"mass_kg", *live_times, "systematic"}:
        return None
    live_time_s = table.live_time_s if table.live_time_yr is None else table.live_time_yr * SECONDS_PER_YEAR
    return table.mass_kg, live_time_s or 1.0, distance_m, table.systematic


def _distance_m(
    table: ExperimentTable,
    bad: frozenset[str],
    raw: dict[str, Any],
    source: Source | None,
    path: KeyPath,
    report: Report,
) -> float | None:
    """Return the distance from the source, or None after the fault that it is missing, wrong, or of no use."""
    if "distance_m" not in raw:
        if source is None or source.at_earth:
            return None if source is None else source.reference_distance_m
        if not report.misspelt(raw, ("distance_m",), ExperimentTable):
            report.add((*path, "distance_m"), "missing, it must be given: distance from the source, m")
        return None
    if source is not None and source.at_earth:
        report.add((*path, "distance_m"), "the flux of the source is that at the Earth: leave the distance out")
        return None
    return None if "distance_m" in bad else table.distance_m


def _bin_edges(raw: object, path: KeyPath, report: Report) -> FloatArray | None:
    """A window is one bin, whose upper end may be infinite."""
    is_window = path[-1] == "recoil_window_keV"
    form = "[10.0, inf]" if is_window else "[10.0, 20.0, 30.0]"
    if not isinstance(raw, list) or len(raw) < MIN_EDGES or (is_window and len(raw) != MIN_EDGES):
        wanted = "the lower and the upper end" if is_window else "two or more edges"
        report.add(path, f"found {written(raw)}, it must hold {wanted} in keV, such as {form}")
        return None

    def read(position: int, given: object) -> float | str:
        is_open = is_window and position == 1
        edge = inf if is_open and given == inf else finite(given)
        return f"a finite number of keV from 0 on{' or inf' if is_open else ''}" if edge is None or edge < 0.0 else edge

    backwards = "the upper end must lie above the lower" if is_window else "edges must increase"
    return increasing(raw, path, report, read, backwards)
