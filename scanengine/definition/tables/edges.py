"""Edges of bins: what two neighbours must be for counts between them to be right in double precision."""

from __future__ import annotations

from math import isinf

from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import LARGEST, SMALLEST

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
