"""The scanned parameters by their field-standard names: those of every term of the cross-section, in one list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms import TERMS, terms_of
from scanengine.inputs.terms.magnetic_moment import OF_ALL_FLAVOURS
from scanengine.inputs.terms.term import Parameter

__all__ = [
    "FAMILY",
    "FIRST_PARAMETERS",
    "FLAVOURS",
    "MAGNETIC_MOMENT_OF_ALL",
    "PARAMETERS",
    "PARAMETER_INDEX",
    "PHYSICAL_PARAMETERS",
    "Parameter",
    "parameters_of",
]

MAGNETIC_MOMENT_OF_ALL = OF_ALL_FLAVOURS

PHYSICAL_PARAMETERS: tuple[Parameter, ...] = tuple(parameter for term in TERMS for parameter in term.parameters)
"""What a rate depends on whatever the scan file says, in the order of every parameter vector, which the parameters of
mediators follow. `mu_nu` is short for all flavours' moments at once.
"""

PARAMETER_INDEX = MappingProxyType({parameter.name: index for index, parameter in enumerate(PHYSICAL_PARAMETERS)})
PARAMETERS = MappingProxyType({p.name: p for p in (*PHYSICAL_PARAMETERS, MAGNETIC_MOMENT_OF_ALL)})
"""Every name that a scan file without mediators may scan, fix or tie."""

FIRST_PARAMETERS = 25
"""So many parameters there were at first, and a user's own cross-section is called with: those that came later stand
behind them.
"""


def parameters_of(physics: Physics) -> Mapping[str, Parameter]:
    """Return every name that a scan file with this physics may scan, fix or tie."""
    of_mediators = [p for term in terms_of(physics)[len(TERMS) :] for p in term.parameters]
    return MappingProxyType({**PARAMETERS, **{parameter.name: parameter for parameter in of_mediators}})
