"""Evaluating a scan directly: one double integral per grid point and count, for cross-sections that do not factorise.

Also the reference that validates the fast path: only the inputs, the nodes, the detector's response at these and the
covariance are shared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Protocol

import numpy as np

from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.chi2.given import OwnCrossSection, failures_told
from scanengine.chi2.isotope_nodes import kinematics_of
from scanengine.chi2.nodes import Contribution, Nodes
from scanengine.definition import Definition
from scanengine.errors import InputError, RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.flavours import FLAVOURS
from scanengine.inputs.parameters import FIRST_PARAMETERS
from scanengine.inputs.terms.interactions import Interactions
from scanengine.inputs.terms.term import Recoil
from scanengine.response.integrals import coherences, template_scales
from scanengine.response.panels import recoils_of_heavy_final_state_MeV
from scanengine.response.recoils import T_max, recoil_of
from scanengine_kernels.direct import CrossSection

_CONVERGED = 1e-9
_MOST_SUBDIVISIONS = 64
_NEGLIGIBLE = 1e-10
"""Of the counts of a channel: bins of a reconstructed quantity that hold less need not be integrated as well."""

_NOT_FINITE = "the cross-section gave counts that are not finite somewhere on the grid"


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
    given = None if cross_section is None else OwnCrossSection.of(cross_section)
    theta = definition.parameters.values(x)
    if given is not None:
        given.require_sound(material.isotopes[0], for_given(theta, x))
    total = np.zeros(T_MeV.size)
    for isotope, atoms_per_kg in zip(material.isotopes, material.atoms_per_kg, strict=True):
        share = atoms_per_kg / sum(material.atoms_per_kg)
        recoil = recoil_of(isotope, T_MeV, experiment.form_factors(isotope), compiled=True)
        if given is None:
            total += share * _of_interactions(definition.interactions.of("nucleus"), recoil, flavour, theta, E_MeV)
            continue
        parameters, number = for_given(theta, x), FLAVOURS.index(flavour)
        for i in np.flatnonzero(T_MeV <= given.largest_recoil_MeV(E_MeV, isotope)):
            nucleus = np.array([isotope.Z, isotope.N, isotope.mass_MeV, recoil.F_p[i], recoil.F_n[i]])
            with failures_told("cross_section"):
                total[i] += share * given.dsigma_dT(E_MeV, float(T_MeV[i]), nucleus, number, parameters)
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
        kinematics_of(interactions, M, T),
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
    stay the standard ones. What a detector makes of recoils is known at the nodes.
    Raises RunError if its counts do not settle to 1e-9 when the panels are cut finer, at the corners and the centre of
    the grid.
    """

    cost = Cost.INTEGRALS

    def __init__(
        self,
        definition: Definition,
        likelihood: OfCounts,
        cross_section: CrossSection | None = None,
    ) -> None:
        for experiment in definition.experiments:
            if experiment.timing is not None and experiment.timing.of_source:
                raise InputError(
                    f"experiments.{experiment.name}: its source has a spectrum for each time, which direct evaluation "
                    "and a cross-section of one's own leave out: leave out the bins in time"
                )
            if cross_section is not None and coherences(definition, experiment, experiment.flavours):
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
        self._given = None if cross_section is None else OwnCrossSection.of(cross_section)
        if self._given is not None:
            x = np.array([axis.values[0] for axis in definition.axes])
            isotope = definition.experiments[0].target.isotopes[0]
            self._given.require_sound(isotope, for_given(definition.parameters.values(x), x))
        scales = template_scales(definition)
        subdivisions = 1
        self._nodes = Nodes.of(definition, subdivisions, scales, self._given)
        probes = [np.array([0.5 * (axis.values[0] + axis.values[-1]) for axis in definition.axes])]
        probes += [np.array(x) for x in product(*(axis.values[[0, -1]] for axis in definition.axes))]
        coarse = self._probe(probes)
        while subdivisions <= _MOST_SUBDIVISIONS:
            kept = self._nodes
            subdivisions *= 2
            self._nodes = Nodes.of(definition, subdivisions, scales, self._given)
            fine = self._probe(probes)
            if np.all(np.abs(fine - coarse) <= _CONVERGED * self._scale(fine)):
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

    def events(self, x: FloatArray) -> list[tuple[Contribution, FloatArray]]:
        """Return the counts (bins,) of each flavour in each channel at one point (axes,)."""
        return list(zip(self._nodes.contributions, self._by_contribution(x), strict=True))

    def counts(self, points: FloatArray) -> FloatArray:
        """Return the counts (points, bins) at points (points, axes), in the order of the responses."""
        return np.array([self._counts(x) for x in points])

    def _probe(self, points: Sequence[FloatArray]) -> FloatArray:
        counts = self.counts(np.array(points))
        if not np.all(np.isfinite(counts)):
            raise RunError(_NOT_FINITE)
        return counts

    def _scale(self, counts: FloatArray) -> FloatArray:
        """Return what errors of counts (points, all bins) are measured against."""
        scale, first = np.abs(counts), 0
        for each in {(each.experiment.name, each.channel): each for each in self._nodes.contributions}.values():
            here = slice(first, first + each.experiment.binning.size)
            first = here.stop
            if each.experiment.reconstruction is not None:
                largest = scale[:, here].max(axis=1, keepdims=True)
                scale[:, here] = np.maximum(scale[:, here], _NEGLIGIBLE * largest)
        return scale

    def _by_contribution(self, x: FloatArray) -> list[FloatArray]:
        theta = self._definition.parameters.values(x)
        if self._given is None:
            return self._nodes.counts(theta)
        with failures_told("cross_section"):
            return self._nodes.given_counts(self._given, for_given(theta, x))

    def _counts(self, x: FloatArray) -> FloatArray:
        counts = np.concatenate(self._nodes.by_channel(self._by_contribution(x)))
        if self._given is not None and np.any(counts < -_CONVERGED * np.abs(counts).max()):
            raise RunError(f"the cross-section is negative: it gave {counts.min():.3g} counts in a bin")
        return counts

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        for index in np.ndindex(*chi2.shape):
            counts = self._counts(np.array([v[i] for v, i in zip(values, index, strict=True)]))
            if not np.all(np.isfinite(counts)):
                raise RunError(_NOT_FINITE)
            chi2[index] = self._likelihood.chi2_of_counts(counts)
