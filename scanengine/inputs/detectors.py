"""Detectors: what an experiment counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from math import inf, prod, sqrt
from typing import NamedTuple

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.electrons import Electrons, RecoilKind
from scanengine.inputs.form_factors import NuclearFormFactors
from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.nuclei import Target
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.response_matrix import Dimensions, ResponseMatrix
from scanengine.inputs.sources import Source
from scanengine.inputs.timing import Timing

DetectorResponse = Reconstruction | ResponseMatrix
"""What a detector makes of recoils: calculated step by step, or as a matrix."""


@dataclass(frozen=True, eq=False)
class Efficiency:
    """Detection efficiency in true recoil energy: points joined by straight lines, constant beyond the first and the
    last.

    Raises InputError if the points do not increase in recoil energy or leave [0, 1].
    """

    T_keV: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if self.T_keV.size == 0 or self.T_keV.size != self.values.size:
            raise InputError("an efficiency curve needs as many efficiencies as recoil energies, at least one")
        if self.T_keV[0] < 0.0 or not np.all(np.diff(self.T_keV) > 0.0):
            raise InputError("an efficiency curve's recoil energies must increase from 0 keV or above")
        if not np.all((self.values >= 0.0) & (self.values <= 1.0)):
            worst = self.values[np.argmax(np.abs(self.values - 0.5))]
            raise InputError(f"an efficiency must lie in [0, 1]: found {worst:g}")

    @classmethod
    def constant(cls, value: float) -> Efficiency:
        """Return the same efficiency at every recoil energy."""
        return cls(np.zeros(1), np.array([value]))


class Bin(NamedTuple):
    """The lower and upper end in energy, and in arrival time and in one more quantity where these are binned too."""

    energy: tuple[float, float]
    time_us: tuple[float, float] | None = None
    extra: tuple[float, float] | None = None


class Quantity(NamedTuple):
    """One more quantity that is binned, as a pulse's shape: its name and edges (bins + 1,)."""

    name: str
    edges: FloatArray


