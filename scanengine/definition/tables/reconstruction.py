"""The table [experiments.response] of a scan file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import NamedTuple, TypeVar

import numpy as np

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import LARGEST, SMALLEST, Table, file_of
from scanengine.definition.tables.by_isotope import build_by_isotope, is_by_isotope
from scanengine.definition.tables.detector_schema import (
    ACCEPTANCES,
    QUENCHING,
    RESOLUTIONS,
    CurveTable,
    GammaResolution,
    GaussianResolution,
    LindhardTable,
    LogisticTable,
    PoissonResolution,
    PolynomialTable,
    QuenchingTable,
    ResponseTable,
)
from scanengine.definition.tables.edges import edge_fault, width_fault
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance, Logistic, PiecewiseLinear, constant
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.detectors import DetectorResponse
from scanengine.inputs.nuclei import Isotope, Target
from scanengine.inputs.quenching import Lindhard, PolynomialQuenching, Quenching, TabulatedQuenching
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Gamma, Gaussian, Perfect, Poisson, Resolution

T = TypeVar("T")

MOST_PHOTO_ELECTRONS = 5000.0

_ROUNDING = 1e-9
"""A threshold this close to an edge of the bins is that edge."""

_FACTORS = Columns(("recoil_keV", "factor"), low=0.0)
_CURVE = Columns(("energy", "efficiency"), low=0.0, high=1.0)


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


def build_edges(raw: object, path: KeyPath, report: Report) -> FloatArray | None:
    """Return the edges (bins + 1,) of bins, which are finite and increase, or None after a fault."""
    if not isinstance(raw, list) or len(raw) < 2:
        report.add(path, f"found {written(raw)}, it must hold two or more edges, such as [0.0, 1.0, 2.0]")
        return None
    edges: list[float] = []
    for position, edge in enumerate(raw):
        value = finite(edge)
        if value is None:
            report.add((*path, position), f"found {written(edge)}, it must be a finite number")
            return None
        if edges and not value > edges[-1]:
            report.add((*path, position), f"found {written(edge)} after {edges[-1]:g}, edges must increase")
            return None
        if fault := edge_fault(value) or (width_fault(value, edges[-1]) if edges else None):
            report.add((*path, position), fault)
            return None
        edges.append(value)
    return np.array(edges)


def table_of_kind(
    raw: object, models: Mapping[str, type[Table]], path: KeyPath, report: Report, of_file: str = ""
) -> Table | None:
    """Return a table checked against the model of its kind, or None after a fault.

    The kind `of_file`, if there is one, is that of a table of columns in a file, of which the path alone may be given.
    """
    if of_file:
        raw = file_of(raw)
    if of_file and isinstance(raw, dict) and "file" in raw and "kind" not in raw:
        raw = {"kind": of_file, **raw}
    if not isinstance(raw, dict):
        example = f'{{ kind = "{list(models)[-1]}", ... }}'
        report.add(path, f"found {written(raw)}, it must be a table with its kind, such as {example}")
        return None
    kind = report.kind_of(raw, tuple(models), path)
    if kind is None:
        return None
    table, bad = report.check(models[kind], raw, path)
    return None if bad else table


def _for_isotopes(
    raw: object, target: Target | None, build: Callable[[object, KeyPath], T | None], path: KeyPath, report: Report
) -> T | ByIsotope[T] | None:
    """Return what is built of a value, or of those of each element or isotope; None after adding the faults."""
    if not isinstance(raw, dict) or not is_by_isotope(raw):
        return build(raw, path)
    if target is None:
        return None
    found = build_by_isotope(raw, target, lambda value, _, place: build(value, place), path, report)
    return None if found is None else ByIsotope(found)


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

    return _for_isotopes(raw, target, build, path, report)


def build_quenching(
    raw: object, target: Target | None, path: KeyPath, report: Report
) -> Quenching | ByIsotope[Quenching] | None:
    """Return the quenching, of all or of each isotope, or None after adding its fault."""
    return _for_isotopes(raw, target, lambda given, place: _quenching(given, place, report), path, report)


def _quenching(raw: object, path: KeyPath, report: Report) -> Quenching | None:
    if not isinstance(raw, dict | str):
        value = finite(raw)
        if value is None or not SMALLEST <= value <= LARGEST:
            report.add(
                path, f'found {written(raw)}, it must be a positive number, or as {{ kind = "lindhard", k = 0.157 }}'
            )
            return None
        return PolynomialQuenching(np.array([0.0, value]))
    match table_of_kind(raw, QUENCHING, path, report, of_file="table"):
        case PolynomialTable(coefficients=coefficients):
            return PolynomialQuenching(np.array(coefficients))
        case LindhardTable(k=k):
            return Lindhard(k)
        case QuenchingTable() as table:
            points = _points(table, {"recoil_keV": table.recoil_keV, "factors": table.factors}, _FACTORS, path, report)
            return None if points is None else TabulatedQuenching(*points)
    return None


def build_resolution(
    raw: object, target: Target | None, path: KeyPath, report: Report
) -> Resolution | ByIsotope[Resolution] | None:
    """Return the resolution, of all or of each isotope, or None after adding its fault."""
    return _for_isotopes(raw, target, lambda given, place: _resolution(given, place, report), path, report)


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


def build_efficiency(raw: object, path: KeyPath, report: Report) -> Acceptance | None:
    """Return the efficiency in the reconstructed quantity, or None after adding its fault."""
    if not isinstance(raw, dict | str):
        value = finite(raw)
        if value is None or not SMALLEST <= value <= 1.0:
            example = '{ kind = "logistic", height = 0.7, steepness = 0.5, midpoint = 11.0 }'
            report.add(path, f"found {written(raw)}, it must be a number in (0, 1], or a table, such as {example}")
            return None
        return constant(value)
    try:
        match table_of_kind(raw, ACCEPTANCES, path, report, of_file="curve"):
            case LogisticTable() as table:
                if table.steepness == 0.0:
                    report.add((*path, "steepness"), "found 0, a step needs a steepness")
                    return None
                return Logistic(
                    table.height, table.steepness, table.midpoint, table.offset, _threshold(table.threshold)
                )
            case CurveTable() as table:
                points = _points(table, {"energies": table.energies, "values": table.values}, _CURVE, path, report)
                return None if points is None else PiecewiseLinear(*points, _threshold(table.threshold))
    except InputError as error:
        report.add(path, str(error))
    return None


def _threshold(given: float | None) -> float:
    return -inf if given is None else given


def _points(
    table: QuenchingTable | CurveTable,
    lists: Mapping[str, list[float] | None],
    columns: Columns,
    path: KeyPath,
    report: Report,
) -> tuple[FloatArray, FloatArray] | None:
    """Return the two columns of a table that is in a file or in lists."""
    given = {name: values for name, values in lists.items() if values is not None}
    if (table.file is not None) == bool(given) or 0 < len(given) < len(lists):
        report.add(path, f"found {written(dict(given))}, it must have {' and '.join(lists)}, or a file")
        return None
    try:
        if table.file is not None:
            values = columns.from_file(report.files, table.file, table.columns, per_cent=table.per_cent)
        else:
            values = columns.from_lists(given)
    except InputError as error:
        report.add((*path, "file") if table.file is not None else path, str(error))
        return None
    return values[:, 0].copy(), values[:, 1].copy()


def check_quenching(reconstruction: Reconstruction, isotopes: Iterable[Isotope], T_max_keV: float) -> str | None:
    """Return what is wrong with the energies that recoils up to T_max show, if anything is."""
    T_keV = np.linspace(0.0, T_max_keV, 1001)
    for isotope in isotopes:
        E_keVee = reconstruction.shown(T_keV, isotope).E_keVee
        if not np.all(np.isfinite(E_keVee)) or np.any(E_keVee < 0.0):
            worst = T_keV[np.argmin(np.where(np.isfinite(E_keVee), E_keVee, -inf))]
            shown = E_keVee[T_keV == worst][0]
            return f"a recoil of {worst:.4g} keV of {isotope} would have {shown:.4g} keVee, which must not be negative"
    return None
