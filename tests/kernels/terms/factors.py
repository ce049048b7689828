"""Kinematic factors of the terms of a cross-section as functions of both energies."""

from __future__ import annotations

from collections.abc import Callable


def factor_of(term: Callable[..., tuple[float, float, float]]) -> Callable[..., float]:
    """Return k_0 + k_1 / E + k_2 / E^2 as a function of E, and of T and what else the kernel of a term takes."""

    def factor(E: float, *given: float) -> float:
        k_0, k_1, k_2 = term(*given)
        return float(k_0 + (k_1 + k_2 / E) / E)

    return factor
