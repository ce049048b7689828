"""Figs. 13 and 14, and footnote 49."""

from __future__ import annotations

from math import inf, isfinite, pi, sqrt

import numpy as np

from scanengine import figures
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.reproduce import Check, Exhibit, Table

from .paper import (
    DELAYED,
    HELM,
    HIGHEST_E_MEV,
    MATH,
    PER_KEV,
    PROMPT,
    RECOIL,
    RULE,
    SETTING,
    UNSEEN,
    T_max_keV,
    approximately,
    binned,
    counted,
    isotope_of,
    paper,
    positive,
    tonne,
)

MOMENTS: dict[str, dict[str, float]] = {
    "SM": {},
    "low": {"mu_nu_e": 1.0, "mu_nu_mu": 1.0},
    "high": {"mu_nu_e": 1.0, "mu_nu_mu": 6.0},
}
"""Moments of the three lines of Fig. 14, 1e-10 mu_B; that of nu_mubar is nu_mu's."""
MUON_LIMIT = 6.8
"""Limit on the moments of nu_mu and nu_mubar, 1e-10 mu_B: L. B. Auerbach et al., Phys. Rev. D 63, 112001 (2001)."""


def fig13() -> Exhibit:
    """Fig. 13: differential cross-sections at 30 MeV on ²⁰Ne."""
    scan, E_MeV = paper.load("fig14"), 30.0
    end = T_max_keV(isotope_of("Ne"), E_MeV)
    T = np.geomspace(0.01, end * (1.0 - 1e-12), 2000)
    weak = scan.cross_section_cm2_per_keV("Ne", "nu_mu", E_MeV, T)
    magnetic = {mu: scan.cross_section_cm2_per_keV("Ne", "nu_mu", E_MeV, T, mu_nu_mu=mu) - weak for mu in (1.0, 6.0)}
    lines = (
        figures.Line(T, weak, "Standard Model", 0),
        figures.Line(T, magnetic[1.0], r"$\mu_\nu = 10^{-10}\,\mu_\mathrm{B}$", 1),
        figures.Line(T, magnetic[6.0], r"$\mu_\nu = 6 \times 10^{-10}\,\mu_\mathrm{B}$", 2),
    )
    panel = figures.Panel(
        lines,
        RECOIL,
        r"$\mathrm{d}\sigma/\mathrm{d}T$ [cm$^2$/keV]",
        x_range=(0.01, 150.0),
        y_range=(1e-45, 1e-38),
        x_scale="log",
        y_scale="log",
    )

    def falls_to(share: float, mu: float) -> float:
        """Recoil energy at which the magnetic cross-section has fallen to this share of the weak one, or infinity."""
        below = magnetic[mu] < share * weak
        return float(T[np.argmax(below)]) if below.any() else inf

    checks = [
        approximately(
            "Fig. 13: recoil energy below which 10⁻¹⁰ μ_B adds more than 1%", "a few", falls_to(0.01, 1.0), "keV"
        ),
    ]
    shares = (1.0, 0.1, 0.01)
    found = {share: [falls_to(share, mu) for mu in magnetic] for share in shares}
    rows = tuple(
        (f"{share:g}", *(f"{end:.3g}" if isfinite(end) else "nowhere" for end in ends)) for share, ends in found.items()
    )
    columns = ("magnetic / weak", "10⁻¹⁰ μ_B [keV]", "6×10⁻¹⁰ μ_B [keV]")
    return Exhibit(
        "Cross-sections of a 30 MeV neutrino on ²⁰Ne: Standard Model with the Helm form factor, and the magnetic "
        "moment's alone (eq. 6, without a form factor).",
        checks,
        figures.sheet([[panel]], heading=[rf"30 MeV, {MATH['Ne']}"]),
        [Table("Recoil energy at which the magnetic cross-section falls below a share of the weak one", columns, rows)],
        [f"The magnetic cross-section ends at the same {end:.1f} keV as the weak one.", HELM, RULE, UNSEEN],
    )


