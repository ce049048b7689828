"""Values that are tables of several kinds, or columns of numbers: of a quenching, a resolution, an acceptance."""

from __future__ import annotations

from collections.abc import Mapping

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import Table, file_of
from scanengine.definition.tables.detector_schema import (
    CurveTable,
    QuenchingTable,
)
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray


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


def build_points(
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
