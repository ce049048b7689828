"""Changes of single keys of a scan file: texts KEY=VALUE, as `--set` takes them, or keys and values of Python."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from scanengine.definition.reading.aliases import canonical_keys, with_canonical_names
from scanengine.definition.reading.lines import MOST_PARTS, KeyPath, line_of_long_key
from scanengine.definition.reading.sentences import listed, quoted, shortened, written
from scanengine.definition.reading.spelling import alike
from scanengine.definition.reading.toml import as_toml_key, as_toml_value
from scanengine.errors import Fault, on_one_line

_BARE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.()\[\]/+-]*")
NAMED = {
    "experiments": ("experiment", "experiments.Ne.mass_kg"),
    "nuisances": ("nuisance", "nuisances.flux.width"),
}
"""Keys of lists of tables that have a name each, what one of these is, and an example of a key of it."""
_NAMED_WITHIN = {"backgrounds": ("background", "experiments.Ne.backgrounds.flat.slope_keV")}
"""The same of lists within such a table."""

_FORM = "it must be KEY=VALUE with a dotted key of the scan file, such as fixed.mu_nu=10 or experiments.Ne.mass_kg=50"
_KEY_FORM = 'it must be a dotted key of the scan file, such as "fixed.mu_nu" or "experiments.Ne.mass_kg"'
_VALUE_FORM = "it must be a number, a text, True or False, or a list, an array or a dictionary of these"
_LONGEST = 1000
"""Characters of an override that are shown."""
_MOST_BITS = 10_000
"""Of an integer, which Python refuses to write out when it is a little longer."""
_DEEPEST = 50
"""Lists and tables within one another: tomllib gives up at some hundreds."""
_INSTEAD_OF = {
    "live_time_s": "live_time_yr",
    "live_time_yr": "live_time_s",
    "recoil_bins_keV": "recoil_window_keV",
    "recoil_window_keV": "recoil_bins_keV",
}
"""Keys of an experiment that replace one another: setting one takes the other's place."""


class _Refused(Exception):
    """Why an override cannot be applied."""


class Override(NamedTuple):
    """A new value of a key: `text` is KEY=VALUE, and `where` the place of its faults, in the user's words."""

    keys: tuple[str, ...]
    value: Any
    text: str
    where: str


def from_texts(texts: Iterable[str]) -> Iterator[Override | Fault]:
    """Yield the overrides that texts KEY=VALUE are, or why one cannot be read."""
    for text in texts:
        where = f"--set {on_one_line(text[:_LONGEST])}"
        try:
            yield Override(*_parse(text), text, where)
        except _Refused as refusal:
            yield Fault(where, str(refusal))


def from_values(changes: Mapping[str, object], verb: str) -> Iterator[Override | Fault]:
    """Yield the overrides that dotted keys with values of Python are, or why one cannot be taken.

    The place of a fault is the word `verb` and the change as a dictionary.
    """
    for key, value in changes.items():
        where = f"{verb} {{{_shown(key)}: {_shown(value)}}}"
        try:
            if not isinstance(key, str):
                raise _Refused(f"found a key that is no text: {_KEY_FORM}")  # noqa: TRY301
            keys, plain = _keys(key, _KEY_FORM), _plain(value)
        except _Refused as refusal:
            yield Fault(where, str(refusal))
        else:
            yield Override(keys, plain, f"{'.'.join(map(as_toml_key, keys))}={as_toml_value(plain)}", where)


def applied(
    raw: dict[str, Any], overrides: Iterable[Override | Fault]
) -> tuple[dict[str, Any], dict[KeyPath, Override], list[Fault]]:
    """Return the tables of a scan file, `raw`, with overrides, which keys which of them set, and all faults.

    An experiment or a nuisance is addressed by its name; tables that are not there are made. `raw` stays as it is, and
    what has not changed is shared with it.
    """
    overridden: dict[KeyPath, Override] = {}
    faults = []
    for each in overrides:
        if isinstance(each, Fault):
            faults.append(each)
            continue
        try:
            raw, path = _put(raw, list(each.keys), each.value)
            raw = with_canonical_names(raw)
        except _Refused as refusal:
            faults.append(Fault(each.where, str(refusal)))
        else:
            overridden = {known: by for known, by in overridden.items() if known[: len(path)] != path}
            overridden[path] = each
    return raw, overridden, faults


def followed_by(earlier: Sequence[Override], later: Sequence[Override]) -> tuple[Override, ...]:
    """Return overrides one after the other, without those earlier ones of which nothing would be left."""
    if any(each.keys[-1] == "name" for each in (*earlier, *later)):
        return (*earlier, *later)  # the same key may be that of another experiment
    new = [each.keys for each in later]
    kept = [each for each in earlier if not any(each.keys[: len(keys)] == keys for keys in new)]
    return (*kept, *later)


