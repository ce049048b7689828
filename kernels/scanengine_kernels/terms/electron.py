"""Scattering on electrons through gV and gA, in the two structures that the vector one of nuclei is not."""

from __future__ import annotations

from scanengine_kernels._jit import jit


@jit
def electron_axial(T: float, m: float) -> tuple[float, float, float]:
    """Return 1 + m T / (2 E^2), the factor of gA^2."""
    return 1.0, 0.0 * T, 0.5 * m * T


@jit
def electron_chiral(T: float, m: float) -> tuple[float, float, float]:  # noqa: ARG001  (m: as all have it)
    """Return -T/E + T^2 / (2 E^2), the factor of (gV - gA)^2."""
    return 0.0 * T, -T, 0.5 * T * T
