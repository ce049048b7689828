"""Where in a TOML text each key stands: tomllib reads values but forgets their lines."""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""Keys from the root of the file; an integer counts the elements of an array from 0."""

_TOKEN = re.compile(
    r'''
      (?P<comment>\#[^\n]*)
    | (?P<string>"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5} | \'\'\'(?:[^']|'(?!''))*'{3,5}
                 | "(?:[^"\\\n]|\\.)*" | '[^'\n]*')
    | (?P<mark>[\[\]{},=\n])
    | (?P<bare>[^\s\[\]{},=\#"']+)
    ''',
    re.VERBOSE,
)


MOST_PARTS = 20
"""Of a dotted key, or a table's name: none of ours has more than five. tomllib takes the square of their number."""


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> list[_Token]:
    tokens, line, position = [], 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if match.lastgroup != "comment":
            tokens.append(_Token(str(match.lastgroup), match[0], line))
    return [*tokens, _Token("end", "", line)]


def line_of_long_key(text: str) -> int | None:
    """Return the line of the first key with more than `MOST_PARTS`, if there is one; `text` need not be TOML."""
    if all(line.count(".") < MOST_PARTS for line in text.split("\n")):
        return None
    before, parts, after_equals = _Token("mark", "\n", 1), 0, False
    for token in _tokens(text):
        if token.kind in ("bare", "string"):
            ours = [part for part in token.text.split(".") if part] if token.kind == "bare" else [token.text]
            parts = len(ours) + (parts if before.kind in ("bare", "string") else 0)
            if parts > MOST_PARTS and not after_equals:
                return token.line
        elif token.kind == "mark":
            after_equals = token.text == "="
        before = token
    return None


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every key, table and array element of `text`, which must be valid TOML."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_newlines().kind != "end":
            if self._peek().text == "[" and self._peek().kind == "mark":
                table = self._header()
            else:
                self._key_and_value(table)
        return self._lines

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _skip_newlines(self) -> _Token:
        while self._peek().text == "\n":
            self._take()
        return self._peek()

    def _record(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while (token := self._peek()).kind in ("bare", "string"):
            self._take()
            if token.kind == "bare":
                parts += [part for part in token.text.split(".") if part]
            else:
                parts.append(tomllib.loads(f"key = {token.text}")["key"])
        return parts

    def _header(self) -> KeyPath:
        line = self._take().line
        is_array = self._peek().text == "["
        if is_array:
            self._take()
        path: KeyPath = ()
        *parents, last = self._key()
        for part in parents:
            path = self._last_element((*path, part))
        path = (*path, last)
        if is_array:
            self._lengths[path] = self._lengths.get(path, 0) + 1
        path = self._last_element(path)
        self._record(path, line)
        while self._peek().text == "]":
            self._take()
        return path

    def _last_element(self, path: KeyPath) -> KeyPath:
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _key_and_value(self, table: KeyPath) -> None:
        line = self._peek().line
        path = (*table, *self._key())
        self._record(path, line)
        self._take()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        token = self._take()
        if token.kind == "mark" and token.text == "[":
            element = 0
            while self._skip_newlines().text not in ("]", ""):
                self._record((*path, element), self._peek().line)
                self._value((*path, element))
                element += 1
                self._end_of_item()
            self._take()
        elif token.kind == "mark" and token.text == "{":
            while self._skip_newlines().text not in ("}", ""):
                self._key_and_value(path)
                self._end_of_item()
            self._take()
        else:
            while self._peek().kind in ("bare", "string"):  # a date and a time may stand apart
                self._take()

    def _end_of_item(self) -> None:
        if self._skip_newlines().text == ",":
            self._take()
