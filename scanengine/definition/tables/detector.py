"""What a real detector adds to an experiment of a scan file: arrival times, backgrounds, data and a signal template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.tables.backgrounds import Backgrounds, build_backgrounds, unread_backgrounds
from scanengine.definition.tables.counts import Bins
from scanengine.definition.tables.detector_schema import (
    DataTable,
    PulseTable,
    TimeEfficiency,
    TimeTable,
)
from scanengine.definition.tables.edges import build_edges
from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance, ExponentialDecay, constant
from scanengine.inputs.detectors import Binning, DetectorResponse, Quantity
from scanengine.inputs.timing import CLASSES, LIFETIMES_US, Pulse, Timing, bin_averages


@dataclass(frozen=True, eq=False)
class Detector:
    """The parts of an `Experiment` that only a real detector has."""

    reconstruction: DetectorResponse | None = None
    timing: Timing | None = None
    extra: Quantity | None = None
    backgrounds: Backgrounds = field(default_factory=Backgrounds)
    data: FloatArray | None = None
    signal_template: FloatArray | None = None
    bins: Bins | None = None


class Counted(NamedTuple):
    """What an experiment counts in energy: its bins, how they are reconstructed if they are, and the edges of the bins
    as they are written; its exposure in kg d, None without a live time; and whether its chi2 is Gaussian.
    """

    binning: Binning
    reconstruction: DetectorResponse | None
    written_edges: FloatArray
    kg_day: float | None
    gaussian: bool
    timed: bool = False
    """Whether the source says itself when its neutrinos arrive."""


DETECTOR_KEYS = ("extra_bins", "time", "backgrounds", "data", "signal_template")
"""What `build_detector` reads of an experiment's table."""


def build_detector(
    raw: dict[str, Any],
    channels: Mapping[str, tuple[str, ...]] | None,
    counted: Counted,
    path: KeyPath,
    report: Report,
) -> Detector:
    """Return what could be read of it, after adding its faults."""
    binning, reconstruction = counted.binning, counted.reconstruction
    extra = _extra(raw["extra_bins"], (*path, "extra_bins"), report) if "extra_bins" in raw else None
    if "extra_bins" in raw and "signal_template" not in raw:
        report.add(
            (*path, "extra_bins"), "found without signal_template, which alone says how the signal is distributed in it"
        )
    efficiency: Acceptance | None = None
    timing: Timing | None = None
    if "time" in raw:
        report.check(TimeTable, raw["time"], (*path, "time"))
        unread = Detector(reconstruction, backgrounds=unread_backgrounds(raw))
        if not isinstance(raw["time"], dict):
            return unread
        edges = build_edges(raw["time"].get("bins_us"), (*path, "time", "bins_us"), report)
        if edges is None:
            return unread
        binning = replace(binning, time_edges_us=edges)
        efficiency = _time_efficiency(raw["time"].get("efficiency", 1.0), (*path, "time", "efficiency"), report)
        bins = Bins(binning, reconstruction, efficiency)
        if counted.timed:
            timing = _of_source(raw["time"], edges, efficiency, (*path, "time"), report)
        else:
            make = partial(_timing, raw, channels, edges, bins, (*path, "time"), report)
            timing = report.once(f"time {path[-1]} {channels} {'signal_template' in raw}", (raw["time"],), make)
    bins = Bins(replace(binning, extra=extra), reconstruction, efficiency, counted.gaussian, counted.written_edges)
    tables = [key for key in ("backgrounds", "data", "signal_template") if key in raw]
    if tables and channels is not None and len(channels) > 1:
        report.add(
            (*path, "channels"),
            f"found {len(channels)} channels, with {listed(tables)} there must be one: they could belong to any",
            *((*path, key) for key in tables),
        )
    backgrounds = build_backgrounds(raw.get("backgrounds", []), bins, counted.kg_day, (*path, "backgrounds"), report)
    data = None
    if "data" in raw:
        report.check(DataTable, raw["data"], (*path, "data"))
        if isinstance(raw["data"], dict) and "counts" in raw["data"]:
            key = (*path, "data", "counts")
            data = bins.build(raw["data"]["counts"], key, report, product=False, may_vanish=True, signed=True)
    template = None
    if "signal_template" in raw:
        template = bins.build(raw["signal_template"], (*path, "signal_template"), report)
    return Detector(reconstruction, timing, extra, backgrounds, data, template, bins)


