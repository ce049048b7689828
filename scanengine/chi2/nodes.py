"""Where a scan is integrated directly: recoil energies, the neutrino energies that cause each, and the bins that it is
counted in, as the detector's response has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.given import OwnCrossSection
from scanengine.definition import Definition
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import Binding, RecoilKind
from scanengine.inputs.flavours import FLAVOURS, coherence, ends
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine.inputs.terms.interactions import Interactions, Interfering
from scanengine.inputs.terms.term import Recoil
from scanengine.response.integrals import coherences, struck
from scanengine.response.nodes import kronrod_nodes
from scanengine.response.panels import Panels, inner_grid, outer_panels_up_to
from scanengine.response.recoils import Recoils
from scanengine_kernels.direct import LargestRecoil, least_energies, rates_of_given, rates_of_terms
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS, KRONROD_NODES

_NAMES = (*FLAVOURS, *(coherence(*pair) for pair in combinations(FLAVOURS, 2)))
"""The flavours in the order of nodes, and after them their coherences."""


class _Fold(NamedTuple):
    """What some nodes count: the shares (energies, nodes) of each bin, or of ideal detectors the `bin` (nodes,) that
    each is in; and the shares (times,) of bins of time.
    """

    nodes: slice
    row: int
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


class Row(NamedTuple):
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
    rows: tuple[Row, ...]
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
        parts: list[_Part] = []
        rows: list[Row] = []
        folds: list[_Fold] = []
        first = 0
        for experiment, channel, recoil, name in _rows(definition):
            source = definition.source_of(experiment)
            dilution = (source.reference_distance_m / experiment.distance_m) ** 2
            seen_as = experiment.seen_as(recoil)
            for mass in [m for kind, m in states if kind == recoil] if given is None else [0.0]:
                for isotope, atoms, electrons in struck(experiment, recoil):
                    exposure = experiment.mass_kg * atoms * experiment.live_time_s * dilution
                    spectrum = source.arriving(name)
                    laid_out = _Recoiling(seen_as, isotope, electrons, spectrum, mass, interactions, given)
                    part = laid_out.part(subdivisions, exposure, _NAMES.index(name))
                    here = slice(first, first + part.T_MeV.size)
                    first = here.stop
                    parts.append(part)
                    folds.append(_fold(seen_as, isotope, name, part, here, len(rows)))
            scale = scales.get(experiment.name) if recoil == "nucleus" else None
            rows.append(Row(experiment, channel, name, recoil, experiment.binning.energy_edges.size - 1, scale))
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
            tuple(rows),
            tuple(folds),
        )

    def counts(self, theta: FloatArray) -> list[FloatArray]:
        """Return the counts (bins,) of each row at a parameter vector (parameters,)."""
        rates = np.empty(self.T_MeV.size)
        energies = self.E_ends, self.E_MeV, self.E_weight
        rates_of_terms(self._brackets(theta), self.kinematics, self.T_weight, *energies, rates)
        return self._folded(rates)

    def given_counts(self, given: OwnCrossSection, parameters: FloatArray) -> list[FloatArray]:
        """Return the counts (bins,) of each row at one point, of a given cross-section."""
        rates = np.empty(self.T_MeV.size)
        nodes = self.T_MeV, self.T_weight, self.nucleus, self.flavour, self.E_ends, self.E_MeV, self.E_weight
        rates_of_given(given.dsigma_dT, parameters, *nodes, rates)
        return self._folded(rates)

    def by_channel(self, rows: Sequence[FloatArray]) -> list[FloatArray]:
        """Return the counts (bins,) of each channel, its flavours added up."""
        channels: dict[tuple[str, str], FloatArray] = {}
        for row, counts in zip(self.rows, rows, strict=True):
            key = row.experiment.name, row.channel
            channels[key] = channels[key] + counts if key in channels else counts
        return list(channels.values())

    def _folded(self, rates: FloatArray) -> list[FloatArray]:
        found: list[FloatArray | None] = [None] * len(self.rows)
        for fold in self.folds:
            counts, before = fold.counts(rates, self.rows[fold.row].energies), found[fold.row]
            found[fold.row] = counts if before is None else before + counts
        return [_scaled(row, counts) for row, counts in zip(self.rows, found, strict=True) if counts is not None]

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


def _rows(definition: Definition) -> Iterator[tuple[Experiment, str, RecoilKind, str]]:
    """Yield each experiment, channel, recoil and flavour or coherence, in the order of the responses."""
    for experiment in definition.experiments:
        for channel, flavours in experiment.channels.items():
            for recoil in experiment.recoils:
                for name in (*flavours, *coherences(definition, experiment, flavours)):
                    yield experiment, channel, recoil, name


def _scaled(row: Row, counts: FloatArray) -> FloatArray:
    """Return counts (energies, times) in the flattened bins of an experiment, scaled to its template."""
    if row.scale is None:
        return counts.ravel()
    return np.asarray(row.scale * counts.reshape(row.energies, 1, -1)).ravel()


def _fold(experiment: Experiment, isotope: Isotope, flavour: str, part: _Part, nodes: slice, row: int) -> _Fold:
    reconstruction, timing = experiment.reconstruction, experiment.timing
    shares = None if reconstruction is None else reconstruction.shares(part.T_MeV * 1e3, isotope)
    times = np.ones(1) if timing is None or not timing.shares else timing.of(flavour)
    return _Fold(nodes, row, part.bins, shares, times)


class _InnerNodes(NamedTuple):
    """Neutrino energies and their weights with the flux, and of each recoil energy which are its own and which it has
    in common with others: their `ends` (n, 4), as the kernels take them.
    """

    E_MeV: FloatArray
    E_weight: FloatArray
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, e: FloatArray, spectrum: Spectrum, knots: FloatArray, coefficients: FloatArray) -> _InnerNodes:
        """Return the neutrino energies above each of e (n,): the spectrum's lines, and nodes on its segments.

        What lies above the segment that e is in is the same for many: only the rest of that segment is a node's own.
        """
        falling = np.argsort(-spectrum.line_energies_MeV)
        lines = spectrum.line_energies_MeV[falling]
        segments, nodes = len(coefficients), GAUSS_NODES.size
        above = np.searchsorted(knots, e, side="right")  # the first segment that is all above e
        cut = np.flatnonzero((above > 0) & (above <= segments))
        own = _on_segments(spectrum, coefficients[above[cut] - 1], e[cut], knots[above[cut]])
        common = _on_segments(spectrum, coefficients, knots[:-1], knots[1:])
        ends = np.zeros((e.size, 4), dtype=np.int64)
        first_own = segments * nodes + lines.size
        ends[cut, 0] = first_own + nodes * np.arange(cut.size)
        ends[cut, 1] = ends[cut, 0] + nodes
        # segments that rise, and then lines that fall: those above e are next to each other
        ends[:, 2] = nodes * above.clip(max=segments)
        ends[:, 3] = segments * nodes + np.searchsorted(-lines, -e, side="left")
        weights = common[1], spectrum.lines[falling, 1], own[1]
        return cls(np.concatenate((common[0], lines, own[0])), np.concatenate(weights), ends)


def _on_segments(
    spectrum: Spectrum, coefficients: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the energies and weights (10 n,) of Gauss' rule from low to high (n,), with the flux of cubics (n, 4)."""
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    E = middle[:, None] + half[:, None] * GAUSS_NODES
    flux = np.zeros_like(E)
    for c in coefficients.T[::-1]:
        flux = c[:, None] + flux * E
    survival = np.asarray(spectrum.survival(E.ravel())).reshape(-1)
    return E.ravel(), (half[:, None] * GAUSS_WEIGHTS * flux).ravel() * survival


