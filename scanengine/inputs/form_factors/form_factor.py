"""What a form factor is to the kernels, and what a scan file may say of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.nuclei import Isotope


@dataclass(frozen=True, eq=False)
class FormFactor:
    """F(q) of protons or neutrons in one nucleus: a code of `scanengine_kernels.form_factors` and its parameters.

    `q_max_invfm` is where a table ends (infinite for a formula): beyond it F is not known.
    """

    code: int
    parameters: FloatArray = field(default_factory=lambda: np.zeros(0))
    q_max_invfm: float = np.inf


Pair = tuple[FormFactor, FormFactor]
NuclearFormFactors = Callable[[Isotope], Pair]
"""Gives the proton and the neutron form factor of a nucleus.

Those made here are functions of a module with some arguments given, so that they travel to other processes.
"""


@dataclass(frozen=True)
class Length:
    """A length in fm that a form factor depends on: its key in scan files, and what it is without that.

    Without a default it follows from the nucleus, as the description says.
    """

    key: str
    description: str
    default: float | None = None
    may_be_zero: bool = False


@dataclass(frozen=True)
class Kind:
    """A form factor that a scan file may name: its formula is in the file that declares it.

    `make` is called with the `lengths` by their keys, or with `columns` of numbers by theirs, here with their
    descriptions. Of the keys in `alternatives` those of one may be given, together. `require` raises InputError for
    isotopes, all of them in one sentence, that it is not for.
    """

    name: str
    summary: str
    make: Callable[..., NuclearFormFactors]
    lengths: tuple[Length, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    alternatives: tuple[tuple[str, ...], ...] = ()
    require: Callable[[Sequence[Isotope]], None] | None = None


def by_isotope(of: Mapping[Isotope, NuclearFormFactors]) -> NuclearFormFactors:
    """Return form factors that are given for each isotope."""
    return partial(_of_isotope, of)


def _of_isotope(of: Mapping[Isotope, NuclearFormFactors], isotope: Isotope) -> Pair:
    return of[isotope](isotope)
