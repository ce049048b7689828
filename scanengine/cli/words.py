"""Numbers with their units, intervals and grids, in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

_ROUNDING = 1e-12
"""Of chi2: what the rounding of counts leaves of zero."""

STATISTICS = {
    "gaussian": "Gaussian, with the covariance of the counts",
    "poisson": "of Poisson likelihoods",
    "mixed": "Gaussian for some experiments and of Poisson likelihoods for others",
}


def grid(shape: tuple[int, ...]) -> str:
    """Say how many points a grid has."""
    written = f"{' x '.join(map(str, shape))} = " if len(shape) > 1 else ""
    return f"{written}{prod(shape):,} grid points"


def pairs(planes: Sequence[tuple[str, str]]) -> str:
    """Return the names of planes as they are printed."""
    return ", ".join(" and ".join(pair) for pair in planes)


def chi2_of(value: float) -> str:
    """Return chi2 as it is printed: zero to rounding is 0."""
    return f"{value:.6g}" if abs(value) > _ROUNDING else "0"


def finite(value: float) -> Any:
    """An infinite end is null in JSON, which has no infinity."""
    return value if value < float("inf") else None
