"""The integrals over recoil energy of a detector with a response: all flavours, and all its bins, at the same nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scanengine.definition import Physics
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.detectors import Experiment, T_max_keV
from scanengine.inputs.form_factors import FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.sources import Spectrum
from scanengine.response.recoils import (
    E_min,
    InnerGrid,
    kernel_options,
    outer_panels,
    require_convergence,
    term_prefactors,
)
from scanengine_kernels import response as kernels
from scanengine_kernels._jit import interpreted
from scanengine_kernels.quadrature import EMBEDDED_WEIGHTS, KRONROD_NODES, KRONROD_WEIGHTS
from scanengine_kernels.response import AGREEMENT, MAX_BISECTIONS

_NEGLIGIBLE = 1e-10
"""Bins with so little of the largest bin's integral need not be exact."""


@dataclass(frozen=True, eq=False)
class ReconstructedRecoils:
    """The recoils of some flavours in one experiment, cut into panels in which its response is smooth.

    `by_isotope` are panels (n, 2) of e = E_min(T) in MeV, in the order of the target's isotopes, none for one out of
    reach, and `form_factors` of protons and neutrons.
    """

    experiment: Experiment
    reconstruction: Reconstruction
    spectra: tuple[Spectrum, ...]
    inner_grids: tuple[InnerGrid, ...]
    form_factors: tuple[tuple[FormFactor, FormFactor], ...]
    by_isotope: tuple[FloatArray, ...]

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        reconstruction: Reconstruction,
        spectra: Mapping[str, Spectrum],
        inner_grids: Mapping[Spectrum, InnerGrid],
    ) -> ReconstructedRecoils:
        """Lay out the panels; spectra are those of the experiment's flavours, in their order."""
        isotopes = experiment.target.isotopes
        form_factors = tuple(experiment.form_factors(isotope) for isotope in isotopes)
        by_isotope = []
        for isotope, pair in zip(isotopes, form_factors, strict=True):
            ideal = [outer_panels(experiment, isotope, spectrum, pair)[0] for spectrum in spectra.values()]
            cuts = np.unique(np.concatenate([panels.ravel() for panels in ideal]))
            if cuts.size == 0:  # the isotope cannot recoil so much
                by_isotope.append(np.empty((0, 2)))
                continue
            e_max = max(spectrum.E_max_MeV for spectrum in spectra.values())
            of_response = reconstruction.cuts_keV(isotope, T_max_keV(e_max, isotope.mass_MeV))
            more = np.array([float(E_min(T, isotope.mass_MeV)) for T in of_response * 1e-3])
            cuts = np.union1d(cuts, more[(more > cuts[0]) & (more < cuts[-1])])
            by_isotope.append(np.column_stack((cuts[:-1], cuts[1:])))
        grids = tuple(inner_grids[spectrum] for spectrum in spectra.values())
        return cls(experiment, reconstruction, tuple(spectra.values()), grids, form_factors, tuple(by_isotope))

    @property
    def panels(self) -> int:
        """Number of panels, all isotopes and flavours together."""
        return len(self.spectra) * sum(len(panels) for panels in self.by_isotope)

    def integrals(self, physics: Physics, *, compiled: bool) -> FloatArray:
        """Return the integrals (flavours, energy bins, 4) at the source's reference distance.

        By compiled code or by Python itself, which run the same kernel. Raises RunError if one does not converge.
        """
        experiment = self.experiment
        kernel = kernels.rate_terms if compiled else interpreted(kernels.rate_terms)
        options = kernel_options(physics, magnetic=not experiment.sees_any_recoil)
        total = np.zeros((len(self.spectra), self.reconstruction.edges.size - 1, 4))
        for isotope, atoms_per_kg, (form_factor_p, form_factor_n), panels in zip(
            experiment.target.isotopes,
            experiment.target.atoms_per_kg,
            self.form_factors,
            self.by_isotope,
            strict=True,
        ):

            def rates(
                e: FloatArray,
                M: float = isotope.mass_MeV,
                F_p: FormFactor = form_factor_p,
                F_n: FormFactor = form_factor_n,
            ) -> FloatArray:
                """Return the integrand (flavours, n, 4) at e (n,)."""
                terms = np.empty((len(self.spectra), e.size, 4))
                for spectrum, grid, of_flavour in zip(self.spectra, self.inner_grids, terms, strict=True):
                    kernel(
                        e,
                        M,
                        constants.HBARC_MEV_FM,
                        spectrum.lines,
                        *grid,
                        F_p.code,
                        F_p.parameters,
                        F_n.code,
                        F_n.parameters,
                        options,
                        of_flavour,
                    )
                return terms

            exposure = experiment.mass_kg * atoms_per_kg * experiment.live_time_s
            total += exposure * self._over_recoils(isotope, panels, rates) * term_prefactors(isotope)
        return total

    def _over_recoils(
        self, isotope: Isotope, panels: FloatArray, rates: Callable[[FloatArray], FloatArray]
    ) -> FloatArray:
        """Return integrals (flavours, bins, 4) over e; panels in which two rules disagree are bisected."""
        total = np.zeros((len(self.spectra), self.reconstruction.edges.size - 1, 4))
        if panels.size == 0:
            return total
        scale = None
        for depth in range(MAX_BISECTIONS + 1):
            half = 0.5 * (panels[:, 1] - panels[:, 0])
            e = 0.5 * (panels[:, 0] + panels[:, 1])[:, None] + half[:, None] * KRONROD_NODES
            M = isotope.mass_MeV
            T_keV = (2e3 * e * e / (M + 2.0 * e)).ravel()
            seen = np.interp(T_keV, self.experiment.efficiency.T_keV, self.experiment.efficiency.values)
            shares = (self.reconstruction.shares(T_keV, isotope) * seen).reshape(-1, *e.shape) * half[:, None]
            terms = rates(e.ravel()).reshape(-1, *e.shape, 4)
            kronrod, embedded = (
                np.einsum("bpk,fpkt->pfbt", shares * weights, terms, optimize=True)
                for weights in (KRONROD_WEIGHTS, EMBEDDED_WEIGHTS)
            )
            if scale is None:
                scale = np.abs(kronrod).sum(axis=0)
                scale = np.maximum(scale, _NEGLIGIBLE * scale.max(axis=1, keepdims=True))
                scale[scale == 0.0] = np.inf
            disagreement = (np.abs(kronrod - embedded) / scale).max(axis=(1, 2, 3))
            rough = (disagreement > AGREEMENT) & (depth < MAX_BISECTIONS)
            total += kronrod[~rough].sum(axis=0)
            if not np.any(rough):
                break
            middle = 0.5 * (panels[rough, 0] + panels[rough, 1])
            panels = np.concatenate(
                (np.column_stack((panels[rough, 0], middle)), np.column_stack((middle, panels[rough, 1])))
            )
        require_convergence(float(disagreement.sum()), self.experiment, isotope)
        return total
