"""Columns of numbers, from a data file or from lists in the scan file, checked in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanengine.definition.reading.folders import Folders
from scanengine.definition.reading.sentences import listed, quoted
from scanengine.definition.reading.table import File
from scanengine.definition.reading.text_tables import FileRows, Lines, columns_of_header, read_lines
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray


@dataclass(frozen=True)
class Columns:
    """What a table of numbers must hold: its columns' names, the first increasing from 0 on, and the others' range."""

    names: tuple[str, ...]
    low: float = -np.inf
    high: float = np.inf

    def fault(self, values: FloatArray) -> tuple[int, str] | None:
        """Return the first faulty row of `values` (rows, columns) and what is wrong with it."""
        first, others = values[:, 0], values[:, 1:]
        backwards = np.append(first[:1] < 0.0, np.diff(first) <= 0.0)
        outside = np.any((others < self.low) | (others > self.high), axis=1)
        if not np.any(backwards | outside):
            return None
        row = int(np.argmax(backwards | outside))
        if backwards[row]:
            before = f" after {first[row - 1]:g}" if row else ""
            hint = ": sort the rows, and keep one of equal ones" if row else ""
            return row, f"found {self.names[0]} = {first[row]:g}{before}, it must increase from 0 or above{hint}"
        column = int(np.argmax((others[row] < self.low) | (others[row] > self.high)))
        wanted = f"lie in [{self.low:g}, {self.high:g}]" if np.isfinite(self.high) else f"be at least {self.low:g}"
        hint = (
            "; for per cent, write { file = ..., per_cent = true }"
            if self.high == 1.0 < others[row, column] <= 100.0
            else ""
        )
        return row, f"found {self.names[1 + column]} = {others[row, column]:g}, it must {wanted}{hint}"

    def from_lists(self, lists: Mapping[str, list[float]]) -> FloatArray:
        """Return lists, in the order of the columns, as an array (rows, columns).

        Raises InputError if they differ in length, are empty, do not increase or leave the range.
        """
        if len({len(values) for values in lists.values()}) > 1:
            lengths = listed([f"{len(values)} of {name}" for name, values in lists.items()])
            raise InputError(f"found {lengths}, there must be as many of each")
        values = np.array(list(lists.values()), dtype=np.float64).T
        if values.size == 0:
            raise InputError(f"found no values, there must be at least one of {listed(lists)}")
        if (fault := self.fault(values)) is not None:
            raise InputError(f"element {fault[0] + 1}: {fault[1]}")
        return values

    def from_file(
        self, files: Folders, name: str, in_file: Sequence[str] | None = None, *, per_cent: bool = False
    ) -> FloatArray:
        """Return the columns of a text file as an array (rows, columns).

        `in_file` names the file's columns in their order, where they are not ours, or those of its header that are
        ours, in our order. With `per_cent` all but the first are divided by 100. Raises InputError, naming the file and
        the line, if it cannot be read, a line does not hold a finite number per column, or the numbers do not increase
        or leave the range.
        """
        ours = self.names if in_file is None else _as_ours(self.names, in_file, files, name)
        path, values, lines = read_rows(files, name, ours.in_file if isinstance(ours, _Renamed) else ours)
        if isinstance(ours, _Renamed):
            values = values[:, : len(self.names)]
        elif in_file is not None:
            values = values[:, [list(in_file).index(each) for each in self.names]]
        if per_cent:
            values = np.column_stack((values[:, :1], 0.01 * values[:, 1:]))
        if (fault := self.fault(values)) is not None:
            raise InputError(f"{path}:{lines[fault[0]]}: {fault[1]}")
        return values.copy()

    def of_table(self, files: Folders, table: File) -> FloatArray:
        """Return the columns of the file that a table names; raises as `from_file`."""
        return self.from_file(files, table.file, table.columns, per_cent=table.per_cent)


class _Renamed(NamedTuple):
    """Names of columns in a file's header that stand for ours, in our order."""

    in_file: tuple[str, ...]


def _as_ours(names: tuple[str, ...], in_file: Sequence[str], files: Folders, name: str) -> tuple[str, ...] | _Renamed:
    """Return the names of a file's columns, or of those of its header that are ours. Raises InputError for others."""
    missing = [each for each in names if each not in in_file]
    if not missing:
        return tuple(in_file)
    lines = _lines(files, name)
    if lines.header is not None and set(in_file) <= set(lines.header) and len(in_file) == len(names):
        return _Renamed(tuple(in_file))
    there = f"; its header has {columns_of_header(lines.header)}" if lines.header is not None else ""
    raise InputError(f"{lines.path}: found the columns {listed(in_file)}, there must be one named {missing[0]}{there}")


def read_rows(files: Folders, name: str, names: Sequence[str]) -> FileRows:
    """Return the numbers (rows, columns) of the columns of a text file with these names, which is read once only.

    If the file has a header with all of them these columns are meant, in whatever order they are; otherwise they are
    all columns of the file in their order. Raises InputError, naming the file and the line, if it cannot be found or
    read, or a line does not hold a finite number per column.
    """
    key = name, tuple(names)
    if key not in files.tables:
        files.tables[key] = _rows(_lines(files, name), names)
    return files.tables[key]


def _lines(files: Folders, name: str) -> Lines:
    if name not in files.lines:
        files.lines[name] = read_lines(files.find(name))
    return files.lines[name]


def _rows(lines: Lines, names: Sequence[str]) -> FileRows:
    header = lines.header
    chosen: list[int] | None = None
    if header is not None and set(names) <= set(header):
        twice = next((each for each in names if header.count(each) > 1), None)
        if twice is not None:
            raise InputError(f"{lines.path}: its header has {quoted(twice)} twice: keep one table in a file")
        chosen = [header.index(each) for each in names]
    width = len(names) if chosen is None or header is None else len(header)
    form = f"{width} numbers: {', '.join(names if chosen is None or header is None else header)}"
    if chosen is None and header is not None and len(header) == lines.width > len(names):
        raise InputError(
            f"{lines.path}: found the columns {columns_of_header(header)}: say which are {listed(names)}, such as "
            f"columns = [{', '.join(quoted(each) for each in header[: len(names)])}]"
        )
    values = lines.rows(width, form)
    values = values if chosen is None else values[:, chosen]
    values.flags.writeable = False
    return FileRows(lines.path, values, [number for number, _ in lines.numbered])
