"""Table I: what CHARM allows."""

from __future__ import annotations

from math import sqrt

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inference.levels import delta_chi2
from scanengine.inputs import constants
from scanengine.reproduce import Check, Exhibit, Table

from .paper import CL, paper

RADIATIVE = {"rho": 1.0086, "kappa": 0.9978, "uL": -0.0031, "dL": -0.0025, "uR": 3.75e-5, "dR": 7.5e-5}
"""Particle Data Group, Phys. Rev. D 86, 010001 (2012): as in the library's "pdg2012", but by chirality."""
TREE = {"rho": 1.0, "kappa": 1.0, "uL": 0.0, "dL": 0.0, "uR": 0.0, "dR": 0.0}
CHARM_R, CHARM_ERROR = 0.406, 0.140
"""(g_L)^2 + (g_R)^2 of electron neutrinos on quarks: J. Dorenbosch et al. (CHARM), Phys. Lett. B 180, 303 (1986)."""


def quark_couplings(corrections: dict[str, float]) -> dict[str, float]:
    """Couplings of u and d quarks by chirality, as "uL"."""
    s2 = corrections["kappa"] * constants.SIN2_THETA_W
    tree = {"uL": 0.5 - 2.0 / 3.0 * s2, "uR": -2.0 / 3.0 * s2, "dL": -0.5 + s2 / 3.0, "dR": s2 / 3.0}
    return {name: corrections["rho"] * g + corrections[name] for name, g in tree.items()}


def charm_range(parameter: str, g: dict[str, float]) -> tuple[float, float]:
    """The connected range around zero of one coupling, "eps_ee_uL" or "eps_et_uP", that R allows at 90% C.L., 1 dof."""
    error = sqrt(delta_chi2(CL, 1)) * CHARM_ERROR
    own = g.get(parameter.removeprefix("eps_ee_"), 0.0)  # a flavour-changing coupling adds its square alone
    rest = sum(value**2 for value in g.values()) - own**2
    highest, lowest = CHARM_R + error - rest, CHARM_R - error - rest
    low, high = -own - sqrt(highest), -own + sqrt(highest)
    if lowest > 0.0:  # (own + eps)^2 may not vanish: zero lies on one side of the hole
        low, high = (-own + sqrt(lowest), high) if own > 0.0 else (low, -own - sqrt(lowest))
    return low, high


def charm_disc(dof: int) -> tuple[FloatArray, float]:
    """Centre (d, u) and radius of what CHARM allows of the vector couplings, for vanishing axial ones.

    With eps_L = eps_R = eps_V / 2, 2 R sums (g_V + eps_V)^2 + g_A^2 over quarks. The lower end of R excludes nothing.
    """
    g = quark_couplings(RADIATIVE)
    highest = CHARM_R + sqrt(delta_chi2(CL, dof)) * CHARM_ERROR
    axial = sum((g[f"{q}L"] - g[f"{q}R"]) ** 2 for q in "ud")
    centre = -np.array([g["dL"] + g["dR"], g["uL"] + g["uR"]])
    return centre, sqrt(2.0 * highest - axial)


def symbol(name: str) -> str:
    """A coupling's name for reading, as ε_ee^uL for eps_ee_uL."""
    _, flavours, quark = name.split("_")
    return f"ε_{flavours.replace('t', 'τ').replace('m', 'μ')}^{quark}"


def range_checks(name: str, row: dict[str, str], low: float, high: float) -> list[Check]:
    """Hold a range's ends against the printed ones: a flavour-changing limit is one number for all rows."""
    if name == "eps_et_uP":
        return [Check.number("Table I: limit on |ε_eτ^qP|, q = u, d, P = L, R", row["high"], high)]
    if name.startswith("eps_et"):
        return []
    return [
        Check.number(f"Table I: {end} end of {symbol(name)}", row[key], value)
        for end, key, value in (("lower", "low", low), ("upper", "high", high))
    ]


def table1() -> Exhibit:
    """Table I: limits on non-standard couplings, those of CHARM derived anew."""
    corrected, tree = quark_couplings(RADIATIVE), quark_couplings(TREE)
    rows, checks = [], []
    for row in paper.published("table1"):
        name = row["parameter"]
        ours, at_tree = "", ""
        if row["source"].startswith("CHARM"):
            low, high = charm_range(name, corrected)
            ours, at_tree = (f"{a:.3f} to {b:.3f}" for a, b in ((low, high), charm_range(name, tree)))
            checks += range_checks(name, row, low, high)
        rows.append((symbol(name), f"{row['low']} to {row['high']}", row["source"], ours, at_tree))
    columns = ("parameter", "published", "source", "from CHARM's R", "the same, tree couplings")
    changing = charm_range("eps_et_uP", tree)[1]
    return Exhibit(
        "Limits on single couplings at 90% C.L. (1 dof), all others zero. The rows of CHARM are derived anew "
        f"from its R = Σ_q (g_L^q + ε_ee^qL)² + (g_R^q + ε_ee^qR)² + Σ |ε_eτ^qP|² = {CHARM_R} ± {CHARM_ERROR}; "
        "where R allows two ranges, the one around zero.",
        checks,
        None,
        [Table("Table I", columns, tuple(rows))],
        [
            (
                "The paper takes the table from S. Davidson, C. Peña-Garay, N. Rius and A. Santamaria, JHEP 03, 011 "
                "(2003). The limits of NuTeV and of μ → e conversion are quoted."
            ),
            (
                "g_L and g_R are those of the Standard Model with radiative corrections, of a review of 2012 that is "
                f"later than this paper and that of 2003. At tree level |ε_eτ| < {changing:.3f} would round to 0.6; "
                "all other rows stay as printed."
            ),
        ],
    )
