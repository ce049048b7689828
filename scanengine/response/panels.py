"""Where recoils are integrated over: panels between all kinks of the spectrum, the detector and the form factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.detectors import Experiment, T_max_keV, highest_edge_keV
from scanengine.inputs.electrons import Binding, mass_MeV
from scanengine.inputs.form_factors import TABLE, FormFactor
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine_kernels import cross_sections
from scanengine_kernels._jit import interpreted
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS

InnerGrid = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Knots (n,), coefficients (n - 1, 4), tail moments (n, 3) and oscillation (3,) of a continuum, as `kernels.response`
takes them.
"""

_TURNS_OF_SEGMENT = 0.4
"""Fraction of a period in which the 12-node rule integrates a cosine to 1e-15."""

Panels = tuple[FloatArray, NDArray[np.int64]]
"""Ends (n, 2) of panels without a kink inside, and the bin of true recoil energy (n,) that each lies in."""

E_min = interpreted(cross_sections.E_min)


def inner_grid(spectrum: Spectrum) -> InnerGrid:
    """Return knots (n,), coefficients (n - 1, 4), tail moments (n, 3) and oscillation (3,) of the continuum.

    Segments are cut until none spans more than a factor of two in energy, nor much of an oscillation, where the 12-node
    rule is exact to rounding.
    """
    turning = spectrum.oscillation
    oscillation = np.zeros(3)
    if turning is not None:
        oscillation[:] = turning.phase_MeV, turning.sin2_2theta, turning.averaged_below_MeV
    if spectrum.knots_MeV.size == 0:
        return np.zeros(0), np.zeros((0, 4)), np.zeros((0, 3)), oscillation
    cut_knots: list[float] = []
    cubics: list[FloatArray] = []
    for lo, hi, cubic in _segments(spectrum):
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
    flux *= spectrum.survival(E)
    tails = np.zeros((knots.size, 3))
    tails[:-1] = np.cumsum([(flux / E**m).sum(axis=1)[::-1] for m in range(3)], axis=1).T[::-1]
    return knots, coefficients, tails, oscillation


def _segments(spectrum: Spectrum) -> Iterator[tuple[float, float, FloatArray]]:
    """Yield the ends and the cubic of each segment of the continuum, cut where an oscillation has turned on."""
    turned = np.zeros(0) if spectrum.oscillation is None else spectrum.oscillation.energies_MeV(_TURNS_OF_SEGMENT)
    for lo, hi, cubic in zip(spectrum.knots_MeV[:-1], spectrum.knots_MeV[1:], spectrum.coefficients, strict=True):
        for low, high in pairwise((lo, *turned[(turned > lo) & (turned < hi)], hi)):
            yield low, high, cubic


def _kinks_of(spectrum: Spectrum) -> list[float]:
    """Return the energies at which a spectrum has a kink or a line, or an oscillation has turned once more."""
    kinks = [*spectrum.kinks.tolist(), *spectrum.line_energies_MeV.tolist()]
    if spectrum.oscillation is not None:
        kinks += spectrum.oscillation.energies_MeV(1.0).tolist()
    return kinks


def outer_panels(
    experiment: Experiment,
    isotope: Isotope,
    spectra: Sequence[Spectrum],
    form_factors: Sequence[FormFactor],
    electrons: Binding | None = None,
) -> Panels:
    """Return the panels of elastic scattering, in e = E_min(T) in MeV, for the recoils that any of the spectra causes.

    Of nuclei of an isotope, or of the `electrons` of its atoms. In e the integrand is smooth down to T = 0, where it
    goes like sqrt(T) in T itself. There are no panels where no recoil reaches the lowest edge.
    """
    M = mass_MeV(isotope, electrons)
    e_max = max(spectrum.E_max_MeV for spectrum in spectra)
    out_of_reach_keV = highest_edge_keV(e_max, M)
    edges_keV = _edges_keV(experiment, isotope, e_max, electrons).tolist()
    e_edges = np.array([e_max if T_keV >= out_of_reach_keV else E_min(T_keV * 1e-3, M) for T_keV in edges_keV])
    e_kinks = [float(E_min(T, M)) for T in _kinks_MeV(experiment, isotope, form_factors, e_max, electrons)]
    of_spectra = [e for spectrum in spectra for e in _kinks_of(spectrum)]
    return _between(e_edges, (*e_kinks, *of_spectra))


def outer_panels_of_heavy_final_state(
    experiment: Experiment,
    isotope: Isotope,
    spectra: Sequence[Spectrum],
    form_factors: Sequence[FormFactor],
    final_mass_MeV: float,
    electrons: Binding | None = None,
) -> Panels:
    """Return the panels, in T in MeV, where the neutrino turns into a particle of some mass.

    A neutrino of energy E then gives recoils between two energies, and none below a threshold.
    """
    M = mass_MeV(isotope, electrons)
    e_max = max(spectrum.E_max_MeV for spectrum in spectra)
    ends = recoils_of_heavy_final_state_MeV(e_max, M, final_mass_MeV)
    if ends is None:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64)
    edges = np.clip(_edges_keV(experiment, isotope, e_max, electrons) * 1e-3, *ends)
    kinks = _kinks_MeV(experiment, isotope, form_factors, e_max, electrons)
    for spectrum in spectra:
        for E in _kinks_of(spectrum):
            kinks += recoils_of_heavy_final_state_MeV(E, M, final_mass_MeV) or ()
    at_threshold = final_mass_MeV**2 / (2.0 * (M + final_mass_MeV))  # where recoils begin and end as E falls
    return _between(edges, (*kinks, at_threshold))


