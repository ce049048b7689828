"""The interactions that a rate is made of, one in each file: `TERMS` are always at hand, `MEDIATORS` where a scan file
names one.

A new interaction is a file here, its kinematics in `scanengine_kernels.terms`, a test, and a line in one of the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms import (
    axial,
    charge_radius,
    dipole_portal,
    electron_nsi,
    electron_weak,
    magnetic_moment,
    millicharge,
    nsi,
    scalar_mediator,
    tensor_mediator,
    vector_mediator,
    weak_charge,
)
from scanengine.inputs.terms.term import Term

TERMS: tuple[Term, ...] = (
    nsi.TERM,
    weak_charge.TERM,
    magnetic_moment.TERM,
    charge_radius.TERM,
    millicharge.TERM,
    axial.TERM,
    electron_weak.TERM,
    electron_nsi.TERM,
)
"""In the order of their parameters in every parameter vector."""

MEDIATORS: Mapping[str, Callable[[Mediator], Term]] = MappingProxyType(
    {
        "vector": vector_mediator.term,
        "scalar": scalar_mediator.term,
        "tensor": tensor_mediator.term,
        "dipole": dipole_portal.term,
    }
)
"""By the kind of the mediator."""


def terms_of(physics: Physics) -> tuple[Term, ...]:
    """Return all interactions of a scan file: those that are always at hand, then those of its mediators."""
    return (*TERMS, *(MEDIATORS[mediator.kind](mediator) for mediator in physics.mediators))
