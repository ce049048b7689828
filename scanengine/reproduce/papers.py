"""Papers and their recipes: where they are, and what a recipe gives."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from scanengine.api import Scan, load
from scanengine.definition import scans_folder
from scanengine.errors import InputError
from scanengine.reproduce.checks import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECIPES = "recipes.py"


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
    def full_name(self) -> str:
        """The name as the command line takes it, as "kosmas2015/fig05"."""
        return f"{self.paper.name}/{self.name}"


@dataclass(eq=False)
class Paper:
    """A published paper: its folder of scan files and published tables, and its recipes in the order of the report."""

    folder: Path
    title: str
    reference: str
    recipes: list[Recipe] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def recipe(self, name: str, title: str) -> Callable[[Callable[[], Exhibit]], Callable[[], Exhibit]]:
        """Add the decorated function to the recipes."""

        def add(make: Callable[[], Exhibit]) -> Callable[[], Exhibit]:
            self.recipes.append(Recipe(self, name, title, make))
            return make

        return add

    def load(self, scan: str, *overrides: str) -> Scan:
        """Load one of the paper's scan files, with KEY=VALUE overrides."""
        return load(self.folder / f"{scan}.toml", overrides)

    def published(self, table: str) -> list[dict[str, str]]:
        """Return the rows of `published/TABLE.csv`, each by column, with the numbers as they are printed."""
        with (self.folder / "published" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(line for line in file if not line.startswith("#")))


def papers() -> dict[str, Path]:
    """Return the folders of the papers that come with the package, by name."""
    folder = scans_folder()
    return {} if folder is None else {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{RECIPES}"))}


def find_recipes(names: Sequence[str]) -> list[Recipe]:
    """Return the recipes of papers and single results, as "kosmas2015" or "kosmas2015/fig05"; by default all.

    A paper of one's own is named by the path of its folder. Raises InputError, saying what there is, if there is no
    such paper or result.
    """
    bundled = papers()
    chosen: dict[str, Recipe] = {}
    for name in names or list(bundled):
        for recipe in _recipes_of(name.rstrip("/"), bundled):
            chosen[recipe.full_name] = recipe
    return list(chosen.values())


def _recipes_of(name: str, bundled: dict[str, Path]) -> list[Recipe]:
    if name in bundled:
        return _read(bundled[name]).recipes
    if (Path(name) / RECIPES).is_file():
        return _read(Path(name).resolve()).recipes
    head, _, tail = name.rpartition("/")
    folder = bundled.get(head) or (Path(head).resolve() if head and (Path(head) / RECIPES).is_file() else None)
    if folder is None:
        would_do = f"{', '.join(bundled)}, one of their results, as {next(iter(bundled), 'PAPER')}/fig07"
        raise InputError(f"there is no paper {name!r}: {would_do}, or a folder with {RECIPES} would do")
    recipes = _read(folder).recipes
    found = [recipe for recipe in recipes if recipe.name == tail]
    if not found:
        raise InputError(
            f"{folder.name} has no result {tail!r}: {', '.join(recipe.name for recipe in recipes)} are there"
        )
    return found


def _read(folder: Path) -> Paper:
    """Return the paper that a folder's recipes.py defines, run as a package whose other modules it may import."""
    path = folder / RECIPES
    name = f"scanengine_recipes_{crc32(str(folder).encode()):08x}"
    if name not in sys.modules:
        specification = spec_from_file_location(name, path, submodule_search_locations=[str(folder)])
        assert specification is not None
        assert specification.loader is not None
        module = sys.modules[name] = module_from_spec(specification)
        try:
            specification.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    paper = getattr(sys.modules[name], "paper", None)
    if not isinstance(paper, Paper):
        raise InputError(f"{path} defines no paper: it needs a line `paper = Paper(...)`")
    return paper
