"""A scan file after it has been read, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanengine.definition.reading.folders import Folders
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.memory import Memory
from scanengine.definition.reading.overrides import Override


@dataclass(frozen=True, eq=False)
class Parsed:
    """The tables of a scan file, with those of the files that it includes, and how it was asked for.

    `raw` is what TOML gives, which is not to be changed, `text` the file verbatim, or with what it includes, `name` and
    `lines` say where each key stands, `files` has the tables of numbers that were read already, `memory` what was made
    of its tables. `overrides` are what was changed since; `only` what was chosen of it since, names of experiments and
    names of channels, one after the other.
    """

    name: str
    text: str
    path: Path | None
    raw: dict[str, Any]
    lines: Mapping[KeyPath, int]
    files: Folders
    require_axes: bool
    own_axes: bool
    memory: Memory = field(default_factory=Memory)
    overrides: tuple[Override, ...] = ()
    only: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
