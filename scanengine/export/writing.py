"""Files of text that appear only when they are whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

from scanengine.errors import InputError
from scanengine.export.document import Document


def check(path: Path, suffix: str, *, overwrite: bool = False) -> None:
    """Raise InputError unless a file with this suffix can be written; nothing is created."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{path}: the name of this file ends in {suffix}; choose another with -o")
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory; choose another name with -o")
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists: pass --overwrite to replace it, or -o to write elsewhere")
        _partial(path).exists()  # raises where that name would be too long
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another name with -o") from None
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no directory {path.parent}; create it, or write elsewhere with -o")


def write_text(path: Path, text: str, suffix: str, *, overwrite: bool = False) -> Path:
    """Write a file, which appears only when it is whole. Raises InputError where that cannot be."""
    check(path, suffix, overwrite=overwrite)
    partial = _partial(path)
    try:
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another place with -o") from None
    return path


def write(document: Document, path: Path, *, overwrite: bool = False) -> Path:
    """Write a likelihood as JSON, a key on each line. Raises InputError where that cannot be."""
    keys = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items())
    return write_text(path, "{\n" + ",\n".join(keys) + "\n}\n", ".json", overwrite=overwrite)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")
