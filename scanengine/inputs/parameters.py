"""The scanned parameters by their field-standard names.

Scholberg 2006 (S), eq. 4, defines the vector NSI; Kosmas et al. 2015 (K), eqs. 6 and 17, the magnetic moments and the
charge radii.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

FLAVOURS = ("nu_e", "nu_mu", "nu_tau", "nu_ebar", "nu_mubar", "nu_taubar")
FAMILY = MappingProxyType({name: "emt"[index % 3] for index, name in enumerate(FLAVOURS)})
"""The family letter of NSI subscripts that a flavour belongs to; antineutrinos share their neutrino's couplings."""

_FLAVOUR_SYMBOLS = MappingProxyType(
    dict(zip(FLAVOURS, (r"\nu_e", r"\nu_\mu", r"\nu_\tau", r"\bar\nu_e", r"\bar\nu_\mu", r"\bar\nu_\tau"), strict=True))
)
_FAMILY_SYMBOLS = MappingProxyType({"e": "e", "m": r"\mu", "t": r"\tau"})
NSI_PAIRS = ("ee", "mm", "tt", "em", "et", "mt")


@dataclass(frozen=True)
class Parameter:
    """A parameter's name in scan files, its units, and how to write it."""

    name: str
    units: str
    long_name: str
    symbol: str


def _nsi(pair: str, quark: str) -> Parameter:
    subscript = "".join(_FAMILY_SYMBOLS[letter] for letter in pair)
    symbol = rf"\varepsilon_{{{subscript}}}^{{{quark}V}}"
    families = {"e": "e", "m": "mu", "t": "tau"}
    words = f"vector NSI of {families[pair[0]]}-{families[pair[1]]} neutrinos with the {quark} quark"
    return Parameter(f"eps_{pair}_{quark}V", "1", words, symbol)


def _magnetic(flavour: str) -> Parameter:
    symbol = rf"\mu_{{{_FLAVOUR_SYMBOLS[flavour]}}}"
    return Parameter(f"mu_{flavour}", "1e-10 mu_B", f"effective magnetic moment of {flavour}", symbol)


def _radius(flavour: str) -> Parameter:
    symbol = rf"\langle r^2_{{{_FLAVOUR_SYMBOLS[flavour]}}}\rangle"
    return Parameter(f"r2_{flavour}", "1e-32 cm^2", f"mean-square charge radius of {flavour}", symbol)


MAGNETIC_MOMENT_OF_ALL = Parameter("mu_nu", "1e-10 mu_B", "effective magnetic moment of all flavours", r"\mu_\nu")

PHYSICAL_PARAMETERS: tuple[Parameter, ...] = (
    *(_nsi(pair, quark) for pair in NSI_PAIRS for quark in "ud"),
    Parameter("sin2_theta_w", "1", "sine squared of the weak mixing angle", r"\sin^2\theta_W"),
    *(_magnetic(flavour) for flavour in FLAVOURS),
    *(_radius(flavour) for flavour in FLAVOURS),
)
"""What a rate depends on, in the order of every parameter vector. `mu_nu` is short for all flavours' moments at once.
"""

PARAMETER_INDEX = MappingProxyType({parameter.name: index for index, parameter in enumerate(PHYSICAL_PARAMETERS)})
PARAMETERS = MappingProxyType({p.name: p for p in (*PHYSICAL_PARAMETERS, MAGNETIC_MOMENT_OF_ALL)})
"""Every name that a scan file may scan, fix or tie."""
