"""Evaluating a scan directly: one double integral per grid point and count, for cross-sections that do not factorise.

Also the reference that validates the fast path: only the inputs, the nodes and the covariance are shared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import Definition
from scanengine.errors import InputError, RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.flavours import FLAVOURS, coherence, ends
from scanengine.inputs.parameters import FIRST_PARAMETERS
from scanengine.inputs.sources import Spectrum
from scanengine.inputs.terms.interactions import Interactions
from scanengine.inputs.terms.term import Recoil
from scanengine.response.integrals import coherences, struck
from scanengine.response.panels import inner_grid, recoils_of_heavy_final_state_MeV
from scanengine.response.recoils import Recoils, T_max, kronrod_nodes, recoil_of
from scanengine_kernels.direct import CrossSection, sum_counts, sum_terms
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS, KRONROD_NODES

_CONVERGED = 1e-9
_MOST_SUBDIVISIONS = 64
_NAMES = (*FLAVOURS, *(coherence(*pair) for pair in combinations(FLAVOURS, 2)))
"""The flavours in the order of nodes, and after them their coherences."""
_NOT_FINITE = "the cross-section gave counts that are not finite somewhere on the grid"


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
    cell: NDArray[np.int64]
    E_first: NDArray[np.int64]
    E_MeV: FloatArray
    E_weight: FloatArray
    cells: int
    interactions: Interactions
    kinematics: FloatArray
    shapes: tuple[FloatArray, ...]

    @classmethod
    def of(cls, definition: Definition, subdivisions: int) -> Nodes:
        """Lay out the nodes, each panel between kinks cut into this many equal parts."""
        interactions = definition.interactions
        states = dict.fromkeys((g.structure.recoil, g.structure.final_mass_MeV) for g in interactions.interfering)
        parts: list[_Part] = []
        first_cell = 0
        for experiment in definition.experiments:
            source = definition.source_of(experiment)
            dilution = (source.reference_distance_m / experiment.distance_m) ** 2
            for flavours in experiment.channels.values():
                for name in (*flavours, *coherences(definition, experiment, flavours)):
                    spectrum = source.arriving(name)
                    for recoil, mass in states:
                        if recoil not in experiment.recoils:
                            continue
                        seen = experiment.seen_as(recoil)
                        for isotope, atoms, electrons in struck(experiment, recoil):
                            laid_out = Recoils.of(seen, isotope, [spectrum], [inner_grid(spectrum)], mass, electrons)
                            exposure = experiment.mass_kg * atoms * experiment.live_time_s * dilution
                            part = _part(laid_out, spectrum, subdivisions, exposure, interactions)
                            parts.append(part._replace(flavour=_NAMES.index(name), first_cell=first_cell))
                first_cell += experiment.bin_edges_keV.size - 1
        E_counts = [size for part in parts for size in part.E_sizes]
        return cls(
            np.concatenate([part.T_MeV for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.nucleus for part in parts]),
            np.repeat([part.flavour for part in parts], [part.T_MeV.size for part in parts]),
            np.concatenate([part.first_cell + part.bins for part in parts]),
            np.concatenate(([0], np.cumsum(E_counts, dtype=np.int64))),
            np.concatenate([part.E_MeV for part in parts]),
            np.concatenate([part.E_weight for part in parts]),
            first_cell,
            interactions,
            np.concatenate([part.kinematics for part in parts]),
            tuple(np.concatenate(shapes) for shapes in zip(*(part.shapes for part in parts), strict=True)),
        )

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (cells,) of every bin of every channel at a parameter vector (parameters,)."""
        counts = np.zeros(self.cells)
        nodes = self.T_weight, self.cell, self.E_first, self.E_MeV, self.E_weight
        sum_terms(self._brackets(theta), self.kinematics, *nodes, counts)
        return counts

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

    def given_counts(self, cross_section: CrossSection, parameters: FloatArray) -> FloatArray:
        """Return the counts (cells,) of every bin of every channel at one point, of a given cross-section."""
        counts = np.empty(self.cells)
        sum_counts(
            cross_section,
            parameters,
            self.T_MeV,
            self.T_weight,
            self.nucleus,
            self.flavour,
            self.cell,
            self.E_first,
            self.E_MeV,
            self.E_weight,
            counts,
        )
        return counts


class _Part(NamedTuple):
    """The nodes of one isotope, or the electrons of its atoms, for one flavour in one experiment."""

    T_MeV: FloatArray
    weight: FloatArray
    nucleus: FloatArray
    bins: NDArray[np.int64]
    E_sizes: list[int]
    E_MeV: FloatArray
    E_weight: FloatArray
    kinematics: FloatArray
    shapes: tuple[FloatArray, ...]
    flavour: int = 0
    first_cell: int = 0


