"""Magnetic moments, electric charges and charge radii, with recoils of electrons and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from scanengine import Result, figures
from scanengine.reproduce import Exhibit, Table

from .paper import (
    ALL,
    CL,
    EXPERIMENTS,
    NUCLEI_ALONE,
    STROKE,
    absent,
    interval_words,
    loaded,
    missing_note,
    not_run,
    of,
    paper,
    profile_panel,
)


class Case(NamedTuple):
    """A parameter: what follows it, its axis in each data, and how it is written."""

    name: str
    tied: Mapping[str, Mapping[str, float]]
    axes: Mapping[str, tuple[float, float]]
    label: str
    words: str


def ranges(low: float, high: float, **others: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Return the axis of each data: from `low` to `high` but where another is given, as CONUS for CONUS+."""
    named = {"CONUS": "CONUS+", "CsI": "COHERENT CsI", "Ge": "COHERENT Ge"}
    return dict.fromkeys((*EXPERIMENTS, ALL), (low, high)) | {named.get(key, key): ends for key, ends in others.items()}


BARELY = (-1e6, 1e6)
"""The axis of charges of which recoils of nuclei alone, or of argon or xenon, say little."""

MOMENTS = (
    Case(
        "mu_nu_e",
        {"mu_nu_ebar": {"mu_nu_e": 1.0}},
        ranges(0.0, 80.0, CONUS=(0.0, 8.0), all=(0.0, 8.0)),
        r"$\mu_{\nu_e}$ [$10^{-10}\,\mu_\mathrm{B}$]",
        "μ of ν_e",
    ),
    Case(
        "mu_nu_mu",
        {"mu_nu_mubar": {"mu_nu_mu": 1.0}},
        ranges(0.0, 60.0),
        r"$\mu_{\nu_\mu}$ [$10^{-10}\,\mu_\mathrm{B}$]",
        "μ of ν_μ",
    ),
)
CHARGES = (
    Case(
        "q_nu_e",
        {},
        ranges(*BARELY, CONUS=(-3.0, 3.0), all=(-3.0, 3.0), CsI=(-800.0, 800.0), Ge=(-800.0, 800.0)),
        r"$q_{\nu_e}$ [$10^{-12}\,e$]",
        "q of ν_e",
    ),
    Case(
        "q_nu_mu",
        {},
        ranges(*BARELY, all=(-300.0, 300.0), CsI=(-800.0, 800.0), Ge=(-800.0, 800.0)),
        r"$q_{\nu_\mu}$ [$10^{-12}\,e$]",
        "q of ν_μ",
    ),
)
RADII = tuple(
    Case(name, tied, ranges(-60.0, 40.0), rf"$\langle r^2_{{{flavour}}}\rangle$ [$10^{{-32}}\,\mathrm{{cm}}^2$]", words)
    for name, tied, flavour, words in (
        ("r2_nu_e", {"r2_nu_ebar": {"r2_nu_e": 1.0}}, r"\nu_e", "⟨r²⟩ of ν_e"),
        ("r2_nu_mu", {"r2_nu_mubar": {"r2_nu_mu": 1.0}}, r"\nu_\mu", "⟨r²⟩ of ν_μ"),
    )
)
SHOWN: dict[str, tuple[float, float, Literal["linear", "log"]]] = {
    "mu_nu_e": (0.1, 100.0, "log"),
    "mu_nu_mu": (1.0, 100.0, "log"),
}
SHOWN |= {"q_nu_e": (-3.0, 3.0, "linear"), "q_nu_mu": (-800.0, 800.0, "linear")}
"""What part of the axes a panel shows."""

MOST = 10.0
"""Data whose axis is so many times longer than a panel are not drawn there."""

POINTS = 601


def result(case: Case, who: str, *, electrons: bool) -> Result:
    """Return the result over a parameter of some data."""
    low, high = case.axes[who] if electrons or case not in CHARGES else BARELY
    points = 10 * POINTS if (low, high) == BARELY else POINTS
    axes = {case.name: {"min": low, "max": high, "points": points}}
    changes = {"axes": axes, "tied": case.tied, **({} if electrons else NUCLEI_ALONE)}
    return of(loaded("moments").at(changes), who).run()


