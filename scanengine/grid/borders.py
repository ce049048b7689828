"""The border of a region on a plane, as it was traced."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from scanengine.grid.axes import FloatArray


@dataclass(frozen=True, eq=False)
class Border:
    """The closed border of where Delta chi2 is at most that of a confidence level, in per cent, for two parameters.

    `rings` (k, 2) are in the axes' units, with the region on their left, the first point repeated at the end; where the
    region reaches the end of an axis they run along it. Points lie within `error` of the true border, a fraction of
    each axis (of its logarithm, where it is log-spaced), as far as chi2 at the middle of each arc tells.
    """

    confidence_level: float
    rings: tuple[FloatArray, ...]
    error: float

    @property
    def is_whole(self) -> bool:
        """Whether it could be followed to its end; otherwise there are no rings, and the error is infinite."""
        return math.isfinite(self.error)

    @property
    def turned(self) -> Border:
        """The same with the axes in the other order, the region still on its left."""
        return replace(self, rings=tuple(np.ascontiguousarray(ring[::-1, ::-1]) for ring in self.rings))
