"""Neutrino sources: per flavour, spectral lines and piecewise-polynomial spectra, as fluxes at a reference distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import pi, sqrt
from typing import Protocol

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine.inputs.constants import M_K_MEV, M_MU_MEV, M_PI_MEV, MEV_J
from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.oscillation import Oscillation, Sterile
from scanengine.inputs.parameters import FLAVOURS
from scanengine.inputs.timing import bin_averages

PROMPT_LINE_MEV = (M_PI_MEV**2 - M_MU_MEV**2) / (2.0 * M_PI_MEV)
"""Energy of the nu_mu from pi+ decay at rest."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Flux of one flavour, /cm^2/s at the source's reference distance.

    Lines: `line_energies_MeV` (k,) with `line_fluxes_per_cm2_s` (k,). Continuum: between `knots_MeV[j]` and
    `knots_MeV[j + 1]` the flux per MeV is sum_p coefficients[j, p] E^p, with `coefficients` of shape (knots - 1, 4);
    zero outside the knots. With an `oscillation` both are what is left of these at the detector. Only at `kinks_MeV`,
    without which that is at all knots, need integrals be cut.
    """

    line_energies_MeV: FloatArray
    line_fluxes_per_cm2_s: FloatArray
    knots_MeV: FloatArray
    coefficients: FloatArray
    oscillation: Oscillation | None = None
    kinks_MeV: FloatArray | None = None

    @property
    def kinks(self) -> FloatArray:
        """Energies at which the continuum has a kink or an end."""
        return self.knots_MeV if self.kinks_MeV is None else self.kinks_MeV

    @property
    def E_max_MeV(self) -> float:
        """Highest energy with flux."""
        return float(max(self.line_energies_MeV.max(initial=0.0), self.knots_MeV.max(initial=0.0)))

    @property
    def is_signed(self) -> bool:
        """Whether there is a negative flux anywhere, as a coherence may have it."""
        middle = 0.5 * (self.knots_MeV[1:] + self.knots_MeV[:-1])
        continuum = np.polynomial.polynomial.polyval(middle, self.coefficients.T, tensor=False)
        return bool(np.any(self.line_fluxes_per_cm2_s < 0.0) or np.any(continuum < 0.0))

    @property
    def total_per_cm2_s(self) -> float:
        """Flux at all energies, of lines and continuum, before any oscillation."""
        half, middle = 0.5 * np.diff(self.knots_MeV), 0.5 * (self.knots_MeV[1:] + self.knots_MeV[:-1])
        at = np.array([middle - half / sqrt(3.0), middle + half / sqrt(3.0)])  # Gauss's rule, exact for cubics
        continuum = half * np.polynomial.polynomial.polyval(at, self.coefficients.T[:, None], tensor=False)
        return float(self.line_fluxes_per_cm2_s.sum() + continuum.sum())

    @property
    def lines(self) -> FloatArray:
        """Energies and fluxes (k, 2) of the lines, as they arrive."""
        return np.column_stack(
            (self.line_energies_MeV, self.line_fluxes_per_cm2_s * self.survival(self.line_energies_MeV))
        )

    @property
    def scale(self) -> float:
        """The largest number of the fluxes, and 1 if there is none: what tells spectra in proportion apart."""
        largest = max(np.abs(each).max(initial=0.0) for each in (self.line_fluxes_per_cm2_s, self.coefficients))
        return float(largest) or 1.0

    def survival(self, E_MeV: FloatArray) -> FloatArray:
        """Return the share of the flux that is left at energies (n,): 1 without an oscillation."""
        return np.ones(E_MeV.shape) if self.oscillation is None else self.oscillation.survival(E_MeV)

    def per_cm2_s_MeV(self, E_MeV: FloatArray) -> FloatArray:
        """Return the continuum at energies (n,), /cm^2/s/MeV; lines, which have no flux per MeV, are not in it."""
        flux = np.zeros(E_MeV.size)
        for lo, hi, cubic in zip(self.knots_MeV[:-1], self.knots_MeV[1:], self.coefficients, strict=True):
            here = (E_MeV >= lo) & (E_MeV <= hi)
            flux[here] = np.polynomial.polynomial.polyval(E_MeV[here], cubic)
        return flux * self.survival(E_MeV)

    def times(self, factor: float) -> Spectrum:
        """Return the spectrum with all fluxes times a factor."""
        return replace(
            self,
            line_fluxes_per_cm2_s=factor * self.line_fluxes_per_cm2_s,
            coefficients=factor * self.coefficients,
        )

    @classmethod
    def line(cls, energy_MeV: float, flux_per_cm2_s: float) -> Spectrum:
        """Return a single line."""
        return cls.of_lines(np.array([energy_MeV]), np.array([flux_per_cm2_s]))

    @classmethod
    def of_lines(cls, energies_MeV: FloatArray, fluxes_per_cm2_s: FloatArray) -> Spectrum:
        """Return lines (k,) without a continuum."""
        return cls(energies_MeV, fluxes_per_cm2_s, np.zeros(0), np.zeros((0, 4)))

    @classmethod
    def sum_of(cls, spectra: Sequence[Spectrum]) -> Spectrum:
        """Return the sum of one or more spectra, with the knots of all."""
        if len(spectra) == 1:
            return spectra[0]
        knots = np.array(sorted({knot for each in spectra for knot in each.knots_MeV.tolist()}))
        coefficients = np.zeros((max(knots.size - 1, 0), 4))
        for each in spectra:
            if each.knots_MeV.size:
                segment = np.searchsorted(each.knots_MeV, knots[:-1], side="right") - 1
                inside = (segment >= 0) & (segment < each.knots_MeV.size - 1)
                coefficients[inside] += each.coefficients[segment[inside]]
        return cls(
            np.concatenate([each.line_energies_MeV for each in spectra]),
            np.concatenate([each.line_fluxes_per_cm2_s for each in spectra]),
            knots,
            coefficients,
            kinks_MeV=np.array(sorted({kink for each in spectra for kink in each.kinks.tolist()})),
            oscillation=spectra[0].oscillation,
        )

    @classmethod
    def continuum(cls, knots_MeV: FloatArray, coefficients: FloatArray) -> Spectrum:
        """Return a piecewise cubic without lines."""
        return cls(np.zeros(0), np.zeros(0), knots_MeV, coefficients)


def at_rest(particle: str, flavour: str, flux_per_cm2_s: float) -> Spectrum | None:
    """Return the spectrum of a flavour from the decay of pi+, mu+ or K+ (to a muon) at rest; None if there is none."""
    m = M_MU_MEV
    lines = {"pi+": PROMPT_LINE_MEV, "K+": (M_K_MEV**2 - m * m) / (2.0 * M_K_MEV)}
    if particle in lines and flavour == "nu_mu":
        return Spectrum.line(lines[particle], flux_per_cm2_s)
    of_muon = {"nu_e": [0.0, 0.0, 96.0 / m**3, -192.0 / m**4], "nu_mubar": [0.0, 0.0, 48.0 / m**3, -64.0 / m**4]}
    if particle == "mu+" and flavour in of_muon:
        return Spectrum.continuum(np.array([0.0, m / 2.0]), flux_per_cm2_s * np.array([of_muon[flavour]]))
    return None


@dataclass(frozen=True, eq=False)
class Arrivals:
    """When neutrinos of a flavour arrive: the spectra (bins,) of those between `edges_us` (bins + 1,), in each of which
    they are spread evenly.
    """

    edges_us: FloatArray
    spectra: tuple[Spectrum, ...]

    @property
    def whole(self) -> Spectrum:
        """The spectrum of all times."""
        return Spectrum.sum_of(self.spectra)

    def between(self, edges_us: FloatArray, efficiency: Acceptance | None) -> tuple[Spectrum, ...]:
        """Return the spectra (bins,) of those that arrive between other edges (bins + 1,), and are kept."""
        cuts = np.union1d(self.edges_us, edges_us)
        kept = np.diff(cuts) if efficiency is None else np.diff(cuts) * bin_averages(efficiency, cuts)
        middle = 0.5 * (cuts[1:] + cuts[:-1])
        of, to = np.searchsorted(self.edges_us, middle) - 1, np.searchsorted(edges_us, middle) - 1
        widths, none = np.diff(self.edges_us), self.spectra[0].times(0.0)
        parts: list[list[Spectrum]] = [[none] for _ in edges_us[1:]]
        for i, j, share in zip(of.tolist(), to.tolist(), kept.tolist(), strict=True):
            if 0 <= i < widths.size and 0 <= j < len(parts):
                parts[j].append(self.spectra[i].times(share / float(widths[i])))
        return tuple(Spectrum.sum_of(each) for each in parts)


class Propagation(Protocol):
    """How couplings change the flavours in which neutrinos arrive: a polynomial in the energy between some nodes."""

    @property
    def felt(self) -> frozenset[str]:
        """The parameters, by name, that change the flavours."""

    @property
    def spectra(self) -> tuple[Spectrum, ...]:
        """What the state at each node is multiplied with."""

    def states(self, couplings: Mapping[str, FloatArray]) -> FloatArray:
        """Return the states (points, nodes, 3, 3) at parameters (points,) by their names."""

    def weights(self, states: FloatArray, flavour: str) -> FloatArray:
        """Return what counts of each node's spectrum are multiplied with (points, nodes), of a flavour or coherence."""


