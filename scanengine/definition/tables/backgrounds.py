"""The tables [[experiments.backgrounds]] of a scan file: counts in each bin, or a spectrum in reconstructed energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.tables.background_schema import SPECTRA, BackgroundTable
from scanengine.definition.tables.counts import Bins
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.background_spectra import BackgroundSpectrum, Constant, Exponential, Line, Power
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.response_matrix import ResponseMatrix

_RATES = ("per_kg_day_keV", "per_kg_day", "counts")


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """The backgrounds (bins,) of an experiment by name, the names of those with a fault, and of those that are kept
    from negative counts; the tables of those with a spectrum, and the exposure in kg d, None without a live time.
    """

    counts: Mapping[str, FloatArray] = field(default_factory=dict)
    faulty: tuple[str, ...] = ()
    nonnegative: tuple[str, ...] = ()
    spectra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kg_day: float | None = None

    def at(self, name: str, key: str, value: float, bins: Bins) -> FloatArray:
        """Return the counts (bins,) of a background with a spectrum at another value of one of its parameters.

        Raises InputError if there are none.
        """
        raw = {**self.spectra[name], key: value}
        if key == "slope_keV" and not value * float(self.spectra[name][key]) > 0.0:
            raise InputError("slope_keV would change its sign")
        try:
            table = BackgroundTable.model_validate(raw)
        except ValidationError:
            raise InputError(f"{key} cannot be {value:g}") from None
        (rate,) = (each for each in _RATES if each in raw)
        spectrum = _spectrum(table)
        integrals = spectrum.integrals(_edges_keV(bins))
        return _flat_in_time(_scaled(rate, raw[rate], table, spectrum, integrals, self.kg_day), bins)


def unread_backgrounds(raw: Mapping[str, Any]) -> Backgrounds:
    """Return the names alone of the backgrounds of an experiment whose bins have a fault."""
    tables = raw.get("backgrounds", [])
    names = [table.get("name") for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []
    return Backgrounds(faulty=tuple(name for name in names if isinstance(name, str)))


def build_backgrounds(raw: object, bins: Bins, kg_day: float | None, path: KeyPath, report: Report) -> Backgrounds:
    """Return the backgrounds, after adding their faults; kg_day is the exposure, None where there is no live time."""
    if not isinstance(raw, list):
        report.add(path, f"found {written(raw)}, it must be tables [[experiments.backgrounds]]")
        return Backgrounds()
    backgrounds: dict[str, FloatArray] = {}
    names: list[str] = []
    nonnegative: list[str] = []
    for index, item in enumerate(raw):
        here = (*path, index)
        table, bad = report.check(BackgroundTable, item, here, "[[experiments.backgrounds]]")
        if not isinstance(item, dict):
            continue
        if "spectrum" in item:
            counts = None if bad else _of_spectrum(item, table, bins, kg_day, here, report)
        else:
            counts = _of_counts(item, bins, here, report)
        if counts is not None and "name" not in bad:
            backgrounds[table.name] = counts
        if counts is not None and not bad and table.nonnegative:
            nonnegative.append(table.name)
            if counts.min() < 0.0:
                report.add(
                    (*here, "nonnegative"),
                    f"found true for counts down to {counts.min():g}: leave it out, or give counts from 0 on",
                )
        if "name" not in bad and table.name in names:
            report.add(
                (*here, "name"),
                f"found {quoted(table.name)} a second time, each background needs a name of its own",
            )
        if "name" not in bad:
            names.append(table.name)
    spectra = {item["name"]: item for item in raw if isinstance(item, dict) and "spectrum" in item and "name" in item}
    return Backgrounds(
        backgrounds,
        tuple(name for name in names if name not in backgrounds),
        tuple(nonnegative),
        {name: item for name, item in spectra.items() if name in backgrounds},
        kg_day,
    )


def _of_counts(raw: Mapping[str, Any], bins: Bins, path: KeyPath, report: Report) -> FloatArray | None:
    """Return the counts that a background is given by."""
    others = [key for key in (*_RATES[:2], *{key: 0 for keys in SPECTRA.values() for key in keys}) if key in raw]
    if others:
        report.add(
            (*path, others[0]), f"found without spectrum: give it, as {listed([quoted(k) for k in SPECTRA], 'or')}"
        )
        return None
    if "counts" not in raw:
        if not report.misspelt(raw, ("counts", "spectrum"), BackgroundTable):
            report.add(path, "counts is missing: give the counts in each bin, or a spectrum with per_kg_day_keV")
        return None
    return bins.build(raw["counts"], (*path, "counts"), report, signed=True)


def _of_spectrum(
    raw: Mapping[str, Any], table: BackgroundTable, bins: Bins, kg_day: float | None, path: KeyPath, report: Report
) -> FloatArray | None:
    """Return the counts of a background with a spectrum, flat in time."""
    assert table.spectrum is not None  # there is one, and it has no fault
    keys = SPECTRA[table.spectrum]
    for other in dict.fromkeys(key for each in SPECTRA.values() for key in each):
        if other in raw and other not in keys:
            of = listed([quoted(name) for name, each in SPECTRA.items() if other in each], "or")
            report.add((*path, other), f"found with spectrum = {quoted(table.spectrum)}, it belongs to {of}")
            return None
    missing = [key for key, needed in keys.items() if needed and key not in raw]
    if missing:
        report.add((*path, missing[0]), f"missing, it must be given with spectrum = {quoted(table.spectrum)}")
        return None
    given = [key for key in _RATES if key in raw]
    if len(given) != 1:
        rates = "per_kg_day_keV or counts" + (", or per_kg_day" if table.spectrum == "line" else "")
        found = f"found {listed(given)}, give only one of" if given else "found no rate, give"
        report.add((*path, *given[1:2]), f"{found} {rates}")
        return None
    try:
        spectrum = _spectrum(table)
        integrals = spectrum.integrals(_edges_keV(bins))
        in_energy = _scaled(given[0], raw[given[0]], table, spectrum, integrals, kg_day)
    except InputError as error:
        report.add((*path, given[0]) if given[0] in str(error) else (*path, "spectrum"), str(error))
        return None
    return _flat_in_time(in_energy, bins)


def _spectrum(table: BackgroundTable) -> BackgroundSpectrum:
    match table.spectrum:
        case "exponential":
            if not table.slope_keV:
                raise InputError("found slope_keV = 0, an exponential needs another")
            return Exponential(table.slope_keV, table.at_keV or 0.0)
        case "power":
            if table.at_keV == 0.0:
                raise InputError("found at_keV = 0, where a power law has no rate: give another energy")
            return Power(table.index or 0.0, table.at_keV or 1.0)
        case "line":
            return Line(table.energy_keV or 0.0, table.width_keV or 1.0)
    return Constant()


def _edges_keV(bins: Bins) -> FloatArray:
    """Return the edges (bins + 1,) of the bins of energy in keV, or keVee where the detector reconstructs that."""
    if isinstance(bins.reconstruction, ResponseMatrix):
        raise InputError("found for bins of a response matrix, which are not of an energy: give its counts in each bin")
    light_yield = None if bins.reconstruction is None else bins.reconstruction.light_yield
    if isinstance(light_yield, ByIsotope):
        raise InputError(
            "found with a light yield for each element, of which none is that of a background: give its counts in each "
            "bin as a list, without a spectrum"
        )
    if bins.binning.extra is not None:
        raise InputError(f"it says nothing about {bins.binning.extra.name}: give its counts in each bin as a list")
    return bins.binning.energy_edges / (1.0 if light_yield is None else light_yield)


def _scaled(
    key: str,
    raw: object,
    table: BackgroundTable,
    spectrum: BackgroundSpectrum,
    integrals: FloatArray,
    kg_day: float | None,
) -> FloatArray:
    """Return the counts (bins,) of energy of a spectrum, whose rate stands under a key."""
    if not np.all(np.isfinite(integrals)) or not integrals.sum() > 0.0:
        raise InputError("it has no finite and positive count in the bins: look at its parameters and their units")
    if key == "counts":
        total = finite(raw)
        if total is None or not total > 0.0:
            raise InputError(
                f"counts: found {written(raw)}, with a spectrum it must be a positive number, that of all bins"
            )
        return np.asarray(integrals * (total / integrals.sum()))
    if kg_day is None:
        raise InputError(
            f"{key}: the source has protons_on_target, and the experiment no live time: give counts instead"
        )
    if key == "per_kg_day":
        if not isinstance(spectrum, Line):
            raise InputError("per_kg_day: found with a spectrum that is no line: give per_kg_day_keV or counts")
        return integrals * ((table.per_kg_day or 0.0) * kg_day / spectrum.area_keV)
    return integrals * ((table.per_kg_day_keV or 0.0) * kg_day)


def _flat_in_time(in_energy: FloatArray, bins: Bins) -> FloatArray:
    """Return the counts (bins,) of those in energy (energies,), spread over the bins in time by their lengths."""
    edges_us = bins.binning.time_edges_us
    if edges_us is None:
        return in_energy
    return np.outer(in_energy, np.diff(edges_us) / (edges_us[-1] - edges_us[0])).ravel()
