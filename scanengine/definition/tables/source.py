"""The table [source] of a scan file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.reading.table import File, Table
from scanengine.definition.tables.schema import (
    FissionFractions,
    PerFission,
    Reactor,
    ScanFile,
    SpectrumPoints,
    StoppedPion,
    Tabulated,
)
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.reactor import Points, reactor
from scanengine.inputs.sources import (
    PROMPT_LINE_MEV,
    Source,
    Spectrum,
    stopped_pion,
    stopped_pion_of_protons,
    tabulated_spectrum,
)

_KINDS = ("stopped-pion", "tabulated", "reactor")
_ANY_KIND = listed([quoted(kind) for kind in _KINDS], "or")
_POINTS = '{ E_MeV = [0.0, 50.0], flux = [0.0, 1.0e6] } or { file = "flux.txt" }'
_SPECTRUM = Columns(("E_MeV", "flux"), low=0.0)
_PER_FISSION = Columns(("E_MeV", "per_fission_MeV"), low=0.0)
_POINTS_PER_FISSION = '{ E_MeV = [0.0, 2.0], per_fission_MeV = [0.0, 1.3] } or { file = "flux.txt" }'
_REACTOR_PARTS = {"below_2_MeV": ("vogel-engel1989", "none"), "above_8_MeV": ("none", "extrapolated")}
"""What there is beyond the parametrisation, by its key; the first is the default."""

_LARGEST_POWER_GW = 100.0
"""The largest plants, of seven reactors, have some 25 GW of thermal power."""


@dataclass(frozen=True)
class Sources:
    """The sources of a scan file that could be read: [source], if there is one, and those of [sources] by name.

    `given` says whether there is a [source]; a source with a fault is nothing.
    """

    default: Source | None
    given: bool
    named: Mapping[str, Source | None]

    def of(self, experiment: Mapping[str, Any], path: KeyPath, report: Report) -> Source | None:
        """Return the source that an experiment's table names, or None; an unknown name is a fault."""
        if "source" not in experiment:
            if not self.given and self.named:
                report.add(path, f"source is missing: name one of [sources], {listed(self.named, 'or')}")
            return self.default
        name = experiment["source"]
        if not isinstance(name, str):
            return None  # a fault of the table already
        if name not in self.named:
            known = nearest_or_all(name, self.named) if self.named else "there is no table [sources]"
            report.add((*path, "source"), f"unknown source {quoted(name)}, {known}")
            return None
        return self.named[name]


def build_sources(raw: Mapping[str, Any], report: Report) -> Sources:
    """Return the sources of a scan file, after adding their faults to the report."""
    tables = report.table(raw.get("sources", {}), ("sources",), '{ reactor = { kind = "reactor", ... } }')
    named = {name: build_source(table, ("sources", name), report) for name, table in tables.items()}
    given = "source" in raw
    if not given and not named and not report.misspelt(raw, ("source",), ScanFile):
        report.add(("source",), "missing, it must be given: neutrino source, a table [source], or several in [sources]")
    default = build_source(raw["source"], ("source",), report) if given else next(iter(named.values()), None)
    return Sources(default, given, named)


def source_notes(raw: Mapping[str, Any]) -> list[str]:
    """Return notes on the reactors of a sound scan file: of more power than there is, or without flux above 8 MeV."""
    tables = {f"sources.{name}": table for name, table in raw.get("sources", {}).items()}
    tables |= {"source": raw["source"]} if "source" in raw else {}
    reactors = {name: table for name, table in tables.items() if table["kind"] == "reactor"}
    return [
        f"{name}: no plant has {table['power_GW']:g} GW of thermal power: for so many MW write "
        f"power_GW = {table['power_GW'] / 1000.0:g}"
        for name, table in reactors.items()
        if table["power_GW"] > _LARGEST_POWER_GW
    ] + [
        f"{name}: the reactor spectrum ends at 8 MeV, where the parametrisation ends: set above_8_MeV to extend it"
        for name, table in reactors.items()
        if "above_8_MeV" not in table
    ]


def build_source(raw: object, path: KeyPath, report: Report) -> Source | None:
    """Return a source, or None after adding its faults to the report."""
    if not isinstance(raw, dict):
        report.add(path, f"found {written(raw)}, it must be a table with kind = {_ANY_KIND}")
        return None
    kind = report.kind_of(raw, _KINDS, path)
    if kind is None:
        kind = "tabulated" if "spectra" in raw else "reactor" if "power_GW" in raw else "stopped-pion"
        build_source({**raw, "kind": kind}, path, report)
        return None
    return {"stopped-pion": _stopped_pion, "tabulated": _tabulated, "reactor": _reactor}[kind](raw, path, report)


