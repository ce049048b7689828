"""The one exception family: what a user can mend is an `InputError`, what went wrong on the way a `RunError`.

Sentences are written where something is found. What they quote from a file, a path or a variable gives a terminal no
orders: it is shown `on_one_line`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class ScanengineError(Exception):
    """Base of every error that the package raises on purpose; its text is a sentence for the user."""

    exit_status = 1


class InputError(ScanengineError):
    """The input is wrong: a scan file, a result file, a path or an option.

    >>> try:
    ...     scanengine.load("scholberg2006/fig08", {"experiments.Xe.target": "Xz"})
    ... except scanengine.InputError as error:
    ...     print("Xz" in str(error))
    True
    """

    exit_status = 2


class RunError(ScanengineError):
    """A run that began could not be finished."""


class Interrupted(RunError):
    """A run was stopped by the user; the text says what was kept.

    `last` is that of the last one: another signal may strike while it is passed on.
    """

    last: ClassVar[str] = "interrupted"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        Interrupted.last = text


def is_interrupt(error: BaseException | None) -> bool:
    """Tell whether an error is Ctrl-C, or what became of it: it may strike in the midst of taking a lock."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or is_interrupt(error.__context__))


@dataclass(frozen=True)
class Fault:
    """One fault of a scan file: where it is, what was found and what is needed."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class DefinitionError(InputError):
    """A scan file has one or more faults; all of them are listed, one line each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[DefinitionError], tuple[tuple[Fault, ...]]]:  # from a worker to who waits for it
        return type(self), (self.faults,)


_JOINERS = "\u200c\u200d"
"""They are part of words in some scripts, and of emoji."""
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def on_one_line(text: str) -> str:
    r"""Return text with what is no letter, sign or blank as escapes, as \x1b: controls, directions, line ends."""
    return text if text.isprintable() else "".join(map(_shown, text))


def on_lines(text: str) -> str:
    """Return text as `on_one_line` does, but with its line ends and tabs."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(each if each in "\n\t" else _shown(each) for each in text)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs":
        return character
    return escape(character)


def escape(character: str) -> str:
    r"""Return a character as Python would write it, as \x1b."""
    code = ord(character)
    written = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(character, written)
