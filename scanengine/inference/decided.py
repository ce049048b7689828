"""What is proven of the cells of a profile: which lie below a confidence level, which above, and which neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import PROMISED_RELATIVE, Bounds
from scanengine.inference.levels import delta_chi2


@dataclass(frozen=True)
class Decided:
    """Of a profile over the axes `names`, how many cells are proven to lie below and above a confidence level.

    A cell is a point of the profile: nothing is said of what lies between points. `cl` is a fraction.
    """

    names: tuple[str, ...]
    cl: float
    below: int
    above: int
    undecided: int


def decide(names: tuple[str, ...], cl: float, chi2: FloatArray, lower: FloatArray, bounds: Bounds) -> Decided:
    """Decide the cells of a profile chi2 with its lower bounds, by the safe end of the lowest chi2 of all."""
    least, most = bounds.minimum
    height = delta_chi2(cl, len(names))
    # chi2 as it was found is right to its rounding
    below = chi2 + PROMISED_RELATIVE * (1.0 + np.abs(chi2)) <= least + height
    above = lower > most + height
    counts = int(np.count_nonzero(below)), int(np.count_nonzero(above))
    return Decided(names, cl, *counts, chi2.size - sum(counts))
