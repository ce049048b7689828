"""What a table [[nuisances]] may name: experiments, and their backgrounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.tables.parts import Parts


class Context(NamedTuple):
    """What one table of nuisances is read with: the experiments by name, where it stands, and whom faults are told."""

    parts: Mapping[str, Parts]
    path: KeyPath
    report: Report

    def names(self, raw: object, path: KeyPath, example: str) -> list[tuple[str, KeyPath]]:
        """Return the strings of a list that are there once, with their places."""
        if not isinstance(raw, list) or not raw:
            self.report.add(path, f"found {written(raw)}, it must be a list of names, such as {example}")
            return []
        found: list[tuple[str, KeyPath]] = []
        for position, name in enumerate(raw):
            if not isinstance(name, str):
                self.report.add((*path, position), f"found {written(name)}, it must be a name, such as {example}")
            elif name in raw[:position]:
                self.report.add((*path, position), f"found {quoted(name)} twice")
            else:
                found.append((name, (*path, position)))
        return found

    def part(self, name: object, path: KeyPath) -> Parts | None:
        """Return the experiment of a name, None after a fault at the path."""
        if isinstance(name, str) and name in self.parts:
            return self.parts[name]
        text = name if isinstance(name, str) else written(name)
        self.report.add(path, f"unknown experiment {quoted(text)}, {nearest_or_all(text, self.parts)}")
        return None

    def faulty_backgrounds(self) -> set[str]:
        """Return the backgrounds, as "experiment.name", that have faults of their own."""
        return {
            f"{part.name}.{background}"
            for part in self.parts.values()
            for background in part.detector.backgrounds.faulty
        }
