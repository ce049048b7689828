"""How far chi2 is rounded where limits are: far from there couplings may be so large that nothing is known of it.

Counts are sums of terms c t^k, and rounded as the sum of |c| |t|^k is. That grows with every |t|: within a box it is
largest at its corner, and the box of the values that chi2 near its minimum allows is small however long the axes are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import NEAR_MINIMUM, Profiles
from scanengine.inference.caveats import LEAST_ROUNDING
from scanengine.scan.problem import Problem


def rounding_near_minimum(problem: Problem, axes: Sequence[Axis], profiles: Profiles) -> float | None:
    """Return how far the root of chi2 may be rounded where chi2 is within `NEAR_MINIMUM` of the minimum, or at given
    values of outer axes of the lowest there; of profiles on these axes. None where that is little anywhere.
    """
    if (2.0 * math.sqrt(abs(profiles.minimum) + 1.0) + problem.rounding) * problem.rounding <= LEAST_ROUNDING:
        return None
    named = {axis.name: axis for axis in axes}
    return max(
        _rounding(problem.inside.at(list(at.values())) if at else problem, named, lines, highest)
        for at, lines, highest in _parts(problem, named, profiles)
    )


def _parts(
    problem: Problem, axes: dict[str, Axis], profiles: Profiles
) -> Iterator[tuple[dict[str, float], dict[str, FloatArray], float]]:
    """Yield each point of the outer axes with lower bounds of chi2 there along each other axis, and the chi2 up to
    which it counts.
    """
    outer = [axis.name for axis in problem.definition.outer]
    inner = [name for name in axes if name not in outer]
    for point in product(*(range(axes[name].values.size) for name in outer)):
        lines = {name: profiles.lines[name].copy() for name in inner if name in profiles.lines}
        lowest = profiles.minimum
        for name, k in zip(outer, point, strict=True):
            if name in profiles.lines:
                lowest = max(lowest, float(profiles.lines[name][k]))
            for other, line in lines.items():
                plane, turned = profiles.over((name, other)), profiles.over((other, name))
                if plane is not None:
                    np.fmax(line, plane[k], out=line)
                elif turned is not None:
                    np.fmax(line, turned[:, k], out=line)
        at = {name: float(axes[name].values[k]) for name, k in zip(outer, point, strict=True)}
        yield at, lines, lowest + NEAR_MINIMUM


def _rounding(inside: Problem, axes: dict[str, Axis], lines: dict[str, FloatArray], highest: float) -> float:
    """Return how far the root of chi2 may be rounded where none of the lines says that chi2 is above `highest`."""
    definition, likelihood = inside.coordinates, inside.likelihood
    if not definition.axes:
        return 0.0
    counts = likelihood.count_polynomials(definition.axes, definition.parameters)
    squared = inside.definition.parameters.squared or (False,) * len(definition.axes)
    reach = np.ones(len(definition.axes))
    for i, (axis, square) in enumerate(zip(definition.axes, squared, strict=True)):
        if axis.name not in lines:
            continue
        values = axes[axis.name].values
        t = np.abs(((values**2 if square else values) - counts.centre[i]) / counts.half_width[i])
        along = np.ones((t.size, reach.size))
        along[:, i] = t
        # where chi2 is rounded itself it may be lower than it seems
        root = np.sqrt(np.maximum(lines[axis.name], 0.0)) - likelihood.rounding_within(counts, along)
        near = ~(root > np.sqrt(highest))  # also where it is no number
        near[1:] |= near[:-1].copy()  # between a point and the next one
        near[:-1] |= near[1:].copy()
        reach[i] = min(1.0, float(t[near].max(initial=0.0)))
    inside.forget()
    return float(likelihood.rounding_within(counts, reach))
