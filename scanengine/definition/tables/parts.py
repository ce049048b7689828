"""What could be read of an experiment, before all of it is known to be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.tables.counts import Bins
from scanengine.definition.tables.detector import Detector
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Efficiency, Experiment
from scanengine.inputs.electrons import Electrons, RecoilKind
from scanengine.inputs.form_factors import NuclearFormFactors
from scanengine.inputs.nuclei import Target
from scanengine.inputs.sources import Source


@dataclass(frozen=True, eq=False)
class Parts:
    """What could be read of an experiment; a part with a fault is nothing.

    `numbers` are mass, live time, distance and systematic, `window_key` is the key that gave the bin edges, or
    "response".
    """

    path: KeyPath
    name: str
    window_key: str
    target: Target | None
    numbers: tuple[float, float, float, float] | None
    efficiency: Efficiency | None
    bin_edges_keV: FloatArray | None
    form_factors: NuclearFormFactors | None
    channels: dict[str, tuple[str, ...]] | None
    source: Source | None = None
    own_source: bool = False
    detector: Detector = field(default_factory=Detector)
    recoils: tuple[RecoilKind, ...] = ("nucleus",)
    electrons: Electrons | None = None

    @property
    def bins(self) -> Bins | None:
        """What counts of the experiment are put into."""
        return self.detector.bins

    def experiment(self) -> Experiment | None:
        """Return the experiment if no part is missing."""
        if (
            self.target is None
            or self.numbers is None
            or self.efficiency is None
            or self.bin_edges_keV is None
            or self.form_factors is None
            or self.channels is None
            or (self.electrons is None and "electron" in self.recoils)
        ):
            return None
        mass_kg, live_time_s, distance_m, systematic = self.numbers
        return Experiment(
            name=self.name,
            target=self.target,
            mass_kg=mass_kg,
            live_time_s=live_time_s,
            distance_m=distance_m,
            efficiency=self.efficiency,
            bin_edges_keV=self.bin_edges_keV,
            form_factors=self.form_factors,
            channels=self.channels,
            systematic=systematic,
            source=self.source if self.own_source else None,
            data=self.detector.data,
            backgrounds=self.detector.backgrounds.counts,
            reconstruction=self.detector.reconstruction,
            timing=self.detector.timing,
            signal_template=self.detector.signal_template,
            extra=self.detector.extra,
            nonnegative=self.detector.backgrounds.nonnegative,
            recoils=self.recoils,
            electrons=self.electrons,
        )


def experiments_of(parts: Sequence[Parts]) -> dict[str, Experiment]:
    """Return the experiments of which no part is missing, by name."""
    return {part.name: experiment for part in parts if (experiment := part.experiment()) is not None}
