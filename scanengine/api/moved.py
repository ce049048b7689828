"""Names of earlier versions, which work for one version more and say where they are now."""

from __future__ import annotations

import warnings
from typing import Any

from scanengine.scan.grid_scan import GridScan

_OF_PROBLEM = ("compiled", "evaluator", "rounding", "theta")
"""What earlier versions had in `Scan`, and `Problem` has."""

_OF_GRID = ("chosen_planes", "one_pass", "planes_bytes", "tiles", "visit", "visit_planes")
"""The same of `GridScan`."""


def moved(scan: Any, name: str) -> Any:
    """Return an attribute of a scan that lies elsewhere now, with a warning: the `__getattr__` of `Scan`."""
    if name in _OF_PROBLEM:
        warnings.warn(f"Scan.{name} is Scan.problem.{name} now", DeprecationWarning, stacklevel=2)
        return getattr(scan.problem, name)
    if name in _OF_GRID:
        where = f"GridScan(Scan.problem).{name}, of scanengine.scan.grid_scan"
        warnings.warn(f"Scan.{name} is {where}, now", DeprecationWarning, stacklevel=2)
        return getattr(GridScan(scan.problem), name)
    raise AttributeError(f"{type(scan).__name__!r} object has no attribute {name!r}")
