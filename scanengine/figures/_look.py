"""How a figure of one plane or profile looks, where it is not to look as it does by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from scanengine.errors import InputError
from scanengine.figures import _style as style
from scanengine.figures._text import drawable

Range = tuple[float | None, float | None]

_WIDTHS = {"single": style.SINGLE_COLUMN_IN, "double": style.DOUBLE_COLUMN_IN}
_NARROWEST_IN, _WIDEST_IN = 2.0, 20.0


@dataclass(frozen=True)
class Look:
    """What `scanengine.plot` takes beside what is drawn.

    `ax` are axes of one's own, in a figure of one's own. `width` is "single" or "double", of a column of print, or in
    inches. `colours` are those of the results, in their order. `x_range` and `y_range` are where the panel ends, None
    for an end that stays; `x_log` and `y_log` say whether its sides are logarithmic, `x_label` and `y_label` what
    stands beside them. `curves` are further lines by their labels, (x, y) each. Raises InputError for what cannot be
    drawn.
    """

    ax: Axes | None = None
    width: Literal["single", "double"] | float = "single"
    colours: Sequence[str] = ()
    legend: bool = True
    x_range: Range = (None, None)
    y_range: Range = (None, None)
    x_log: bool | None = None
    y_log: bool | None = None
    x_label: str | None = None
    y_label: str | None = None
    curves: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ax is not None and not isinstance(self.ax, Axes):
            raise InputError(f"ax must be axes of Matplotlib: found {self.ax!r:.60}")
        for colour in self.colours:
            if not is_color_like(colour):
                raise InputError(
                    f"colours must be names that Matplotlib knows, such as 'C1' or '#08306b': found {colour!r}"
                )
        if self.width not in _WIDTHS and not (
            isinstance(self.width, int | float) and _NARROWEST_IN <= self.width <= _WIDEST_IN
        ):
            raise InputError(
                f'width must be "single", "double" or {_NARROWEST_IN:g} to {_WIDEST_IN:g} inches: found {self.width!r}'
            )

    @property
    def width_in(self) -> float:
        """The width of a figure, in inches."""
        return _WIDTHS[self.width] if isinstance(self.width, str) else float(self.width)

    def axes(self) -> Axes:
        """Return the axes that are drawn on: one's own, or those of a new figure."""
        return self.ax or style.new_figure(self.width_in, 3.0).add_subplot()

    def stroke(self, i: int) -> style.Stroke:
        """Return the line of result i."""
        chosen = style.STROKES[i % len(style.STROKES)]
        return style.Stroke(self.colours[i], chosen.dashes) if i < len(self.colours) else chosen

    def fills(self, count: int) -> list[str]:
        """Return the fills of the first result's nested regions, the innermost first and darkest."""
        if not self.colours:
            return style.fills(count)
        colour = np.array(to_rgb(self.colours[0]))
        whiter = [0.55] if count == 1 else np.linspace(0.35, 0.8, count).tolist()
        return [to_hex(tuple((colour + (1.0 - colour) * share).tolist())) for share in whiter]

    def add_curves(self, axes: Axes, first: int) -> list[Artist]:
        """Draw the further lines, with strokes from a number on; returns the legend's handles."""
        handles: list[Artist] = []
        for i, (label, points) in enumerate(self.curves.items(), start=first):
            try:
                x, y = (np.asarray(each, dtype=np.float64).reshape(-1) for each in points)
            except (ValueError, TypeError):
                raise InputError(f"the curve {label!r} must be two arrays of numbers, x and y") from None
            if x.size != y.size:
                raise InputError(f"the curve {label!r} has {x.size} x and {y.size} y: it needs as many of both")
            stroke = self.stroke(i)
            axes.plot(x, y, color=stroke.colour, linestyle=stroke.dashes, linewidth=1.2, zorder=3.5)
            handles.append(Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, label=drawable(str(label))))
        return handles

    def set_sides(self, axes: Axes) -> None:
        """Set the scales and ends of the sides that are not to be as they are. Raises InputError for bad ends."""
        for side, log, ends in (("x", self.x_log, self.x_range), ("y", self.y_log, self.y_range)):
            before = axes.get_xlim() if side == "x" else axes.get_ylim()
            try:
                low, high = (now if end is None else float(end) for end, now in zip(ends, before, strict=True))
            except (ValueError, TypeError):
                raise InputError(f"{side}_range must be two numbers, or None for an end: found {ends!r}") from None
            wanted = log if log is not None else (axes.get_xscale() if side == "x" else axes.get_yscale()) == "log"
            if not low < high or (wanted and low <= 0.0):
                above = " above zero" if wanted else ""
                raise InputError(
                    f"{side}_range must be two rising numbers{above}: the panel would go from {low:g} to {high:g}"
                )
            scale = {} if log is None else {f"{side}scale": "log" if log else "linear"}
            axes.set(**scale, **{f"{side}lim": (low, high)})
        for side, label in (("x", self.x_label), ("y", self.y_label)):
            if label is not None:
                axes.set(**{f"{side}label": drawable(str(label))})

    def finish(
        self, axes: Axes, panel_height_in: float, right_in: float, lines: Sequence[str], handles: Sequence[Artist]
    ) -> Figure:
        """Set the sides, and put the statement and the legend in their place; returns the figure."""
        self.set_sides(axes)
        if self.ax is not None:
            figure = axes.get_figure(root=True)
            assert isinstance(figure, Figure)
            if self.legend:
                for handle in handles:
                    if handle.axes is None:
                        axes.add_artist(_in_axes(handle))
                # of all that has a label, whoever drew it: also when the legend is made anew
                axes.legend(title="\n".join(lines[:1]))
            return figure
        higher = max(1.0, min(1.6, self.width_in / style.SINGLE_COLUMN_IN))
        shown = (lines, handles) if self.legend else ((), ())
        style.arrange(axes, higher * panel_height_in, right_in, *shown)
        figure = axes.get_figure(root=True)
        assert isinstance(figure, Figure)
        return figure


def _in_axes(handle: Artist) -> Artist:
    """Return the entry of a legend as something in the axes that is not seen there, but found by its legend."""
    if not isinstance(handle, Patch):
        return handle
    return PathPatch(
        Path(np.full((1, 2), np.nan)),
        facecolor=handle.get_facecolor(),
        edgecolor=handle.get_edgecolor(),
        linestyle=handle.get_linestyle(),
        linewidth=handle.get_linewidth(),
        label=handle.get_label(),
    )
