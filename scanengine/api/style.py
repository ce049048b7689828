"""How a figure is to look: what `plot` takes beside what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from scanengine.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from scanengine.figures import Look


class Style(TypedDict, total=False):
    """Keywords of `plot` for the look of a plane or a profile.

    ax: axes of your own to draw on; the figure is theirs, and what you add comes into the same legend by ax.legend().
    width: "single" or "double" column of print, or inches. colours: of the results, in order, as Matplotlib names them.
    legend: False for none, and no statement of levels. x_range, y_range: ends of the panel, None for one that stays.
    x_log, y_log: whether a side is logarithmic. x_label, y_label: the text beside it. curves: further lines,
    {"label": (x, y)}.
    """

    ax: Axes
    width: Literal["single", "double"] | float
    colours: Sequence[str]
    legend: bool
    x_range: tuple[float | None, float | None]
    y_range: tuple[float | None, float | None]
    x_log: bool
    y_log: bool
    x_label: str
    y_label: str
    curves: Mapping[str, Any]


def look(style: Style) -> Look:
    """Return a style as figures take it. Raises InputError for what cannot be drawn, and another keyword."""
    from scanengine import figures

    others = style.keys() - Style.__annotations__.keys()
    if others:
        raise InputError(f"plot has no keyword {min(others)!r}: it takes {', '.join(Style.__annotations__)}")
    return figures.Look(**style)


def refuse(style: Style, what: str) -> None:
    """Raise InputError for a figure that has a look of its own, if it was to have another."""
    if style:
        keywords = ", ".join(style)
        raise InputError(f"{what} has a look of its own, without {keywords}: name one axis or two to draw these")
