"""Scans of the size that the figures are quoted for."""

from __future__ import annotations

from functools import cache

import numpy as np

import scanengine
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import Axis, FloatArray

NAMES = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")


@cache
def polynomial(bins: int, shape: tuple[int, ...]) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...]]:
    """The main job's chi2 on a grid of this shape, each target's recoil window in a number of bins."""
    edges = [*(10.0 + 40.0 * i / bins for i in range(bins)), 400.0]
    overrides = [f"experiments.{name}.recoil_bins_keV={edges}" for name in ("Ne", "Ar", "Ge", "Xe")] if bins > 1 else []
    overrides += [f"axes.{name}.points={points}" for name, points in zip(NAMES, shape, strict=True)]
    scan = scanengine.load("large/nsi-5d", overrides)
    compiled = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    assert isinstance(compiled, ChiSquaredPolynomial)
    return compiled, scan.definition.axes


def aligned(shape: tuple[int, ...], dtype: str, offset: int = 0) -> FloatArray:
    """A reused array that begins so many elements after a cache line."""
    itemsize = np.dtype(dtype).itemsize
    size = int(np.prod(shape))
    memory = np.zeros(size + 64 // itemsize + offset, dtype=dtype)
    first = -memory.ctypes.data % 64 // itemsize + offset
    return memory[first : first + size].reshape(shape)
