"""Names for the kernels as they are: of all together for a result, and of each with all that it calls for the cache."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_DIGITS = 16
_FROM = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+)", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import[ \t]+({_PACKAGE.name}[\w.]*)", re.MULTILINE)


@cache
def source_hash() -> str:
    """Return sixteen hexadecimal digits that change with any source file of the kernels."""
    return _hash_of(sorted(_PACKAGE.rglob("*.py")))


@cache
def hash_with_callees(source: Path) -> str:
    """Return sixteen hexadecimal digits that change with this source file and with any of the kernels that it imports,
    directly or through others.
    """
    found = {source}
    to_read = [source]
    while to_read:
        for imported in _imports(to_read.pop()):
            if imported not in found:
                found.add(imported)
                to_read.append(imported)
    ours = sorted(path for path in found if path != source)
    return _hash_of([source, *ours])


@cache
def _imports(source: Path) -> frozenset[Path]:
    """Return the files of this package that a source file imports, anywhere in it."""
    text = source.read_text(encoding="utf-8")
    return frozenset(
        path for module in _modules(text, source) if (path := _file_of(module)) is not None and path != source
    )


def _modules(text: str, source: Path) -> Iterator[Path]:
    """Yield the places, without a suffix, of what a text may import: a name can be a module or something in one."""
    for dots, module, names in _FROM.findall(text):
        if dots:
            base = source.parents[len(dots) - 1]
        elif module.split(".")[0] == _PACKAGE.name:
            base = _PACKAGE.parent
        else:
            continue
        base = base.joinpath(*module.split(".")) if module else base
        yield base
        yield from (base / name for name in re.findall(r"\w+", names))
    for module in _IMPORT.findall(text):
        yield _PACKAGE.parent.joinpath(*module.split("."))


def _file_of(module: Path) -> Path | None:
    file = module.with_suffix(".py")
    if file.is_file():
        return file
    package = module / "__init__.py"
    return package if package.is_file() else None


def _hash_of(sources: list[Path]) -> str:
    """Of names and contents; where the package lies does not matter."""
    digest = hashlib.sha256()
    for source in sources:
        name = source.relative_to(_PACKAGE).as_posix() if source.is_relative_to(_PACKAGE) else source.name
        digest.update(name.encode() + b"\0")
        digest.update(_content_hash(source))
    return digest.hexdigest()[:_DIGITS]


@cache
def _content_hash(source: Path) -> bytes:
    return hashlib.sha256(source.read_bytes()).digest()
