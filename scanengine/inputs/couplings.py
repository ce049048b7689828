"""How the parameters enter a rate: nucleon couplings, linear in them.

Scholberg 2006 (S), eq. 4; Kosmas et al. 2015 (K), eqs. 2, 6 and 17.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.parameters import FAMILY, NSI_PAIRS, PARAMETER_INDEX


@dataclass(frozen=True)
class WeakCouplings:
    """g_p = p_constant + p_slope s2 and g_n = n_constant + n_slope s2, with s2 the flavour's effective sin2_theta_w."""

    p_constant: float
    p_slope: float
    n_constant: float
    n_slope: float

    def g_p(self, sin2_theta_w: float) -> float:
        """Return the proton's weak vector coupling."""
        return self.p_constant + self.p_slope * sin2_theta_w

    def g_n(self, sin2_theta_w: float) -> float:
        """Return the neutron's weak vector coupling."""
        return self.n_constant + self.n_slope * sin2_theta_w


def _from_quarks(rho: float, kappa: float, u_l: float, d_l: float, u_r: float, d_r: float) -> WeakCouplings:
    """K's eq. 2 gathered into nucleon couplings: g_p = 2u + d and g_n = u + 2d, with q = qL + qR."""
    u_constant, u_slope = rho / 2.0 + u_l + u_r, -4.0 / 3.0 * rho * kappa
    d_constant, d_slope = -rho / 2.0 + d_l + d_r, 2.0 / 3.0 * rho * kappa
    return WeakCouplings(
        p_constant=2.0 * u_constant + d_constant,
        p_slope=2.0 * u_slope + d_slope,
        n_constant=u_constant + 2.0 * d_constant,
        n_slope=u_slope + 2.0 * d_slope,
    )


WEAK_COUPLINGS = MappingProxyType(
    {
        "tree": WeakCouplings(p_constant=0.5, p_slope=-2.0, n_constant=-0.5, n_slope=0.0),
        "pdg2012": _from_quarks(rho=1.0086, kappa=0.9978, u_l=-0.0031, d_l=-0.0025, u_r=3.75e-5, d_r=7.5e-5),
    }
)
"""S below eq. 4 ("tree"), and K below eq. 2 after the Particle Data Group, Phys. Rev. D 86, 010001 (2012)."""


def nucleon_couplings(flavour: str, weak: WeakCouplings) -> FloatArray:
    """Return the proton and neutron couplings of a flavour to each final family, linear in the parameters.

    Shape (3, 2, 1 + parameters), to be applied to (1, theta): final family (the flavour's own first), proton or
    neutron. The first is C_a's g_p(s2_a) + 2 eps_aa^uV + eps_aa^dV and g_n(s2_a) + eps_aa^uV + 2 eps_aa^dV, the others
    O_ab's (S4), with the charge radius inside s2_a (K17).
    """
    own = FAMILY[flavour]
    forms = np.zeros((3, 2, 1 + len(PARAMETER_INDEX)))

    def at(name: str) -> int:
        return 1 + PARAMETER_INDEX[name]

    for row, other in enumerate((own, *sorted({"e", "m", "t"} - {own}))):
        pair = own + other if own + other in NSI_PAIRS else other + own
        for column, (u, d) in enumerate(((2.0, 1.0), (1.0, 2.0))):
            forms[row, column, at(f"eps_{pair}_uV")] = u
            forms[row, column, at(f"eps_{pair}_dV")] = d
    for column, (constant, slope) in enumerate(((weak.p_constant, weak.p_slope), (weak.n_constant, weak.n_slope))):
        forms[0, column, 0] = constant
        forms[0, column, at("sin2_theta_w")] = slope
        forms[0, column, at(f"r2_{flavour}")] = slope * CHARGE_RADIUS_SHIFT
    return forms


def magnetic_coupling(flavour: str) -> FloatArray:
    """Return the flavour's magnetic moment in 1e-10 mu_B as a linear form (1 + parameters,) on (1, theta)."""
    form = np.zeros(1 + len(PARAMETER_INDEX))
    form[1 + PARAMETER_INDEX[f"mu_{flavour}"]] = 1.0
    return form
