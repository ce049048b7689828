"""Values between the points of an axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanengine.grid.axes import FloatArray


@dataclass(frozen=True, eq=False)
class MonotoneCubic:
    """Values (n,) at increasing places (n,), n >= 2, joined by cubics that rise and fall only where the values do.

    F. N. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984). (SciPy's PCHIP; it takes longer to import
    than a scan to run.)
    """

    places: FloatArray
    values: FloatArray

    def __call__(self, x: float | FloatArray) -> FloatArray:
        """Return the value at x, with the first and the last cubic continued beyond the ends."""
        j = np.clip(np.searchsorted(self.places, x, side="right") - 1, 0, self.places.size - 2)
        h, d = (self.places[1:] - self.places[:-1])[j], self._slopes
        t = (x - self.places[j]) / h
        rise = self.values[j + 1] - self.values[j]
        bend = d[j] * h * (1.0 - t) - d[j + 1] * h * t
        return np.asarray(self.values[j] + rise * t * t * (3.0 - 2.0 * t) + t * (1.0 - t) * bend)

    @cached_property
    def _slopes(self) -> FloatArray:
        h = np.diff(self.places)
        m = np.diff(self.values) / h
        if h.size == 1:
            return np.repeat(m, 2)
        slopes = np.zeros(self.places.size)
        turns = m[:-1] * m[1:] <= 0.0
        before, after = h[1:] + 2.0 * h[:-1], 2.0 * h[1:] + h[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes[1:-1] = np.where(turns, 0.0, (before + after) / (after / m[:-1] + before / m[1:]))
        for end, (h0, h1), (m0, m1) in ((0, h[:2], m[:2]), (-1, h[:-3:-1], m[:-3:-1])):
            slope = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
            if slope * m0 <= 0.0:
                slope = 0.0
            elif m0 * m1 <= 0.0 and abs(slope) > 3.0 * abs(m0):
                slope = 3.0 * m0
            slopes[end] = slope
        return slopes
