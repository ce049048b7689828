"""Non-standard interactions of electron neutrinos, in all targets."""

from __future__ import annotations

from scanengine import figures
from scanengine.reproduce import Exhibit, Table

from .paper import ALL, CL, EXPERIMENTS, STROKE, absent, interval_words, loaded, missing_note, not_run, of

PLANE = {name: {"min": -1.0, "max": 1.4, "points": 161} for name in ("eps_ee_uV", "eps_ee_dV")}
LINES: tuple[tuple[str, dict[str, dict[str, float]]], ...] = (
    ("eps_ee_uV", {"eps_ee_dV": {"eps_ee_uV": 1.0}}),
    ("eps_ee_uV", {}),
    ("eps_ee_dV", {}),
)


def fig_nsi() -> Exhibit:
    """Allowed regions of the couplings to u and d."""
    caption = (
        "Allowed regions of ε_ee^uV and ε_ee^dV, all else at the Standard Model, minimised over nuisances: 90% C.L., "
        "2 dof (Δχ² ≤ 4.61). The table's intervals: 90% C.L., 1 dof."
    )
    if absent():
        return Exhibit(caption, not_run("NSI"), None, [], missing_note())
    labels = r"$\varepsilon_{ee}^{uV}$", r"$\varepsilon_{ee}^{dV}$"
    whole = loaded("nsi").at({"axes": PLANE})
    areas = {}
    for name in (*EXPERIMENTS, ALL):
        plane = of(whole, name).run().profile(*PLANE)
        areas[name] = figures.Area.allowed(plane, CL, label=name, stroke=STROKE[name], fill=0 if name == ALL else None)
    panels = [
        figures.Panel(tuple(areas[name] for name in EXPERIMENTS), *labels, "each alone"),
        figures.Panel((areas[ALL],), *labels, "together"),
    ]
    lines = [
        (name, whole.at({"axes": {name: {"min": -1.0, "max": 1.4, "points": 481}}, "tied": tied}))
        for name, tied in LINES
    ]
    rows = [
        (who, *(interval_words(of(scan, who).run(), CL, name) for name, scan in lines)) for who in (*EXPERIMENTS, ALL)
    ]
    columns = ("data", "ε_u = ε_d", "ε_u, ε_d = 0", "ε_d, ε_u = 0")
    return Exhibit(
        caption,
        [],
        figures.sheet([panels], heading=[figures.statement((CL,), 2)]),
        [Table("ε_ee of u and d, 90% C.L., 1 dof", columns, tuple(rows))],
        [NOTE],
    )


NOTE = (
    "All that reactors make are ν̄_e, of what pions make a third are ν_e, and a third of the ⁸B neutrinos arrive as "
    "ν_e, which makes their bands wider. The slopes of the bands differ by 6% at most, so that together they "
    "still leave a long one. What NSI change in the Sun is left out."
)
