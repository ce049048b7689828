"""Magnetic moments and charge radii."""

from __future__ import annotations

from scanengine import figures
from scanengine.reproduce import Exhibit, Table

from .paper import CL, SCANS, interval_words, missing_note, not_run, profile_panel, result, there

Case = tuple[str, str, str, str, tuple[str, ...]]
"""Parameter, axis, label of the axis, whose it is, and overrides."""

MOMENTS: tuple[Case, ...] = (
    ("mu_nu", "mu_nu = { min = 0.0, max = 60.0, points = 121 }", "", "all flavours", ()),
    ("mu_nu_e", "mu_nu_e = { min = 0.0, max = 80.0, points = 161 }", "", r"$\nu_e$", ()),
    (
        "mu_nu_mu",
        "mu_nu_mu = { min = 0.0, max = 60.0, points = 121 }",
        "",
        r"$\nu_\mu$ and $\bar\nu_\mu$",
        ("tied={ mu_nu_mubar = { mu_nu_mu = 1.0 } }",),
    ),
)
RADII: tuple[Case, ...] = (
    ("r2_nu_e", "r2_nu_e = { min = -45.0, max = 20.0, points = 261 }", r"_{\nu_e}", r"$\nu_e$", ()),
    (
        "r2_nu_mu",
        "r2_nu_mu = { min = -45.0, max = 20.0, points = 261 }",
        r"_{\nu_\mu}",
        r"$\nu_\mu$ and $\bar\nu_\mu$",
        ("tied={ r2_nu_mubar = { r2_nu_mu = 1.0 } }",),
    ),
)
WORDS = {"mu_nu": "μ_ν, all flavours", "mu_nu_e": "μ_ν of ν_e", "mu_nu_mu": "μ_ν of ν_μ", "r2_nu_e": "⟨r²⟩ of ν_e"}
WORDS |= {"r2_nu_mu": "⟨r²⟩ of ν_μ"}


def fig_moments() -> Exhibit:
    """Delta chi2 over magnetic moments."""
    panels = [
        profile_panel(axes, name, r"$\mu_\nu$ [$10^{-10}\,\mu_\mathrm{B}$]", title, *edits)
        for name, axes, _, title, edits in MOMENTS
    ]
    return Exhibit(
        "Δχ² over the magnetic moment of all neutrinos, of ν_e alone, and of ν_μ and ν̄_μ alone, all else at the "
        "Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., 1 dof.",
        not_run("magnetic moments", SCANS),
        figures.sheet([panels]),
        [table("Magnetic moments in 10⁻¹⁰ μ_B, 90% C.L., 1 dof", MOMENTS)],
        [
            *missing_note(SCANS),
            MOMENTS_NOTE,
        ],
    )


def fig_radii() -> Exhibit:
    """Delta chi2 over charge radii."""
    panels = [
        profile_panel(axes, name, rf"$\langle r^2{symbol}\rangle$ [$10^{{-32}}\,\mathrm{{cm}}^2$]", title, *edits)
        for name, axes, symbol, title, edits in RADII
    ]
    return Exhibit(
        "Δχ² over the charge radius of ν_e, and over that of ν_μ, to which that of ν̄_μ is tied, all else at the "
        "Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., 1 dof.",
        not_run("charge radii", SCANS),
        figures.sheet([panels]),
        [table("Charge radii in 10⁻³² cm², 90% C.L., 1 dof", RADII)],
        [
            *missing_note(SCANS),
            RADII_NOTE,
        ],
    )


def table(title: str, cases: tuple[Case, ...]) -> Table:
    """Return the intervals of every scan."""
    rows = [
        (
            SCANS[scan],
            *(interval_words(result(scan, axes, *edits), CL, name) for name, axes, _, _, edits in cases),
        )
        for scan in there(SCANS)
    ]
    return Table(title, ("scan", *(WORDS[name] for name, *_ in cases)), tuple(rows))


MOMENTS_NOTE = (
    "A moment only adds counts: where fewer were seen than the Standard Model gives, as in germanium, its limit is "
    "stronger than the experiment's sensitivity. Scattering off electrons, which caesium iodide would count as well, "
    "is not in it."
)
RADII_NOTE = (
    "The convention is eq. 17 of Kosmas et al. 2015, a shift of sin²θ_W. Papers that shift the proton's coupling by "
    "half of it quote ranges twice as large. At the lower of two ranges the proton's coupling is so large that the "
    "amplitude has changed its sign."
)
