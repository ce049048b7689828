"""The key `quenching` of [experiments.response]."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import numpy as np

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import LARGEST, SMALLEST
from scanengine.definition.tables.by_isotope import for_isotopes
from scanengine.definition.tables.detector_schema import (
    QUENCHING,
    LindhardTable,
    PolynomialTable,
    QuenchingTable,
)
from scanengine.definition.tables.kinds import build_points, table_of_kind
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.nuclei import Isotope, Target
from scanengine.inputs.quenching import Lindhard, PolynomialQuenching, Quenching, TabulatedQuenching
from scanengine.inputs.reconstruction import Reconstruction

_FACTORS = Columns(("recoil_keV", "factor"), low=0.0)


def build_quenching(
    raw: object, target: Target | None, path: KeyPath, report: Report
) -> Quenching | ByIsotope[Quenching] | None:
    """Return the quenching, of all or of each isotope, or None after adding its fault."""
    return for_isotopes(raw, target, lambda given, place: _quenching(given, place, report), path, report)


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
            points = build_points(
                table, {"recoil_keV": table.recoil_keV, "factors": table.factors}, _FACTORS, path, report
            )
            return None if points is None else TabulatedQuenching(*points)
    return None


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
