"""The weak mixing angle of each experiment and of all."""

from __future__ import annotations

from scanengine import Result, Scan, figures
from scanengine.reproduce import Check, Exhibit, Table

from .paper import (
    ALL,
    CL,
    EXPERIMENTS,
    ONE_SIGMA,
    STROKE,
    absent,
    interval_words,
    loaded,
    missing_note,
    not_run,
    of,
    profile_panel,
)

NAME = "sin2_theta_w"


def fig_sin2() -> Exhibit:
    """Delta chi2 over the weak mixing angle, and intervals."""
    caption = (
        "Δχ² over sin²θ_W with all else at the Standard Model, minimised over nuisances. Dotted: 1σ and 90% C.L., 1 "
        "dof. The Standard Model's value at low energies is 0.23857."
    )
    if absent():
        return Exhibit(caption, not_run("weak mixing angle"), None, [], missing_note())
    whole = loaded("weak-mixing-angle")
    found = {name: of(whole, name).run() for name in (*EXPERIMENTS, ALL)}
    lines = [figures.Line.of_profile(each.profile(NAME), name, STROKE[name]) for name, each in found.items()]
    rows = [
        (name, f"{best(of(whole, name)):.4f}", *(interval_words(each, cl, NAME) for cl in (ONE_SIGMA, CL)))
        for name, each in found.items()
    ]
    widths = {name: width(each) for name, each in found.items()}
    holds = widths[ALL] < min(width for name, width in widths.items() if name != ALL)
    check = Check.statement(
        "The combination's interval is narrower than each alone",
        "narrower",
        "narrower" if holds else "not narrower",
        holds=holds,
        derived=True,
    )
    columns = ("data", "best fit", "68.27% C.L.", "90% C.L.")
    panel = profile_panel(lines, r"$\sin^2\theta_W$", "", (0.0, 0.6))
    return Exhibit(caption, [check], figures.sheet([[panel]]), [Table("sin²θ_W, 1 dof", columns, tuple(rows))], [NOTE])


def best(scan: Scan) -> float:
    """Return the angle at the best fit between grid points."""
    return scan.fit()[0].place[NAME]


def width(found: Result) -> float:
    """Return the width of the intervals at one standard deviation, as far as they are on the axis."""
    (limits,) = found.limits(ONE_SIGMA)
    return sum((0.6 if hi is None else hi) - (lo or 0.0) for lo, hi in limits.intervals)


NOTE = (
    "Shared: the flux at the Spallation Neutron Source, 10%, and that of ⁸B, 12%. Each experiment alone is as "
    "uncertain as in its own scan file."
)
