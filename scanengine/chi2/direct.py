"""Evaluating a scan directly: one double integral per grid point and count, for cross-sections that do not factorise.

Also the reference that validates the fast path: only the inputs, the nodes and the covariance are shared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import pi
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import Definition, Physics
from scanengine.errors import InputError, RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.couplings import WEAK_COUPLINGS, magnetic_coupling, nucleon_couplings
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.form_factors import FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.sources import Spectrum
from scanengine.response.integrals import inner_grid, outer_panels
from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.direct import CrossSection, cevns, sum_counts
from scanengine_kernels.form_factors import form_factor
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS, KRONROD_NODES, KRONROD_WEIGHTS

_CONVERGED = 1e-9
_MOST_SUBDIVISIONS = 64
_NOT_FINITE = "the cross-section gave counts that are not finite somewhere on the grid"


@dataclass(frozen=True, eq=False)
class Nodes:
    """Flat quadrature nodes of all experiments, flavours, isotopes and bins, as `sum_counts` takes them."""

    T_MeV: FloatArray
    T_weight: FloatArray
    nucleus: FloatArray
    flavour: NDArray[np.int64]
    cell: NDArray[np.int64]
    E_first: NDArray[np.int64]
    E_MeV: FloatArray
    E_weight: FloatArray
    cells: int

    @classmethod
    def of(cls, definition: Definition, subdivisions: int) -> Nodes:
        """Lay out the nodes, each panel between kinks cut into this many equal parts."""
        source = definition.source
        T, T_weight, nuclei, flavours, cells = [], [], [], [], []
        E_counts, E, E_weight = [], [], []
        first_cell = 0
        for experiment in definition.experiments:
            dilution = (source.reference_distance_m / experiment.distance_m) ** 2
            for channel_flavours in experiment.channels.values():
                for flavour in channel_flavours:
                    spectrum = source.spectra[flavour]
                    knots, coefficients, _ = inner_grid(spectrum)
                    for e, weight, bin_index, nucleus in _outer_nodes(experiment, spectrum, subdivisions):
                        E_here, E_weight_here = _inner_nodes(e, spectrum, knots, coefficients)
                        T.append(float(T_max(e, nucleus[2])))
                        T_weight.append(weight * dilution)
                        nuclei.append(nucleus)
                        flavours.append(FLAVOURS.index(flavour))
                        cells.append(first_cell + bin_index)
                        E_counts.append(E_here.size)
                        E.append(E_here)
                        E_weight.append(E_weight_here)
                first_cell += experiment.bin_edges_keV.size - 1
        return cls(
            np.array(T),
            np.array(T_weight),
            np.array(nuclei),
            np.array(flavours),
            np.array(cells),
            np.concatenate(([0], np.cumsum(E_counts))),
            np.concatenate(E),
            np.concatenate(E_weight),
            first_cell,
        )

    def counts(self, cross_section: CrossSection, parameters: FloatArray) -> FloatArray:
        """Return the counts (cells,) of every bin of every channel at one point."""
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


def _outer_nodes(
    experiment: Experiment, spectrum: Spectrum, subdivisions: int
) -> list[tuple[float, float, int, FloatArray]]:
    """Return e = E_min(T), the weight with exposure and efficiency, the bin, and the nucleus with F(q), per node."""
    nodes = []
    for isotope, atoms_per_kg in zip(experiment.target.isotopes, experiment.target.atoms_per_kg, strict=True):
        M = isotope.mass_MeV
        pair = experiment.form_factors(isotope)
        exposure = experiment.mass_kg * atoms_per_kg * experiment.live_time_s
        for (lo, hi), bin_index in zip(*outer_panels(experiment, isotope, spectrum, pair), strict=True):
            edges = np.linspace(lo, hi, subdivisions + 1)
            for a, b in pairwise(edges.tolist()):
                for x, w in zip(KRONROD_NODES, KRONROD_WEIGHTS, strict=True):
                    e = 0.5 * (a + b) + 0.5 * (b - a) * x
                    T = float(T_max(e, M))
                    dT_de = 4.0 * e * (M + e) / (M + 2.0 * e) ** 2
                    efficiency = np.interp(T * 1e3, experiment.efficiency.T_keV, experiment.efficiency.values)
                    weight = 0.5 * (b - a) * w * dT_de * efficiency * exposure
                    nodes.append((float(e), float(weight), int(bin_index), _nucleus(isotope, pair, T)))
    return nodes


def _nucleus(isotope: Isotope, form_factors: tuple[FormFactor, FormFactor], T_MeV: float) -> FloatArray:
    """Return Z, N, M and the form factors at a recoil energy, as the kernels' cross-sections take them."""
    q_invfm = np.sqrt(2.0 * isotope.mass_MeV * T_MeV) / constants.HBARC_MEV_FM
    F_p, F_n = (form_factor(f.code, f.parameters, q_invfm) for f in form_factors)
    return np.array([isotope.Z, isotope.N, isotope.mass_MeV, F_p, F_n])


