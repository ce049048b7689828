"""Tables of numbers in text files as other programs write them: with or without a header, separated by blanks, tabs,
commas or semicolons, with decimal points or commas, in UTF-8, UTF-16 or Latin-1.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scanengine.definition.reading.sentences import listed, quoted
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

MAX_FILE_BYTES = 100_000_000
_SEPARATORS = (";", "\t", ",")
"""Of columns, before blanks."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?", re.ASCII)
_NO_NUMBER = re.compile(r"[-+]?(nan|inf(inity)?)", re.IGNORECASE)
_SEPARATOR_OF_EXCEL = re.compile(r"sep=.", re.IGNORECASE)
_MINUS = str.maketrans({"\u2212": "-", "\u00a0": " "})
"""As in tables that are copied from a page."""


@dataclass(frozen=True)
class Lines:
    """The lines of a file that hold something, with their numbers, and the names of its columns if it has a header."""

    path: Path
    numbered: tuple[tuple[int, str], ...]
    header: tuple[str, ...] | None

    def rows(self, columns: int, form: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Return the numbers (rows, columns), of which the form is told where one does not hold them.

        Raises InputError, naming the file and the line.
        """
        if not self.numbered:
            raise InputError(f"{self.path}: found no numbers, it must hold lines of {form}")
        rows = [_row(line, f"{self.path}:{number}", columns, form) for number, line in self.numbered]
        commas = next((n for (n, _), row in zip(self.numbered, rows, strict=True) if row.commas), None)
        points = next((n for (n, _), row in zip(self.numbered, rows, strict=True) if row.points), None)
        if commas is not None and points is not None:
            raise InputError(
                f"{self.path}: found decimal commas in line {commas} and points in line {points}: use one of them"
            )
        return np.array([row.values for row in rows])

    @property
    def width(self) -> int:
        """Number of columns of the first row, if commas separate them where they may."""
        return len(_words(self.numbered[0][1])) if self.numbered else 0


class FileRows(NamedTuple):
    """The numbers of a file, which are not to be changed, with its path and the line of each row."""

    path: Path
    values: FloatArray
    lines: list[int]


class _Row(NamedTuple):
    values: list[float]
    commas: bool
    points: bool


def read_lines(path: Path) -> Lines:
    """Return the lines of a text file. Raises InputError if it cannot be read."""
    numbered: list[tuple[int, str]] = []
    header: tuple[str, ...] | None = None
    for number, line in enumerate(_text(path).splitlines(), start=1):
        content = line.translate(_MINUS).partition("#")[0].strip(" \r\n\ufeff")
        if not content.strip(" \t;,") or _SEPARATOR_OF_EXCEL.fullmatch(content):
            continue
        words = _words(content)
        if not numbered and not any(_is_like_a_number(word) for word in words):
            header = tuple(words)
            continue
        numbered.append((number, content))
    return Lines(path, tuple(numbered), header)


def _words(content: str) -> list[str]:
    """Return the words of a line without the empty ones that it ends in, as spreadsheets leave them."""
    separator = next((each for each in _SEPARATORS if each in content), None)
    if separator is None:
        return content.split()
    words = _quoted_words(content, separator) if '"' in content else content.split(separator)
    words = [word.strip().strip('"') for word in words]
    while len(words) > 1 and not words[-1]:
        words.pop()
    return words


def _quoted_words(content: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([content], delimiter=separator))
    except csv.Error:  # of a word that is far too long
        return content.split(separator)


def _is_like_a_number(word: str) -> bool:
    word = word.rstrip("% ")
    return any(form.fullmatch(word) for form in (_NUMBER, _DECIMAL_COMMA, _NO_NUMBER)) or word[:1].isdigit()


def _row(content: str, where: str, columns: int, form: str) -> _Row:
    words = _words(content)
    if len(words) != columns or not all(map(_NUMBER.fullmatch, words)):
        by_blanks = content.replace(";", " ").split()
        if len(words) != columns and len(by_blanks) == columns > 1 and all(map(_is_like_a_number, by_blanks)):
            words = by_blanks  # whose commas are decimal ones
    if len(words) != columns:
        raise InputError(f"{where}: {_wrong_number(words, columns, form)}")
    values = []
    for word in words:
        number = word.removesuffix("%").rstrip()
        number = number.replace(",", ".") if _DECIMAL_COMMA.fullmatch(number) else number
        if not _NUMBER.fullmatch(number) or not np.isfinite(float(number)):
            raise InputError(f"{where}: found {quoted(word)}, it must hold {form}; comments begin with #")
        values.append(float(number) / (100.0 if word.endswith("%") else 1.0))
    return _Row(values, any("," in word for word in words), any("." in word for word in words))


def _wrong_number(words: list[str], columns: int, form: str) -> str:
    found = f"found {len(words)} column{'s'[: len(words) != 1]}, it must hold {form}"
    if len(words) == 2 * columns and all(word.lstrip("+-").isdigit() for word in words):
        return f"{found}; if commas are decimal ones, separate the columns by semicolons or tabs"
    if len(words) > columns:
        return f"{found}; name the columns of the file with columns = [...], or leave the others out"
    return found


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
    """Return text in UTF-8, in UTF-16 if it says so, or else in Latin-1, of which comments alone make use."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not a text file: save it as UTF-8 text") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(f"{path} is a workbook, not text: save its sheet as CSV")
    if b"\0" in content:
        raise InputError(f"{path} is not a text file: it has null bytes; save it as UTF-8 text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def columns_of_header(header: tuple[str, ...]) -> str:
    """Return the names in a header as words."""
    return listed([quoted(name) for name in header])
