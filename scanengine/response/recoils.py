"""The integrals over recoil energy of one isotope, or of the electrons of its atoms, in one detector: at nodes where
all but couplings, form factors and propagators is known once and for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import Binding, mass_MeV
from scanengine.inputs.form_factors import FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine.inputs.terms.interactions import Interfering
from scanengine.inputs.terms.term import ElectronRecoil, Recoil
from scanengine.response.nodes import Nodes, nodes_of
from scanengine.response.panels import (
    InnerGrid,
    Panels,
    from_zero,
    outer_panels,
    outer_panels_of_heavy_final_state,
)
from scanengine_kernels import cross_sections
from scanengine_kernels import form_factors as form_factor_kernels
from scanengine_kernels import response as kernels
from scanengine_kernels._jit import interpreted
from scanengine_kernels.response import AGREEMENT, MAX_BISECTIONS

NOT_CONVERGED = 1e-5

_NEGLIGIBLE = 1e-10
"""Bins of a reconstructed quantity with so little of the largest bin's integral need not be exact."""

FormFactors = tuple[FormFactor, FormFactor]
"""Of the protons and of the neutrons of an isotope."""

_LOWEST_E_MEV = 1e-5
"""Down to here panels that begin at no recoil are cut: light mediators turn there."""


@dataclass(eq=False)
class Recoils:
    """The recoils of one isotope that some flavours cause in one experiment, elastic or to a particle of some mass.

    Of nuclei, or of the `electrons` of its atoms in an experiment as it sees these. What is `signed`, as the coherence
    of two flavours, may cancel, and is as exact as the largest of the others. `scales` are those of the spectra.

    The nodes are laid out when integrals are first asked for, as finely as these need; later ones, with other form
    factors or propagators, find them ready. Not for several threads at once.
    """

    experiment: Experiment
    isotope: Isotope
    inner_grids: tuple[tuple[FloatArray, InnerGrid], ...]
    panels: Panels
    final_mass_MeV: float = 0.0
    electrons: Binding | None = None
    signed: tuple[bool, ...] = ()
    scales: tuple[float, ...] = ()
    _nodes: Nodes | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        isotope: Isotope,
        spectra: Sequence[Spectrum],
        inner_grids: Sequence[InnerGrid],
        final_mass_MeV: float = 0.0,
        electrons: Binding | None = None,
    ) -> Recoils:
        """Lay out the panels; inner_grids are those of the spectra."""
        pair = experiment.form_factors(isotope) if electrons is None else ()
        if final_mass_MeV > 0.0:
            panels = outer_panels_of_heavy_final_state(experiment, isotope, spectra, pair, final_mass_MeV, electrons)
        else:
            panels = from_zero(outer_panels(experiment, isotope, spectra, pair, electrons), _LOWEST_E_MEV)
        lines = [spectrum.lines for spectrum in spectra]
        grids = tuple(zip(lines, inner_grids, strict=True))
        signed = tuple(spectrum.is_signed for spectrum in spectra)
        scales = tuple(spectrum.scale for spectrum in spectra)
        return cls(experiment, isotope, grids, panels, final_mass_MeV, electrons, signed, scales)

    @property
    def mass_MeV(self) -> float:
        """Mass of what recoils."""
        return mass_MeV(self.isotope, self.electrons)

    @property
    def size(self) -> int:
        """Number of panels, as first laid out."""
        return self.panels[1].size

    @cached_property
    def sees_any_recoil(self) -> bool:
        """Whether recoils are counted down to zero energy."""
        bound = self.electrons is not None and not self.electrons.number(np.zeros(1)) > 0.0
        return self.experiment.sees_any_recoil and not bound

    @property
    def bins(self) -> int:
        """Number of bins of energy."""
        reconstruction = self.experiment.reconstruction
        return (self.experiment.bin_edges_keV if reconstruction is None else reconstruction.edges).size - 1

    def integrals(self, groups: Sequence[Interfering], form_factors: FormFactors, *, compiled: bool) -> FloatArray:
        """Return the integrals (flavours, bins, pairs) of one atom, per second at the source's reference distance.

        The form factors are of no use to electrons. By compiled code or by Python itself, which run the same kernels.
        Raises RunError if one does not converge.
        """
        if not self.size:
            pairs = sum(len(group.pairs) for group in groups)
            return np.zeros((len(self.inner_grids), self.bins, pairs))
        diagonal = np.array([i == j for group in groups for i, j in group.pairs])
        if self._nodes is not None:
            rules = self._nodes.integrate(self._integrand(self._nodes, groups, form_factors, compiled), self.bins)
            apart = np.abs(rules[1] - rules[0])[..., diagonal]
            if np.all(apart <= AGREEMENT * self._scale(np.abs(rules[0]))[..., diagonal]):
                return np.asarray(rules[0])
        nodes = self._nodes or self._laid_out(*self.panels, compiled)
        accepted: list[Nodes] = []
        scale: FloatArray | None = None
        for depth in range(MAX_BISECTIONS + 1):
            rules = nodes.by_panel(self._integrand(nodes, groups, form_factors, compiled))
            if scale is None:
                scale = self._scale(nodes.into_bins(np.abs(rules[0]), self.bins))
            own = scale[None] if nodes.shares is not None else scale[:, nodes.bins].swapaxes(0, 1)[:, :, None]
            apart = (np.abs(rules[1] - rules[0]) / own)[..., diagonal].reshape(len(nodes.panels), -1).max(axis=1)
            rough = (apart > AGREEMENT) & (depth < MAX_BISECTIONS)
            accepted.append(nodes.select(~rough))
            if not np.any(rough):
                break
            lo, hi = nodes.panels[rough].T
            middle = 0.5 * (lo + hi)
            halves = np.concatenate((np.column_stack((lo, middle)), np.column_stack((middle, hi))))
            nodes = self._laid_out(halves, np.tile(nodes.bins[rough], 2), compiled)
        what = str(self.isotope) if self.electrons is None else f"electrons of {self.isotope.symbol}"
        require_convergence(float(apart[apart > AGREEMENT].sum()), self.experiment, what)
        self._nodes = Nodes.joined(accepted)
        integrand = self._integrand(self._nodes, groups, form_factors, compiled)
        return np.asarray(self._nodes.integrate(integrand, self.bins)[0])

    @property
    def refined(self) -> Panels:
        """The panels of the last integrals, cut where these needed it."""
        return self.panels if self._nodes is None else (self._nodes.panels, self._nodes.bins)

    def _scale(self, integrals: FloatArray) -> FloatArray:
        """Return what errors of integrals (flavours, bins, pairs) are measured against."""
        scale = integrals
        if any(self.signed):
            scale = np.where(np.array(self.signed)[:, None, None], scale.max(axis=0), scale)
        if self.experiment.reconstruction is not None:
            scale = np.maximum(scale, _NEGLIGIBLE * scale.max(axis=1, keepdims=True))
        return np.where(scale > 0.0, scale, np.inf)

    def variables(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return recoil energies T, the least neutrino energies e, and dT/du, where u is what panels are ranges of.

        That is e where the neutrino stays one, and T where it turns into something heavier.
        """
        M = self.mass_MeV
        if self.final_mass_MeV > 0.0:
            heavier = 1.0 + self.final_mass_MeV**2 / (2.0 * M * u)
            return u, 0.5 * (u + np.sqrt(u * (u + 2.0 * M))) * heavier, np.ones(u.size)
        return np.asarray(T_max(u, M)), u, 4.0 * u * (M + u) / ((M + 2.0 * u) * (M + 2.0 * u))

    def recoil_at(self, T_MeV: FloatArray, form_factors: FormFactors, *, compiled: bool) -> Recoil | ElectronRecoil:
        """Return the recoils at energies (n,), as the shapes of amplitudes take them."""
        if self.electrons is not None:
            return ElectronRecoil(T_MeV)
        return recoil_of(self.isotope, T_MeV, form_factors, compiled=compiled)

    def _laid_out(self, panels: FloatArray, bins: NDArray[np.int64], compiled: bool) -> Nodes:
        u, half_widths = nodes_of(panels)
        T, e, per_u = self.variables(u)
        T_keV = T * 1e3
        efficiency = self.experiment.efficiency
        weights = half_widths * per_u * np.interp(T_keV, efficiency.T_keV, efficiency.values)
        if self.electrons is not None:
            weights = weights * self.electrons.number(T_keV)
        reconstruction = self.experiment.reconstruction
        shares = None if reconstruction is None else reconstruction.shares(T_keV, self.isotope)
        moments = np.empty((len(self.inner_grids), e.size, 3))
        moments_at = kernels.moments_at if compiled else interpreted(kernels.moments_at)
        for (lines, grid), of_flavour in zip(self.inner_grids, moments, strict=True):
            moments_at(e, lines, *grid, of_flavour)
        return Nodes(panels, bins, T, weights, shares, moments)

    def _integrand(
        self,
        nodes: Nodes,
        groups: Sequence[Interfering],
        form_factors: FormFactors,
        compiled: bool,
    ) -> FloatArray:
        """Return dsigma/dT times the flux above its threshold (flavours, nodes, pairs)."""
        recoil = self.recoil_at(nodes.T_MeV, form_factors, compiled=compiled)
        flavours, count = nodes.moments.shape[:2]
        integrand = np.zeros((flavours, count, sum(len(group.pairs) for group in groups)))
        column = 0
        for group in groups:
            M = self.mass_MeV
            kinematics = group.structure.kinematics(nodes.T_MeV, M)
            flux = sum(k * nodes.moments[..., m] for m, k in enumerate(kinematics)) * group.structure.constant_cm2(M)
            shapes = [amplitude.shape(recoil) for amplitude in group.amplitudes]
            for i, j in group.pairs:
                if not (group.diverges(i, j) and self.sees_any_recoil):
                    integrand[..., column] = flux * (shapes[i] * shapes[j])
                column += 1
        return integrand


T_max: Callable[[Any, float], Any] = interpreted(cross_sections.T_max)


def recoil_of(isotope: Isotope, T_MeV: FloatArray, form_factors: FormFactors, *, compiled: bool) -> Recoil:
    """Return the recoils of an isotope at energies (n,), with the form factors of its protons and neutrons there."""
    q_invfm = np.sqrt(2.0 * isotope.mass_MeV * T_MeV) / constants.HBARC_MEV_FM
    at = form_factor_kernels.form_factors_at
    form_factors_at = at if compiled else interpreted(at)
    values = np.empty((2, T_MeV.size))
    of_protons, of_neutrons = form_factors
    form_factors_at(of_protons.code, of_protons.parameters, q_invfm, values[0])
    if of_neutrons.code == of_protons.code and np.array_equal(of_neutrons.parameters, of_protons.parameters):
        values[1] = values[0]
    else:
        form_factors_at(of_neutrons.code, of_neutrons.parameters, q_invfm, values[1])
    return Recoil(isotope, T_MeV, *values)


def require_convergence(disagreement: float, experiment: Experiment, what: str) -> None:
    """Raise RunError if the two rules disagree by this fraction of a bin's integral."""
    if disagreement > NOT_CONVERGED:
        advice = "use a smoother spectrum or table"
        if experiment.bin_edges_keV[0] == 0.0:
            key = (
                "the lower end of the recoil energies" if experiment.reconstruction is None else "recoil_threshold_keV"
            )
            advice = f"if the rate rises steeply towards 0 keV, as by a very light mediator, raise {key}; else {advice}"
        raise RunError(
            f"experiments.{experiment.name}: the recoil integral over {what} did not converge "
            f"(the two rules still differ by {disagreement:.1e}): {advice}"
        )
