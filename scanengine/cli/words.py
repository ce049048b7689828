"""Numbers with their units, intervals and grids, in words."""

from __future__ import annotations

from collections.abc import Sequence
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


def pairs(planes: Sequence[tuple[str, str]]) -> str:
    """Return the names of planes as they are printed."""
    return ", ".join(" and ".join(pair) for pair in planes)


def with_unit(unit: str) -> str:
    """Return what stands behind a number with this unit."""
    return "" if unit == "1" else f" {on_one_line(unit)}"


def finite(value: float) -> Any:
    """An infinite end is null in JSON, which has no infinity."""
    return value if value < float("inf") else None
