"""Limits on light mediators against their mass."""

from __future__ import annotations

from math import isnan, nan

import numpy as np

from scanengine import figures
from scanengine.api import upper_limits
from scanengine.grid.axes import FloatArray
from scanengine.inference.upper_limits import UpperLimits
from scanengine.reproduce import Exhibit, Table

from .paper import CL, SCANS, STROKE, absent, missing_note, not_run, paper, there

FITTED = ("csi2021", "lar2020", "ge2024", "combined")
VECTORS = {
    "universal": ("universal", 1e-6, 3e-3),
    "B-L": (r"$B-L$", 1e-6, 3e-3),
    "L_mu-L_tau": (r"$L_\mu-L_\tau$", 1e-5, 1e-1),
}
"""Charges of vector mediators, how they are called, and the couplings that are scanned."""

OTHERS = {"scalar-csi2021": ("phi", "scalar"), "tensor-csi2021": ("t", "tensor")}
"""Scans of other mediators, the name of each and its kind."""

MASSES_MEV = (1.0, 1e3)
POINTS = {"combined": (7, 41), "lar2020": (13, 81)}
"""Masses and couplings where each takes long; 31 and 101 of the others."""

TABLE_MEV = (1.0, 31.6227766, 1e3)


@paper.cache
def limits(scan: str, charges: str) -> UpperLimits:
    """Return the limits on a vector mediator's coupling, from a scan of the data."""
    masses, couplings = POINTS.get(scan, (31, 101))
    _, low, high = VECTORS[charges]
    first, last = MASSES_MEV
    axes = (
        f'"mediators.zp.mass_MeV" = {{ min = {first}, max = {last}, points = {masses}, spacing = "log" }}',
        f'g_zp = {{ min = {low}, max = {high}, points = {couplings}, spacing = "log" }}',
    )
    made = paper.load(f"vector-{scan}", f'mediators.zp.charges="{charges}"', f"axes={{ {', '.join(axes)} }}")
    (found,) = upper_limits(made.run(), "g_zp", against="mediators.zp.mass_MeV", cl=CL)
    return found


@paper.cache
def other_limits(scan: str) -> UpperLimits:
    """Return the limits on the coupling of a scalar or tensor mediator."""
    mediator, _ = OTHERS[scan]
    (found,) = upper_limits(paper.load(scan).run(), f"g_{mediator}", against=f"mediators.{mediator}.mass_MeV", cl=CL)
    return found


def fig_mediators() -> Exhibit:
    """Upper limits on couplings against masses."""
    panels = []
    for charges, (title, low, high) in VECTORS.items():
        lines = [line(limits(scan, charges), SCANS[scan], STROKE[scan]) for scan in there(FITTED)]
        panels.append(panel(lines, title, low, high))
    rows = [
        (SCANS[scan], f"vector, {charges}", *at_masses(limits(scan, charges)))
        for charges in VECTORS
        for scan in there(FITTED)
    ]
    if not absent("csi2021"):
        kinds = [line(other_limits(scan), kind, k) for k, (scan, (_, kind)) in enumerate(OTHERS.items())]
        panels.append(panel(kinds, "CsI 2021", 1e-6, 1e-2))
        rows += [(SCANS["csi2021"], kind, *at_masses(other_limits(scan))) for scan, (_, kind) in OTHERS.items()]
    columns = ("scan", "mediator", *(f"{mass:.3g} MeV" for mass in TABLE_MEV))
    return Exhibit(
        "Upper limits on the coupling of a vector mediator with the charges named, and of a scalar and a tensor one, "
        "against its mass: 90% C.L., 1 dof, Δχ² from the minimum at each mass, minimised over nuisances.",
        not_run("light mediators", FITTED),
        figures.sheet(
            [panels[:2], panels[2:]] if len(panels) == 4 else [panels], heading=[figures.statement((CL,), 1)]
        ),
        [Table("Upper limits on the coupling, 90% C.L., 1 dof", columns, tuple(rows))],
        [*missing_note(FITTED), *NOTES],
    )


def borders(found: UpperLimits) -> FloatArray:
    """Return where the couplings that are allowed from zero on end, at each mass; nan beyond the axis."""
    ends = [each.intervals[0].hi if each.intervals else None for each in found.intervals]
    return np.array([nan if end is None else end for end in ends])


def line(found: UpperLimits, label: str, stroke: int) -> figures.Line:
    """Return limits as a line."""
    return figures.Line(found.at, borders(found), label, stroke)


def panel(lines: list[figures.Line], title: str, low: float, high: float) -> figures.Panel:
    """Return a panel of limits."""
    return figures.Panel(
        tuple(lines),
        r"$m$ [MeV]",
        r"$g$",
        title,
        x_range=MASSES_MEV,
        y_range=(low, high),
        x_scale="log",
        y_scale="log",
    )


def at_masses(found: UpperLimits) -> tuple[str, ...]:
    """Return the limits at the masses of the table, in words."""
    nearest = [float(borders(found)[abs(found.at - mass).argmin()]) for mass in TABLE_MEV]
    return tuple("beyond the axis" if isnan(upper) else f"{upper:.2e}" for upper in nearest)


NOTES = (
    "No published number of these limits could be read; none is quoted.",
    (
        "A limit is where the couplings end that are allowed from zero on. Above it all are excluded, but for a band "
        "where a vector mediator reverses the sign of the amplitude and the rate is that of the Standard Model again."
    ),
    (
        "L_μ − L_τ couples to quarks by kinetic mixing in a loop. A tensor's limits are too strong: the whole nucleus "
        "is taken to respond as one, as in the literature."
    ),
)