def exhibit(caption: str, cases: tuple[Case, ...], title: str, notes: list[str]) -> Exhibit:
    """Return the profiles of some parameters with electrons, and limits with and without them."""
    if absent():
        return Exhibit(caption, not_run(title), None, [], missing_note())
    found = {
        (case.name, who, electrons): result(case, who, electrons=electrons)
        for case in cases
        for who in (*EXPERIMENTS, ALL)
        for electrons in (True, False)
        if not (who == "CONUS+" and case.name.endswith("mu"))
    }
    panels = []
    for case in cases:
        low, high, scale = SHOWN.get(case.name, (*case.axes["COHERENT CsI"], "linear"))
        lines = [
            figures.Line.of_profile(found[case.name, who, True].profile(case.name), who, STROKE[who])
            for who in (*EXPERIMENTS, ALL)
            if (case.name, who, True) in found and case.axes[who][1] <= MOST * high
        ]
        panels.append(replace(profile_panel(lines, case.label, "", (low, high)), x_scale=scale))
    rows = [
        (
            who,
            *(
                interval_words(found[case.name, who, electrons], CL, case.name)
                if (case.name, who, True) in found
                else "–"
                for case in cases
                for electrons in (True, False)
            ),
        )
        for who in (*EXPERIMENTS, ALL)
    ]
    rows += published(cases)
    columns = ("data", *(f"{case.words}, {what}" for case in cases for what in ("electrons too", "nuclei alone")))
    return Exhibit(caption, [], figures.sheet([panels]), [Table(title, columns, tuple(rows))], notes)


def published(cases: tuple[Case, ...]) -> list[tuple[str, ...]]:
    """Return the row of what CONUS+ finds in its spectrum, if it has any of these parameters."""
    limits = {row["parameter"]: row["limit"] for row in paper.published("conus")}
    if not any(case.name in limits for case in cases):
        return []
    cells = [f"below {limits[case.name]} in size" if case.name in limits else "–" for case in cases]
    return [("CONUS+, spectrum, arXiv:2605.22815", *(cell for each in cells for cell in (each, "–")))]


_CAPTION = (
    "with recoils of electrons in CsI, Ge and CONUS+, all else at the Standard Model, minimised over nuisances. "
    "Dotted: 1σ and 90% C.L., 1 dof."
)


def fig_moments() -> Exhibit:
    """Delta chi2 over magnetic moments."""
    return exhibit(
        f"Δχ² over the magnetic moments of ν_e and ν_μ and their antineutrinos, {_CAPTION}",
        MOMENTS,
        "Magnetic moments in 10⁻¹⁰ μ_B, 90% C.L., 1 dof",
        [
            *NOTES,
            "A moment only adds counts: where fewer were seen than expected its limit is stronger than expected.",
        ],
    )


def fig_charges() -> Exhibit:
    """Delta chi2 over electric charges."""
    return exhibit(
        f"Δχ² over the electric charges of ν_e and ν_μ, {_CAPTION} The table has the data that say less.",
        CHARGES,
        "Electric charges in 10⁻¹² e, 90% C.L., 1 dof",
        NOTES,
    )


def fig_radii() -> Exhibit:
    """Delta chi2 over charge radii."""
    return exhibit(
        f"Δχ² over the charge radii of ν_e and ν_μ and their antineutrinos, {_CAPTION}",
        RADII,
        "Charge radii in 10⁻³² cm², 90% C.L., 1 dof",
        [
            *NOTES,
            (
                "The convention is eq. 17 of Kosmas et al. 2015, a shift of sin²θ_W; papers that shift the proton's "
                "coupling by half of it quote ranges twice as large. At the lower of two ranges the amplitude has "
                "changed its sign."
            ),
        ],
    )


NOTES = [
    (
        "Electrons of CONUS+ are as if free, those of CsI and germanium recoil above the binding energy of their "
        "shell. Argon's pulse shape tells electrons from nuclei, and XENONnT's released response is that of nuclei."
    ),
    "That of CONUS+ is one count; the collaboration fits its spectrum, which is not released.",
]
