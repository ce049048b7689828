"""The words of fault messages: what was found and what is needed, in the terms of the scan file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from scanengine.definition.reading.spelling import in_other_units, nearest
from scanengine.errors import on_one_line

_LONGEST_VALUE = 60
_LONGEST_LIST = 12


def written(value: object) -> str:
    """Return a value as it stands in a scan file, shortened if it is long."""
    return shortened(_written(value))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to write out integers of thousands of digits.
        return str(value) if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"{value:g}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        items = [_written(item) for item in value[:_LONGEST_LIST]] + ["..."] * (len(value) > _LONGEST_LIST)
        return f"[{', '.join(items)}]"
    if isinstance(value, Mapping):
        return f"a table with {listed(value)}" if value else "an empty table"
    return str(value)


def quoted(text: str) -> str:
    """Return a string in double quotes, on one line and shortened if it is long."""
    return f'"{shortened(text)}"'


def shortened(text: str) -> str:
    """Return a string on one line, and without its end if it is long."""
    return on_one_line(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 4]} ...")


def listed(names: Collection[str], conjunction: str = "and") -> str:
    """Return names as words: "a, b and c"."""
    words = [shortened(name) for name in names]
    if len(words) > _LONGEST_LIST:
        return ", ".join(words[:_LONGEST_LIST]) + ", ..."
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def nearest_or_all(name: str, known: Collection[str]) -> str:
    """Return the half sentence that ends a complaint about an unknown name."""
    other = in_other_units(name, known)
    if other is not None:
        return other
    close = nearest(name, known)
    if close is not None:
        return f"the nearest known one is {close}"
    return f"known {'is' if len(known) == 1 else 'are'} {listed(known)}"


def sentence(error: Mapping[str, Any], known: Collection[str], description: str) -> str:
    """Return our words for one of pydantic's errors, given the keys of its table and the description of its key."""
    kind, context, found = error["type"], error.get("ctx", {}), written(error["input"])
    match kind:
        case "missing":
            return f"missing, it must be given: {description[:1].lower()}{description[1:].rstrip('.')}"
        case "extra_forbidden":
            return f"unknown key, {nearest_or_all(str(error['loc'][-1]), known)}"
        case "literal_error":
            return f"found {found}, it must be {context['expected'].replace(chr(39), chr(34))}"
        case "too_short" | "too_long":
            return f"found {found}, it must have {_length(kind, context)}"
        case "string_too_long":
            return f"found {found}, it must have at most {context['max_length']} characters"
        case "string_pattern_mismatch" | "string_too_short":
            return f"found {found}, it must be a name without slashes and control characters"
    return f"found {found}, it must be {_wanted(kind, context)}"


def _length(kind: str, context: Mapping[str, Any]) -> str:
    bound, words = (context["min_length"], "at least") if kind == "too_short" else (context["max_length"], "at most")
    return f"{words} {bound} element{'s' if bound > 1 else ''}"


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "float_type" | "finite_number" | "float_parsing":
            return "a finite number"
        case "greater_than":
            return "a positive number" if context["gt"] == 0 else f"greater than {context['gt']:g}"
        case "greater_than_equal":
            if 0.0 < context["ge"] < 1e-20:
                return f"a positive number, {context['ge']:g} or more"
            return "a number that is not negative" if context["ge"] == 0 else f"at least {context['ge']:g}"
        case "less_than":
            return f"less than {context['lt']:g}"
        case "less_than_equal":
            return f"at most {context['le']:g}"
    return {
        "int_type": "an integer",
        "bool_type": "true or false",
        "string_type": "a string in quotes",
        "list_type": "a list, such as [1.0, 2.0]",
        "dict_type": "a table",
        "model_type": "a table",
    }.get(kind, "something else: see `scanengine schema`")
