"""Responses: the counts per unit of each coupling product, integrated once for every experiment, channel, bin and
flavour.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import log, pi

import numpy as np

from scanengine.definition import Definition, Physics
from scanengine.errors import RunError
from scanengine.grids import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.couplings import WEAK_COUPLINGS, magnetic_coupling, nucleon_couplings
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.form_factors import TABLE, FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine_kernels import response as kernels
from scanengine_kernels.cross_sections import E_min

WEAK_PP, WEAK_PN, WEAK_NN, MAGNETIC = range(4)
TERMS = ("weak_pp", "weak_pn", "weak_nn", "magnetic")

_NOT_CONVERGED = 1e-5


@dataclass(frozen=True, eq=False)
class Response:
    """What one flavour contributes to one channel of one experiment.

    integrals (bins, 4) in counts: with p_b, n_b the nucleon couplings to final family b and mu in 1e-10 mu_B,

        N = weak_pp sum_b p_b^2 + 2 weak_pn sum_b p_b n_b + weak_nn sum_b n_b^2 + magnetic mu^2.
    """

    experiment: str
    channel: str
    flavour: str
    bin_edges_keV: FloatArray
    integrals: FloatArray

    def counts(self, theta: FloatArray, couplings: str) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        one_theta = np.concatenate((np.ones((*theta.shape[:-1], 1)), theta), axis=-1)
        nucleons = np.einsum("fct,...t->...fc", nucleon_couplings(self.flavour, WEAK_COUPLINGS[couplings]), one_theta)
        p, n = nucleons[..., 0], nucleons[..., 1]
        mu = one_theta @ magnetic_coupling(self.flavour)
        products = np.stack(((p * p).sum(-1), 2.0 * (p * n).sum(-1), (n * n).sum(-1), mu * mu), axis=-1)
        return np.asarray(products @ self.integrals.T)


def responses(definition: Definition, threads: int = 1) -> tuple[Response, ...]:
    """Integrate every (experiment, channel, flavour) of a definition, bin by bin.

    Each relative accuracy is better than 1e-9 (adaptive Gauss-Kronrod between all kinks). Raises RunError if an
    integral does not converge, which no formula or table that the definition accepts is known to cause.
    """
    wanted = [
        (experiment, flavour)
        for experiment in definition.experiments
        for flavour in dict.fromkeys(f for flavours in experiment.channels.values() for f in flavours)
    ]
    source = definition.source

    def integrate(pair: tuple[Experiment, str]) -> FloatArray:
        experiment, flavour = pair
        dilution = (source.reference_distance_m / experiment.distance_m) ** 2
        return experiment_integrals(experiment, source.spectra[flavour], definition.physics) * dilution

    with ThreadPoolExecutor(threads) as pool:
        integrals = {
            (experiment.name, flavour): result
            for (experiment, flavour), result in zip(wanted, pool.map(integrate, wanted), strict=True)
        }
    return tuple(
        Response(experiment.name, channel, flavour, experiment.bin_edges_keV, integrals[experiment.name, flavour])
        for experiment in definition.experiments
        for channel, flavours in experiment.channels.items()
        for flavour in flavours
    )


def experiment_integrals(experiment: Experiment, spectrum: Spectrum, physics: Physics) -> FloatArray:
    """Return the integrals (bins, 4) of one flavour in one experiment at the source's reference distance."""
    total = np.zeros((experiment.bin_edges_keV.size - 1, 4))
    magnetic = bool(experiment.bin_edges_keV[0] > 0.0)  # the magnetic rate diverges as T -> 0
    options = np.array(
        [physics.kinematics == "full", physics.magnetic_moment == "full", physics.magnetic_form_factor, magnetic]
    )
    knots, coefficients, tails = inner_grid(spectrum)
    lines = np.column_stack((spectrum.line_energies_MeV, spectrum.line_fluxes_per_cm2_s))
    for isotope, atoms_per_kg in zip(experiment.target.isotopes, experiment.target.atoms_per_kg, strict=True):
        form_factor_p, form_factor_n = experiment.form_factors(isotope)
        panels, panel_bins = outer_panels(experiment, isotope, spectrum, (form_factor_p, form_factor_n))
        integrals = np.zeros_like(total)
        disagreement = kernels.response(
            panels,
            panel_bins,
            isotope.mass_MeV,
            constants.HBARC_MEV_FM,
            lines,
            knots,
            coefficients,
            tails,
            experiment.efficiency.T_keV * 1e-3,
            experiment.efficiency.values,
            form_factor_p.code,
            form_factor_p.parameters,
            form_factor_n.code,
            form_factor_n.parameters,
            options,
            integrals,
        )
        if disagreement > _NOT_CONVERGED:
            raise RunError(
                f"experiments.{experiment.name}: the recoil integral over {isotope} did not converge "
                f"(the two rules still differ by {disagreement:.1e}); a smoother spectrum or table would do"
            )
        exposure = experiment.mass_kg * atoms_per_kg * experiment.live_time_s
        total += exposure * integrals * term_prefactors(isotope)
    return total