def outer_panels_up_to(
    experiment: Experiment,
    isotope: Isotope,
    spectrum: Spectrum,
    form_factors: Sequence[FormFactor],
    largest_recoil_MeV: Callable[[float], float],
) -> Panels:
    """Return the panels, in the root of T in MeV, of recoils up to what a function has at each neutrino energy."""
    highest = largest_recoil_MeV(spectrum.E_max_MeV)
    edges = np.minimum(experiment.bin_edges_keV * 1e-3, highest)
    if not edges[0] < edges[-1]:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64)
    kinks = _kinks_MeV(experiment, isotope, form_factors, spectrum.E_max_MeV, None)
    kinks += [largest_recoil_MeV(E) for E in _kinks_of(spectrum) if E > 0.0]
    return _between(np.sqrt(edges), np.sqrt(kinks).tolist())


def recoils_of_heavy_final_state_MeV(E_MeV: float, M_MeV: float, m_MeV: float) -> tuple[float, float] | None:
    """Return the least and the greatest recoil energy in nu + nucleus -> particle of mass m + nucleus.

    The roots of 4 M (M + 2 E) T^2 + [4 m^2 (M + E) - 8 E^2 M] T + m^4 = 0; None below the threshold.
    """
    a = 4.0 * M_MeV * (M_MeV + 2.0 * E_MeV)
    half_b = 4.0 * E_MeV**2 * M_MeV - 2.0 * m_MeV**2 * (M_MeV + E_MeV)
    discriminant = half_b * half_b - a * m_MeV**4
    if half_b <= 0.0 or discriminant <= 0.0:
        return None
    greatest = (half_b + sqrt(discriminant)) / a
    return m_MeV**4 / (a * greatest), greatest


def _edges_keV(experiment: Experiment, isotope: Isotope, e_max: float, electrons: Binding | None) -> FloatArray:
    """Return the edges of the bins; of electrons, which show all their energy, up to where the last bin sees them."""
    if electrons is None or experiment.reconstruction is None:
        return experiment.bin_edges_keV
    highest_keV = experiment.reconstruction.highest_keV(isotope, T_max_keV(e_max, mass_MeV(isotope, electrons)))
    return np.minimum(experiment.bin_edges_keV, highest_keV)


def _kinks_MeV(
    experiment: Experiment,
    isotope: Isotope,
    form_factors: Sequence[FormFactor],
    e_max: float,
    electrons: Binding | None,
) -> list[float]:
    """Return the recoil energies where the detector, the binding or a table of the form factor has a kink."""
    M = mass_MeV(isotope, electrons)
    kinks = [experiment.efficiency.T_keV * 1e-3]
    if electrons is not None:
        kinks.append(electrons.kinks_keV * 1e-3)
    for form_factor in form_factors:
        if form_factor.code == TABLE:
            q_MeV = form_factor.parameters[1 : 1 + int(form_factor.parameters[0])] * constants.HBARC_MEV_FM
            kinks.append(q_MeV**2 / (2.0 * M))
    if experiment.reconstruction is not None:
        highest_keV = min(T_max_keV(e_max, M), _edges_keV(experiment, isotope, e_max, electrons)[-1])
        kinks.append(np.asarray(experiment.reconstruction.cuts_keV(isotope, highest_keV)) * 1e-3)
    return [float(T) for T in np.concatenate(kinks)]


def _between(edges: FloatArray, kinks: Sequence[float]) -> Panels:
    """Return the panels between the first and the last edge, cut at the others and at kinks, and the bins of each."""
    # in order by set: np.unique would import numpy.ma, which takes longer than the integrals
    cuts = np.array(sorted({*edges.tolist(), *kinks}))
    cuts = cuts[(cuts >= edges[0]) & (cuts <= edges[-1])]
    # rates go like 1/T and steeper: no panel spans more than a factor of four, unless it begins at zero
    lows = [float(lo * 4.0**k) for lo, hi in pairwise(cuts) if lo > 0.0 for k in range(1, int(log(hi / lo, 4.0)) + 1)]
    cuts = np.array(sorted({*cuts.tolist(), *(low for low in lows if low < cuts[-1])}))
    panels = np.column_stack((cuts[:-1], cuts[1:]))
    # a panel begins at an edge or above it, and below the last: its middle may be rounded to the edge that it ends at
    bins = np.searchsorted(edges, panels[:, 0], side="right") - 1
    return panels, bins.astype(np.int64)


def from_zero(panels: Panels, lowest: float) -> Panels:
    """Return panels of which the first, where it begins at zero, is cut by factors of four down to `lowest`."""
    ends, bins = panels
    if not ends.size or ends[0, 0] > 0.0 or not lowest < ends[0, 1]:
        return panels
    cuts = [float(ends[0, 1])]
    while cuts[-1] > lowest:
        cuts.append(cuts[-1] / 4.0)
    edges = np.array([0.0, *reversed(cuts)])
    first = np.column_stack((edges[:-1], edges[1:]))
    return np.concatenate((first, ends[1:])), np.concatenate((np.repeat(bins[:1], len(first)), bins[1:]))
