"""What a scan has found, wherever its grid went."""

from __future__ import annotations

from typing import NamedTuple

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Fit, Profiles


class Found(NamedTuple):
    """The grid's own profiles, exact ones with the axes they lie on, and what is told of the minimum.

    `grid_errors` are what the grid's own minima miss on each line, where there are no exact ones, `exact_possible` says
    whether there could be.
    """

    profiles: Profiles
    exact: tuple[tuple[Axis, ...], Profiles] | None
    fit: Fit
    grid_errors: dict[str, FloatArray]
    exact_possible: bool
    rounding_near: float | None = None
