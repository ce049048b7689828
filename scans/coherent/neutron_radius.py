"""The radius of the neutrons in caesium and iodine, one for both, and in argon, by which the form factor falls."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from scanengine import figures
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import intervals
from scanengine.inference.levels import delta_chi2
from scanengine.reproduce import Check, Exhibit, Table

from .paper import CL, ONE_SIGMA, SCANS, STROKE, missing_note, not_run, paper, there

PROTONS_FM = {
    "csi2017": ("CsI2017", {"Cs133": 4.804, "I127": 4.749}),
    "csi2021": ("CsI2021", {"Cs133": 4.804, "I127": 4.749}),
    "lar2020": ("LAr2020", {"Ar40": 3.427}),
}
"""Scans, the experiment of each, and the rms radius of the protons in its isotopes."""

_NAME = "rms radius of the neutrons"
CAESIUM_IODIDE = Axis("R_n", np.linspace(3.0, 8.0, 41), "fm", _NAME, r"R_n(\mathrm{CsI})")
ARGON = Axis("R_n", np.linspace(1.6, 8.0, 33), "fm", _NAME, r"R_n(\mathrm{Ar})")
"""Helm's form factor begins at an rms radius of sqrt(3) s = 1.56 fm, where its sphere has none."""

PANELS = ((CAESIUM_IODIDE, ("csi2017", "csi2021")), (ARGON, ("lar2020",)))


def axis(scan: str) -> Axis:
    """Return the radii at which a scan is fitted."""
    return next(axis for axis, scans in PANELS if scan in scans)


@paper.cache
def profile(scan: str) -> ReducedGrid:
    """Return chi2 over the radius, at the Standard Model's couplings, minimised over the nuisances.

    A radius changes the responses, which are integrated anew at each.
    """
    experiment, protons = PROTONS_FM[scan]
    chi2 = []
    for rms_fm in axis(scan).values.tolist():
        isotopes = (f"{name} = {{ kind = 'helm', rms_p_fm = {p}, rms_n_fm = {rms_fm} }}" for name, p in protons.items())
        chi2.append(paper.load(scan, f"experiments.{experiment}.form_factor={{ {', '.join(isotopes)} }}").chi2())
    values = np.array(chi2)
    return ReducedGrid((axis(scan),), values, float(values.min()))


def best_fit(scan: str) -> float:
    """Return the radius at the minimum of the parabola through the lowest value and those beside it, or at the end of
    the axis if the lowest is there.
    """
    grid = profile(scan)
    lowest = int(np.argmin(grid.chi2))
    if lowest in {0, grid.chi2.size - 1}:
        return float(axis(scan).values[lowest])
    beside = slice(lowest - 1, lowest + 2)
    a, b, _ = np.polyfit(axis(scan).values[beside], grid.chi2[beside], 2)
    return float(-0.5 * b / a)


def fig_radius() -> Exhibit:
    """Delta chi2 over the neutrons' radius."""
    published = {row["scan"]: row for row in paper.published("neutron_radius")}
    rows, checks = [], not_run("radius of the neutrons", published)
    for scan in there(PROTONS_FM):
        best, first = best_fit(scan), axis(scan).values[0]
        spans = [span for cl in (ONE_SIGMA, CL) for span in intervals(profile(scan), cl)]
        ends = [f"{f'below {first:g}' if lo is None else f'{lo:.2f}'} to {hi or inf:.2f}" for lo, hi in spans]
        fitted = f"{first:g}, where the axis begins" if best == first else f"{best:.2f}"
        words, source = "none that could be verified", ""
        if scan in published:
            row = published[scan]
            words, source = f"{row['value']} +{row['above']} -{row['below']} fm", row["source"]
            value, below, above = (float(row[key]) for key in ("value", "below", "above"))
            name = f"{SCANS[scan]}: radius of the neutrons in CsI, fm"
            checks.append(Check.between(name, words.removesuffix(" fm"), best, value - below, value + above))
        rows.append((SCANS[scan], fitted, *ends, words, source))
    panels = [panel(along, there(scans)) for along, scans in PANELS if there(scans)]
    columns = ("scan", "best fit, fm", "68.27% C.L.", "90% C.L.", "published", "by")
    return Exhibit(
        "Δχ² over the rms radius of the neutrons, the same in ¹³³Cs and ¹²⁷I, and in ⁴⁰Ar, in Helm's form factor; all "
        "else at the Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., 1 dof.",
        checks,
        figures.sheet([panels]) if panels else None,
        [Table("Radius of the neutrons, 1 dof", columns, tuple(rows))],
        [*missing_note(PROTONS_FM), *NOTES],
    )


def panel(along: Axis, scans: Sequence[str]) -> figures.Panel:
    """Return the panel of the scans of one target."""
    return figures.Panel(
        tuple(figures.Line.of_profile(profile(scan), SCANS[scan], STROKE[scan]) for scan in scans),
        figures.label(along),
        r"$\Delta\chi^2$",
        "",
        y_range=(0.0, 6.0),
        levels=((delta_chi2(ONE_SIGMA, 1), r"1$\sigma$"), (delta_chi2(CL, 1), "90%")),
    )


NOTES = (
    "Protons have the radii 4.804 fm (Cs), 4.749 fm (I) and 3.427 fm (Ar), those of the neutrons are points' radii.",
    (
        "Cadeddu et al. fit the 12 energy bins of CsI 2017, here its 144 bins of energy and time are fitted; of CsI "
        "2021 the neutrinos' arrival times are a substitute."
    ),
    (
        "LAr 2020: the released template is taken to hold neutrons of 3.40 fm, which the release does not print, and "
        "scales with the counts in each bin of energy. A signal larger than expected fits best, so that χ² falls to "
        "the smallest radius of Helm's form factor, 1.56 fm: there is an upper end only, and at this bound Δχ² allows "
        "more than its confidence level."
    ),
    "The signals' uncertainties, 28% and 12%, still hold what they have of the form factor, 5% and 3.4%.",
)
