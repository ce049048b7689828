"""The tables [[experiments]] of a scan file, each read key by key so that all its faults are found at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

import numpy as np

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.tables.backgrounds import unread_backgrounds
from scanengine.definition.tables.counts import Bins
from scanengine.definition.tables.detector import DETECTOR_KEYS, Counted, Detector, build_detector
from scanengine.definition.tables.edges import edge_fault, width_fault
from scanengine.definition.tables.electrons import build_electrons, build_recoils
from scanengine.definition.tables.experiment_schema import ExperimentTable
from scanengine.definition.tables.form_factors import build_form_factors
from scanengine.definition.tables.recoil_efficiency import build_recoil_efficiency
from scanengine.definition.tables.reconstruction import ResponseRead, build_reconstruction
from scanengine.definition.tables.response_matrix import build_matrix
from scanengine.definition.tables.source import Sources
from scanengine.definition.tables.targets import build_target
from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from scanengine.inputs.detectors import Binning, Efficiency, Experiment, binning_of
from scanengine.inputs.electrons import Electrons, RecoilKind
from scanengine.inputs.form_factors import NuclearFormFactors
from scanengine.inputs.nuclei import Target
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.sources import Source

MIN_EDGES = 2
_EXPOSURE = ("mass_kg", "live_time_yr", "live_time_s")


@dataclass(frozen=True, eq=False)
class Parts:
    """What could be read of an experiment; a part with a fault is nothing.

    `numbers` are mass, live time, distance and systematic, `window_key` is the key that gave the bin edges, or
    "response".
    """

    path: KeyPath
    name: str
    window_key: str
    target: Target | None
    numbers: tuple[float, float, float, float] | None
    efficiency: Efficiency | None
    bin_edges_keV: FloatArray | None
    form_factors: NuclearFormFactors | None
    channels: dict[str, tuple[str, ...]] | None
    source: Source | None = None
    own_source: bool = False
    detector: Detector = field(default_factory=Detector)
    recoils: tuple[RecoilKind, ...] = ("nucleus",)
    electrons: Electrons | None = None

    @property
    def bins(self) -> Bins | None:
        """What counts of the experiment are put into."""
        return self.detector.bins

    def experiment(self) -> Experiment | None:
        """Return the experiment if no part is missing."""
        if (
            self.target is None
            or self.numbers is None
            or self.efficiency is None
            or self.bin_edges_keV is None
            or self.form_factors is None
            or self.channels is None
            or (self.electrons is None and "electron" in self.recoils)
        ):
            return None
        mass_kg, live_time_s, distance_m, systematic = self.numbers
        return Experiment(
            name=self.name,
            target=self.target,
            mass_kg=mass_kg,
            live_time_s=live_time_s,
            distance_m=distance_m,
            efficiency=self.efficiency,
            bin_edges_keV=self.bin_edges_keV,
            form_factors=self.form_factors,
            channels=self.channels,
            systematic=systematic,
            source=self.source if self.own_source else None,
            data=self.detector.data,
            backgrounds=self.detector.backgrounds.counts,
            reconstruction=self.detector.reconstruction,
            timing=self.detector.timing,
            signal_template=self.detector.signal_template,
            extra=self.detector.extra,
            nonnegative=self.detector.backgrounds.nonnegative,
            recoils=self.recoils,
            electrons=self.electrons,
        )


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


def experiments_of(parts: Sequence[Parts]) -> dict[str, Experiment]:
    """Return the experiments of which no part is missing, by name."""
    return {part.name: experiment for part in parts if (experiment := part.experiment()) is not None}


def _parts(raw: object, path: KeyPath, source: Source | None, kind: str, report: Report) -> Parts:
    table, bad = report.check(ExperimentTable, raw, path, "[[experiments]]")
    if not isinstance(raw, dict):
        return Parts(path, "", "", None, None, None, None, None, None)
    make_target = partial(build_target, raw.get("target"), (*path, "target"), report)
    material = report.once(f"target {path[-1]}", (raw["target"],), make_target) if "target" in raw else None
    channels = _channels(raw["channels"], source, (*path, "channels"), report) if "channels" in raw else None
    if "channels" not in raw and source is not None and not report.misspelt(raw, ("channels",), ExperimentTable):
        channels = {"all": tuple(source.spectra)}
    numbers = _numbers(table, bad, raw, source, path, report)
    kg_day = None if numbers is None or (source and source.fluence) else numbers[0] * numbers[1] / SECONDS_PER_DAY
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
            counted = Counted(binning, reconstruction, written_edges, kg_day, gaussian)
            build = partial(build_detector, raw, channels, counted, path, report)
            read = (response, source, *(raw.get(key) for key in ("channels", *_EXPOSURE, *DETECTOR_KEYS)))
            detector = report.once(f"detector {path[-1]} {gaussian}", read, build)
    else:
        window_key = "recoil_bins_keV" if "recoil_bins_keV" in raw else "recoil_window_keV"
        window_known = report.exactly_one(raw, ("recoil_window_keV", "recoil_bins_keV"), path, ExperimentTable)
        edges = _bin_edges(raw[window_key], (*path, window_key), report) if window_known else None
        if edges is not None:
            counted = Counted(Binning(edges), None, edges, kg_day, gaussian)
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
    edges: list[float] = []
    for position, edge in enumerate(raw):
        value = inf if is_window and position == 1 and edge == inf else finite(edge)
        if value is None or value < 0.0:
            allowed = " or inf" if is_window and position == 1 else ""
            report.add(
                (*path, position), f"found {written(edge)}, it must be a finite number of keV from 0 on{allowed}"
            )
            return None
        if edges and not value > edges[-1]:
            wanted = "the upper end must lie above the lower" if is_window else "edges must increase"
            report.add((*path, position), f"found {written(edge)} after {written(raw[position - 1])}, {wanted}")
            return None
        if fault := edge_fault(value) or (width_fault(value, edges[-1]) if edges else None):
            report.add((*path, position), fault)
            return None
        edges.append(value)
    return np.array(edges)


def _channels(raw: object, source: Source | None, path: KeyPath, report: Report) -> dict[str, tuple[str, ...]] | None:
    table = report.table(raw, path, '{ delayed = ["nu_e", "nu_mubar"] }')
    if not table:
        if isinstance(raw, dict):
            report.add(path, 'found no channel, it must have at least one, such as { delayed = ["nu_e", "nu_mubar"] }')
        return None
    sound = True
    for name, flavours in table.items():
        if not name.strip() or "/" in name:
            report.add((*path, name), "a channel's name must be a word without slashes")
            sound = False
        if not isinstance(flavours, list) or not flavours:
            report.add(
                (*path, name), f'found {written(flavours)}, it must be a list of flavours, such as ["nu_e", "nu_mubar"]'
            )
            sound = False
            continue
        for position, flavour in enumerate(flavours):
            fault = _flavour_fault(flavour, flavours[:position], source)
            if fault:
                report.add((*path, name, position), fault)
                sound = False
    return {name: tuple(flavours) for name, flavours in table.items()} if sound else None


def _flavour_fault(flavour: object, before: list[object], source: Source | None) -> str | None:
    if not isinstance(flavour, str):
        return f"found {written(flavour)}, it must be a flavour in quotes: {listed(FLAVOURS, 'or')}"
    if flavour not in FLAVOURS:
        return f"unknown flavour {quoted(flavour)}, {nearest_or_all(flavour, FLAVOURS)}"
    if flavour in before:
        return f"found {quoted(flavour)} twice, a channel counts a flavour once"
    if source is not None and flavour not in source.spectra:
        return f"found {quoted(flavour)}, of which the source has no flux: it has {listed(source.spectra)}"
    return None
