"""The weak vector couplings of protons and neutrons, linear in sin2_theta_w, in the schemes that papers use.

Scholberg 2006 (S), eq. 4; Kosmas et al. 2015 (K), eq. 2; with radiative corrections per flavour: J. Erler and S. Su,
Prog. Part. Nucl. Phys. 71, 119 (2013), as used by M. Cadeddu et al., Phys. Rev. D 102, 015030 (2020) and by M. Atzori
Corona et al., Eur. Phys. J. C 83, 683 (2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from types import MappingProxyType

from scanengine.inputs.constants import ALPHA, M_E_MEV, M_MU_MEV, M_TAU_MEV
from scanengine.inputs.flavours import FAMILIES, FAMILY


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


_RHO, _S2_Z, _ALPHA_Z = 1.00063, 0.23122, 1.0 / 127.95
_ALPHA_S_W, _ALPHA_S_Z = 0.123, 0.1185
_M_W_MEV = 80379.0


def _radiative(lepton_mass_MeV: float, *, boxes: bool) -> WeakCouplings:
    """Return the couplings to a neutrino whose charged lepton has this mass; `boxes`, with those of Z and quarks.

    Erler and Su 2013, eqs. 30-35, with their M_Z scheme's numbers; linear in s2 = sin2_theta_w at zero momentum.
    """
    s2, c2 = _S2_Z, 1.0 - _S2_Z
    phi = -ALPHA / (6.0 * pi) * (log(_M_W_MEV**2 / lepton_mass_MeV**2) + 1.5)
    box_WW = -_ALPHA_Z / (2.0 * pi * s2) * (1.0 - _ALPHA_S_W / (2.0 * pi))
    crossed_WW = _ALPHA_Z / (8.0 * pi * s2) * (1.0 + _ALPHA_S_W / pi)
    factor = -3.0 * _ALPHA_Z / (8.0 * pi * s2 * c2) * (1.0 - _ALPHA_S_Z / pi) if boxes else 0.0
    u_L, d_L = factor * (0.5 - 2.0 / 3.0 * s2) ** 2, factor * (-0.5 + s2 / 3.0) ** 2
    u_R, d_R = factor * (2.0 / 3.0 * s2) ** 2, factor * (s2 / 3.0) ** 2
    return WeakCouplings(
        p_constant=0.5 * _RHO + 2.0 * crossed_WW + box_WW - 2.0 * phi + _RHO * (2.0 * u_L + d_L - 2.0 * u_R - d_R),
        p_slope=-2.0 * _RHO,
        n_constant=-0.5 * _RHO + 2.0 * box_WW + crossed_WW + _RHO * (2.0 * d_L + u_L - 2.0 * d_R - u_R),
        n_slope=0.0,
    )


_LEPTON_MASSES_MEV = MappingProxyType(dict(zip(FAMILIES, (M_E_MEV, M_MU_MEV, M_TAU_MEV), strict=True)))
WEAK_COUPLINGS = MappingProxyType(
    {
        "tree": WeakCouplings(p_constant=0.5, p_slope=-2.0, n_constant=-0.5, n_slope=0.0),
        "pdg2012": _from_quarks(rho=1.0086, kappa=0.9978, u_l=-0.0031, d_l=-0.0025, u_r=3.75e-5, d_r=7.5e-5),
    }
)
"""S below eq. 4 ("tree"), and K below eq. 2 after the Particle Data Group, Phys. Rev. D 86, 010001 (2012): those that
are the same for all flavours.
"""
_PER_FAMILY = MappingProxyType(
    {
        name: MappingProxyType({family: _radiative(m, boxes=boxes) for family, m in _LEPTON_MASSES_MEV.items()})
        for name, boxes in (("radiative2020", False), ("radiative2023", True))
    }
)
SCHEMES = (*WEAK_COUPLINGS, *_PER_FAMILY)
"""The names of all schemes."""


def weak_couplings(scheme: str, flavour: str) -> WeakCouplings:
    """Return the couplings of a scheme to a flavour of neutrino."""
    return WEAK_COUPLINGS[scheme] if scheme in WEAK_COUPLINGS else _PER_FAMILY[scheme][FAMILY[flavour]]
