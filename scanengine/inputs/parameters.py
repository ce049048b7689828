"""The scanned parameters by their field-standard names: those of every term of the cross-section, in one list."""

from __future__ import annotations

from types import MappingProxyType

from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.terms import TERMS
from scanengine.inputs.terms.magnetic_moment import OF_ALL_FLAVOURS
from scanengine.inputs.terms.term import Parameter

__all__ = [
    "FAMILY",
    "FLAVOURS",
    "MAGNETIC_MOMENT_OF_ALL",
    "PARAMETERS",
    "PARAMETER_INDEX",
    "PHYSICAL_PARAMETERS",
    "Parameter",
]

MAGNETIC_MOMENT_OF_ALL = OF_ALL_FLAVOURS

PHYSICAL_PARAMETERS: tuple[Parameter, ...] = tuple(parameter for term in TERMS for parameter in term.parameters)
"""What a rate depends on whatever the scan file says, in the order of every parameter vector, which the parameters of
mediators follow. `mu_nu` is short for all flavours' moments at once.
"""

PARAMETER_INDEX = MappingProxyType({parameter.name: index for index, parameter in enumerate(PHYSICAL_PARAMETERS)})
PARAMETERS = MappingProxyType({p.name: p for p in (*PHYSICAL_PARAMETERS, MAGNETIC_MOMENT_OF_ALL)})
"""Every name that a scan file without mediators may scan, fix or tie."""