def fig14() -> Exhibit:
    """Fig. 14: yield in neon with magnetic moments."""
    edges = np.geomspace(0.1, 300.0, 361)
    scan = binned("fig14", "Ne", tuple(edges.tolist()))
    centres, widths = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)

    def panel(flavours: tuple[str, ...], title: str) -> figures.Panel:
        labels = (
            "Standard Model",
            r"$10^{-10}\,\mu_\mathrm{B}$",
            r"$10^{-10}$ ($\nu_e$), $6 \times 10^{-10}$ ($\nu_\mu$, $\bar\nu_\mu$)",
        )
        lines = [
            figures.Line(centres, positive(counted(scan, flavours, **moments) / widths), label, stroke)
            for stroke, (label, moments) in enumerate(zip(labels, MOMENTS.values(), strict=True))
        ]
        return figures.Panel(
            tuple(lines), RECOIL, PER_KEV, title, (0.1, 300.0), (0.5, 3e3), x_scale="log", y_scale="log"
        )

    coarse = binned("fig14", "Ne", (1.0, 3.0, 10.0, 300.0))
    counts = {name: counted(coarse, (*PROMPT, *DELAYED), **moments) for name, moments in MOMENTS.items()}
    extra = {name: 100.0 * (counts[name] / counts["SM"] - 1.0) for name in ("low", "high")}
    beyond = float(counts["high"][2] - counts["SM"][2])
    significance = beyond / sqrt(counts["SM"][2])
    bins = ("1 to 3 keV", "3 to 10 keV", "above 10 keV")
    rows = tuple(
        (b, f"{counts['SM'][i]:.0f}", f"{extra['low'][i]:.2f}", f"{extra['high'][i]:.2f}") for i, b in enumerate(bins)
    )
    checks = [
        approximately("Fig. 14: excess above 10 keV, 10⁻¹⁰ μ_B", "very small", float(extra["low"][2]), "%"),
        approximately("Fig. 14: excess from 3 to 10 keV, 10⁻¹⁰ μ_B", "very small", float(extra["low"][1]), "%"),
        Check.statement(
            "Fig. 14: signal of ν_μ's limit above 10 keV in 1 t yr",
            "might be measurable",
            f"{beyond:.0f} events, {significance:.1f} times the statistical error",
            holds=significance > 2.0,
        ),
    ]
    return Exhibit(
        f"One tonne of ²⁰Ne for a year, {SETTING}. Top: prompt ν_μ; bottom: delayed ν_e + ν̄_μ. Solid: Standard "
        "Model; dashed: moments of 10⁻¹⁰ μ_B; dotted: 10⁻¹⁰ μ_B of ν_e and 6×10⁻¹⁰ μ_B of ν_μ and ν̄_μ, all "
        "without a form factor.",
        checks,
        figures.sheet(
            [[panel(PROMPT, r"prompt: $\nu_\mu$")], [panel(DELAYED, r"delayed: $\nu_e + \bar\nu_\mu$")]],
            heading=[rf"1 t yr of {MATH['Ne']}, 20 m"],
            share_x=True,
        ),
        [Table("All flavours", ("recoil energy", "SM events", "excess, dashed [%]", "excess, dotted [%]"), rows)],
        [
            "The caption gives the dashed line's moments for the delayed flux only; ν_μ has the same here.",
            "“Might be measurable” is taken as more than twice the statistical error.",
            HELM,
            RULE,
            UNSEEN,
        ],
    )


def moment_events_from_logarithms(mass_MeV: float, charges: float, threshold_MeV: float = 0.010) -> dict[str, float]:
    """Events in 1 t yr of 20Ne of the moments of nu_mu and nu_mubar on free targets at rest, `charges` per atom.

    dsigma/dT = pi alpha^2 mu^2 / m_e^2 (1/T - 1/E) per target of charge 1, up to T_max = 2 E^2 / (M + 2 E); hence
    ln(T_max / T) - (T_max - T) / E from the threshold T on.
    """
    scan = tonne()
    (experiment,) = (e for e in scan.definition.experiments if e.name == "Ne")
    (atoms_per_kg,) = experiment.target.atoms_per_kg
    moment = MUON_LIMIT * constants.MAGNETIC_UNIT
    unit_cm2 = pi * (constants.ALPHA * moment * constants.HBARC_MEV_CM / constants.M_E_MEV) ** 2
    exposure = experiment.mass_kg * atoms_per_kg * charges * experiment.live_time_s

    def cross_section_cm2(E: FloatArray) -> FloatArray:
        highest = np.maximum(2.0 * E**2 / (mass_MeV + 2.0 * E), threshold_MeV)
        return unit_cm2 * (np.log(highest / threshold_MeV) - (highest - threshold_MeV) / E)

    spectra = scan.definition.source.spectra
    E = np.linspace(0.01, HIGHEST_E_MEV, 2001)
    line, continuum = spectra["nu_mu"], spectra["nu_mubar"].per_cm2_s_MeV(E)
    return {
        "nu_mu": exposure * float(line.line_fluxes_per_cm2_s @ cross_section_cm2(line.line_energies_MeV)),
        "nu_mubar": exposure * float(np.trapezoid(continuum * cross_section_cm2(E), E)),
    }


def moment_events_on_electrons(threshold_MeV: float = 0.010) -> dict[str, float]:
    """Events in 1 t yr of 20Ne of the moments of nu_mu and nu_mubar on electrons."""
    return moment_events_from_logarithms(constants.M_E_MEV, isotope_of("Ne").Z, threshold_MeV)


def moment_events_on_nuclei() -> dict[str, float]:
    """Events above 10 keV in 1 t yr of 20Ne of the same moments on nuclei, as the scan has them."""
    scan = paper.load("fig14")
    return {
        flavour: float(counted(scan, (flavour,), mu_nu_mu=MUON_LIMIT)[0] - counted(scan, (flavour,))[0])
        for flavour in ("nu_mu", "nu_mubar")
    }


def electron_checks() -> list[Check]:
    """Footnote 49: neutrino-electron magnetic scattering above 10 keV, at the limit of nu_mu."""
    neon = isotope_of("Ne")
    electrons = sum(moment_events_on_electrons().values())
    on_nuclei = sum(moment_events_on_nuclei().values())
    from_logarithms = sum(moment_events_from_logarithms(neon.mass_MeV, neon.Z**2).values())
    what = "Footnote 49: magnetic events"
    return [
        Check.known_difference(
            f"{what} on nuclei over those on electrons",
            "factor of 10",
            on_nuclei / electrons,
            from_logarithms / electrons,
            source="from the logarithms ln(T_max/T)",
        ),
        Check.known_difference(f"{what} on electrons > 10 keV in 1 t yr", "∼10", electrons, 155.2, explained=False),
    ]