def _parse(text: str) -> tuple[tuple[str, ...], Any]:
    split = re.match(r"""((?:[^"'=\n]|"[^"\n]*"|'[^'\n]*')+)=(.*)""", text, re.DOTALL)
    if not split:
        raise _Refused(f"found no key before an equals sign, {_FORM}")
    return _keys(split[1], _FORM), _value(split[2].strip())


def _keys(text: str, form: str) -> tuple[str, ...]:
    if line_of_long_key(f"{text} = 0") is not None:
        raise _Refused(f"found a key of more than {MOST_PARTS} parts: no key is that long")
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError):
        raise _Refused(f"cannot read the key {quoted(text.strip())}, {form}") from None
    keys = []
    while isinstance(node, dict) and len(node) == 1:
        key, node = next(iter(node.items()))
        keys.append(key)
    if node != 0 or not keys:  # a text that is more than a key
        raise _Refused(f"cannot read the key {quoted(text.strip())}, {form}")
    return canonical_keys(keys)


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


def _plain(value: object, depth: int = 0) -> Any:
    """Return a value of Python or NumPy as TOML would give it."""
    if depth > _DEEPEST:
        raise _Refused("its lists and tables are nested too deeply")
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    match value:
        case bool():
            return value
        case int() if value.bit_length() > _MOST_BITS:
            raise _Refused(f"found {written(value)}, it must be shorter")
        case int():
            return int(value)
        case float():
            return float(value)
        case str() if _is_unicode(value):
            return str.__str__(value)
        case list() | tuple():
            return [_plain(each, depth + 1) for each in value]
        case Mapping() if all(isinstance(key, str) and _is_unicode(key) for key in value):
            return {key: _plain(each, depth + 1) for key, each in value.items()}
    raise _Refused(f"found {_shown(value)}, {_VALUE_FORM}")


def _shown(value: object) -> str:
    try:
        return shortened(repr(value))
    except ValueError:  # as Python says of integers of thousands of digits
        return "..."


def _is_unicode(text: str) -> bool:
    """Whether a text has no halves of surrogate pairs, which no file could hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _put(raw: dict[str, Any], keys: list[str], value: Any) -> tuple[dict[str, Any], KeyPath]:
    """Return tables with a key set, sharing with `raw` all that is beside it, and the path of the key."""
    result = table = dict(raw)
    path, given = list[str | int](), keys
    if (whole := with_its_table(raw, keys)) is not None:
        raise _Refused(f"there is no table {keys[0]}: write {whole}")
    for named in (NAMED, _NAMED_WITHIN):
        if keys[0] not in named or len(keys) == 1 or (named is _NAMED_WITHIN and not path):
            break
        what, example = named[keys[0]]
        index = _named(table.get(keys[0]), keys[1], what)
        if len(keys) == 2:
            raise _Refused(f"this names a whole {what}, set one of its keys, such as {example}")
        table[keys[0]] = tables = list(table[keys[0]])
        tables[index] = table = dict(tables[index])
        path, keys = [*path, keys[0], index], keys[2:]
        if len(keys) == 1:
            table.pop(_INSTEAD_OF.get(keys[0], ""), None)
    for depth, key in enumerate(keys[:-1], start=len(given) - len(keys) + 1):
        path.append(key)
        inner = table.get(key, {})
        if not isinstance(inner, dict):
            raise _Refused(f"{'.'.join(given[:depth])} is {written(inner)}, not a table: set it as a whole")
        table[key] = table = dict(inner)
    table[keys[-1]] = value
    return result, (*path, keys[-1])


def _named(raw: Any, name: str, what: str) -> int:
    names = names_of(raw)
    if name in names:
        return names.index(name)
    known = [known for known in names if isinstance(known, str)]
    close = alike(name, known)
    hint = f"; the nearest is {close}" if close else ""
    raise _Refused(f"there is no {what} {quoted(name)}, the file has {listed(known)}{hint}")


def with_its_table(raw: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """Return a dotted key that begins with the name of an experiment or a nuisance, with the table that it is of."""
    if keys[0] in raw or len(keys) < 2:
        return None
    return next((".".join((key, *keys)) for key in NAMED if keys[0] in names_of(raw.get(key))), None)


def names_of(raw: object) -> list[object]:
    """Return the names of a list of tables, None for one without; nothing for what is no list."""
    tables = raw if isinstance(raw, list) else []
    return [table.get("name") if isinstance(table, dict) else None for table in tables]
