"""The table [source] of a scan file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scanengine.definition.columns import Columns
from scanengine.definition.lines import KeyPath
from scanengine.definition.report import Report
from scanengine.definition.schema import File, SpectrumPoints, StoppedPion, Tabulated
from scanengine.definition.sentences import listed, nearest, nearest_or_all, quoted, written
from scanengine.errors import InputError
from scanengine.grids import FloatArray
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.sources import PROMPT_LINE_MEV, Source, Spectrum, stopped_pion, tabulated_spectrum

_KINDS = ("stopped-pion", "tabulated")
_POINTS = '{ E_MeV = [0.0, 50.0], flux = [0.0, 1.0e6] } or { file = "flux.txt" }'
_SPECTRUM = Columns(("E_MeV", "flux"), low=0.0)


def build_source(raw: object, report: Report) -> Source | None:
    """Return the source, or nothing after adding its faults to the report."""
    path: KeyPath = ("source",)
    if not isinstance(raw, dict):
        report.add(path, f'found {written(raw)}, it must be a table with kind = "stopped-pion" or "tabulated"')
        return None
    kind = kind_of(raw, _KINDS, path, report)
    if kind is None:
        kind = "tabulated" if "spectra" in raw else "stopped-pion"
        build_source({**raw, "kind": kind}, report)
        return None
    return _stopped_pion(raw, report) if kind == "stopped-pion" else _tabulated(raw, report)


def kind_of(raw: dict[str, Any], kinds: Sequence[str], path: KeyPath, report: Report) -> str | None:
    """Return the `kind` of a table, or nothing after adding a fault if it is missing or not one of `kinds`."""
    kind = raw.get("kind")
    if isinstance(kind, str) and kind in kinds:
        return kind
    wanted = f"it must be {listed([quoted(known) for known in kinds], 'or')}"
    if "kind" not in raw:
        report.add((*path, "kind"), f"missing, {wanted}")
    else:
        close = nearest(kind, kinds) if isinstance(kind, str) else None
        report.add((*path, "kind"), f"found {written(kind)}, {wanted}{f' (the nearest is {close})' if close else ''}")
    return None


def _stopped_pion(raw: dict[str, Any], report: Report) -> Source | None:
    table, bad = report.check(StoppedPion, raw, ("source",))
    if bad:
        return None
    line = PROMPT_LINE_MEV if table.line_energy_MeV is None else table.line_energy_MeV
    return stopped_pion(table.flux_per_cm2_s, table.reference_distance_m, line)


def _tabulated(raw: dict[str, Any], report: Report) -> Source | None:
    table, bad = report.check(Tabulated, raw, ("source",))
    if "spectra" in bad:
        return None
    path: KeyPath = ("source", "spectra")
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
    key = path
    try:
        if isinstance(raw, dict) and "file" in raw:
            file, bad = report.check(File, raw, path)
            key = (*path, "file")
            columns = None if bad else _SPECTRUM.from_file(report.directory / file.file)
        else:
            points, bad = report.check(SpectrumPoints, raw, path, _POINTS)
            key = (*path, "E_MeV")
            columns = None if bad else _SPECTRUM.from_lists({"E_MeV": points.E_MeV, "flux": points.flux})
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


def _within_flux(columns: FloatArray) -> FloatArray:
    """Cut the points off at either end that border on no flux, so that the last energy is the highest with flux."""
    lit = np.flatnonzero(columns[:, 1])
    if lit.size == 0:
        return columns
    return columns[max(lit[0] - 1, 0) : lit[-1] + 2]
