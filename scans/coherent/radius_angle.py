"""The radius of the neutrons and the weak mixing angle together."""

from __future__ import annotations

from scanengine import Result, figures
from scanengine.reproduce import Check, Exhibit, Table

from .paper import CL, SCANS, STROKE, missing_note, not_run, paper, there

RADII = {
    "csi2017": ("CsI2017", "{ kind = 'helm', rms_p_fm = 4.78, rms_n_fm = 4.98 }", (3.0, 8.0)),
    "csi2021": ("CsI2021", "{ kind = 'helm', rms_p_fm = 4.78, rms_n_fm = 4.98 }", (3.0, 8.0)),
    "lar2020": ("LAr2020", "{ kind = 'helm', rms_p_fm = 3.427, rms_n_fm = 3.40 }", (1.6, 8.0)),
}
"""The experiment of each scan, the form factor of all its nuclides, and the radii of the neutrons."""


@paper.cache
def plane(scan: str) -> Result:
    """Return a scan over the radius of the neutrons and the weak mixing angle."""
    experiment, form_factor, (low, high) = RADII[scan]
    axes = (
        f'"experiments.{experiment}.form_factor.rms_n_fm" = {{ min = {low}, max = {high}, points = 33 }}',
        "sin2_theta_w = { min = 0.0, max = 0.6, points = 121 }",
    )
    return paper.load(
        scan, f"experiments.{experiment}.form_factor={form_factor}", f"axes={{ {', '.join(axes)} }}"
    ).run()


def fig_radius_and_angle() -> Exhibit:
    """Allowed regions of the radius and the angle."""
    published = {row["scan"]: row for row in paper.published("radius_angle")}
    rows, checks = [], not_run("radius of the neutrons and weak mixing angle", published)
    areas = []
    for scan in there(RADII):
        result = plane(scan)
        radius, angle = result.best_fit.values()
        spans = [span for found in result.limits(cl=CL) for span in (found.intervals or ())]
        words = [f"{'' if s.lo is None else f'{s.lo:.3g}'} to {'' if s.hi is None else f'{s.hi:.3g}'}" for s in spans]
        rows.append((SCANS[scan], f"{radius:.2f} fm", f"{angle:.3f}", *words[:2]))
        areas.append(figures.Area.allowed(result.profile(*result.best_fit), CL, label=SCANS[scan], stroke=STROKE[scan]))
        if scan in published:
            row = published[scan]
            value, below, above = (float(row[key]) for key in ("value", "below", "above"))
            words_of = f"{row['value']} +{row['above']} -{row['below']}"
            name = f"{SCANS[scan]}: sin²θ_W with a free radius"
            checks.append(Check.between(name, words_of, angle, value - below, value + above))
    panel = figures.Panel(tuple(areas), r"$R_n$ [fm]", r"$\sin^2\theta_W$", "")
    return Exhibit(
        "Allowed regions of the rms radius of the neutrons, the same in all nuclides of a target, and of the weak "
        "mixing angle, minimised over nuisances: 90% C.L., 2 dof. The table's intervals: 90% C.L., 1 dof.",
        checks,
        figures.sheet([[panel]], heading=[figures.statement((CL,), 2)]) if areas else None,
        [Table("Radius and angle", ("scan", "R_n", "sin²θ_W", "R_n, 90%", "sin²θ_W, 90%"), tuple(rows))],
        [*missing_note(RADII), *NOTES],
    )


NOTES = (
    (
        "A larger radius lowers the counts as a smaller weak charge does, so that the two are correlated and each "
        "alone is known less well than with the other at its expected value."
    ),
    "Published: X.-R. Huang and L.-W. Chen, arXiv:1902.07625, who fit the counts of CsI 2017 in another way.",
)
