"""Threads may import kernels at once: Numba itself is imported before its parts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import scanengine_kernels

MODULES = sorted(Path(scanengine_kernels.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_package_is_imported_before_its_parts(module: Path) -> None:
    """`from numba.core import types` takes the lock of the part first, then that of the package, which a thread within
    `import numba` holds, and waits for the part: Python lets one of them see half a module.
    """
    names = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append((node.lineno, node.module))
    of_numba = [name for _, name in sorted(names) if name.split(".")[0] == "numba"]
    assert of_numba[:1] in ([], ["numba"])
