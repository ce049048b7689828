"""Which instructions of the processor a result was computed with: with others its numbers may round otherwise.

A processor with fused multiply-adds rounds a product and a sum once, another one twice. NumPy and its linear algebra
choose their loops by the processor as well.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib import import_module

import h5py

from scanengine.store import layout, members
from scanengine.store.disk import access
from scanengine.store.disk.access import Damage
from scanengine.store.layout import READING_ERRORS

UNKNOWN = "unknown instructions"
"""Of files that were written before these were recorded."""

DIFFERENCE = "chi2 may differ by 1e-13 (1 + chi2), and exact profiles by 1e-9"

_TOLD_APART = ("FMA3", "AVX2", "AVX512F", "ASIMD", "SVE", "VSX3", "VX")
"""What decides how numbers round: fused multiply-adds, and the widths of vectors."""

_CHOSEN_BY = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DISABLE_JIT")


def instruction_set() -> str:
    """Return the architecture with the instructions that matter here, and what the environment asks Numba for."""
    try:
        numpy = import_module("numpy._core._multiarray_umath")
        features = numpy.__cpu_features__  # what NumPy itself goes by
    except (ImportError, AttributeError):
        features = {}
    words = [platform.machine() or "unknown processor"]
    words += [name for name in _TOLD_APART if features.get(name)]
    words += [f"{name}={os.environ[name]}" for name in _CHOSEN_BY if os.environ.get(name)]
    return " ".join(words)


def recorded(file: h5py.File) -> tuple[str, ...]:
    """Return the instructions that the numbers in a file were computed with so far."""
    if layout.INSTRUCTIONS not in file.attrs:
        return (UNKNOWN,)
    try:
        return access.text_list(file, layout.INSTRUCTIONS)
    except (Damage, *READING_ERRORS):
        return (UNKNOWN,)


def record(file: h5py.File, found: Iterable[str]) -> str | None:
    """Add instructions to those of a file; return a sentence if there were others."""
    before = recorded(file)
    added = [each for each in dict.fromkeys(found) if each not in before]
    if not added:
        return None
    members.set_attributes(file, {layout.INSTRUCTIONS: (*before, *added)})
    return f"computed with {' and '.join((*before, *added))}, which may round otherwise: {DIFFERENCE}"
