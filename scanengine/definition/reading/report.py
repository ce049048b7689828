"""Collecting the faults of a scan file, each with its place and the name of its key."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from scanengine.definition.reading.folders import Folders
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.memory import Memory
from scanengine.definition.reading.overrides import Override
from scanengine.definition.reading.sentences import listed, quoted, sentence, written
from scanengine.definition.reading.spelling import alike, nearest
from scanengine.definition.reading.table import LARGEST, Table
from scanengine.errors import Fault

T = TypeVar("T")
TableT = TypeVar("TableT", bound=Table)


class _Found(NamedTuple):
    overridden: bool
    line: int
    fault: Fault


class Report:
    """The faults found so far in a scan file.

    `files` finds the files that it names; `lines` and `overridden` say where each key was written, in
    the file or in an override.
    """

    def __init__(
        self,
        name: str,
        files: Folders,
        lines: Mapping[KeyPath, int],
        overridden: Mapping[KeyPath, Override],
        memory: Memory | None = None,
    ) -> None:
        self.files = files
        self._memory = memory or Memory()
        self._name = name
        self._lines = lines
        self._overridden = overridden
        self._found: list[_Found] = []
        self.names: dict[KeyPath, list[str]] = {}
        """Of lists of tables with a name each, by the path of their key, these names."""

    def once(self, what: str, of: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what was made of the same objects for a definition of the same file, or make it now.

        What had faults is made again, so that they are told again.
        """
        before = len(self._found)
        return self._memory.once(what, of, make, lambda: len(self._found) == before)

    @property
    def faults(self) -> list[Fault]:
        """The faults in the order of the file, those of overrides last; the same fault only once."""
        ordered = sorted(self._found, key=lambda found: (found.overridden, found.line))
        return list(dict.fromkeys(found.fault for found in ordered))

    def add(self, path: KeyPath, message: str, *others: KeyPath) -> None:
        """Add a fault of the key at `path`; if an override of one of the other keys is to blame, it stands there."""
        where, line = f"{self._name}:1", 1
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                line = self._lines[path[:length]]
                break
        where = f"{self._name}:{line}"
        overrides = [found for candidate in (path, *others) if (found := self._override(candidate)) is not None]
        if overrides:
            where = overrides[0].where
        key = self.key(path)
        self._found.append(_Found(bool(overrides), line, Fault(where, f"{key}: {message}" if key else message)))

    def _override(self, path: KeyPath) -> Override | None:
        for length in range(len(path), 0, -1):
            if path[:length] in self._overridden:
                return self._overridden[path[:length]]
        if path not in self._lines:  # a table that is there only because an override has made it
            return next((by for key, by in self._overridden.items() if path and key[: len(path)] == path), None)
        return None

    def key(self, path: KeyPath) -> str:
        """Return a key as an override takes it: experiments and nuisances by name, elements of lists as their list."""
        parts: list[str] = []
        for depth, part in enumerate(path):
            if isinstance(part, str):
                parts.append(part if part and part.replace("_", "").replace("-", "").isalnum() else quoted(part))
            elif part < len(names := self.names.get(path[:depth], [])):
                parts.append(names[part])
        return ".".join(parts)

    def check(
        self, model: type[TableT], raw: object, path: KeyPath, example: str = ""
    ) -> tuple[TableT, frozenset[str]]:
        """Check one table against its model; return it with the names of its faulty keys, whose attributes it lacks."""
        if not isinstance(raw, dict):
            self.add(path, f"found {written(raw)}, it must be a table{f', such as {example}' if example else ''}")
            return model.model_construct(), frozenset(model.model_fields)
        try:
            return model.model_validate(raw), frozenset()
        except ValidationError as error:
            bad = self._add_all(error, model, path)
        good = {name: value for name, value in raw.items() if name not in bad}
        table = model.model_construct(**good)
        for name in bad & set(table.__dict__):
            del table.__dict__[name]
        return table, bad

    def _add_all(self, error: ValidationError, model: type[Table], path: KeyPath) -> frozenset[str]:
        """Add one fault per faulty key; a key that is missing because it is misspelt is one fault, not two."""
        first: dict[str, Any] = {}
        for entry in error.errors(include_url=False):
            first.setdefault(str(entry["loc"][0]), entry)
        for name, entry in first.items():
            if not (entry["type"] == "missing" and self.misspelt(first, (name,), model)):
                field = model.model_fields.get(name)
                message = sentence(entry, model.model_fields, (field and field.description) or f"the {name}")
                self.add((*path, *entry["loc"]), message)
        return frozenset(first)

    @staticmethod
    def misspelt(given: Collection[str], names: Collection[str], model: type[Table]) -> bool:
        """Whether one of the unknown keys among `given` probably means one of `names`."""
        return any(alike(key, model.model_fields) in names for key in given if key not in model.model_fields)

    def number(self, raw: object, path: KeyPath) -> float:
        """Return a finite number; anything else is a fault, and 0."""
        value = finite(raw)
        if value is None:
            self.add(path, f"found {written(raw)}, it must be a finite number")
            return 0.0
        if abs(value) > LARGEST:
            self.add(path, f"found {written(raw)}, it must lie between -{LARGEST:g} and {LARGEST:g}")
            return 0.0
        return value

    def table(self, raw: object, path: KeyPath, example: str) -> dict[str, Any]:
        """Return a table of any keys; anything else is a fault, and an empty table."""
        if isinstance(raw, dict):
            return raw
        self.add(path, f"found {written(raw)}, it must be a table, such as {example}")
        return {}

    def kind_of(self, raw: Mapping[str, Any], kinds: Sequence[str], path: KeyPath) -> str | None:
        """Return the `kind` of a table, or None after adding a fault if it is missing or not one of `kinds`."""
        kind = raw.get("kind")
        if isinstance(kind, str) and kind in kinds:
            return kind
        wanted = f"it must be {listed([quoted(known) for known in kinds], 'or')}"
        if "kind" not in raw:
            self.add((*path, "kind"), f"missing, {wanted}")
        else:
            close = nearest(kind, kinds) if isinstance(kind, str) else None
            hint = f" (the nearest is {close})" if close else ""
            self.add((*path, "kind"), f"found {written(kind)}, {wanted}{hint}")
        return None

    def exactly_one(self, raw: Mapping[str, Any], names: tuple[str, str], path: KeyPath, model: type[Table]) -> bool:
        """Check that one of two keys is given; return whether so."""
        given = [name for name in names if name in raw]
        if len(given) == len(names):
            self.add((*path, given[1]), f"found beside {given[0]}: give only one of them", (*path, given[0]))
        elif not given and not self.misspelt(raw, names, model):
            self.add(path, f"{names[0]} is missing: give it, or {names[1]}")
        return len(given) == 1


def finite(raw: object) -> float | None:
    """Return a TOML value as a float, or None if it is not a finite number."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    try:
        value = float(raw)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