def _extra(raw: object, path: KeyPath, report: Report) -> Quantity | None:
    table = report.table(raw, path, "{ F90 = [0.5, 0.7, 0.9] }")
    if len(table) != 1:
        report.add(
            path, f"found {written(raw)}, it must have the bins of one quantity, such as {{ F90 = [0.5, 0.7, 0.9] }}"
        )
        return None
    ((name, given),) = table.items()
    if name in {"energy", "time_us", "counts"}:
        report.add((*path, name), f"found the name {quoted(name)}, which is already used: choose another")
        return None
    edges = build_edges(given, (*path, name), report)
    return None if edges is None else Quantity(name, edges)


def _time_efficiency(raw: object, path: KeyPath, report: Report) -> Acceptance | None:
    if isinstance(raw, dict):
        table, bad = report.check(TimeEfficiency, raw, path)
        return None if bad else ExponentialDecay(table.start_us, table.rate_per_us)
    value = finite(raw)
    if value is None or not 0.0 < value <= 1.0:
        example = '{ kind = "exponential", start_us = 0.5, rate_per_us = 0.05 }'
        report.add(path, f"found {written(raw)}, it must be a number in (0, 1], or a table, such as {example}")
        return None
    return constant(value)


def _of_source(
    table: dict[str, Any], edges_us: FloatArray, efficiency: Acceptance | None, path: KeyPath, report: Report
) -> Timing:
    """Return bins in time of a source that says itself when its neutrinos arrive."""
    for name in ("prompt", "delayed"):
        if name in table:
            report.add((*path, name), "the source's spectra have a column time_us, which says when: leave it out")
    return Timing(edges_us, {}, efficiency, of_source=True)


def _timing(
    raw: dict[str, Any],
    channels: Mapping[str, tuple[str, ...]] | None,
    edges_us: FloatArray,
    bins: Bins,
    path: KeyPath,
    report: Report,
) -> Timing:
    """Return the shares that could be read; a signal template may do without."""
    table = raw["time"]
    flavours = [flavour for names in (channels or {}).values() for flavour in names]
    other = [flavour for flavour in flavours if flavour not in CLASSES]
    if other:
        report.add(
            path, f"found bins in time, but {other[0]} is neither of pi+ nor of mu+ decay: count {listed(CLASSES)}"
        )
    wanted = dict.fromkeys(CLASSES[flavour] for flavour in flavours if flavour in CLASSES)
    shares: dict[str, FloatArray] = {}
    for name in wanted:
        if name in table:
            given = _shares(name, table[name], edges_us, bins, (*path, name), report)
            if given is not None:
                shares[name] = given
        elif "signal_template" not in raw or set(wanted) & set(table):
            of = listed([flavour for flavour in CLASSES if CLASSES[flavour] == name])
            report.add(
                path, f'{name} is missing: when do the {of} arrive? As {{ kind = "gaussian", mean_us = 0.4, ... }}'
            )
    return Timing(edges_us, shares)


def _shares(
    name: str, raw: object, edges_us: FloatArray, bins: Bins, path: KeyPath, report: Report
) -> FloatArray | None:
    if isinstance(raw, dict) and "kind" in raw:
        pulse, bad = report.check(PulseTable, raw, path)
        if bad:
            return None
        shares = Pulse(pulse.mean_us, pulse.width_us).shares(edges_us, LIFETIMES_US[name], bins.time_efficiency)
        if not shares.sum() > 0.0:
            report.add(path, f"found a pulse outside the bins, {edges_us[0]:g} to {edges_us[-1]:g} us")
            return None
        return shares
    given = bins.shares_in_time(raw, path, report)
    if given is None or bins.time_efficiency is None:
        return given
    return given * bin_averages(bins.time_efficiency, edges_us)
