"""Columns of numbers, from a data file or from lists in the scan file, checked in the same way."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scanengine.definition.reading.folders import Folders
from scanengine.definition.reading.sentences import listed, quoted
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

MAX_FILE_BYTES = 100_000_000
_SEPARATORS = (";", ",")
"""Of columns, before blanks."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


class Rows(NamedTuple):
    """The numbers of a file, which are not to be changed, with its path and the line of each row."""

    path: Path
    values: FloatArray
    lines: list[int]


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
            return row, f"found {self.names[0]} = {first[row]:g}{before}, it must increase from 0 or above"
        column = int(np.argmax((others[row] < self.low) | (others[row] > self.high)))
        wanted = f"lie in [{self.low:g}, {self.high:g}]" if np.isfinite(self.high) else f"be at least {self.low:g}"
        return row, f"found {self.names[1 + column]} = {others[row, column]:g}, it must {wanted}"

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

    def from_file(self, files: Folders, name: str, in_file: Sequence[str] | None = None) -> FloatArray:
        """Return the columns of a text file, separated by blanks, commas or semicolons, as an array (rows, columns).

        `in_file` names the file's columns in their order, where they are not ours. Raises InputError, naming the file
        and the line, if it cannot be read, a line does not hold a finite number per column, or the numbers do not
        increase or leave the range.
        """
        path, values, lines = read_rows(files, name, self.names if in_file is None else in_file)
        if in_file is not None:
            missing = [name for name in self.names if name not in in_file]
            if missing:
                raise InputError(f"{path}: found the columns {listed(in_file)}, there must be one named {missing[0]}")
            values = values[:, [in_file.index(name) for name in self.names]]
        if (fault := self.fault(values)) is not None:
            raise InputError(f"{path}:{lines[fault[0]]}: {fault[1]}")
        return values.copy()


def read_rows(files: Folders, name: str, names: Sequence[str]) -> Rows:
    """Return the numbers (rows, columns) of a text file with these columns, which is read once only.

    Raises InputError, naming the file and the line, if it cannot be found or read, or a line does not hold a finite
    number per column.
    """
    key = name, tuple(names)
    if key not in files.tables:
        files.tables[key] = _rows(files.find(name), names)
    return files.tables[key]


def _rows(path: Path, names: Sequence[str]) -> Rows:
    form = f"{len(names)} numbers: {', '.join(names)}"
    rows: list[list[float]] = []
    numbers: list[int] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if content:
            rows.append(_row(content, f"{path}:{number}", len(names), form))
            numbers.append(number)
    if not rows:
        raise InputError(f"{path}: found no numbers, it must hold lines of {form}")
    values = np.array(rows)
    values.flags.writeable = False
    return Rows(path, values, numbers)


def _row(content: str, where: str, columns: int, form: str) -> list[float]:
    separator = next((each for each in _SEPARATORS if each in content), None)
    words = [word.strip() for word in content.split(separator)]
    comma = _decimal_comma(words, content, separator, columns)
    if comma is not None:
        raise InputError(
            f"{where}: found {quoted(comma)}, a number with a decimal comma? It must hold {form}, with decimal points, "
            "separated by blanks, commas or semicolons"
        )
    if len(words) != columns:
        raise InputError(f"{where}: found {len(words)} column{'s'[: len(words) != 1]}, it must hold {form}")
    for word in words:
        if not _NUMBER.fullmatch(word) or not np.isfinite(float(word)):
            raise InputError(f"{where}: found {quoted(word)}, it must hold {form}; comments begin with #")
    return [float(word) for word in words]


def _decimal_comma(words: list[str], content: str, separator: str | None, columns: int) -> str | None:
    """Return what looks like a number with a decimal comma in a line that cannot be read otherwise."""
    if separator == ",":
        words = [] if len(words) == columns and all(map(_NUMBER.fullmatch, words)) else content.split()
        if len(words) != columns:  # commas that separate, as many blanks as there may be
            return None
    return next((word for word in words if _DECIMAL_COMMA.fullmatch(word)), None)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise InputError(f"there is no file {path}: a path is relative to the scan file's directory")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path} is larger than {MAX_FILE_BYTES / 1e6:g} MB: this cannot be a table of columns")
        return _decoded(path.read_bytes(), path)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise InputError(f"cannot read {quoted(str(path))}: {getattr(error, 'strerror', None) or error}") from None


def _decoded(content: bytes, path: Path) -> str:
    """Return text in UTF-8, or else in Latin-1, of which comments alone make use."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is not a text file in UTF-8, but in UTF-16: save it as UTF-8")
    if b"\0" in content:
        raise InputError(f"{path} is not a text file: it has null bytes; save it as UTF-8 text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
