"""Slices of a grid: chi2 over some axes, at a value of others, minimised over the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from scanengine.api.origin import Selection
from scanengine.errors import InputError
from scanengine.grid.arguments import number
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.aliases import canonical

SLICE_POINTS = 1_000_000
"""A larger grid is sliced piece by piece."""


def named(name: str, axes: Sequence[Axis]) -> Axis:
    """Return the axis of a name, in any of its spellings. Raises InputError if there is none."""
    for axis in axes:
        if axis.name == canonical(name):
            return axis
    raise InputError(f"{name!r} is not an axis of this scan: {', '.join(axis.name for axis in axes)} are")


def nearest(axes: Sequence[Axis], shown: Sequence[str], at: Mapping[str, float]) -> dict[str, int]:
    """Return the index, by name, of the grid value of an axis that is nearest to each of `at`.

    Raises InputError if it is one of those that are shown, or the value lies outside of it.
    """
    index = {}
    for name, given in at.items():
        axis, value = named(name, axes), number(given, name)
        if axis.name in shown:
            raise InputError(f"{name} is one of the axes shown and cannot be fixed at {value:g}")
        if not axis.values[0] <= value <= axis.values[-1]:
            raise InputError(f"{name} = {value:g} is outside its axis, {axis.values[0]:g} to {axis.values[-1]:g}")
        index[axis.name] = int(np.argmin(np.abs(axis.values - value)))
    return index


def lowest(
    axes: Sequence[Axis], read: Callable[[Selection], FloatArray], shown: Sequence[str], index: Mapping[str, int]
) -> FloatArray:
    """Return chi2 over the axes shown, in that order, at the index of some others, minimised over the rest.

    `read` gives parts of the grid.
    """
    hidden = [axis for axis in axes if axis.name not in shown and axis.name not in index]
    # one value of the first hidden axis at a time, so that a grid larger than the memory can be sliced
    outer = [axis for axis in hidden[:1] if prod(each.values.size for each in axes) > SLICE_POINTS]
    chi2: FloatArray | None = None
    for position in range(outer[0].values.size if outer else 1):
        where = {**index, outer[0].name: position} if outer else index
        part = read(tuple(where.get(axis.name, slice(None)) for axis in axes))
        left = [axis.name for axis in axes if axis.name not in where]
        over = tuple(left.index(axis.name) for axis in hidden if axis not in outer)
        lower = part.min(axis=over) if over else part
        chi2 = lower if chi2 is None else np.minimum(chi2, lower)
    assert chi2 is not None
    in_order = [axis.name for axis in axes if axis.name in shown]
    return chi2 if in_order == list(shown) else chi2.T