def _part(
    recoils: Recoils, spectrum: Spectrum, subdivisions: int, exposure: float, interactions: Interactions
) -> _Part:
    """Return the nodes between all kinks, weighted with exposure, efficiency and the number of electrons."""
    experiment, isotope, electrons = recoils.experiment, recoils.isotope, recoils.electrons
    panels, bins = recoils.panels
    edges = np.linspace(panels[:, 0], panels[:, 1], subdivisions + 1, axis=1)
    cut = np.stack((edges[:, :-1].ravel(), edges[:, 1:].ravel()), axis=1)
    u, weight = kronrod_nodes(cut)
    T, e, per_u = recoils.variables(u)
    T_keV = T * 1e3
    seen = np.interp(T_keV, experiment.efficiency.T_keV, experiment.efficiency.values)
    seen = seen if electrons is None else seen * electrons.number(T_keV)
    recoil = recoils.recoil_at(T, experiment.form_factors(isotope), compiled=True)
    knots, coefficients, *_ = inner_grid(spectrum)
    inner = [_inner_nodes(float(each), spectrum, knots, coefficients) for each in e]
    form_factors = (recoil.F_p, recoil.F_n) if isinstance(recoil, Recoil) else (0.0 * T, 0.0 * T)
    nucleus = np.column_stack(np.broadcast_arrays(isotope.Z, isotope.N, isotope.mass_MeV, *form_factors))
    of, groups = "nucleus" if electrons is None else "electron", interactions.interfering
    here = [(g.structure.recoil, g.structure.final_mass_MeV) == (of, recoils.final_mass_MeV) for g in groups]
    return _Part(
        T,
        weight * per_u * seen * exposure,
        nucleus.astype(np.float64),
        np.repeat(bins, subdivisions * KRONROD_NODES.size),
        [energies.size for energies, _ in inner],
        np.concatenate([energies for energies, _ in inner]) if inner else np.empty(0),
        np.concatenate([weights for _, weights in inner]) if inner else np.empty(0),
        np.stack([k * h for k, h in zip(_kinematics(interactions, recoils.mass_MeV, T), here, strict=True)], axis=1),
        tuple(
            np.stack([a.shape(recoil) if there else 0.0 * T for a in group.amplitudes], axis=1)
            for group, there in zip(groups, here, strict=True)
        ),
    )


def _kinematics(interactions: Interactions, M: float, T_MeV: FloatArray) -> list[FloatArray]:
    """Return the coefficients (n, 3) of each structure, with its constant, of what recoils with mass M in MeV."""
    return [
        group.structure.constant_cm2(M)
        * np.stack(np.broadcast_arrays(T_MeV, *group.structure.kinematics(T_MeV, M))[1:], axis=1)
        for group in interactions.interfering
    ]


