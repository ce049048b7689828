"""The radius of the neutrons in caesium and iodine, one for both, by which the form factor falls."""

from __future__ import annotations

from functools import cache
from math import inf

import numpy as np

from scanengine import figures
from scanengine.contours import delta_chi2, intervals
from scanengine.grids import Axis, ReducedGrid
from scanengine.reproduce import Check, Exhibit, Table

from .paper import CL, ONE_SIGMA, SCANS, STROKE, absent, missing_note, not_run, paper, there

FITTED = {"csi2017": "CsI2017", "csi2021": "CsI2021"}
"""Scans, and the experiment of each."""

AXIS = Axis("R_n", np.linspace(3.0, 8.0, 41), "fm", "rms radius of the neutrons", r"R_n(\mathrm{CsI})")


@cache
def profile(scan: str) -> ReducedGrid:
    """Return chi2 over the radius, at the Standard Model's couplings, minimised over the nuisances.

    A radius changes the responses, which are integrated anew at each.
    """
    chi2 = []
    for rms_fm in AXIS.values.tolist():
        isotopes = (f"{name} = {{ kind = 'helm', rms_p_fm = {p}, rms_n_fm = {rms_fm} }}" for name, p in PROTONS_FM)
        form_factor = f"experiments.{FITTED[scan]}.form_factor={{ {', '.join(isotopes)} }}"
        chi2.append(paper.load(scan, form_factor).chi2())
    values = np.array(chi2)
    return ReducedGrid((AXIS,), values, float(values.min()))


PROTONS_FM = (("Cs133", 4.804), ("I127", 4.749))


def best_fit(scan: str) -> float:
    """Return the radius at the minimum of the parabola through the lowest value and those beside it."""
    lowest = int(np.argmin(profile(scan).chi2))
    beside = slice(lowest - 1, lowest + 2)
    a, b, _ = np.polyfit(AXIS.values[beside], profile(scan).chi2[beside], 2)
    return float(-0.5 * b / a)


def fig_radius() -> Exhibit:
    """Delta chi2 over the neutrons' radius."""
    published = {row["scan"]: row for row in paper.published("neutron_radius")}
    rows, checks, lines = [], not_run("radius of the neutrons", FITTED), []
    for scan in there(FITTED):
        grid, best = profile(scan), best_fit(scan)
        (span,) = intervals(grid, ONE_SIGMA)
        (wide,) = intervals(grid, CL)
        lines.append(figures.Line.of_profile(grid, SCANS[scan], STROKE[scan]))
        row = published[scan]
        words = f"{row['value']} +{row['above']} -{row['below']} fm"
        ends = [f"{'below 3' if lo is None else f'{lo:.2f}'} to {hi or inf:.2f}" for lo, hi in (span, wide)]
        rows.append((SCANS[scan], f"{best:.2f}", *ends, words, row["source"]))
        value, below, above = (float(row[key]) for key in ("value", "below", "above"))
        name = f"{SCANS[scan]}: radius of the neutrons in CsI, fm"
        checks.append(Check.between(name, words.removesuffix(" fm"), best, value - below, value + above))
    panel = figures.Panel(
        tuple(lines),
        AXIS.label,
        r"$\Delta\chi^2$",
        "",
        y_range=(0.0, 6.0),
        levels=((delta_chi2(ONE_SIGMA, 1), r"1$\sigma$"), (delta_chi2(CL, 1), "90%")),
    )
    columns = ("scan", "best fit, fm", "68.27% C.L.", "90% C.L.", "published", "by")
    return Exhibit(
        "Δχ² over the rms radius of the neutrons in ¹³³Cs and ¹²⁷I, the same in both, in Helm's form factor; all else "
        "at the Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., 1 dof.",
        checks,
        None if absent("csi2021") and absent("csi2017") else figures.sheet([[panel]]),
        [Table("Radius of the neutrons, 1 dof", columns, tuple(rows))],
        [*missing_note(FITTED), *NOTES],
    )


NOTES = (
    "Protons have the radii 4.804 fm (Cs) and 4.749 fm (I), those of the neutrons are points' radii.",
    (
        "Cadeddu et al. fit the 12 energy bins of CsI 2017, here its 144 bins of energy and time are fitted; of CsI "
        "2021 the neutrinos' arrival times are a substitute."
    ),
    "The signals' uncertainties, 28% and 12%, still hold what they have of the form factor, 5% and 3.4%.",
)
