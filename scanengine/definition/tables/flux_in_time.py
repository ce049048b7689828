"""The flux of a flavour in energy and time: a file with the columns time_us, E_MeV and flux."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scanengine.definition.reading.columns import read_rows
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed
from scanengine.definition.reading.table import File
from scanengine.definition.reading.text_tables import FileRows
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.sources import Arrivals, Spectrum, tabulated_spectrum

_COLUMNS = ("time_us", "E_MeV", "flux")


def has_times(raw: object) -> bool:
    """Whether a spectrum is one in time, too."""
    columns = raw.get("columns") if isinstance(raw, dict) else None
    return isinstance(columns, list) and "time_us" in columns


def timed_spectra(raw: object, total: float | None, path: KeyPath, report: Report) -> Arrivals | None:
    """Return when the neutrinos of a flavour arrive, scaled to a total flux if there is one, or None after a fault."""
    table, bad = report.check(File, raw, path)
    if bad or table.columns is None:
        return None
    if table.per_cent or len(set(table.columns)) < len(table.columns) or not set(_COLUMNS) <= set(table.columns):
        report.add(
            (*path, "columns"), f"found {listed(table.columns)}: with time_us there must be E_MeV and flux as well"
        )
        return None
    try:
        found = _arrivals(read_rows(report.files, table.file, table.columns), table.columns)
    except InputError as error:
        report.add((*path, "file"), str(error))
        return None
    if total is None:
        return found
    factor = total / found.whole.total_per_cm2_s
    return Arrivals(found.edges_us, tuple(each.times(factor) for each in found.spectra))


def _arrivals(rows: FileRows, columns: list[str]) -> Arrivals:
    """Return the spectra of all times. Raises InputError for what is wrong with the numbers."""
    time_us, E_MeV, flux = (rows.values[:, columns.index(name)] for name in _COLUMNS)
    if np.any(flux < 0.0):
        row = int(np.argmax(flux < 0.0))
        raise InputError(f"{rows.path}:{rows.lines[row]}: found flux = {flux[row]:g}, it must not be negative")
    times = np.unique(time_us)
    if times.size < 2 or not np.any(flux > 0.0):
        raise InputError(f"{rows.path}: it must have two times or more, and some flux")
    middles = 0.5 * (times[1:] + times[:-1])
    edges = np.concatenate(([2.0 * times[0] - middles[0]], middles, [2.0 * times[-1] - middles[-1]]))
    energies = np.unique(E_MeV)
    if energies.size * times.size != flux.size:
        raise InputError(
            f"{rows.path}: found {flux.size} rows for {times.size} times and {energies.size} energies: there must be "
            "one for each time and energy"
        )
    order = np.lexsort((E_MeV, time_us))
    again = order[1:][(np.diff(time_us[order]) == 0.0) & (np.diff(E_MeV[order]) == 0.0)]
    if again.size:
        row = int(again[0])
        raise InputError(
            f"{rows.path}:{rows.lines[row]}: found time_us = {time_us[row]:g} with E_MeV = {E_MeV[row]:g} once more: "
            "there must be one row for each time and energy"
        )
    return Arrivals(edges, tuple(_spectra(energies, flux[order].reshape(times.size, -1))))


def _spectra(E_MeV: FloatArray, flux: FloatArray) -> Iterator[Spectrum]:
    """Yield the spectra at energies (n,) of fluxes (times, n), which may be zero at some times."""
    for each in flux:
        dark = not np.any(each > 0.0)
        yield tabulated_spectrum(E_MeV, each + 1.0 * dark).times(0.0 if dark else 1.0)
