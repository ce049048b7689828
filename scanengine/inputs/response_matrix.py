"""What a detector makes of a recoil as a matrix R(bin | T), as collaborations release it from their simulations."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.nuclei import Isotope

Dimensions = tuple[tuple[str, FloatArray], ...]
"""Names of quantities, and the edges (bins + 1,) of the bins in each."""


@dataclass(frozen=True, eq=False)
class ResponseMatrix:
    """The `table` (energies, bins) holds the shares of recoils of energies T_keV that are seen in each bin.

    Between these energies it is linear, beyond the first and the last nothing is seen. Bins are those in all
    quantities of `dimensions`, flattened so that the last runs fastest. Raises InputError if energies do not increase,
    a share is negative, or those at one energy add up to more than 1.
    """

    T_keV: FloatArray
    table: FloatArray
    dimensions: Dimensions

    def __post_init__(self) -> None:
        bins = prod(edges.size - 1 for _, edges in self.dimensions)
        if self.table.shape != (self.T_keV.size, bins):
            raise InputError(f"found a matrix of {' x '.join(map(str, self.table.shape))} numbers for {bins} bins")
        if self.T_keV.size < 2 or self.T_keV[0] < 0.0 or not np.all(np.diff(self.T_keV) > 0.0):
            raise InputError("a response matrix needs two or more recoil energies, which increase from 0 keV or above")
        seen = self.table.sum(axis=1)
        if np.any(self.table < 0.0) or np.any(seen > 1.0 + 1e-6):
            raise InputError(
                f"found shares from {self.table.min():.3g} on, up to {seen.max():.4g} in all bins together: those of a "
                "response matrix are not negative and add up to 1 at most"
            )

    @property
    def edges(self) -> FloatArray:
        """Numbers of the bins (bins + 1,), in place of edges in one quantity."""
        return np.arange(self.table.shape[1] + 1, dtype=np.float64)

    @property
    def units(self) -> str:
        """What bins are counted in: their number."""
        return "bin"

    def shares(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:  # noqa: ARG002  (of all isotopes the same)
        """Return the shares (bins, n) of recoils (n,) that end up in each bin."""
        upper = np.clip(np.searchsorted(self.T_keV, T_keV, side="right"), 1, self.T_keV.size - 1)
        lower = upper - 1
        part = (T_keV - self.T_keV[lower]) / (self.T_keV[upper] - self.T_keV[lower])
        inside = (T_keV >= self.T_keV[0]) & (T_keV <= self.T_keV[-1])
        found = self.table[lower].T * (1.0 - part) + self.table[upper].T * part
        return np.asarray(np.where(inside, found, 0.0))

    def cuts_keV(self, isotope: Isotope, T_max_keV: float) -> FloatArray:  # noqa: ARG002
        """Return the energies of the matrix, between which shares are linear."""
        return self.T_keV

    def highest_keV(self, isotope: Isotope, T_max_keV: float) -> float:  # noqa: ARG002
        """Return the recoil energy, at most T_max, from which on nothing is seen."""
        return min(float(self.T_keV[-1]), T_max_keV)

    def sees_any_recoil(self, isotope: Isotope) -> bool:  # noqa: ARG002
        """Whether recoils of no energy are seen."""
        return bool(self.T_keV[0] == 0.0 and np.any(self.table[0] > 0.0))
