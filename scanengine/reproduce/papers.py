"""Papers and their recipes, and what a recipe gives."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import unwrap
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from scanengine.api import Scan, load
from scanengine.errors import InputError, Interrupted, RunError, ScanengineError
from scanengine.reproduce.checks import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A table of the report: cells as text, the first column naming the rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One published result as it comes out here.

    `caption` says what the figure shows, with C.L. and degrees of freedom, `notes` what differs from the paper and why.
    """

    caption: str
    checks: Sequence[Check] = ()
    figure: Figure | None = None
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Recipe:
    """How one published result is made: `name` is unique within its paper."""

    paper: Paper
    name: str
    title: str
    make: Callable[[], Exhibit]

    @property
    def source(self) -> Path | None:
        """The file in which the function stands, within the paper's folder, None where that is somewhere else."""
        code = getattr(unwrap(self.make), "__code__", None)
        path = Path(code.co_filename) if code is not None else Path()
        return path.relative_to(self.paper.folder) if path.is_relative_to(self.paper.folder) else None

    @property
    def full_name(self) -> str:
        """The name as the command line takes it, such as "kosmas2015/fig05"."""
        return f"{self.paper.name}/{self.name}"

    def run(self) -> Exhibit:
        """Make the exhibit. Raises RunError, a sentence with the recipe, the file and the line, whatever is wrong."""
        try:
            made: object = self.make()
        except (Interrupted, MemoryError):
            raise
        except ScanengineError as error:
            raise RunError(f"{self.full_name}: {error}") from error
        except Exception as error:
            raise RunError(f"{self.full_name}: {where_and_what(error, self.paper.folder)}") from error
        if not isinstance(made, Exhibit):
            raise RunError(f"{self.full_name}: its function returned {type(made).__name__}, it must return an Exhibit")
        return made


@dataclass(eq=False)
class Paper:
    """A published paper: its folder of scan files and published tables, and its recipes in the order of the report."""

    folder: Path
    title: str
    reference: str
    recipes: list[Recipe] = field(default_factory=list)
    scans: dict[str, None] = field(default_factory=dict)
    """The scan files that were loaded since this was last emptied, in their order."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def recipe(self, name: str, title: str) -> Callable[[Callable[[], Exhibit]], Callable[[], Exhibit]]:
        """Add the decorated function to the recipes. Raises InputError if the name is taken or holds a slash."""
        if not name or "/" in name:
            raise InputError(f"{self.name} has a result {name!r}: its name must not be empty and not hold a slash")
        if any(recipe.name == name for recipe in self.recipes):
            raise InputError(f"{self.name} has two results {name!r}: names must differ, results are chosen by them")

        def add(make: Callable[[], Exhibit]) -> Callable[[], Exhibit]:
            self.recipes.append(Recipe(self, name, title, make))
            return make

        return add

    def load(self, scan: str, *overrides: str) -> Scan:
        """Load one of the paper's scan files, with KEY=VALUE overrides."""
        self.scans[f"{scan}.toml"] = None
        return load(self.folder / f"{scan}.toml", overrides)

    def cache(self, make: Callable[P, T]) -> Callable[P, T]:
        """Make a function keep its results by arguments, as `functools.cache` does, and the scan files it loads.

        A result that uses what another has made is so made from the same scan files.
        """
        kept: dict[object, tuple[T, dict[str, None]]] = {}

        @wraps(make)
        def again(*args: P.args, **kwargs: P.kwargs) -> T:
            key = (args, tuple(kwargs.items()))
            if key not in kept:
                before, self.scans = self.scans, {}
                try:
                    kept[key] = make(*args, **kwargs), self.scans
                finally:
                    self.scans = before | self.scans
            made, scans = kept[key]
            self.scans |= scans
            return made

        return again

    def published(self, table: str) -> list[dict[str, str]]:
        """Return the rows of `published/TABLE.csv`, each by column, with the numbers as they are printed."""
        with (self.folder / "published" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(line for line in file if not line.startswith("#")))


def where_and_what(error: Exception, folder: Path) -> str:
    """Return "FILE, line N: what was wrong", the line being the innermost one that stands in a paper's folder."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    place = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}{f': {error}' if str(error) else ''}"
