"""Nodes of direct integration of one isotope, or the electrons of its atoms, for neutrinos of one spectrum."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.given import OwnCrossSection
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import Binding
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine.inputs.terms.interactions import Interactions, Interfering
from scanengine.inputs.terms.term import Recoil
from scanengine.response.nodes import kronrod_nodes
from scanengine.response.panels import Panels, inner_grid, outer_panels_up_to
from scanengine.response.recoils import Recoils
from scanengine_kernels.direct import LargestRecoil, least_energies
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS, KRONROD_NODES


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


class Part(NamedTuple):
    """The nodes of one isotope, or the electrons of its atoms, for one flavour in one experiment."""

    T_MeV: FloatArray
    weight: FloatArray
    nucleus: FloatArray
    bins: NDArray[np.int64]
    inner: _InnerNodes
    kinematics: FloatArray
    shapes: tuple[FloatArray, ...]
    flavour: int


class Recoiling(NamedTuple):
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

    def part(self, subdivisions: int, exposure: float, flavour: int) -> Part:
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
        return Part(
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
