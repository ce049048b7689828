"""Figs. 5 and 6."""

from __future__ import annotations

from math import inf, sqrt

from scanengine import Result, figures
from scanengine.inference.intervals import intervals
from scanengine.reproduce import Check, Exhibit

from .paper import CASES, CL, FLAVOURS, MOMENT_UNITS, SIN2_THETA_W, SYMBOLS, TARGETS, TWO_DOF, paper, whole


def fig05() -> Exhibit:
    """Fig. 5: magnetic moment and weak mixing angle."""
    panels, checks = [], []
    for channel, flavour, symbol in (("prompt", "nu_mu", r"\nu_\mu"), ("delayed", "nu_mubar", r"\bar\nu_\mu")):
        row = []
        for case in CASES:
            areas = []
            for stroke, target in enumerate(TARGETS):
                found = whole("fig05", case).only(target, channels=(channel,)).run()
                grid = found.profile("sin2_theta_w", "mu_nu")
                areas.append(figures.Area.allowed(grid, CL, label=SYMBOLS[target], stroke=stroke))
                checks.append(border_check("Fig. 5", target, case, flavour, found, {"sin2_theta_w": SIN2_THETA_W}))
            y_label = rf"$\mu_{{{symbol}}}$ {MOMENT_UNITS}"
            row.append(figures.Panel(tuple(areas), r"$\sin^2\theta_W$", y_label, f"{channel}, {case}"))
        panels.append(row)
    return Exhibit(
        "Allowed regions (between the two lines of a target) at 90% C.L., 2 dof (Δχ² ≤ 4.61), each target alone, "
        "statistical errors. Top: prompt ν_μ, bottom: delayed ν̄_μ; left: realistic, right: optimistic case.",
        checks,
        figures.sheet(panels, heading=[f"{figures.statement((CL,), 2)}; allowed: between a target's two lines"]),
        notes=[
            (
                "A single count cannot tell a larger moment from a smaller sin²θ_W: each region goes on as a band "
                "towards smaller sin²θ_W and larger moments, beyond the figure."
            )
        ],
    )


def border_check(figure: str, target: str, case: str, flavour: str, found: Result, at: dict[str, float]) -> Check:
    """Where the region's border meets an axis, or the line of the Standard Model: Table V's limit for two dof."""
    (limit,) = (row[target] for row in paper.published("table5") if (row["case"], row["flavour"]) == (case, flavour))
    (moment,) = (axis.name for axis in found.axes if axis.name not in at)
    name = f"{figure}, {TARGETS[target]}, {FLAVOURS[flavour]}, {case}: limit for 2 dof, from Table V"
    return Check.number(name, f"{TWO_DOF * float(limit):.4g}", highest(found, moment, at), relative=0.01, derived=True)


def highest(found: Result, parameter: str, at: dict[str, float]) -> float:
    """Where a parameter leaves the region of two dof, others held."""
    (interval,) = intervals(found.slice(parameter, at=at), CL, dof=2)
    return inf if interval.hi is None else interval.hi


def fig06() -> Exhibit:
    """Fig. 6: magnetic moments of ν̄_μ and ν_e."""
    separately = tuple(
        f'experiments.{target}.channels={{ nu_mubar = ["nu_mubar"], nu_e = ["nu_e"] }}' for target in TARGETS
    )
    panels, checks = [], []
    for words, overrides in (("counted together", ()), ("counted separately", separately)):
        row = []
        for case in CASES:
            areas = []
            for stroke, target in enumerate(TARGETS):
                found = whole("fig06", case, overrides).only(target).run()
                grid = found.profile("mu_nu_mubar", "mu_nu_e")
                areas.append(figures.Area.allowed(grid, CL, label=SYMBOLS[target], stroke=stroke))
                if overrides:
                    checks += [
                        border_check("Fig. 6", target, case, "nu_mubar", found, {"mu_nu_e": 0.0}),
                        border_check("Fig. 6", target, case, "nu_e", found, {"mu_nu_mubar": 0.0}),
                    ]
                else:
                    checks.append(ellipse_check(target, case, found))
            x_label, y_label = (rf"$\mu_{{{flavour}}}$ {MOMENT_UNITS}" for flavour in (r"\bar\nu_\mu", r"\nu_e"))
            row.append(figures.Panel(tuple(areas), x_label, y_label, f"{words}, {case}"))
        panels.append(row)
    return Exhibit(
        "Allowed regions (below the lines) at 90% C.L., 2 dof (Δχ² ≤ 4.61), each target alone, statistical errors. "
        "Top: one count of all delayed neutrinos, whose border is an ellipse; bottom: ν̄_μ and ν_e counted "
        "separately. Left: realistic, right: optimistic case.",
        checks,
        figures.sheet(panels, heading=[f"{figures.statement((CL,), 2)}; allowed: below a target's line"]),
        notes=[
            (
                "The paper does not say which of the two counts it takes. No detector can tell the two flavours "
                "apart, so the upper panels are what an experiment would see; the paper's tables count each "
                "flavour by itself, as the lower panels do, whose borders end on the axes at Table V's limits "
                "times (4.605/2.706)^¼, as 2 dof take the place of 1."
            )
        ],
    )


def ellipse_check(target: str, case: str, found: Result) -> Check:
    """With one count the moments enter as a mu_a^2 + b mu_b^2: between the axes the border is at ends/sqrt(2)."""
    names = ("mu_nu_mubar", "mu_nu_e")
    ends_on_axes = [highest(found, name, {other: 0.0}) for name, other in (names, names[::-1])]
    x, y = (end / sqrt(2.0) for end in ends_on_axes)
    at = whole("fig06", case).only(target).chi2(mu_nu_mubar=x, mu_nu_e=y)
    return Check.number(
        f"Fig. 6, {TARGETS[target]}, {case}, together: χ² between the ends of the ellipse",
        "4.605",
        at,
        relative=0.002,
        derived=True,
    )
