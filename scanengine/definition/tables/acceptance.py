"""The key `efficiency` of [experiments.response]: that in the reconstructed quantity."""

from __future__ import annotations

from math import inf

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import SMALLEST
from scanengine.definition.tables.detector_schema import (
    ACCEPTANCES,
    CurveTable,
    LogisticTable,
)
from scanengine.definition.tables.kinds import build_points, table_of_kind
from scanengine.errors import InputError
from scanengine.inputs.acceptances import Acceptance, Logistic, PiecewiseLinear, constant

_CURVE = Columns(("energy", "efficiency"), low=0.0, high=1.0)


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
                threshold = -inf if table.threshold is None else table.threshold
                return Logistic(table.height, table.steepness, table.midpoint, table.offset, threshold)
            case CurveTable() as table:
                points = build_points(table, {"energies": table.energies, "values": table.values}, _CURVE, path, report)
                threshold = -inf if table.threshold is None else table.threshold
                return None if points is None else PiecewiseLinear(*points, threshold)
    except InputError as error:
        report.add(path, str(error))
    return None
