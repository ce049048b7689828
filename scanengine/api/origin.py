"""Where a result's definition and chi2 are: in memory, or in a file that is read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanengine import definition as definitions
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

if TYPE_CHECKING:
    from scanengine.store import StoredResult

Selection = tuple[int | slice, ...]
Reopen = Callable[[Path, str], Any]


@dataclass(frozen=True, eq=False)
class InMemory:
    """A scan without a file: its definition, and the grid if it was kept."""

    scanned: Definition
    grid: FloatArray | None
    own_cross_section: bool

    @property
    def has_grid(self) -> bool:
        """Whether chi2 was kept."""
        return self.grid is not None

    def definition(self) -> Definition:
        """Return what was scanned."""
        return self.scanned

    def chi2(self, selection: Selection) -> FloatArray:
        """Return a part of the grid."""
        assert self.grid is not None
        return self.grid[selection]


@dataclass(frozen=True, eq=False)
class InFile:
    """A result file that was opened, and what opens it again in another process, by its path and checksum."""

    stored: StoredResult
    reopen: Reopen

    @property
    def has_grid(self) -> bool:
        """Whether chi2 was kept."""
        return self.stored.has_grid

    @property
    def own_cross_section(self) -> bool:
        """Whether another cross-section took the place of the standard one."""
        return "cross_section" in self.stored.attributes

    def definition(self) -> Definition:
        """Return what the scan file said, read again. Raises InputError where that cannot be."""
        return stored_definition(self.stored)

    def chi2(self, selection: Selection) -> FloatArray:
        """Return a part of the grid, read from the file."""
        return self.stored.read_chi2(selection)


def stored_definition(stored: StoredResult, data: str | Path | None = None) -> Definition:
    """Return what the scan file of a result said, read again with its data files, also those of the folder `data`.

    Raises InputError where that cannot be.
    """
    if "cross_section" in stored.attributes:
        name = stored.attributes["cross_section"]
        raise InputError(
            f"{stored.path} was scanned with a user-supplied cross-section, {name}, which a file cannot contain"
        )
    return definitions.parse(stored.definition, directory=stored.path.parent, overrides=stored.overrides, data=data)
