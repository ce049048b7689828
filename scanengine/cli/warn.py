"""Warnings on standard error, each once for a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanengine.grid.profiles import ReducedGrid
    from scanengine.inference.contours import Region
    from scanengine.inference.intervals import Intervals

_told: set[str] = set()
"""The warnings of this command so far: a figure does not repeat those of the limits."""


def forget_warnings() -> None:
    """Begin a new command, which has told no warnings yet."""
    _told.clear()


def warn(warnings: Iterable[tuple[str, ...]]) -> None:
    """Print warnings that this command has not told yet, in one line all that name ends of axes."""
    from scanengine.inference.caveats import grouped

    for warning in grouped(warning for each in warnings for warning in each):
        if warning not in _told:
            print(f"warning: {warning}", file=sys.stderr)
            _told.add(warning)


def warn_about(grids: Iterable[ReducedGrid], levels: tuple[float, ...]) -> None:
    """Warn, once each, about regions or intervals that touch an edge or are not resolved."""
    from scanengine.inference.contours import region
    from scanengine.inference.intervals import intervals

    found: list[Region | Intervals] = [
        region(grid, level) if len(grid.axes) == 2 else intervals(grid, level) for grid in grids for level in levels
    ]
    warn(allowed.warnings for allowed in found)