def _stopped_pion(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    table, bad = report.check(StoppedPion, raw, path)
    of_flux, of_protons = ("flux_per_cm2_s", "reference_distance_m"), ("protons_on_target", "neutrinos_per_proton")
    wanted, other = (of_protons, of_flux) if set(of_protons) & set(raw) else (of_flux, of_protons)
    for key in wanted:
        if key not in raw and not report.misspelt(raw, (key,), StoppedPion):
            what = StoppedPion.model_fields[key].description or ""
            report.add((*path, key), f"missing, it must be given: {what[:1].lower()}{what[1:].rstrip('.')}")
    for key in other:
        if key in raw:
            report.add(
                (*path, key), f"found beside {wanted[0]}: give either {listed(of_flux)}, or {listed(of_protons)}"
            )
    if bad or not set(wanted) <= set(raw) or set(other) & set(raw):
        return None
    line = PROMPT_LINE_MEV if table.line_energy_MeV is None else table.line_energy_MeV
    if wanted == of_protons:
        return stopped_pion_of_protons(table.protons_on_target or 0.0, table.neutrinos_per_proton or 0.0, line)
    return stopped_pion(table.flux_per_cm2_s or 0.0, table.reference_distance_m or 0.0, line)


def _reactor(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    table, bad = report.check(Reactor, raw, path)
    if "fission_fractions" not in raw:
        return None
    key = (*path, "fission_fractions")
    fractions, bad_fractions = report.check(FissionFractions, raw["fission_fractions"], key, "{ U235 = 0.6, ... }")
    parts: dict[str, Points | str | None] = {}
    try:
        for name, names in _REACTOR_PARTS.items():
            key = (*path, name)
            parts[name] = _part(raw.get(name, names[0]), names, key, report)
        below, beyond = parts.values()
        if bad or bad_fractions or below is None or beyond is None:
            return None
        # one key after the other, so that a fault stands at the right one
        make = partial(reactor, table.power_GW, fractions.model_dump(), above=table.above_2_MeV)
        more = {"fission_fractions": {}, "below_2_MeV": {"below": below}, "above_8_MeV": {"beyond": beyond}}
        for name, given in more.items():
            key, make = (*path, name), partial(make, **given)
            source = make()
    except InputError as error:
        report.add(key, str(error))
        return None
    return source


def _part(raw: object, names: Sequence[str], path: KeyPath, report: Report) -> Points | str | None:
    """Return a part of a reactor's spectrum, one of some names or points, or None after a fault of the table."""
    known = listed([quoted(name) for name in names], "or")
    if isinstance(raw, str):
        if raw in names:
            return raw
        report.add(path, f"found {written(raw)}, it must be {known}, or points as {_POINTS_PER_FISSION}")
        return None
    points = _points(raw, PerFission, _PER_FISSION, path, report, f"{_POINTS_PER_FISSION}; or {known}")
    return None if points is None else (points[:, 0].copy(), points[:, 1].copy())


def _tabulated(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    table, bad = report.check(Tabulated, raw, path)
    if "spectra" in bad:
        return None
    path = (*path, "spectra")
    given = report.table(table.spectra, path, '{ nu_ebar = { file = "flux.txt" } }')
    if not given and isinstance(table.spectra, dict):
        report.add(path, "found no spectrum, it must have at least one flavour")
    total = None if "flux_per_cm2_s" in bad else table.flux_per_cm2_s
    spectra: dict[str, Spectrum] = {}
    for flavour, points in given.items():
        if flavour not in FLAVOURS:
            report.add((*path, flavour), f"unknown flavour, {nearest_or_all(flavour, FLAVOURS)}")
        spectrum = _spectrum(points, total, (*path, flavour), report)
        if spectrum is not None:
            spectra[flavour] = spectrum
    if bad or not given or set(given) - set(FLAVOURS) or len(spectra) < len(given):
        return None
    return Source(spectra, table.reference_distance_m)


def _spectrum(raw: object, total: float | None, path: KeyPath, report: Report) -> Spectrum | None:
    key = (*path, "file" if isinstance(raw, dict) and "file" in raw else "E_MeV")
    try:
        columns = _points(raw, SpectrumPoints, _SPECTRUM, path, report)
        if columns is None:
            return None
        E_MeV, flux = _within_flux(columns).T.copy()
        spectrum = tabulated_spectrum(E_MeV, flux, total)
    except InputError as error:
        report.add(key, str(error))
        return None
    if not np.all(np.isfinite(spectrum.coefficients)):
        report.add(key, "its points are too close, or its fluxes too large, for straight lines between them")
        return None
    return spectrum


def _points(
    raw: object, model: type[Table], columns: Columns, path: KeyPath, report: Report, example: str = _POINTS
) -> FloatArray | None:
    """Return the points (n, 2) of a file or of lists, or None after a fault of the table.

    Raises InputError for what is wrong with the numbers.
    """
    if isinstance(raw, dict) and "file" in raw:
        file, bad = report.check(File, raw, path)
        return None if bad else columns.from_file(report.files, file.file, file.columns)
    points, bad = report.check(model, raw, path, example)
    return None if bad else columns.from_lists(points.model_dump())


def _within_flux(columns: FloatArray) -> FloatArray:
    """Cut the points off at either end that border on no flux, so that the last energy is the highest with flux."""
    lit = np.flatnonzero(columns[:, 1])
    if lit.size == 0:
        return columns
    return columns[max(lit[0] - 1, 0) : lit[-1] + 2]
