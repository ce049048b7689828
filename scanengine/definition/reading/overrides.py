"""`--set KEY=VALUE`: changes of single keys of a scan file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from scanengine.definition.reading.lines import MOST_PARTS, KeyPath, line_of_long_key
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.reading.spelling import alike
from scanengine.errors import Fault
from scanengine.plain import on_one_line

_BARE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.()\[\]/+-]*")
NAMED = {
    "experiments": ("experiment", "experiments.Ne.mass_kg=50"),
    "nuisances": ("nuisance", "nuisances.flux.width=0.05"),
}
"""Keys of lists of tables that have a name each, what one of these is, and an example of setting a key of it."""

_FORM = "it must be KEY=VALUE with a dotted key of the scan file, as fixed.mu_nu=10 or experiments.Ne.mass_kg=50"
_LONGEST = 1000
"""Characters of an override that are shown."""
_INSTEAD_OF = {
    "live_time_s": "live_time_yr",
    "live_time_yr": "live_time_s",
    "recoil_bins_keV": "recoil_window_keV",
    "recoil_window_keV": "recoil_bins_keV",
}
"""Keys of an experiment that replace one another: setting one takes the other's place."""


class _Refused(Exception):
    """Why an override cannot be applied."""


def apply_overrides(raw: dict[str, Any], overrides: Iterable[str]) -> tuple[dict[KeyPath, str], list[Fault]]:
    """Change `raw`, a parsed scan file, in place; return which keys which override set, and the faulty overrides.

    An experiment or a nuisance is addressed by its name; tables that are not there are made.
    """
    overridden: dict[KeyPath, str] = {}
    faults = []
    for text in overrides:
        try:
            keys, value = _parse(text)
            path = _put(raw, keys, value)
        except _Refused as refusal:
            faults.append(Fault(f"--set {on_one_line(text[:_LONGEST])}", str(refusal)))
        else:
            overridden = {known: by for known, by in overridden.items() if known[: len(path)] != path}
            overridden[path] = text
    return overridden, faults


def _parse(text: str) -> tuple[list[str], Any]:
    split = re.match(r"""((?:[^"'=\n]|"[^"\n]*"|'[^'\n]*')+)=(.*)""", text, re.DOTALL)
    if not split:
        raise _Refused(f"found no key before an equals sign, {_FORM}")
    if line_of_long_key(f"{split[1]} = 0") is not None:
        raise _Refused(f"found a key of more than {MOST_PARTS} parts: none is so long")
    try:
        node: Any = tomllib.loads(f"{split[1]} = 0")
    except (ValueError, RecursionError):
        raise _Refused(f"cannot read the key {quoted(split[1].strip())}, {_FORM}") from None
    keys = []
    while isinstance(node, dict) and len(node) == 1:
        key, node = next(iter(node.items()))
        keys.append(key)
    return keys, _value(split[2].strip())


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        parsed = {}
    if parsed.keys() == {"value"}:
        return parsed["value"]
    if _BARE_WORD.fullmatch(text):
        return text
    raise _Refused(f"cannot read the value {quoted(text)}, it must be TOML or a bare word; {_FORM}")


def _put(raw: dict[str, Any], keys: list[str], value: Any) -> KeyPath:
    table, path, given = raw, list[str | int](), keys
    if keys[0] in NAMED and len(keys) > 1:
        what, example = NAMED[keys[0]]
        index = _named(raw.get(keys[0]), keys[1], what)
        table, path, keys = raw[keys[0]][index], [keys[0], index], keys[2:]
        if not keys:
            raise _Refused(f"this names a whole {what}, set one of its keys: as {example}")
        if len(keys) == 1:
            table.pop(_INSTEAD_OF.get(keys[0], ""), None)
    for depth, key in enumerate(keys[:-1], start=len(given) - len(keys) + 1):
        path.append(key)
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise _Refused(f"{'.'.join(given[:depth])} is {written(table)}, not a table: set it as a whole")
    table[keys[-1]] = value
    return (*path, keys[-1])


def _named(raw: Any, name: str, what: str) -> int:
    tables = raw if isinstance(raw, list) else []
    names = [table.get("name") if isinstance(table, dict) else None for table in tables]
    if name in names:
        return names.index(name)
    known = [known for known in names if isinstance(known, str)]
    close = alike(name, known)
    hint = f"; the nearest is {close}" if close else ""
    raise _Refused(f"there is no {what} {quoted(name)}, the file has {listed(known)}{hint}")
