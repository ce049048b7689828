"""The axes of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One scanned parameter: strictly increasing grid values and how to name them.

    `units` is "1" for a pure number, `symbol` is mathtext without dollar signs, `long_name` plain words. `even` says
    whether only the square of the parameter enters the counts, so that there is nothing beyond zero; beyond `bounds` it
    means nothing.
    """

    name: str
    values: FloatArray
    units: str = "1"
    long_name: str = ""
    symbol: str = ""
    even: bool = False
    bounds: tuple[float, float] = (-inf, inf)

    @property
    def is_outer(self) -> bool:
        """Whether it is a number of the scan file, by its dotted key, and not a parameter."""
        return "." in self.name

    @property
    def is_log_spaced(self) -> bool:
        """Whether it has equal ratios from point to point (and not equal steps)."""
        if self.values.size < 3 or self.values[0] <= 0.0:
            return False
        steps, ratios = np.diff(self.values), np.diff(np.log(self.values))
        return bool(np.ptp(ratios) < 1e-6 * ratios[0] and np.ptp(steps) > 1e-6 * steps[0])

    def is_natural_end(self, value: float) -> bool:
        """Whether a value is a bound of the parameter, also zero where only its square enters."""
        return (self.even and value == 0.0) or value in self.bounds