def term_prefactors(isotope: Isotope) -> FloatArray:
    """Return the constants (4,) of the terms in cm^2/MeV: G_F^2 M / pi times Z^2, Z N, N^2 (S4); pi alpha^2 mu^2 Z^2 /
    m_e^2 (S6).
    """
    Z, N = isotope.Z, isotope.N
    weak = constants.G_F_PER_MEV2**2 * isotope.mass_MeV / pi
    magnetic = pi * (constants.ALPHA * constants.MAGNETIC_UNIT * Z / constants.M_E_MEV) ** 2
    return constants.HBARC_MEV_CM**2 * np.array([weak * Z * Z, weak * Z * N, weak * N * N, magnetic])


def inner_grid(spectrum: Spectrum) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return knots (n,), coefficients (n - 1, 4) and tail moments (n, 3) of the continuum, for the inner integral.

    Segments are cut until none spans more than a factor of two in energy, where the 12-node rule is exact to rounding.
    """
    if spectrum.knots_MeV.size == 0:
        return np.zeros(0), np.zeros((0, 4)), np.zeros((0, 3))
    knots: list[float] = []
    coefficients: list[FloatArray] = []
    for lo, hi, cubic in zip(spectrum.knots_MeV[:-1], spectrum.knots_MeV[1:], spectrum.coefficients, strict=True):
        cuts = [float(hi)]
        while cuts[-1] > 2.0 * lo and cuts[-1] > hi * 2.0**-40:
            cuts.append(cuts[-1] / 2.0)
        # below hi 2^-40 a spectrum that begins at zero energy holds nothing that a float64 could show
        edges = [float(lo), *(cut for cut in reversed(cuts) if cut > lo)] if lo > 0.0 else cuts[::-1]
        knots.extend(edges[:-1])
        coefficients.extend([cubic] * (len(edges) - 1))
    knots.append(float(spectrum.knots_MeV[-1]))
    tails = np.zeros((len(knots), 3))
    for j in range(len(knots) - 2, -1, -1):
        tails[j] = tails[j + 1]
        kernels.segment_moments(knots[j], knots[j + 1], coefficients[j], tails[j])
    return np.array(knots), np.array(coefficients), tails


def outer_panels(
    experiment: Experiment, isotope: Isotope, spectrum: Spectrum, form_factors: Sequence[FormFactor]
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return panels (n, 2) of e = E_min(T) in MeV without a kink inside, and each one's bin (n,)."""
    M = isotope.mass_MeV
    T_edges_MeV = experiment.bin_edges_keV * 1e-3
    e_max = spectrum.E_max_MeV
    e_edges = np.array([e_max if np.inf == T else min(float(E_min(T, M)), e_max) for T in T_edges_MeV])
    T_kinks_MeV = [experiment.efficiency.T_keV * 1e-3]
    for form_factor in form_factors:
        if form_factor.code == TABLE:
            q_MeV = form_factor.parameters[1 : 1 + int(form_factor.parameters[0])] * constants.HBARC_MEV_FM
            T_kinks_MeV.append(q_MeV**2 / (2.0 * M))
    e_kinks = [float(E_min(T, M)) for T in np.concatenate(T_kinks_MeV)]
    cuts = np.unique(np.concatenate((e_edges, e_kinks, spectrum.knots_MeV, spectrum.line_energies_MeV)))
    cuts = cuts[(cuts >= e_edges[0]) & (cuts <= e_edges[-1])]
    # the magnetic rate goes like 1/T: no panel spans more than a factor of four in e, unless it begins at zero
    lows = [float(lo * 4.0**k) for lo, hi in pairwise(cuts) if lo > 0.0 for k in range(1, int(log(hi / lo, 4.0)) + 1)]
    cuts = np.union1d(cuts, [low for low in lows if low < cuts[-1]])
    panels = np.column_stack((cuts[:-1], cuts[1:]))
    bins = np.searchsorted(e_edges, 0.5 * (panels[:, 0] + panels[:, 1]), side="right") - 1
    return panels, bins.astype(np.int64)
