"""Sentences that carry numbers about rates."""

from __future__ import annotations

import numpy as np

from scanengine.inputs import nuclei
from scanengine.reproduce import Check, Exhibit, Table

from .magnetic_moments import MUON_LIMIT, electron_checks, moment_events_on_electrons, moment_events_on_nuclei
from .paper import HELM, RULE, SETTING, TARGETS, T_max_keV, approximately, counted, isotope_of, tonne
from .yields import above, yields

NUE_MOMENT = 2.0
"""The paper's "1 - 2 x 10^-10 mu_B" for nu_e, its upper end."""


def statements() -> Exhibit:
    """Sentences of the paper that carry a number about rates."""
    light = (3.0, 5.0, 10.0)
    events = {target: above(light, target) for target in TARGETS}
    cross_sections = {target: total_cross_section_cm2(target, 30.0) for target in TARGETS}
    q_GeV = mean_q_GeV("Ne", 10.0)
    checks = [
        *(
            approximately_or_seen(f"Section I: total cross-section at 30 MeV, {TARGETS[t]}", "∼10⁻³⁹", sigma_cm2, "cm²")
            for t, sigma_cm2 in cross_sections.items()
        ),
        *largest_recoil_checks(),
        *(
            approximately_or_seen(
                f"Section II: events per kg and year above {light[0]:g} keV, {TARGETS[t]}", "tens", n[0] / 1e3
            )
            for t, n in events.items()
        ),
        *(
            approximately_or_seen(f"Section IV: events > 10 keV per tonne and year, {TARGETS[t]}", "thousands", n[2])
            for t, n in events.items()
        ),
        Check.number("Section III A: typical Q, ²⁰Ne above 10 keV", "0.04", q_GeV, units="GeV/c²"),
        *(
            approximately_or_seen(
                f"Section III: kg yr of ²⁰Ne at which 1/√N is {f}%",
                "few tens",
                1e3 * (100.0 / f) ** 2 / events["Ne"][2],
                "kg",
            )
            for f in (10, 5)
        ),
        *electron_checks(),
    ]
    rows = tuple((TARGETS[t], *(f"{c:.0f}" for c in n), f"{cross_sections[t]:.2e}") for t, n in events.items())
    columns = ("target", *(f"events > {T:g} keV" for T in light), "σ at 30 MeV [cm²]")
    electrons = moment_events_on_electrons()
    smaller = sum(electrons.values()) * (NUE_MOMENT / MUON_LIMIT) ** 2
    by_charge = {flavour: counts / isotope_of("Ne").Z for flavour, counts in moment_events_on_nuclei().items()}
    return Exhibit(
        "Sentences of the paper that carry a number about rates. Events of all flavours per tonne and year, "
        f"{SETTING}.",
        checks,
        None,
        [Table("Rates", columns, rows)],
        [
            (
                "Cross-sections grow as N², by a factor of 61 from ²⁰Ne to ¹³²Xe but for the form factor: no power of "
                f"ten holds for all four. At 30 MeV ²⁰Ne has {cross_sections['Ne']:.1e} cm², ¹³²Xe "
                f"{cross_sections['Xe']:.1e} cm²; up to 50 MeV they grow as E²."
            ),
            (
                "“Tens per year” of ²⁰Ne are 9.9. “Thousands” above 10 keV are what ²⁰Ne has; the other targets have "
                "ten to twenty thousand, as Section II says of the same rates: 10⁴ to 10⁵. At “few tens of a "
                "kilogram” systematic errors dominate if they are 5%; if they are 10%, from 12 kg on."
            ),
            (
                "Footnote 49 takes the neutrino-electron signal as 1/Z of the nuclear one. But dσ/dT ∼ 1/T, and "
                "the recoil energies of electrons reach tens of MeV, those of neon nuclei 0.1 to 0.3 MeV: above 10 "
                "keV the logarithm is several times larger for electrons. That the signal is smaller than on nuclei "
                "stands, by a factor of 3 and not of 10."
            ),
            (
                f"The integral over electrons gives {sum(electrons.values()):.0f} events ({electrons['nu_mu']:.0f} of "
                f"ν_μ, {electrons['nu_mubar']:.0f} of ν̄_μ), not the “∼10” that is printed, and we do not know why: "
                f"1/Z of the nuclear events is {by_charge['nu_mu']:.0f} of ν_μ and {by_charge['nu_mubar']:.0f} of ν̄_μ. "
                f"{NUE_MOMENT:g}×10⁻¹⁰ μ_B, the upper of the limits on ν_e's moment that the paper quotes, in the "
                f"place of {MUON_LIMIT:g}×10⁻¹⁰ would give {smaller:.0f}."
            ),
            (
                "Limits that the paper quotes from elsewhere, as those of NuTeV and of μ → e conversion in Table I, "
                "and astrophysical and laboratory limits on magnetic moments, are not results of it and not compared."
            ),
            HELM,
            RULE,
        ],
    )


SEEN: dict[str, float] = {
    "Section I: total cross-section at 30 MeV, ²⁰Ne": 2.986e-40,
    "Section I: total cross-section at 30 MeV, ⁷⁶Ge": 5.569e-39,
    "Section I: total cross-section at 30 MeV, ¹³²Xe": 1.653e-38,
    "Section II: events per kg and year above 3 keV, ²⁰Ne": 9.901,
    "Section IV: events > 10 keV per tonne and year, ⁴⁰Ar": 16682.0,
    "Section IV: events > 10 keV per tonne and year, ⁷⁶Ge": 21330.0,
    "Section IV: events > 10 keV per tonne and year, ¹³²Xe": 15281.0,
    "Section III: kg yr of ²⁰Ne at which 1/√N is 10%": 11.505,
}
"""What does not agree with the paper's words, for reasons that the notes give: the values seen."""


def approximately_or_seen(result: str, words: str, ours: float, units: str = "") -> Check:
    """Hold a number to what words mean, or to the value seen where these are known not to agree."""
    if result in SEEN:
        return Check.known_difference(result, words, ours, SEEN[result], units)
    return approximately(result, words, ours, units)


def mean_q_GeV(target: str, threshold_keV: float) -> float:
    """The mean momentum transfer of all events of a target above a threshold."""
    edges, scan = yields(target)
    T_keV = 0.5 * (edges[1:] + edges[:-1])
    q_GeV = 1e-3 * np.sqrt(2e-3 * isotope_of(target).mass_MeV * T_keV)
    return float(np.average(q_GeV, weights=counted(scan) * (T_keV > threshold_keV)))


def total_cross_section_cm2(target: str, E_MeV: float) -> float:
    """Integrated over the recoil energy."""
    T = np.linspace(1e-6, T_max_keV(isotope_of(target), E_MeV), 201)
    return float(np.trapezoid(tonne().cross_section_cm2_per_keV(target, "nu_mu", E_MeV, T), T))


def largest_recoil_checks() -> list[Check]:
    """Section I: about 2 k^2 / M, in the sub-MeV range at 50 MeV."""
    checks = []
    for nuclide, name in (("C12", "¹²C"), ("O16", "¹⁶O")):
        (isotope,) = nuclei.target(nuclide).isotopes
        ours = T_max_keV(isotope, 50.0) * 1e-3
        approximate = 2.0 * 50.0**2 / isotope.mass_MeV
        what = f"Section I: largest recoil energy at 50 MeV, {name}"
        from_2k2 = f"{approximate:.3f}"
        checks += [
            Check.number(f"{what}, against 2k²/M", from_2k2, ours, relative=0.01, units="MeV", derived=True),
            approximately(what, "sub-MeV", ours, "MeV"),
        ]
    return checks
