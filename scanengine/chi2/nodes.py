"""Where a scan is integrated directly: recoil energies, the neutrino energies that cause each, and the bins that it is
counted in, as the detector's response has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.given import OwnCrossSection
from scanengine.chi2.isotope_nodes import Part, Recoiling
from scanengine.definition import Definition
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import RecoilKind
from scanengine.inputs.flavours import FLAVOURS, coherence, ends
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.terms.interactions import Interactions
from scanengine.response.integrals import coherences, struck
from scanengine_kernels.direct import rates_of_given, rates_of_terms

_NAMES = (*FLAVOURS, *(coherence(*pair) for pair in combinations(FLAVOURS, 2)))
"""The flavours in the order of nodes, and after them their coherences."""


class _Fold(NamedTuple):
    """What some nodes count: the shares (energies, nodes) of each bin, or of ideal detectors the `bin` (nodes,) that
    each is in; and the shares (times,) of bins of time.
    """

    nodes: slice
    contribution: int
    bin: NDArray[np.int64]
    shares: FloatArray | None
    times: FloatArray

    def counts(self, rates: FloatArray, energies: int) -> FloatArray:
        """Return the counts (energies, times) of what each of all nodes counts (all nodes,)."""
        here = rates[self.nodes]
        if self.shares is None:
            shared = np.asarray(np.bincount(self.bin, here, energies), dtype=np.float64)
        else:
            shared = self.shares @ here
        return shared[:, None] * self.times


class Contribution(NamedTuple):
    """One flavour, or coherence, of one channel of an experiment by nuclei or electrons, which is counted in so many
    bins of energy and times the given `scale` (energies, extra bins, times) of a signal template.
    """

    experiment: Experiment
    channel: str
    flavour: str
    recoil: RecoilKind
    energies: int
    scale: FloatArray | None


@dataclass(frozen=True, eq=False)
class Nodes:
    """Flat quadrature nodes of all experiments, flavours, isotopes and bins, as the kernels take them.

    `nucleus` (nodes, 5) is what a given cross-section is called with; `kinematics` (nodes, structures, 3) and `shapes`,
    by structure (nodes, amplitudes), are what the interactions are made of, zero in nodes of another final state, and
    of nuclei for structures of electrons.
    """

    T_MeV: FloatArray
    T_weight: FloatArray
    nucleus: FloatArray
    flavour: NDArray[np.int64]
    E_ends: NDArray[np.int64]
    E_MeV: FloatArray
    E_weight: FloatArray
    interactions: Interactions
    kinematics: FloatArray
    shapes: tuple[FloatArray, ...]
    contributions: tuple[Contribution, ...]
    folds: tuple[_Fold, ...]

    @classmethod
    def of(
        cls,
        definition: Definition,
        subdivisions: int,
        scales: dict[str, FloatArray],
        given: OwnCrossSection | None = None,
    ) -> Nodes:
        """Lay out the nodes, each panel between kinks cut into this many equal parts.

        `scales` are those of signal templates, by experiment; of a given cross-section there is one final state.
        """
        interactions = definition.interactions
        states = dict.fromkeys((g.structure.recoil, g.structure.final_mass_MeV) for g in interactions.interfering)
        parts: list[Part] = []
        contributions: list[Contribution] = []
        folds: list[_Fold] = []
        first = 0
        for experiment, channel, recoil, name in _contributing(definition):
            source = definition.source_of(experiment)
            dilution = (source.reference_distance_m / experiment.distance_m) ** 2
            seen_as = experiment.seen_as(recoil)
            for mass in [m for kind, m in states if kind == recoil] if given is None else [0.0]:
                for isotope, atoms, electrons in struck(experiment, recoil):
                    exposure = experiment.mass_kg * atoms * experiment.live_time_s * dilution
                    spectrum = source.arriving(name)
                    laid_out = Recoiling(seen_as, isotope, electrons, spectrum, mass, interactions, given)
                    part = laid_out.part(subdivisions, exposure, _NAMES.index(name))
                    here = slice(first, first + part.T_MeV.size)
                    first = here.stop
                    parts.append(part)
                    folds.append(_fold(seen_as, isotope, name, part, here, len(contributions)))
            scale = scales.get(experiment.name) if recoil == "nucleus" else None
            contributions.append(
                Contribution(experiment, channel, name, recoil, experiment.binning.energy_edges.size - 1, scale)
            )
        E_first = np.cumsum([0, *(part.inner.E_MeV.size for part in parts)])
        return cls(
            np.concatenate([part.T_MeV for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.nucleus for part in parts]),
            np.repeat([part.flavour for part in parts], [part.T_MeV.size for part in parts]),
            np.concatenate([first + part.inner.ends for first, part in zip(E_first.tolist(), parts, strict=False)]),
            np.concatenate([part.inner.E_MeV for part in parts]),
            np.concatenate([part.inner.E_weight for part in parts]),
            interactions,
            np.concatenate([part.kinematics for part in parts]),
            tuple(np.concatenate(shapes) for shapes in zip(*(part.shapes for part in parts), strict=True)),
            tuple(contributions),
            tuple(folds),
        )

    def counts(self, theta: FloatArray) -> list[FloatArray]:
        """Return the counts (bins,) of each contribution at a parameter vector (parameters,)."""
        rates = np.empty(self.T_MeV.size)
        energies = self.E_ends, self.E_MeV, self.E_weight
        rates_of_terms(self._brackets(theta), self.kinematics, self.T_weight, *energies, rates)
        return self._folded(rates)

    def given_counts(self, given: OwnCrossSection, parameters: FloatArray) -> list[FloatArray]:
        """Return the counts (bins,) of each contribution at one point, of a given cross-section."""
        rates = np.empty(self.T_MeV.size)
        nodes = self.T_MeV, self.T_weight, self.nucleus, self.flavour, self.E_ends, self.E_MeV, self.E_weight
        rates_of_given(given.dsigma_dT, parameters, *nodes, rates)
        return self._folded(rates)

    def by_channel(self, found: Sequence[FloatArray]) -> list[FloatArray]:
        """Return the counts (bins,) of each channel, its flavours added up."""
        channels: dict[tuple[str, str], FloatArray] = {}
        for each, counts in zip(self.contributions, found, strict=True):
            key = each.experiment.name, each.channel
            channels[key] = channels[key] + counts if key in channels else counts
        return list(channels.values())

    def _folded(self, rates: FloatArray) -> list[FloatArray]:
        found: list[FloatArray | None] = [None] * len(self.contributions)
        for fold in self.folds:
            counts, before = (
                fold.counts(rates, self.contributions[fold.contribution].energies),
                found[fold.contribution],
            )
            found[fold.contribution] = counts if before is None else before + counts
        return [
            _scaled(each, counts) for each, counts in zip(self.contributions, found, strict=True) if counts is not None
        ]

    def _brackets(self, theta: FloatArray) -> FloatArray:
        """Return sum_b |sum_i c_bi f_i|^2 (nodes, structures), of a coherence the product of both flavours'."""
        one_theta = np.concatenate(([1.0], theta))
        brackets = np.empty(self.kinematics.shape[:2])
        for flavour in np.unique(self.flavour):
            here = self.flavour == flavour
            one, other = (self.interactions.forms[each] for each in ends(_NAMES[flavour]))
            for s, (c, d, shapes) in enumerate(zip(one, other, self.shapes, strict=True)):
                amplitudes = shapes[here] @ (c @ one_theta).T
                brackets[here, s] = (amplitudes * (shapes[here] @ (d @ one_theta).T)).sum(axis=1)
        return brackets


def _contributing(definition: Definition) -> Iterator[tuple[Experiment, str, RecoilKind, str]]:
    """Yield each experiment, channel, recoil and flavour or coherence, in the order of the responses."""
    for experiment in definition.experiments:
        for channel, flavours in experiment.channels.items():
            for recoil in experiment.recoils:
                for name in (*flavours, *coherences(definition, experiment, flavours)):
                    yield experiment, channel, recoil, name


def _scaled(of: Contribution, counts: FloatArray) -> FloatArray:
    """Return counts (energies, times) in the flattened bins of an experiment, scaled to its template."""
    if of.scale is None:
        return counts.ravel()
    return np.asarray(of.scale * counts.reshape(of.energies, 1, -1)).ravel()


def _fold(experiment: Experiment, isotope: Isotope, flavour: str, part: Part, nodes: slice, at: int) -> _Fold:
    reconstruction, timing = experiment.reconstruction, experiment.timing
    shares = None if reconstruction is None else reconstruction.shares(part.T_MeV * 1e3, isotope)
    times = np.ones(1) if timing is None or not timing.shares else timing.of(flavour)
    return _Fold(nodes, at, part.bins, shares, times)
