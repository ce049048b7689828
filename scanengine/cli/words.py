"""Numbers with their units, intervals and grids, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from scanengine.plain import on_one_line

STATISTICS = {
    "gaussian": "Gaussian, with the covariance of the counts",
    "poisson": "of Poisson likelihoods",
    "mixed": "Gaussian for some experiments and of Poisson likelihoods for others",
}


def grid(shape: tuple[int, ...]) -> str:
    """Say how many points a grid has."""
    return f"{' x '.join(map(str, shape))} = {prod(shape):,} grid points"


def pieces(intervals: Iterable[tuple[float | None, float | None]]) -> str:
    """Return intervals as they are printed, with a dash for an end beyond the axis."""
    words = (f"[{'-' if lo is None else f'{lo:.5g}'}, {'-' if hi is None else f'{hi:.5g}'}]" for lo, hi in intervals)
    return " or ".join(words) or "nowhere"


def pairs(planes: Sequence[tuple[str, str]]) -> str:
    """Return the names of planes as they are printed."""
    return ", ".join(" and ".join(pair) for pair in planes)


def with_unit(unit: str) -> str:
    """Return what stands behind a number with this unit."""
    return "" if unit == "1" else f" {on_one_line(unit)}"


def finite(value: float) -> Any:
    """An infinite end is null in JSON, which has no infinity."""
    return value if value < float("inf") else None
