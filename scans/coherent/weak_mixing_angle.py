"""The weak mixing angle, and the goodness of fit."""

from __future__ import annotations

from scanengine import figures
from scanengine.reproduce import Check, Exhibit, Table

from .paper import (
    CL,
    ONE_SIGMA,
    SCANS,
    SHOWN,
    absent,
    interval_words,
    loaded,
    missing_note,
    not_run,
    paper,
    profile_panel,
    result,
    there,
)

AXES = "sin2_theta_w = { min = 0.0, max = 0.6, points = 301 }"


def fig_sin2() -> Exhibit:
    """Delta chi2 over the weak mixing angle, and intervals."""
    published = {row["scan"]: row for row in paper.published("weak_mixing_angle")}
    rows, checks = [], not_run("weak mixing angle", SCANS)
    for scan in there(SCANS):
        found = result(scan, AXES)
        best = loaded(scan, (f"axes={{ {AXES} }}",)).fit()[0]
        dof = best.fit.dof or 0
        standard_model = loaded(scan).chi2() - best.chi2
        goodness = f"{best.chi2:.1f} / {dof}" if dof > 0 else "one count"
        intervals = (interval_words(found, cl, "sin2_theta_w") for cl in (ONE_SIGMA, CL))
        place = f"{best.place['sin2_theta_w']:.4f}"
        if scan in published:
            row = published[scan]
            value, error = float(row["value"]), float(row["error"])
            words = f"{row['value']} ± {row['error']} ({row['source']})"
            name = f"{SCANS[scan]}: sin²θ_W"
            checks.append(Check.between(name, words, best.place["sin2_theta_w"], value - error, value + error))
        rows.append((SCANS[scan], place, *intervals, f"{standard_model:.2f}", goodness))
    if not absent("combined"):
        widths = {scan: width(scan) for scan in (*SHOWN, "all-four") if not absent(scan)}
        best_alone = min(widths[scan] for scan in SHOWN if scan != "combined")
        narrower = widths["combined"] < best_alone
        checks.append(
            Check.statement(
                "The combination's interval is narrower than each alone",
                "narrower",
                "narrower" if narrower else "not narrower",
                holds=narrower,
                derived=True,
            )
        )
    columns = ("scan", "best fit", "68.27% C.L.", "90% C.L.", "Δχ² of the Standard Model", "χ² / dof")
    return Exhibit(
        "Δχ² over sin²θ_W with all else at the Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., "
        "1 dof. The Standard Model's value at low energies is 0.23857.",
        checks,
        figures.sheet([[profile_panel(AXES, "sin2_theta_w", r"$\sin^2\theta_W$", "")]]),
        [Table("sin²θ_W, 1 dof", columns, tuple(rows))],
        [*missing_note(SCANS), *NOTES],
    )


def width(scan: str) -> float:
    """Return the width of the interval at one standard deviation."""
    (found,) = result(scan, AXES).limits(ONE_SIGMA)
    return sum((0.6 if hi is None else hi) - (0.0 if lo is None else lo) for lo, hi in found.intervals)


NOTES = (
    (
        "The combination has the source's flux, 10%, as one nuisance of all; what else each signal's uncertainty "
        "holds stays its own, such that each signal alone is as uncertain as before."
    ),
    (
        "CsI 2021 is the whole exposure of that detector, which the events of CsI 2017 are a part of: they are left "
        "out of the combination. All four, in the table, count them twice."
    ),
    (
        "Published for CsI 2021: a fit to the same data with a neutron radius of 4.86 fm in ¹³³Cs, from proton "
        "scattering (arXiv:2403.03566, abstract)."
    ),
    "Of a Poisson likelihood with few counts in most bins χ² / dof is not distributed as χ².",
)
