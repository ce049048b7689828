"""TOML: reading it, with faults in the words of a user, and writing it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from scanengine.definition.reading.lines import MOST_PARTS, KeyPath, line_of_long_key
from scanengine.errors import DefinitionError, Fault

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def tables_of(text: str, name: str) -> dict[str, Any]:
    """Return the tables of the text of a scan file. Raises DefinitionError, with the line, if it is not TOML."""
    if (line := line_of_long_key(text)) is not None:
        raise DefinitionError(
            [Fault(f"{name}:{line}", f"found a key of more than {MOST_PARTS} parts: no key is that long")]
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError([_syntax_fault(str(error), text, name)]) from None
    except RecursionError:
        raise DefinitionError(
            [Fault(f"{name}:1", "not TOML that can be read: its values are nested too deeply")]
        ) from None
    except ValueError:
        digits = max(re.finditer(r"\d[\d_]*", text), key=lambda match: len(match[0]))
        line = text.count("\n", 0, digits.start()) + 1
        raise DefinitionError(
            [Fault(f"{name}:{line}", f"found a number of {len(digits[0])} digits, it must be shorter")]
        ) from None


def _syntax_fault(message: str, text: str, name: str) -> Fault:
    """The fault in the words of tomllib, without the brackets and names of Python."""
    reason, _, place = message.rpartition(" (at ")
    match = re.match(r"line (\d+), column (\d+)", place)
    line = int(match[1]) if match else text.rstrip().count("\n") + 1
    column = f" (column {match[2]})" if match else " (the file ends here)"
    again = re.match(r"Cannot declare \((.*)\) twice", reason)
    if again:
        table = ".".join(re.findall(r"'([^']*)'", again[1]))
        reason = f"the table [{table}] is there twice"
    elif reason == "Cannot overwrite a value":
        reason = "a key is given twice"
    else:
        reason = reason[:1].lower() + reason[1:]
    return Fault(f"{name}:{line}", f"not TOML: {reason}{column}")


def with_null(value: Any, place: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield where there is a text or a key with a null character, which TOML allows as an escape."""
    if isinstance(value, str) and "\0" in value:
        yield place
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(key, str) and "\0" in key:
            yield (*place, key)
        yield from with_null(each, (*place, key))


def as_toml(raw: Mapping[str, Any]) -> str:
    """Return the text of a scan file with these tables, a line each."""
    return "".join(f"{_quoted(name)} = {as_toml_value(value)}\n" for name, value in raw.items())


def as_toml_key(name: str) -> str:
    """Return one part of a dotted key, in quotes where it needs them, and with no others between these."""
    if _BARE_KEY.fullmatch(name):
        return name
    return '"' + r"\u0022".join(_quoted(part)[1:-1] for part in name.split('"')) + '"'


def as_toml_value(value: Any) -> str:
    """Return a value on one line of TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case dict():
            return "{ " + ", ".join(f"{_quoted(name)} = {as_toml_value(each)}" for name, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(as_toml_value, value)) + "]"
    return repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