@dataclass(frozen=True, eq=False)
class Source:
    """Fluxes per flavour at `reference_distance_m`, from where they fall as 1/L^2.

    Of a source with a `fluence` they are those of the whole exposure, in /cm^2: its experiments have no live time.
    `sterile` is how they oscillate on their way from there, which `at` takes into account. Of a source `at_earth` the
    distance to the detector plays no part.

    Where neutrinos arrive in a coherent mixture of flavours, `coherences` have, by the names of `flavours.coherence`,
    flux times 2 Re rho_ab of a pair. `varied` are the source with each of its fluxes one standard deviation higher, and
    lower, by the names of nuisances. With a `propagation` NSI change the
    flavours; the spectra are those without NSI. `arrivals` say when each flavour arrives, if the spectra depend on it.
    """

    spectra: Mapping[str, Spectrum]
    reference_distance_m: float
    fluence: bool = False
    sterile: Sterile | None = None
    coherences: Mapping[str, Spectrum] = field(default_factory=dict)
    at_earth: bool = False
    varied: Mapping[str, tuple[Source, Source]] = field(default_factory=dict)
    propagation: Propagation | None = None
    arrivals: Mapping[str, Arrivals] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.spectra) - set(FLAVOURS)
        if unknown:
            raise InputError(f"unknown flavour {min(unknown)!r}: {', '.join(FLAVOURS)} are known")
        for name in ("spectra", "coherences", "varied", "arrivals"):
            object.__setattr__(self, name, FrozenMapping(getattr(self, name)))

    def arriving(self, name: str) -> Spectrum:
        """Return the spectrum of a flavour, or of a coherence of two."""
        return self.spectra[name] if name in self.spectra else self.coherences[name]

    def at(self, distance_m: float) -> Source:
        """Return the source with its spectra as they have oscillated over a distance, but not diluted."""
        if self.sterile is None:
            return self
        turning = {name: self.sterile.of(name, distance_m) for name in self.spectra}
        spectra = {name: replace(each, oscillation=turning[name]) for name, each in self.spectra.items()}
        arrivals = {
            name: replace(each, spectra=tuple(replace(one, oscillation=turning[name]) for one in each.spectra))
            for name, each in self.arrivals.items()
        }
        return replace(self, spectra=spectra, arrivals=arrivals, sterile=None)


