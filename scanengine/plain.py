"""Text from strangers as text: what a file, a path or a variable says gives a terminal no orders."""

from __future__ import annotations

import unicodedata

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
