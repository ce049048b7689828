"""The integrals over recoil energy of a detector that counts true recoils, adaptive between all kinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from scanengine.definition import Physics
from scanengine.errors import RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.detectors import Experiment, highest_edge_keV
from scanengine.inputs.form_factors import TABLE, FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine_kernels import cross_sections
from scanengine_kernels import response as kernels
from scanengine_kernels._jit import interpreted
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS

InnerGrid = tuple[FloatArray, FloatArray, FloatArray]
"""Knots (n,), coefficients (n - 1, 4) and tail moments (n, 3) of a continuum, as `kernels.response` takes them."""

NOT_CONVERGED = 1e-5

E_min = interpreted(cross_sections.E_min)


@dataclass(frozen=True, eq=False)
class Recoils:
    """The recoils that one flavour causes in one experiment, cut into panels for the integration.

    `by_isotope` are panels (n, 2) of e = E_min(T) in MeV without a kink inside and the bin of each (n,), in the order
    of the target's isotopes, between the `form_factors` of protons and neutrons.
    """

    experiment: Experiment
    lines: FloatArray
    inner_grid: InnerGrid
    form_factors: tuple[tuple[FormFactor, FormFactor], ...]
    by_isotope: tuple[tuple[FloatArray, NDArray[np.int64]], ...]

    @classmethod
    def of(cls, experiment: Experiment, spectrum: Spectrum, inner_grid: InnerGrid) -> Recoils:
        """Lay out the panels; inner_grid is that of the spectrum."""
        isotopes = experiment.target.isotopes
        form_factors = tuple(experiment.form_factors(isotope) for isotope in isotopes)
        return cls(
            experiment,
            spectrum.lines,
            inner_grid,
            form_factors,
            tuple(
                outer_panels(experiment, isotope, spectrum, pair)
                for isotope, pair in zip(isotopes, form_factors, strict=True)
            ),
        )

    @property
    def panels(self) -> int:
        """Number of panels, all isotopes together."""
        return sum(bins.size for _, bins in self.by_isotope)

    def integrals(self, physics: Physics, *, compiled: bool) -> FloatArray:
        """Return the integrals (bins, 4) at the source's reference distance, by compiled code or by Python itself.

        Both run the same kernel. Raises RunError if an integral does not converge.
        """
        experiment = self.experiment
        kernel = kernels.response if compiled else interpreted(kernels.response)
        magnetic = bool(experiment.bin_edges_keV[0] > 0.0)  # the magnetic rate diverges as T -> 0
        options = kernel_options(physics, magnetic=magnetic)
        total = np.zeros((experiment.bin_edges_keV.size - 1, 4))
        for isotope, atoms_per_kg, (form_factor_p, form_factor_n), (panels, panel_bins) in zip(
            experiment.target.isotopes,
            experiment.target.atoms_per_kg,
            self.form_factors,
            self.by_isotope,
            strict=True,
        ):
            integrals = np.zeros_like(total)
            disagreement = kernel(
                panels,
                panel_bins,
                isotope.mass_MeV,
                constants.HBARC_MEV_FM,
                self.lines,
                *self.inner_grid,
                experiment.efficiency.T_keV * 1e-3,
                experiment.efficiency.values,
                form_factor_p.code,
                form_factor_p.parameters,
                form_factor_n.code,
                form_factor_n.parameters,
                options,
                integrals,
            )
            require_convergence(disagreement, experiment, isotope)
            exposure = experiment.mass_kg * atoms_per_kg * experiment.live_time_s
            total += exposure * integrals * term_prefactors(isotope)
        return total


def kernel_options(physics: Physics, *, magnetic: bool) -> NDArray[np.bool_]:
    """Return the choices of the cross-section (4,) as the kernels take them; `magnetic` says whether that term is
    wanted.
    """
    return np.array(
        [physics.kinematics == "full", physics.magnetic_moment == "full", physics.magnetic_form_factor, magnetic]
    )


def require_convergence(disagreement: float, experiment: Experiment, isotope: Isotope) -> None:
    """Raise RunError if the two rules disagree by this fraction of a bin's integral."""
    if disagreement > NOT_CONVERGED:
        raise RunError(
            f"experiments.{experiment.name}: the recoil integral over {isotope} did not converge "
            f"(the two rules still differ by {disagreement:.1e}); use a smoother spectrum or table"
        )


