"""The folders of papers: where they are, and the recipes in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zlib import crc32

from scanengine.definition import scans_folder
from scanengine.errors import InputError, Interrupted, RunError, ScanengineError
from scanengine.reproduce.papers import Paper, Recipe, where_and_what

RECIPES = "recipes.py"


def papers() -> dict[str, Path]:
    """Return the folders of the papers that come with the package, by name."""
    folder = scans_folder()
    return {} if folder is None else {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{RECIPES}"))}


def find_recipes(names: Sequence[str]) -> list[Recipe]:
    """Return the recipes of papers and single results, such as "kosmas2015" or "kosmas2015/fig05"; by default all.

    A paper of one's own is named by the path of its folder. Raises InputError, saying what there is, if there is no
    such paper or result, or the paper has none, RunError if its recipes.py fails.
    """
    bundled = papers()
    chosen: dict[tuple[Path, str], Recipe] = {}
    for name in names or list(bundled):
        for recipe in _recipes_of(name.rstrip("/"), bundled):
            chosen[recipe.paper.folder, recipe.name] = recipe
    return list(chosen.values())


def _recipes_of(name: str, bundled: dict[str, Path]) -> list[Recipe]:
    if name in bundled:
        return _read(bundled[name]).recipes
    if (Path(name) / RECIPES).is_file():
        return _read(Path(name).resolve()).recipes
    head, _, tail = name.rpartition("/")
    if tail == RECIPES and Path(name).is_file():
        raise InputError(f"{name} is a file: name its folder, {head or '.'}, or one of its results, {head or '.'}/NAME")
    folder = bundled.get(head) or (Path(head).resolve() if head and (Path(head) / RECIPES).is_file() else None)
    if folder is None:
        would_do = f"{', '.join(bundled)}, one of their results, such as {next(iter(bundled), 'PAPER')}/fig07"
        raise InputError(f"there is no paper {name!r}: choose {would_do}, or name a folder with {RECIPES}")
    recipes = _read(folder).recipes
    found = [recipe for recipe in recipes if recipe.name == tail]
    if not found:
        raise InputError(
            f"{folder.name} has no result {tail!r}: {', '.join(recipe.name for recipe in recipes)} are there"
        )
    return found


def _read(folder: Path) -> Paper:
    """Return the paper that a folder's recipes.py defines."""
    path = folder / RECIPES
    paper = getattr(_module(folder), "paper", None)
    if not isinstance(paper, Paper):
        raise InputError(f"{path} defines no paper: it needs a line `paper = Paper(...)`")
    if not paper.recipes:
        raise InputError(f"{path} has no recipes: it needs a function under `@paper.recipe(NAME, TITLE)`")
    return paper


def _module(folder: Path) -> ModuleType:
    """Run a folder's recipes.py as a package whose other modules it may import; anew if any of its files changed."""
    name = f"scanengine_recipes_{crc32(str(folder).encode()):08x}_{_digest(folder):08x}"
    if name in sys.modules:
        return sys.modules[name]
    path = folder / RECIPES
    specification = spec_from_file_location(name, path, submodule_search_locations=[str(folder)])
    if specification is None or specification.loader is None:
        raise RunError(f"{path} cannot be run as Python")
    module = sys.modules[name] = module_from_spec(specification)
    # byte code is matched to its source by size and seconds, which a quick edit may leave as they were
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    invalidate_caches()
    try:
        specification.loader.exec_module(module)
    except BaseException as error:
        for loaded in [other for other in sys.modules if other == name or other.startswith(f"{name}.")]:
            del sys.modules[loaded]
        if isinstance(error, Interrupted | MemoryError | ScanengineError) or not isinstance(error, Exception):
            raise
        raise RunError(f"{folder.name}: {where_and_what(error, folder)}") from error
    finally:
        sys.dont_write_bytecode = writes
    return module


def _digest(folder: Path) -> int:
    """A checksum of all that a recipe may read in its folder, so that nothing edited is served as it was."""
    digest = 0
    for path in sorted(path for suffix in ("py", "toml", "csv") for path in folder.rglob(f"*.{suffix}")):
        digest = crc32(path.read_bytes(), crc32(str(path).encode(), digest))
    return digest
