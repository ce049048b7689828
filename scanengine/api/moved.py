"""Names of earlier versions, which work for one version more and say where they are now."""

from __future__ import annotations

import warnings
from typing import Any

_OF_SCAN = (
    "chosen_planes",
    "compiled",
    "evaluator",
    "one_pass",
    "planes_bytes",
    "rounding",
    "theta",
    "tiles",
    "visit",
    "visit_planes",
)
"""What earlier versions had in `Scan`, and `Problem` has."""


def of_problem(scan: Any, name: str) -> Any:
    """Return an attribute of a scan that is its problem's now, with a warning: the `__getattr__` of `Scan`."""
    if name not in _OF_SCAN:
        raise AttributeError(f"{type(scan).__name__!r} object has no attribute {name!r}")
    warnings.warn(f"Scan.{name} is Scan.problem.{name} now", DeprecationWarning, stacklevel=2)
    return getattr(scan.problem, name)
