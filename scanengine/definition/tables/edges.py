"""Edges of bins: what two neighbours must be for counts between them to be right in double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isinf

import numpy as np

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import LARGEST, SMALLEST
from scanengine.grid.axes import FloatArray

NARROWEST = 1e-6
"""Width of a bin relative to its edges: in a narrower one their rounding would show in the ninth digit of the counts,
and at last nothing would lie between.
"""


def edge_fault(edge: float) -> str | None:
    """Return what is wrong with the size of an edge, which may be infinite, if anything is."""
    if edge == 0.0 or isinf(edge) or SMALLEST <= abs(edge) <= LARGEST:
        return None
    return f"found {written(edge)}, it must be 0 or lie between {SMALLEST:g} and {LARGEST:g}"


def width_fault(edge: float, before: float) -> str | None:
    """Return what is wrong with a bin that ends at an edge above the one before, if it is too narrow."""
    if isinf(edge) or edge - before >= NARROWEST * max(abs(edge), abs(before)):
        return None
    return (
        f"found {written(edge)} after {written(before)}, too narrow a bin for double precision: its width must be "
        f"{NARROWEST:g} of its edges or more"
    )


def build_edges(raw: object, path: KeyPath, report: Report) -> FloatArray | None:
    """Return the edges (bins + 1,) of bins, which are finite and increase, or None after a fault."""
    if not isinstance(raw, list) or len(raw) < 2:
        report.add(path, f"found {written(raw)}, it must hold two or more edges, such as [0.0, 1.0, 2.0]")
        return None

    def read(_: int, given: object) -> float | str:
        edge = finite(given)
        return "a finite number" if edge is None else edge

    return increasing(raw, path, report, read)


def increasing(
    raw: Sequence[object],
    path: KeyPath,
    report: Report,
    read: Callable[[int, object], float | str],
    backwards: str = "edges must increase",
) -> FloatArray | None:
    """Return edges (edges,) that increase, or None after a fault.

    `read` takes a position and what stands there, and returns the edge, or what it must be.
    """
    edges: list[float] = []
    for position, given in enumerate(raw):
        edge, here = read(position, given), (*path, position)
        if isinstance(edge, str):
            report.add(here, f"found {written(given)}, it must be {edge}")
            return None
        if edges and not edge > edges[-1]:
            report.add(here, f"found {written(given)} after {written(raw[position - 1])}, {backwards}")
            return None
        if fault := edge_fault(edge) or (width_fault(edge, edges[-1]) if edges else None):
            report.add(here, fault)
            return None
        edges.append(edge)
    return np.array(edges)
