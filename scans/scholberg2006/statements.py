"""Sentences that carry numbers about rates."""

from __future__ import annotations

import numpy as np

from scanengine.inputs import nuclei
from scanengine.reproduce import Check, Exhibit, Table

from .magnetic_moments import electron_checks, moment_events_on_electrons, moment_events_on_nuclei
from .paper import SETTING, TARGETS, T_max_keV, counted, isotope_of, tonne
from .yields import above, yields


def statements() -> Exhibit:
    """Sentences of the paper that carry a number about rates."""
    light = (3.0, 5.0, 10.0)
    events = {target: above(light, target) for target in TARGETS}
    cross_sections = {target: total_cross_section_cm2(target, 30.0) for target in TARGETS}
    smallest, largest = min(cross_sections.values()), max(cross_sections.values())
    q_GeV = mean_q_GeV("Ne", 10.0)
    checks = [
        Check.statement(
            "Section I: total cross-section",
            "∼10⁻³⁹ cm²",
            f"{smallest:.1e} (²⁰Ne) to {largest:.1e} cm² (¹³²Xe) at 30 MeV",
            holds=smallest < 1e-39 < largest,
        ),
        *largest_recoil_checks(),
        *(
            Check.between(
                f"Section II: events per kg and year above {light[0]:g} keV, {TARGETS[t]}", "tens", n[0] / 1e3, 5, 100
            )
            for t, n in events.items()
        ),
        *(
            Check.between(
                f"Section IV: events > 10 keV per tonne and year, {TARGETS[t]}", "thousands", n[2], 1e3, 10**4.5
            )
            for t, n in events.items()
        ),
        Check.number("Section III A: typical Q, ²⁰Ne above 10 keV", "0.04", q_GeV, units="GeV/c²"),
        *(
            Check.between(
                f"Section III: kg yr of ²⁰Ne at which 1/√N is {f}%",
                "few tens of kilogram",
                1e3 * (100.0 / f) ** 2 / events["Ne"][2],
                10,
                100,
            )
            for f in (10, 5)
        ),
        *electron_checks(),
    ]
    rows = tuple((TARGETS[t], *(f"{c:.0f}" for c in n), f"{cross_sections[t]:.2e}") for t, n in events.items())
    columns = ("target", *(f"events > {T:g} keV" for T in light), "σ at 30 MeV [cm²]")
    electrons = moment_events_on_electrons()
    by_charge = {flavour: counts / isotope_of("Ne").Z for flavour, counts in moment_events_on_nuclei().items()}
    return Exhibit(
        "Sentences of the paper that carry a number about rates. Events of all flavours per tonne and year, "
        f"{SETTING}.",
        checks,
        None,
        [Table("Rates", columns, rows)],
        [
            (
                "“Tens” is taken as 5 to 100 (10 when rounded to tens), “thousands” as 10³ to 3×10⁴, as Section II "
                "says 10⁴ to 10⁵ of the same rates; “∼” before a power of ten or 10 as half a decade more or less."
            ),
            (
                "Footnote 49 takes the neutrino-electron signal as 1/Z of the nuclear one. But dσ/dT ∼ 1/T, and "
                "the recoil energies of electrons reach tens of MeV, those of neon nuclei 0.1 to 0.3 MeV: above 10 "
                "keV the logarithm is several times larger for electrons. The integral gives "
                f"{sum(electrons.values()):.0f} events ({electrons['nu_mu']:.0f} of ν_μ, "
                f"{electrons['nu_mubar']:.0f} of ν̄_μ), not the “∼10” that is printed; 1/Z of the nuclear events is "
                f"{by_charge['nu_mu']:.0f} of ν_μ and {by_charge['nu_mubar']:.0f} of ν̄_μ. That the signal is "
                "smaller than on nuclei stands, by a factor of 3 and not of 10."
            ),
        ],
    )


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
        checks.append(Check.number(f"{what}, against 2k²/M", f"{approximate:.3f}", ours, relative=0.01, units="MeV"))
        checks.append(Check.between(what, "sub-MeV range", ours, 0.1, 1.0, "MeV"))
    return checks
