"""What a sheet shows: panels of lines, points, areas and bands. The caller gives data and words, the look is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np

from scanengine.errors import InputError
from scanengine.figures import _style as style
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import Region, region

Fill: TypeAlias = int | Literal["grey", "hatch"]
"""A tone of blue (0 is the darkest; nested areas count outwards), plain grey, or hatching in the stroke's colour."""

KEY_STROKE = next(i for i, stroke in enumerate(style.STROKES) if stroke.colour == "#000000")

Scale: TypeAlias = Literal["linear", "log"]
Range: TypeAlias = tuple[float | None, float | None]
"""Two ends in rising order; None is taken from what is drawn."""


@dataclass(frozen=True, eq=False)
class Line:
    """A curve through points `x` (n,), `y` (n,), broken where either is not finite.

    `stroke` numbers colour and dashes together (0 to 6); `dashes` (0 solid, 1 dashed, 2 dotted, 3 dash-dotted) frees
    the dashes to mean something else, and markers then tell the strokes apart in print without colour. Without a
    `label` it is not in the legend. Raises `InputError` for other shapes or numbers.
    """

    x: FloatArray
    y: FloatArray
    label: str = ""
    stroke: int = 0
    dashes: int | None = None

    def __post_init__(self) -> None:
        _check_points("line", self.label, self.x, self.y)
        _check_stroke("line", self.label, self.stroke, self.dashes)

    @classmethod
    def of_profile(cls, grid: ReducedGrid, label: str = "", stroke: int = 0, dashes: int | None = None) -> Self:
        """Delta chi2 over the one axis of a grid, smooth between its points as in `figures.profile`."""
        if len(grid.axes) != 1:
            raise InputError(f"The profile {label!r} needs a grid of one axis, but this has {len(grid.axes)}.")
        return cls(*style.smooth(grid.axes[0], grid.delta_chi2), label, stroke, dashes)

    @classmethod
    def key(cls, label: str, dashes: int) -> Self:
        """An entry of the legend, without a curve, that says what these dashes mean."""
        return cls(np.empty(0), np.empty(0), label, KEY_STROKE, dashes)


@dataclass(frozen=True, eq=False)
class Points:
    """Single points `x` (n,), `y` (n,): hollow markers, whose colour and shape `stroke` numbers (0 to 6).

    `x_ends` and `y_ends` (2, n) are the ends of horizontal and vertical bars. Raises `InputError` for other shapes or
    numbers.
    """

    x: FloatArray
    y: FloatArray
    label: str = ""
    stroke: int = 0
    x_ends: FloatArray | None = None
    y_ends: FloatArray | None = None

    def __post_init__(self) -> None:
        _check_points("points", self.label, self.x, self.y)
        _check_stroke("points", self.label, self.stroke, None)
        for ends in (self.x_ends, self.y_ends):
            if ends is not None and np.shape(ends) != (2, *np.shape(self.x)):
                raise InputError(
                    f"The points {self.label!r} need two ends of a bar for each of {np.size(self.x)} points, found "
                    f"{np.shape(ends)}."
                )


@dataclass(frozen=True, eq=False)
class Area:
    """A region, or closed polygons of shape (k, 2), with a `fill` (None for none) and a border (`stroke`, or None).

    The border is left out where an end of one of the `axes` cuts the region, and `axes` set the range of the panel.
    `stroke` and `dashes` are as for a `Line`. Raises `InputError` for an area that has neither fill nor border, and for
    other shapes or numbers.
    """

    shape: Region | tuple[FloatArray, ...]
    label: str = ""
    fill: Fill | None = None
    stroke: int | None = 0
    dashes: int | None = None
    axes: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        _check_fill("area", self.label, self.fill)
        _check_stroke("area", self.label, self.stroke, self.dashes)
        if self.stroke is None and self.fill in {None, "hatch"}:
            raise InputError(f"The area {self.label!r} would not be seen: give a fill or the number of a stroke.")
        for polygon in () if isinstance(self.shape, Region) else self.shape:
            if polygon.ndim != 2 or polygon.shape[0] < 3 or polygon.shape[1] != 2 or not np.isfinite(polygon).all():
                raise InputError(
                    f"The area {self.label!r} needs polygons of shape (k, 2) with k of 3 or more and finite values, "
                    f"found {polygon.shape}."
                )

    @classmethod
    def allowed(
        cls,
        grid: ReducedGrid,
        cl: float,
        dof: int = 2,
        *,
        label: str = "",
        fill: Fill | None = None,
        stroke: int | None = 0,
        dashes: int | None = None,
    ) -> Self:
        """The region of a two-axis grid that is allowed at a confidence level, as `contours.region` finds it."""
        return cls(region(grid, cl, dof), label, fill, stroke, dashes, grid.axes)

    @property
    def rings(self) -> tuple[FloatArray, ...]:
        """Closed rings of shape (k, 2)."""
        if isinstance(self.shape, Region):
            return tuple(ring for piece in self.shape.pieces for ring in piece.rings)
        return tuple(np.concatenate((polygon, polygon[:1])) for polygon in self.shape)


@dataclass(frozen=True, eq=False)
class Band:
    """All heights between two abscissae, of which an infinite one means the edge of the panel.

    Raises `InputError` unless `x_lo` < `x_hi`.
    """

    x_lo: float
    x_hi: float
    label: str = ""
    fill: Fill = "grey"

    def __post_init__(self) -> None:
        _check_fill("band", self.label, self.fill)
        if not self.x_lo < self.x_hi:
            raise InputError(f"The band {self.label!r} needs x_lo < x_hi, found {self.x_lo:g} and {self.x_hi:g}.")


Item: TypeAlias = Line | Points | Area | Band


@dataclass(frozen=True, eq=False)
class Panel:
    """One panel: its items and axes, with `levels`, the (height, text) of horizontal dotted lines.

    A range that is not given is that of the grids of its areas, or else holds all lines, points, polygons and levels.
    """

    items: tuple[Item, ...]
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    x_range: Range = (None, None)
    y_range: Range = (None, None)
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    levels: tuple[tuple[float, str], ...] = ()


def _check_points(what: str, label: str, x: FloatArray, y: FloatArray) -> None:
    if np.ndim(x) != 1 or np.shape(x) != np.shape(y):
        raise InputError(
            f"The {what} {label!r} needs as many x as y in one dimension, found {np.shape(x)} and {np.shape(y)}."
        )


def _check_stroke(what: str, label: str, stroke: int | None, dashes: int | None) -> None:
    if stroke is not None and not 0 <= stroke < len(style.STROKES):
        raise InputError(f"The {what} {label!r} has stroke {stroke}, but 0 to {len(style.STROKES) - 1} exist.")
    if dashes is not None and not 0 <= dashes < len(style.LEVEL_DASHES):
        raise InputError(f"The {what} {label!r} has dashes {dashes}, but 0 to {len(style.LEVEL_DASHES) - 1} exist.")


def _check_fill(what: str, label: str, fill: Fill | None) -> None:
    if fill not in {None, "grey", "hatch"} and not (isinstance(fill, int) and fill >= 0):
        raise InputError(f"The {what} {label!r} has fill {fill!r}; use a tone (0, 1, ...), 'grey' or 'hatch'.")