def stopped_pion(flux_per_cm2_s: float, reference_distance_m: float, line_MeV: float = PROMPT_LINE_MEV) -> Source:
    """Return the decay-at-rest spectra of pi+ and mu+, each flavour with the same flux (K's eq. 8)."""
    m = M_MU_MEV
    end_point = np.array([0.0, m / 2.0])
    nu_e = np.array([[0.0, 0.0, 96.0 / m**3, -192.0 / m**4]])
    nu_mubar = np.array([[0.0, 0.0, 48.0 / m**3, -64.0 / m**4]])
    return Source(
        {
            "nu_mu": Spectrum.line(line_MeV, flux_per_cm2_s),
            "nu_e": Spectrum.continuum(end_point, flux_per_cm2_s * nu_e),
            "nu_mubar": Spectrum.continuum(end_point, flux_per_cm2_s * nu_mubar),
        },
        reference_distance_m,
    )


def stopped_pion_of_protons(protons: float, neutrinos_per_proton: float, line_MeV: float = PROMPT_LINE_MEV) -> Source:
    """Return the fluence of a number of protons on target that make so many neutrinos of each flavour."""
    at_one_metre = protons * neutrinos_per_proton / (4.0 * pi * 100.0**2)
    return replace(stopped_pion(at_one_metre, 1.0, line_MeV), fluence=True)


def stopped_pion_of_power(
    beam_power_MW: float, proton_energy_GeV: float, neutrinos_per_proton: float, line_MeV: float = PROMPT_LINE_MEV
) -> Source:
    """Return the source of a proton beam, of which each proton makes so many neutrinos of each flavour."""
    protons_per_s = beam_power_MW * 1e6 / (proton_energy_GeV * 1e3 * MEV_J)
    return stopped_pion(protons_per_s * neutrinos_per_proton / (4.0 * pi * 100.0**2), 1.0, line_MeV)


def tabulated_spectrum(
    E_MeV: FloatArray, flux_per_cm2_s_MeV: FloatArray, total_per_cm2_s: float | None = None
) -> Spectrum:
    """Return a spectrum given at points (n,), joined by straight lines; with a total, scaled to it.

    Raises InputError if there are fewer than two points, energies are negative or do not increase, a flux is negative,
    or all are zero.
    """
    if E_MeV.size < 2 or E_MeV[0] < 0.0 or not np.all(np.diff(E_MeV) > 0.0):
        raise InputError("a tabulated spectrum needs at least two points of increasing, non-negative energy")
    if np.any(flux_per_cm2_s_MeV < 0.0) or not np.any(flux_per_cm2_s_MeV > 0.0):
        raise InputError("a tabulated spectrum needs fluxes that are not negative, and not all zero")
    if total_per_cm2_s is not None:
        flux_per_cm2_s_MeV = flux_per_cm2_s_MeV * (total_per_cm2_s / np.trapezoid(flux_per_cm2_s_MeV, E_MeV))
    slope = np.diff(flux_per_cm2_s_MeV) / np.diff(E_MeV)
    constant = flux_per_cm2_s_MeV[:-1] - slope * E_MeV[:-1]
    zero = np.zeros_like(slope)
    return Spectrum.continuum(E_MeV, np.column_stack((constant, slope, zero, zero)))