def term_prefactors(isotope: Isotope) -> FloatArray:
    """Return the constants (4,) of the terms in cm^2/MeV: G_F^2 M / pi times Z^2, Z N, N^2 (S4); pi alpha^2 mu^2 Z^2 /
    m_e^2 (S6).
    """
    Z, N = isotope.Z, isotope.N
    weak = constants.G_F_PER_MEV2**2 * isotope.mass_MeV / pi
    magnetic = pi * (constants.ALPHA * constants.MAGNETIC_UNIT * Z / constants.M_E_MEV) ** 2
    return constants.HBARC_MEV_CM**2 * np.array([weak * Z * Z, weak * Z * N, weak * N * N, magnetic])


def inner_grid(spectrum: Spectrum) -> InnerGrid:
    """Return knots (n,), coefficients (n - 1, 4) and tail moments (n, 3) of the continuum, for the inner integral.

    Segments are cut until none spans more than a factor of two in energy, where the 12-node rule is exact to rounding.
    """
    if spectrum.knots_MeV.size == 0:
        return np.zeros(0), np.zeros((0, 4)), np.zeros((0, 3))
    cut_knots: list[float] = []
    cubics: list[FloatArray] = []
    for lo, hi, cubic in zip(spectrum.knots_MeV[:-1], spectrum.knots_MeV[1:], spectrum.coefficients, strict=True):
        cuts = [float(hi)]
        while cuts[-1] > 2.0 * lo and cuts[-1] > hi * 2.0**-40:
            cuts.append(cuts[-1] / 2.0)
        # below hi 2^-40 a spectrum that begins at zero energy holds nothing that a float64 could show
        edges = [float(lo), *(cut for cut in reversed(cuts) if cut > lo)] if lo > 0.0 else cuts[::-1]
        cut_knots.extend(edges[:-1])
        cubics.extend([cubic] * (len(edges) - 1))
    knots, coefficients = np.array([*cut_knots, float(spectrum.knots_MeV[-1])]), np.array(cubics)
    half, middle = 0.5 * np.diff(knots)[:, None], 0.5 * (knots[1:] + knots[:-1])[:, None]
    E = middle + half * GAUSS_NODES
    flux = half * GAUSS_WEIGHTS * np.polynomial.polynomial.polyval(E, coefficients.T[..., None], tensor=False)
    tails = np.zeros((knots.size, 3))
    tails[:-1] = np.cumsum([(flux / E**m).sum(axis=1)[::-1] for m in range(3)], axis=1).T[::-1]
    return knots, coefficients, tails


def outer_panels(
    experiment: Experiment, isotope: Isotope, spectrum: Spectrum, form_factors: Sequence[FormFactor]
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return panels (n, 2) of e = E_min(T) in MeV without a kink inside, and each one's bin (n,).

    There are none where no recoil of the isotope reaches the lowest edge.
    """
    M = isotope.mass_MeV
    e_max = spectrum.E_max_MeV
    out_of_reach_keV = highest_edge_keV(e_max, M)
    e_edges = np.array(
        [e_max if T_keV >= out_of_reach_keV else E_min(T_keV * 1e-3, M) for T_keV in experiment.bin_edges_keV.tolist()]
    )
    T_kinks_MeV = [experiment.efficiency.T_keV * 1e-3]
    for form_factor in form_factors:
        if form_factor.code == TABLE:
            q_MeV = form_factor.parameters[1 : 1 + int(form_factor.parameters[0])] * constants.HBARC_MEV_FM
            T_kinks_MeV.append(q_MeV**2 / (2.0 * M))
    e_kinks = [float(E_min(T, M)) for T in np.concatenate(T_kinks_MeV).tolist()]
    # in order by set: np.unique would import numpy.ma, which takes longer than the integrals
    cuts = np.array(sorted({*e_edges, *e_kinks, *spectrum.knots_MeV, *spectrum.line_energies_MeV}))
    cuts = cuts[(cuts >= e_edges[0]) & (cuts <= e_edges[-1])]
    # the magnetic rate goes like 1/T: no panel spans more than a factor of four in e, unless it begins at zero
    lows = [float(lo * 4.0**k) for lo, hi in pairwise(cuts) if lo > 0.0 for k in range(1, int(log(hi / lo, 4.0)) + 1)]
    cuts = np.array(sorted({*cuts, *(low for low in lows if low < cuts[-1])}))
    panels = np.column_stack((cuts[:-1], cuts[1:]))
    # a panel begins at an edge or above it, and below the last: its middle may be rounded to the edge that it ends at
    bins = np.searchsorted(e_edges, panels[:, 0], side="right") - 1
    return panels, bins.astype(np.int64)