class _Part(NamedTuple):
    """The nodes of one isotope, or the electrons of its atoms, for one flavour in one experiment."""

    T_MeV: FloatArray
    weight: FloatArray
    nucleus: FloatArray
    bins: NDArray[np.int64]
    inner: _InnerNodes
    kinematics: FloatArray
    shapes: tuple[FloatArray, ...]
    flavour: int


class _Recoiling(NamedTuple):
    """The recoils of one isotope, or of the electrons of its atoms, that neutrinos of one spectrum cause, which are to
    be laid out.
    """

    experiment: Experiment
    isotope: Isotope
    electrons: Binding | None
    spectrum: Spectrum
    final_mass_MeV: float
    interactions: Interactions
    given: OwnCrossSection | None

    def part(self, subdivisions: int, exposure: float, flavour: int) -> _Part:
        """Return the nodes between all kinks, weighted with exposure, efficiency and the number of electrons."""
        experiment, isotope = self.experiment, self.isotope
        recoils = Recoils.of(
            experiment, isotope, [self.spectrum], [inner_grid(self.spectrum)], self.final_mass_MeV, self.electrons
        )
        panels, bins = self._panels(recoils)
        edges = np.linspace(panels[:, 0], panels[:, 1], subdivisions + 1, axis=1)
        cut = np.stack((edges[:, :-1].ravel(), edges[:, 1:].ravel()), axis=1)
        u, weight = kronrod_nodes(cut)
        T, e, per_u = recoils.variables(u) if self._largest is None else self._own_variables(u)
        T_keV = T * 1e3
        seen = np.interp(T_keV, experiment.efficiency.T_keV, experiment.efficiency.values)
        seen = seen if self.electrons is None else seen * self.electrons.number(T_keV)
        recoil = recoils.recoil_at(T, experiment.form_factors(isotope), compiled=True)
        knots, coefficients, *_ = inner_grid(self.spectrum)
        form_factors = (recoil.F_p, recoil.F_n) if isinstance(recoil, Recoil) else (0.0 * T, 0.0 * T)
        nucleus = np.column_stack(np.broadcast_arrays(isotope.Z, isotope.N, isotope.mass_MeV, *form_factors))
        kinematics = kinematics_of(self.interactions, recoils.mass_MeV, T)
        groups, here = self.interactions.interfering, [self._is_of(g) for g in self.interactions.interfering]
        return _Part(
            T,
            weight * per_u * seen * exposure,
            nucleus.astype(np.float64),
            np.repeat(bins, subdivisions * KRONROD_NODES.size),
            _InnerNodes.of(e, self.spectrum, knots, coefficients),
            np.stack([k * there for k, there in zip(kinematics, here, strict=True)], axis=1),
            tuple(
                np.stack([a.shape(recoil) if there else 0.0 * T for a in group.amplitudes], axis=1)
                for group, there in zip(groups, here, strict=True)
            ),
            flavour,
        )

    @property
    def _largest(self) -> LargestRecoil | None:
        return None if self.given is None else self.given.T_max

    def _is_of(self, group: Interfering) -> bool:
        """Whether the recoils are those of a structure."""
        recoil = "nucleus" if self.electrons is None else "electron"
        return (group.structure.recoil, group.structure.final_mass_MeV) == (recoil, self.final_mass_MeV)

    def _panels(self, recoils: Recoils) -> Panels:
        """Return the panels: in the variable of elastic recoils, or in the root of T of those given otherwise."""
        experiment, isotope, spectrum = self.experiment, self.isotope, self.spectrum
        pair = experiment.form_factors(isotope)
        if self.given is not None and self._largest is not None:
            self.given.check(spectrum.E_max_MeV, isotope)
            largest = partial(self.given.largest_recoil_MeV, isotope=isotope)
            return outer_panels_up_to(experiment, isotope, spectrum, pair, largest)
        if experiment.reconstruction is not None and recoils.size:
            groups = [group for group in self.interactions.interfering if self._is_of(group)]
            recoils.integrals(groups, pair, compiled=True)
        return recoils.refined

    def _own_variables(self, root_T: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return recoil energies T, the least neutrino energies, and dT/du, where u is the root of T."""
        assert self._largest is not None
        T, e = root_T**2, np.empty(root_T.size)
        least_energies(self._largest, self.isotope.mass_MeV, self.spectrum.E_max_MeV, T, e)
        return T, e, 2.0 * root_T


def kinematics_of(interactions: Interactions, M: float, T_MeV: FloatArray) -> list[FloatArray]:
    """Return the coefficients (n, 3) of each structure, with its constant, of what recoils with mass M in MeV."""
    return [
        group.structure.constant_cm2(M)
        * np.stack(np.broadcast_arrays(T_MeV, *group.structure.kinematics(T_MeV, M))[1:], axis=1)
        for group in interactions.interfering
    ]