def _inner_nodes(
    e: float, spectrum: Spectrum, knots: FloatArray, coefficients: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return neutrino energies above e and their weights with the flux: the spectrum's lines, and nodes on its
    segments.
    """
    above = spectrum.line_energies_MeV > e
    energies = [spectrum.line_energies_MeV[above]]
    weights = [spectrum.line_fluxes_per_cm2_s[above]]
    for lo, hi, cubic in zip(knots[:-1], knots[1:], coefficients, strict=True):
        if hi > e:
            half, middle = 0.5 * (hi - max(lo, e)), 0.5 * (hi + max(lo, e))
            E = middle + half * GAUSS_NODES
            energies.append(E)
            weights.append(half * GAUSS_WEIGHTS * np.polynomial.polynomial.polyval(E, cubic))
    return np.concatenate(energies), np.concatenate(weights)


def cevns_parameters(theta: FloatArray, physics: Physics) -> FloatArray:
    """Return the parameters (7, 7) of the kernels' `cevns` at a parameter vector (parameters,)."""
    one_theta = np.concatenate(([1.0], theta))
    table = np.zeros((7, 7))
    for row, flavour in enumerate(FLAVOURS):
        table[row, :6] = (nucleon_couplings(flavour, WEAK_COUPLINGS[physics.couplings]) @ one_theta).ravel()
        table[row, 6] = magnetic_coupling(flavour) @ one_theta
    table[6, :5] = (
        (constants.G_F_PER_MEV2 * constants.HBARC_MEV_CM) ** 2 / pi,
        pi * (constants.ALPHA * constants.MAGNETIC_UNIT * constants.HBARC_MEV_CM / constants.M_E_MEV) ** 2,
        physics.kinematics == "full",
        physics.magnetic_moment == "full",
        physics.magnetic_form_factor,
    )
    return table


def _kernel_parameters(cross_section: CrossSection | None, definition: Definition, x: FloatArray) -> FloatArray:
    """Return what a cross-section, the standard one if none is given, is called with at a point (axes,)."""
    theta = definition.parameters.values(x)
    return cevns_parameters(theta, definition.physics) if cross_section is None else np.concatenate((theta, x))


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

    Per atom of the experiment's target, averaged over its isotopes; zero beyond the largest recoil energy. Of the
    standard or of a given cross-section, as for `DirectEvaluator`.
    """
    chosen = cross_section or cevns
    parameters = _kernel_parameters(cross_section, definition, x)
    material = experiment.target
    total = np.zeros(T_MeV.size)
    for isotope, atoms_per_kg in zip(material.isotopes, material.atoms_per_kg, strict=True):
        pair = experiment.form_factors(isotope)
        share = atoms_per_kg / sum(material.atoms_per_kg)
        for i in np.flatnonzero(T_MeV <= T_max(E_MeV, isotope.mass_MeV)):
            T = float(T_MeV[i])
            total[i] += share * chosen(E_MeV, T, _nucleus(isotope, pair, T), FLAVOURS.index(flavour), parameters)
    return total


class OfCounts(Protocol):
    """What is needed of a likelihood: chi2 of counts."""

    def chi2_of_counts(self, counts: FloatArray) -> FloatArray:
        """Return chi2 (...) of counts (..., bins), in the order of the responses."""


class DirectEvaluator(ScanEvaluator):
    """chi2 of a scan from double integrals at every grid point, of the standard or of a given cross-section.

    A given cross-section is called with parameters = the physical parameters in the order of
    `inputs.parameters.PHYSICAL_PARAMETERS`, then the values of all axes; data and covariance stay the standard ones.
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
        self._definition = definition
        self._likelihood = likelihood
        self._cross_section = cross_section  # in another process `cevns` itself is another object
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
        parameters = _kernel_parameters(self._cross_section, self._definition, x)
        return self._nodes.counts(self._cross_section or cevns, parameters)

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        for index in np.ndindex(*chi2.shape):
            counts = self._counts(np.array([v[i] for v, i in zip(values, index, strict=True)]))
            if not np.all(np.isfinite(counts)):
                raise RunError(_NOT_FINITE)
            chi2[index] = self._likelihood.chi2_of_counts(counts)
