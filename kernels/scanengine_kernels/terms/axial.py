"""Axial interactions with the spin of a nucleus."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def axial(T: float, M: float) -> tuple[float, float, float]:
    """Return 1 - T/E + M T / (2 E^2) (Hoferichter, Menendez and Schwenk 2020)."""
    return 1.0, -T, 0.5 * M * T