@dataclass(frozen=True, eq=False)
class Binning:
    """What an experiment's counts are binned in: energy, perhaps an extra quantity, and perhaps arrival time; flattened
    in this order, time runs fastest.

    `energy_edges` (bins + 1,) are in `units`: "keV" of true recoil energy, the last edge may then be infinite, or
    "keVee" or "PE" (photo-electrons) of the reconstructed one. Of a response matrix they are the numbers of the bins,
    "bin", in the quantities of its `dimensions`.
    """

    energy_edges: FloatArray
    units: str = "keV"
    time_edges_us: FloatArray | None = None
    extra: Quantity | None = None
    dimensions: Dimensions = ()

    @property
    def edges(self) -> Mapping[str, FloatArray]:
        """The edges by quantity, in the order of the flattened bins: "energy", the extra one, "time_us"; or those of a
        response matrix.
        """
        if self.dimensions:
            return dict(self.dimensions)
        named = {"energy": self.energy_edges}
        if self.extra is not None:
            named[self.extra.name] = self.extra.edges
        return named if self.time_edges_us is None else named | {"time_us": self.time_edges_us}

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins in each quantity."""
        return tuple(edges.size - 1 for edges in self.edges.values())

    @property
    def size(self) -> int:
        """Number of bins in all."""
        return prod(self.shape)

    def __iter__(self) -> Iterator[Bin]:
        energies = _ranges(self.energy_edges)
        extras = [None] if self.extra is None else _ranges(self.extra.edges)
        times = [None] if self.time_edges_us is None else _ranges(self.time_edges_us)
        return (Bin(energy, time, extra) for energy, extra, time in product(energies, extras, times))


def binning_of(reconstruction: DetectorResponse) -> Binning:
    """Return the bins that a detector counts in, without those in time."""
    dimensions = reconstruction.dimensions if isinstance(reconstruction, ResponseMatrix) else ()
    return Binning(reconstruction.edges, reconstruction.units, dimensions=dimensions)


def _ranges(edges: FloatArray) -> list[tuple[float, float]]:
    return list(pairwise(edges.tolist()))


@dataclass(frozen=True, eq=False)
class Experiment:
    """One detector at one place: `channels` name groups of flavours that are counted together, bin by bin.

    `bin_edges_keV` (bins + 1,) are recoil energies, the last may be infinite. `systematic` is the relative uncertainty
    of one normalisation that all channels and bins share. `source` is the experiment's own, nothing if that is the
    scan's. `data` (bins,) are the counts that were seen, flattened as described in `binning`, or None for Asimov data;
    `backgrounds` (bins,) by name are expected counts that no parameter changes. Both are of the only channel.

    With a `reconstruction` the counts are binned in what it reconstructs, and `bin_edges_keV` are the two ends of the
    recoils that it is applied to; with a `timing` they are binned in arrival time too. `signal_template` (bins,) are
    the counts that the Standard Model gives, in place of the calculated ones, which it is scaled with; an `extra`
    quantity needs one. Backgrounds named in `nonnegative` are not fitted below zero in any bin.

    `recoils` are what is counted: nuclei, electrons as `electrons` has them, or both. All else here is of nuclei; a
    signal template too, to which the calculated electrons are added.
    """

    name: str
    target: Target
    mass_kg: float
    live_time_s: float
    distance_m: float
    efficiency: Efficiency
    bin_edges_keV: FloatArray
    form_factors: NuclearFormFactors
    channels: Mapping[str, tuple[str, ...]]
    systematic: float = 0.0
    source: Source | None = None
    data: FloatArray | None = None
    backgrounds: Mapping[str, FloatArray] = field(default_factory=dict)
    reconstruction: DetectorResponse | None = None
    timing: Timing | None = None
    signal_template: FloatArray | None = None
    extra: Quantity | None = None
    nonnegative: tuple[str, ...] = ()
    recoils: tuple[RecoilKind, ...] = ("nucleus",)
    electrons: Electrons | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", FrozenMapping(self.channels))
        object.__setattr__(self, "backgrounds", FrozenMapping(self.backgrounds))

    @property
    def flavours(self) -> tuple[str, ...]:
        """The flavours that any channel counts."""
        return tuple(dict.fromkeys(flavour for flavours in self.channels.values() for flavour in flavours))

    @property
    def binning(self) -> Binning:
        """What the counts of each channel are binned in."""
        time_edges_us = None if self.timing is None else self.timing.edges_us
        if self.reconstruction is None:
            return Binning(self.bin_edges_keV, "keV", time_edges_us, self.extra)
        return replace(binning_of(self.reconstruction), time_edges_us=time_edges_us, extra=self.extra)

    def seen_as(self, recoil: RecoilKind) -> Experiment:
        """Return the experiment as it sees nuclei, or electrons: with their efficiency, response and threshold."""
        if recoil == "nucleus":
            return self
        assert self.electrons is not None  # those who count electrons say how
        changed = replace(self, efficiency=self.electrons.efficiency, signal_template=None)
        if self.reconstruction is None:
            return changed
        response = replace(self.reconstruction, **self.electrons.response)  # type: ignore[arg-type]
        edges = np.array([self.electrons.threshold_keV, inf])
        return replace(changed, reconstruction=response, bin_edges_keV=edges)

    @property
    def sees_any_recoil(self) -> bool:
        """Whether recoils are counted down to zero energy, where magnetic scattering diverges as 1/T."""
        if self.bin_edges_keV[0] > 0.0:
            return False
        if self.reconstruction is None:
            return True
        blind = self.efficiency.values[0] == 0.0 < self.efficiency.T_keV[0]
        return not blind and any(self.reconstruction.sees_any_recoil(isotope) for isotope in self.target.isotopes)


_HARDLY = 1e-8
"""Relative to the highest recoil energy: closer below it the rate is some 1e-16 of what it is elsewhere, and the
threshold's own rounding would show in its seventh digit.
"""


def highest_edge_keV(E_MeV: float, nuclear_mass_MeV: float) -> float:
    """Return the recoil energy from which on nothing is counted of neutrinos of energy E and less: almost T_max."""
    return T_max_keV(E_MeV, nuclear_mass_MeV) * (1.0 - _HARDLY)


def E_min_MeV(T_keV: float, nuclear_mass_MeV: float) -> float:
    """Return the least energy of a neutrino that gives a nucleus the recoil energy T."""
    T_MeV = T_keV * 1e-3
    return 0.5 * (T_MeV + sqrt(T_MeV * (T_MeV + 2.0 * nuclear_mass_MeV)))


def T_max_keV(E_MeV: float, nuclear_mass_MeV: float) -> float:
    """Return the highest recoil energy that a neutrino of energy E gives a nucleus, 2 E^2 / (M + 2 E)."""
    return 2.0e3 * E_MeV**2 / (nuclear_mass_MeV + 2.0 * E_MeV)