def _inner_nodes(
    e: float, spectrum: Spectrum, knots: FloatArray, coefficients: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return neutrino energies above e and their weights with the flux: the spectrum's lines, and nodes on its
    segments.
    """
    above = spectrum.line_energies_MeV > e
    energies = [spectrum.line_energies_MeV[above]]
    weights = [spectrum.lines[above, 1]]
    for lo, hi, cubic in zip(knots[:-1], knots[1:], coefficients, strict=True):
        if hi > e:
            half, middle = 0.5 * (hi - max(lo, e)), 0.5 * (hi + max(lo, e))
            E = middle + half * GAUSS_NODES
            energies.append(E)
            flux = np.polynomial.polynomial.polyval(E, cubic) * spectrum.survival(E)
            weights.append(half * GAUSS_WEIGHTS * flux)
    return np.concatenate(energies), np.concatenate(weights)


def differential_cross_section(
    definition: Definition,
    experiment: Experiment,
    flavour: str,
    x: FloatArray,
    E_MeV: float,
    T_MeV: FloatArray,
    cross_section: CrossSection | None = None,
) -> FloatArray:
    """Return dsigma/dT in cm^2/MeV at recoil energies (n,) above zero, at a point of the grid (axes,).

    Of its nuclei, per atom of the experiment's target, averaged over its isotopes; zero for recoils that this neutrino
    cannot cause. Of the interactions of the definition or of a given cross-section, as for `DirectEvaluator`.
    """
    material = experiment.target
    theta = definition.parameters.values(x)
    total = np.zeros(T_MeV.size)
    for isotope, atoms_per_kg in zip(material.isotopes, material.atoms_per_kg, strict=True):
        share = atoms_per_kg / sum(material.atoms_per_kg)
        recoil = recoil_of(isotope, T_MeV, experiment.form_factors(isotope), compiled=True)
        if cross_section is None:
            total += share * _of_interactions(definition.interactions.of("nucleus"), recoil, flavour, theta, E_MeV)
            continue
        parameters, number = for_given(theta, x), FLAVOURS.index(flavour)
        for i in np.flatnonzero(T_MeV <= T_max(E_MeV, isotope.mass_MeV)):
            nucleus = np.array([isotope.Z, isotope.N, isotope.mass_MeV, recoil.F_p[i], recoil.F_n[i]])
            total[i] += share * cross_section(E_MeV, float(T_MeV[i]), nucleus, number, parameters)
    return total


def for_given(theta: FloatArray, x: FloatArray) -> FloatArray:
    """Return what a given cross-section is called with at a point x (axes,), with theta for physical parameters."""
    return np.concatenate((theta[:FIRST_PARAMETERS], x))


def _of_interactions(
    interactions: Interactions, recoil: Recoil, flavour: str, theta: FloatArray, E_MeV: float
) -> FloatArray:
    """Return dsigma/dT (n,) in cm^2/MeV of one isotope."""
    M, T = recoil.isotope.mass_MeV, recoil.T_MeV
    one_theta = np.concatenate(([1.0], theta))
    total = np.zeros(T.size)
    for group, forms, k in zip(
        interactions.interfering,
        interactions.forms[flavour],
        _kinematics(interactions, M, T),
        strict=True,
    ):
        shapes = np.stack([amplitude.shape(recoil) for amplitude in group.amplitudes], axis=1)
        bracket = ((shapes @ (forms @ one_theta).T) ** 2).sum(axis=1)
        m = group.structure.final_mass_MeV
        lowest, highest = (
            (0.0, T_max(E_MeV, M)) if m == 0.0 else recoils_of_heavy_final_state_MeV(E_MeV, M, m) or (1.0, 0.0)
        )
        reached = (lowest <= T) & (highest >= T)
        total += np.where(reached, bracket * (k[:, 0] + (k[:, 1] + k[:, 2] / E_MeV) / E_MeV), 0.0)
    return total


class OfCounts(Protocol):
    """What is needed of a likelihood: chi2 of counts."""

    def chi2_of_counts(self, counts: FloatArray) -> FloatArray:
        """Return chi2 (...) of counts (..., bins), in the order of the responses."""


class DirectEvaluator(ScanEvaluator):
    """chi2 of a scan from double integrals at every grid point, of the standard or of a given cross-section.

    A given cross-section is called with parameters = the first `inputs.parameters.FIRST_PARAMETERS` physical ones in
    the order of `inputs.parameters.PHYSICAL_PARAMETERS`, then the values of all axes; data and covariance
    stay the standard ones.
    Raises RunError if its counts do not settle to 1e-9 when the panels are cut finer, at the corners and the centre of
    the grid.
    """

    cost = Cost.INTEGRALS

    def __init__(self, definition: Definition, likelihood: OfCounts, cross_section: CrossSection | None = None) -> None:
        for experiment in definition.experiments:
            if not experiment.is_ideal:
                raise InputError(
                    f"experiments.{experiment.name}: a detector with a response needs the polynomial: a cross-section "
                    "of one's own counts true recoil energies"
                )
            if cross_section and coherences(definition, experiment, experiment.flavours):
                raise InputError(
                    f"experiments.{experiment.name}: its neutrinos arrive as mixtures of flavours that interfere, of "
                    "which a cross-section of one's own knows nothing: leave out the couplings that change flavours"
                )
            if cross_section is not None and "electron" in experiment.recoils:
                raise InputError(
                    f"experiments.{experiment.name}: a cross-section of one's own is one of nuclei, but electrons are "
                    'counted: use recoils = ["nucleus"]'
                )
        self._definition = definition
        self._likelihood = likelihood
        self._cross_section = cross_section
        self._subdivisions = 1
        self._nodes = Nodes.of(definition, 1)
        probes = [np.array([0.5 * (axis.values[0] + axis.values[-1]) for axis in definition.axes])]
        probes += [np.array(x) for x in product(*(axis.values[[0, -1]] for axis in definition.axes))]
        coarse = self._probe(probes)
        while self._subdivisions <= _MOST_SUBDIVISIONS:
            kept = self._nodes
            self._subdivisions *= 2
            self._nodes = Nodes.of(definition, self._subdivisions)
            fine = self._probe(probes)
            if np.all(np.abs(fine - coarse) <= _CONVERGED * np.abs(fine)):
                self._nodes = kept
                return
            coarse = fine
        raise RunError(
            f"the cross-section's double integrals do not converge to {_CONVERGED:g} with {_MOST_SUBDIVISIONS} parts "
            "of each panel: it must be a smooth function of E and T, finite over the whole recoil window"
        )

    def chi2(self, x: FloatArray) -> float:
        """Return chi2 at one point (axes,)."""
        return float(self._likelihood.chi2_of_counts(self._counts(x)))

    def _probe(self, points: Sequence[FloatArray]) -> FloatArray:
        counts = np.array([self._counts(x) for x in points])
        if not np.all(np.isfinite(counts)):
            raise RunError(_NOT_FINITE)
        return counts

    def _counts(self, x: FloatArray) -> FloatArray:
        theta = self._definition.parameters.values(x)
        if self._cross_section is None:
            return self._nodes.counts(theta)
        return self._nodes.given_counts(self._cross_section, for_given(theta, x))

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        for index in np.ndindex(*chi2.shape):
            counts = self._counts(np.array([v[i] for v, i in zip(values, index, strict=True)]))
            if not np.all(np.isfinite(counts)):
                raise RunError(_NOT_FINITE)
            chi2[index] = self._likelihood.chi2_of_counts(counts)
