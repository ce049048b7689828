"""A source of kind "tabulated": for each flavour, spectra given at points or in files, lines, or a list of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, SkipValidation

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted
from scanengine.definition.reading.table import File, FilePath, NotNegative, Number, Positive, Table, file_of
from scanengine.definition.tables.flux_in_time import has_times, timed_spectra
from scanengine.definition.tables.sterile import STERILE, SterileTable
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.sources import Arrivals, Source, Spectrum, at_rest, tabulated_spectrum

_FLAVOURS = ", ".join(FLAVOURS)
_POINTS = '{ E_MeV = [0.0, 50.0], flux = [0.0, 1.0e6] } or "flux.txt"'
_LINES = "{ line_MeV = [0.862, 0.384], flux_per_cm2_s = [4.42e9, 0.51e9] }"
_SPECTRUM = Columns(("E_MeV", "flux"), low=0.0)


class SpectrumPoints(Table):
    """A spectrum given at points, joined by straight lines."""

    E_MeV: list[Number] = Field(description="Increasing neutrino energies, MeV.")
    flux: list[Number] = Field(
        description="Flux per energy at each point, /cm^2/s/MeV; any unit if flux_per_cm2_s is given."
    )


class SpectrumLines(Table):
    """Lines, of neutrinos with one energy each."""

    line_MeV: list[Positive] = Field(description="Energies of the lines, MeV.")
    flux_per_cm2_s: list[NotNegative] = Field(description="Flux of each, /cm^2/s.")


class AtRest(Table):
    """Neutrinos from the decay of a particle at rest: nu_mu of pi+ and of K+ (to a muon), nu_e and nu_mubar of mu+."""

    at_rest: Literal["pi+", "mu+", "K+"] = Field(description="The particle that decays.")
    flux_per_cm2_s: Positive = Field(description="Flux, /cm^2/s.")


Component = FilePath | SpectrumPoints | File | SpectrumLines | AtRest


class Tabulated(Table):
    """A spectrum per flavour, given at points or as lines."""

    kind: Literal["tabulated"]
    reference_distance_m: Positive = Field(description="Distance at which the flux is given, m; it falls as 1/L^2.")
    flux_per_cm2_s: Positive | None = Field(
        None,
        description="Flux to which each spectrum is scaled, /cm^2/s; without it the spectra are absolute, /cm^2/s/MeV.",
    )
    spectra: Annotated[dict[str, Component | list[Component]], SkipValidation] = Field(
        description=f"Per flavour ({_FLAVOURS}), points E_MeV and flux, or a file with these two columns, or lines, or "
        "a decay at rest; or a list of these, which are added up. A file with a third column, time_us, says when they "
        "arrive: each time stands for a bin that reaches halfway to the next times, with the spectrum of"
        " what arrives in it."
    )
    fluence: bool = Field(
        False,
        description="Whether fluxes are those of the whole exposure, /cm^2 and /cm^2/MeV: then there is no live time.",
    )
    sterile: Annotated[SterileTable | None, SkipValidation] = Field(None, description=STERILE)


def build_tabulated(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    """Return the source, or None after adding its faults to the report."""
    table, bad = report.check(Tabulated, raw, path)
    if "spectra" in bad:
        return None
    path = (*path, "spectra")
    given = report.table(table.spectra, path, '{ nu_ebar = { file = "flux.txt" } }')
    if not given and isinstance(table.spectra, dict):
        report.add(path, "found no spectrum, it must have at least one flavour")
    total = None if "flux_per_cm2_s" in bad else table.flux_per_cm2_s
    spectra: dict[str, Spectrum] = {}
    arrivals: dict[str, Arrivals] = {}
    for flavour, components in given.items():
        if flavour not in FLAVOURS:
            report.add((*path, flavour), f"unknown flavour, {nearest_or_all(flavour, FLAVOURS)}")
        elif has_times(components):
            found = timed_spectra(components, total, (*path, flavour), report)
            if found is not None:
                arrivals[flavour], spectra[flavour] = found, found.whole
            continue
        spectrum = _spectrum(components, total, (*path, flavour), report)
        if spectrum is not None:
            spectra[flavour] = spectrum
    without = [flavour for flavour in spectra if flavour not in arrivals]
    if arrivals and without:
        timed = next(iter(arrivals))
        report.add((*path, without[0]), f"found no column time_us, which {timed} has: all flavours need one, or none")
    if bad or not given or set(given) - set(FLAVOURS) or len(spectra) < len(given) or (arrivals and without):
        return None
    return Source(spectra, table.reference_distance_m, fluence=table.fluence, arrivals=arrivals)


def _spectrum(raw: object, total: float | None, path: KeyPath, report: Report) -> Spectrum | None:
    """Return the sum of all components of a flavour, or None after a fault of any."""
    if isinstance(raw, dict) and "line_MeV" in raw:
        spectrum = _lines(raw, path, report)
    elif isinstance(raw, dict) and "at_rest" in raw:
        spectrum = _at_rest(raw, path, report)
    elif isinstance(raw, list):
        if not raw:
            report.add(path, f"found [], it must have a spectrum, such as {_POINTS}, or {_LINES}")
        found = [_spectrum(each, None, (*path, index), report) for index, each in enumerate(raw)]
        sound = [each for each in found if each is not None]
        spectrum = Spectrum.sum_of(sound) if sound and len(sound) == len(raw) else None
    else:
        return _points(raw, total, path, report)
    return spectrum if spectrum is None or total is None else spectrum.times(total / spectrum.total_per_cm2_s)


def _points(raw: object, total: float | None, path: KeyPath, report: Report) -> Spectrum | None:
    raw = file_of(raw)
    key = (*path, "file" if isinstance(raw, dict) and "file" in raw else "E_MeV")
    try:
        columns = read_points(raw, SpectrumPoints, _SPECTRUM, path, report, f"{_POINTS}; or {_LINES}")
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


def _lines(raw: dict[str, Any], path: KeyPath, report: Report) -> Spectrum | None:
    table, bad = report.check(SpectrumLines, raw, path, _LINES)
    if bad:
        return None
    energies, fluxes = np.array(table.line_MeV), np.array(table.flux_per_cm2_s)
    if energies.size != fluxes.size or not np.any(fluxes > 0.0):
        found = f"{energies.size} energies and {fluxes.size} fluxes"
        report.add((*path, "line_MeV"), f"found {found}, there must be one flux per line, and not all of them zero")
        return None
    return Spectrum.of_lines(energies, fluxes)


def _at_rest(raw: dict[str, Any], path: KeyPath, report: Report) -> Spectrum | None:
    table, bad = report.check(AtRest, raw, path)
    if bad:
        return None
    flavour = next(str(part) for part in reversed(path) if isinstance(part, str))
    spectrum = at_rest(table.at_rest, flavour, table.flux_per_cm2_s)
    if spectrum is None:
        there = "nu_mu of pi+ and K+, nu_e and nu_mubar of mu+"
        report.add(
            (*path, "at_rest"), f"found {quoted(table.at_rest)}, which makes no {flavour} here: there are {there}"
        )
    return spectrum


def read_points(
    raw: object, model: type[Table], columns: Columns, path: KeyPath, report: Report, example: str
) -> FloatArray | None:
    """Return the points (n, 2) of a file or of lists, or None after a fault of the table.

    Raises InputError for what is wrong with the numbers.
    """
    raw = file_of(raw)
    if isinstance(raw, dict) and "file" in raw:
        file, bad = report.check(File, raw, path)
        return None if bad else columns.of_table(report.files, file)
    points, bad = report.check(model, raw, path, example)
    return None if bad else columns.from_lists(points.model_dump())


def _within_flux(columns: FloatArray) -> FloatArray:
    """Cut the points off at either end that border on no flux, so that the last energy is the highest with flux."""
    lit = np.flatnonzero(columns[:, 1])
    if lit.size == 0:
        return columns
    return columns[max(lit[0] - 1, 0) : lit[-1] + 2]
