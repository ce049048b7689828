"""Non-standard interactions of electron neutrinos with u and d quarks."""

from __future__ import annotations

from scanengine import figures
from scanengine.reproduce import Exhibit, Table

from .paper import CL, SCANS, SHOWN, STROKE, absent, interval_words, missing_note, not_run, result, there

PLANE = "eps_ee_uV = { min = -1.0, max = 1.4, points = 121 }, eps_ee_dV = { min = -1.0, max = 1.4, points = 121 }"
UNIVERSAL = "eps_ee_uV = { min = -0.3, max = 0.5, points = 161 }"
TIE = "tied={ eps_ee_dV = { eps_ee_uV = 1.0 } }"
LINES = (
    (UNIVERSAL, (TIE,)),
    ("eps_ee_uV = { min = -1.0, max = 1.4, points = 241 }", ()),
    ("eps_ee_dV = { min = -1.0, max = 1.4, points = 241 }", ()),
)
_PULSE = "{ kind = 'gaussian', mean_us = 0.44, width_us = 0.15 }"
LAR_TIMES = tuple(f"experiments.LAr2020.time.{flux}={_PULSE}" for flux in ("prompt", "delayed"))


def fig_nsi() -> Exhibit:
    """Allowed regions of the couplings to u and d."""
    label_u, label_d = r"$\varepsilon_{ee}^{uV}$", r"$\varepsilon_{ee}^{dV}$"
    alone = [
        figures.Area.allowed(
            result(scan, PLANE).profile("eps_ee_uV", "eps_ee_dV"), CL, label=SCANS[scan], stroke=STROKE[scan]
        )
        for scan in there(SHOWN)
        if scan != "combined"
    ]
    panels = [figures.Panel(tuple(alone), label_u, label_d, "each alone")]
    if not absent("combined"):
        together = result("combined", PLANE).profile("eps_ee_uV", "eps_ee_dV")
        area = figures.Area.allowed(together, CL, label=SCANS["combined"], fill=0, stroke=STROKE["combined"])
        panels.append(figures.Panel((area,), label_u, label_d, "together"))
    checks = not_run("NSI", SCANS)
    rows = [
        (SCANS[scan], *(interval_words(result(scan, axis, *edits), CL, axis.split()[0]) for axis, edits in LINES))
        for scan in there(SCANS)
    ]
    columns = ("scan", "ε_u = ε_d", "ε_u, ε_d = 0", "ε_d, ε_u = 0")
    notes = [*missing_note(SCANS), *NOTES]
    if not absent("lar2020"):
        notes.append(flavour_times_note())
    return Exhibit(
        "Allowed regions of ε_ee^uV and ε_ee^dV, all else at the Standard Model, minimised over nuisances: 90% C.L., "
        "2 dof (Δχ² ≤ 4.61). The table's intervals: 90% C.L., 1 dof.",
        checks,
        figures.sheet([panels], heading=[figures.statement((CL,), 2)]),
        [Table("ε_ee of u and d, 90% C.L., 1 dof", columns, tuple(rows))],
        notes,
    )


def flavour_times_note() -> str:
    """What the arrival times of each flavour change in argon."""
    plain, timed = (
        interval_words(result("lar2020", UNIVERSAL, TIE, *edits), CL, "eps_ee_uV") for edits in ((), LAR_TIMES)
    )
    return (
        "LAr 2020 scales the released template with the counts in each bin of energy. With the arrival times of each "
        f"flavour rebuilt from the beam's pulse, so that ν_e alone change the delayed counts, ε_u = ε_d is {timed} in "
        f"place of {plain}."
    )


NOTES = (
    (
        "A target's counts depend on one combination of ε_u and ε_d, and on its square: a band, or two where an "
        "amplitude of either sign fits better than none. The bands of CsI, Ar and Ge are so nearly parallel that "
        "together they go on beyond the figure."
    ),
)
