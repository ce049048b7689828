"""Whether the points of a grid resolve a region or an interval, and how many would."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.rings import enclosed_area, pointed_ends, width_and_chords

MIN_STEPS = 2.0
"""A band or an interval narrower than this many grid steps is not resolved."""

GRID_ERROR = 0.05
"""The share of a level by which the grid's own minima over hidden axes may miss Delta chi2 without a warning: the end
of an interval is then off by a fortieth of its distance from a parabola's minimum.
"""


def coarse(grid: ReducedGrid, name: str, level: float) -> list[str]:
    """Warn about a line whose points are the grid's minima, if these miss the valleys of the hidden axes."""
    if grid.errors is None:
        return []
    matters, delta, error = grid.errors.rows[:, :3].T
    # beyond an interval's end the root of chi2 is what its place is taken from
    error = error * np.sqrt(level / np.maximum(delta, level))
    worst = float(error[matters <= level].max(initial=0.0))
    if worst <= GRID_ERROR * level:
        return []
    steepest = grid.errors.rows[matters <= level, 3:].max(axis=0)
    allowed = math.sqrt(8.0 * GRID_ERROR * level) / (1.1 * max(1, int(np.count_nonzero(steepest))))
    refined = [
        f"{_rounded_up((n - 1) * root / allowed + 1)} points on {axis}"
        for (axis, n), root in zip(grid.errors.points.items(), [math.sqrt(b) for b in steepest], strict=True)
        if root > allowed
    ]
    ways = ["output.profile=exact"] if grid.errors.exact else []
    ways += [f"about {' and '.join(refined)}"] if refined else []
    missed = f"is that of the grid's points, which miss the valley of chi2 by up to {worst:.2g}"
    return [f"The {name} of {grid.axes[0].name} {missed}: use {', or '.join(ways)}."]


def narrow_pieces(drawn: Sequence[tuple[FloatArray, ...]], axes: tuple[Axis, ...], name: str) -> list[str]:
    """Warn about pieces whose rings, in grid indices, are narrower than `MIN_STEPS`."""
    shape = np.array([axis.values.size for axis in axes])
    measured = [width_and_chords(rings, shape) for rings in drawn]
    tips = pointed_ends(drawn, [width >= MIN_STEPS for width, _ in measured])
    narrow = [i for i, (width, _) in enumerate(measured) if width < MIN_STEPS and i not in tips]
    if not narrow:
        return []
    # A band that has fallen apart leaves specks of any size: the mean by area speaks for the band.
    areas = [enclosed_area(drawn[i]) for i in narrow]
    width = float(np.average([measured[i][0] for i in narrow], weights=areas))
    chords = np.min([measured[i][1] for i in narrow], axis=0)
    # For a band 1/width^2 is the sum of 1/chord^2: one chord at least is this short, and a long one needs no points.
    short = max(MIN_STEPS * math.sqrt(2.0), chords.min())
    refine = [axis for axis, chord in zip(axes, chords, strict=True) if chord <= short]
    wanted = " and ".join(f"{_points(axis, width)} points on {axis.name}" for axis in refine)
    what = f"The {name} is" if len(drawn) == 1 else f"{len(narrow)} of the {len(drawn)} pieces of the {name} are"
    return [f"{what} narrower than two grid steps (about {width:.2g}): use about {wanted}."]


def narrow_interval(axis: Axis, width: float, name: str) -> list[str]:
    """Warn about an interval that is narrower than `MIN_STEPS`; width in grid steps."""
    if width >= MIN_STEPS:
        return []
    points = _points(axis, width)
    steps = "1 grid step" if f"{width:.2g}" == "1" else f"{width:.2g} grid steps"
    return [f"The {name} is only {steps} of {axis.name} wide: use about {points} points."]


def _points(axis: Axis, width: float) -> int:
    """Points that make `width` grid steps `MIN_STEPS` with a tenth to spare, rounded up to two digits."""
    return _rounded_up(1.1 * MIN_STEPS / max(width, 1e-3) * (axis.values.size - 1) + 1)


def _rounded_up(points: float) -> int:
    digit = 10 ** max(0, math.floor(math.log10(points)) - 1)
    return int(math.ceil(points / digit) * digit)
