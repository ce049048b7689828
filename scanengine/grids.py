"""Axes and the reduced chi2 grids over them: what the scan hands to files, regions and figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One scanned parameter: strictly increasing grid values and how to name them.

    `units` is "1" for a pure number, `symbol` is mathtext without dollar signs, `long_name` plain words.
    """

    name: str
    values: FloatArray
    units: str = "1"
    long_name: str = ""
    symbol: str = ""

    @property
    def label(self) -> str:
        """Axis label for figures: the symbol with its units, in mathtext."""
        symbol = self.symbol or rf"\mathrm{{{self.name.replace('_', chr(92) + '_')}}}"
        units = "" if self.units == "1" else f" [{UNIT_SYMBOLS.get(self.units, self.units)}]"
        return f"${symbol}${units}"


UNIT_SYMBOLS = {"1e-10 mu_B": r"$10^{-10}\,\mu_\mathrm{B}$", "1e-32 cm^2": r"$10^{-32}\,\mathrm{cm}^2$"}


@dataclass(frozen=True)
class ReducedGrid:
    """Absolute chi2 over one or two axes, the other axes minimised over or held at a value.

    `chi2` has one dimension per entry of `axes`, in their order. `minimum` is the global minimum of the whole scan,
    from which Delta chi2 is counted. `profiled` names the hidden axes that were minimised over, `fixed` those held at a
    value.
    """

    axes: tuple[Axis, ...]
    chi2: FloatArray
    minimum: float
    profiled: tuple[str, ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()

    @property
    def delta_chi2(self) -> FloatArray:
        """chi2 above the global minimum, same shape as `chi2`."""
        return self.chi2 - self.minimum


@dataclass(frozen=True)
class Profiles:
    """What is kept of every scan: the global minimum, where it lies, and chi2 minimised onto each line and plane.

    `lines[x]` has shape (n_x,) and `planes[x, y]` shape (n_x, n_y), x before y in the order of the axes; both are
    absolute chi2, minimised over all other axes.
    """

    minimum: float
    best_fit: tuple[float, ...]
    lines: dict[str, FloatArray]
    planes: dict[tuple[str, str], FloatArray]
