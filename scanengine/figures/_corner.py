"""The corner figure: every plane of a scan, with the one-parameter profiles on the diagonal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scanengine.errors import InputError
from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.figures._profile import draw_profile
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import intervals
from scanengine.inference.levels import percent

LEFT_IN, RIGHT_IN, BOTTOM_IN, TOP_IN, GAP_IN = 0.62, 0.1, 0.55, 0.08, 0.08
"""Margins and the gap between panels: fixed, so that all panels are the same size and line up."""
WIDEST_IN = {2: 2.9, 3: 1.8}
"""Few panels are made larger, so that the empty corner holds the text."""
CROWDED = 6
"""From this many parameters on, tick labels are slanted and axis labels smaller."""


@style.in_house_style
def corner(
    lines: Mapping[str, ReducedGrid],
    planes: Mapping[tuple[str, str], ReducedGrid],
    cls: Sequence[float] = (0.90,),
    *,
    best_fit: Mapping[str, float] | None = None,
    sm: Mapping[str, float] | None = None,
) -> Figure:
    """All planes of a scan below the diagonal (2 dof), the profile of each parameter on it (1 dof), and the limits.

    `lines` gives the parameters in the order in which they are drawn; `planes` is keyed by pairs of them in that order;
    the panel of one that is not there stays empty. `best_fit` and `sm` map axis names to values, and are marked if
    given. Raises `InputError` for a bad level, fewer than two parameters or one without any plane.
    """
    names = tuple(lines)
    without = [name for name in names if not any(name in pair for pair in planes)]
    if len(names) < 2 or without:
        lacking = ", ".join(without) if len(names) > 1 else "at least two parameters"
        raise InputError(f"A corner figure needs a plane of every parameter, but these have none: {lacking}.")
    levels = style.ordered_levels(cls, 2)
    axes = {name: grid.axes[0] for name, grid in lines.items()}
    undecided: list[Artist] = []

    def draw_plane(panel: Axes, x: str, y: str) -> list[Artist]:
        fills = regions.draw_filled(panel, planes[x, y], levels, 2, width=0.8)
        undecided[:] = regions.draw_undecided(panel, planes[x, y], levels, 2) or undecided
        return [*(fills if len(levels) > 1 else []), *regions.mark(panel, (x, y), best_fit, sm), *undecided]

    def draw_line(panel: Axes, name: str) -> float:
        return draw_profile(panel, lines[name], levels, 1)

    return panels(axes, planes, draw_plane, draw_line, r"$\Delta\chi^2$", _summary(lines, planes, levels))


def panels(
    axes: Mapping[str, Axis],
    planes: Collection[tuple[str, str]],
    draw_plane: Callable[[Axes, str, str], list[Artist]],
    draw_line: Callable[[Axes, str], float],
    height_label: str,
    summary: Sequence[str],
) -> Figure:
    """Draw planes below a diagonal of lines, with a summary and a legend in the empty corner.

    `draw_plane` draws that of two axes and returns entries of the legend, `draw_line` that of one axis and returns how
    high its panel has to be: all are as high as the highest.
    """
    names = tuple(axes)
    size = len(names)
    panel_in = min(WIDEST_IN.get(size, 1.5), (style.DOUBLE_COLUMN_IN - LEFT_IN - RIGHT_IN + GAP_IN) / size - GAP_IN)
    across = size * (panel_in + GAP_IN) - GAP_IN
    width, height = LEFT_IN + across + RIGHT_IN, BOTTOM_IN + across + TOP_IN
    figure = style.new_figure(width, height)
    spec = figure.add_gridspec(
        size,
        size,
        left=LEFT_IN / width,
        right=1.0 - RIGHT_IN / width,
        bottom=BOTTOM_IN / height,
        top=1.0 - TOP_IN / height,
        wspace=GAP_IN / panel_in,
        hspace=GAP_IN / panel_in,
    )
    handles: list[Artist] = []
    diagonal = []
    for i, y in enumerate(names):
        in_row = [x for x in names[:i] if (x, y) in planes]
        for j, x in enumerate(names[:i]):
            if x not in in_row:
                continue
            panel = figure.add_subplot(spec[i, j])
            handles = draw_plane(panel, x, y)
            style.scale_axis(panel, "y", [axes[y]], 4, prune="both")
            _label(panel, axes, x, y if x == in_row[0] else None, last=not _planes_below(planes, x, names[i + 1 :]))
        panel = figure.add_subplot(spec[i, i])
        diagonal.append((panel, draw_line(panel, y)))
        _label(panel, axes, y, None, last=not _planes_below(planes, y, names[i + 1 :]))
    top = max(top for _, top in diagonal)
    for i, (panel, _) in enumerate(diagonal):
        panel.set_ylim(0.0, top)
        panel.yaxis.set_major_locator(MaxNLocator(4, integer=top > 3.0))
        panel.tick_params(axis="y", labelleft=i == 0)
    diagonal[0][0].set_ylabel(height_label, fontsize=_label_size(axes))
    figure.align_labels()
    figure.legend(
        handles=handles,
        title="\n".join(summary),
        loc="upper right",
        alignment="left",
        bbox_to_anchor=(1.0 - RIGHT_IN / width, 1.0 - TOP_IN / height),
        borderaxespad=0.0,
        borderpad=0.0,
        frameon=False,
        ncols=min(2, max(1, len(handles))),
    )
    return figure


def _planes_below(planes: Collection[tuple[str, str]], x: str, below: Sequence[str]) -> bool:
    return any((x, y) in planes for y in below)


def _label(panel: Axes, axes: Mapping[str, Axis], x: str, y: str | None, *, last: bool) -> None:
    """Ticks and labels of a panel, which only the leftmost and lowest carry."""
    style.scale_axis(panel, "x", [axes[x]], 4, prune="both")
    crowded = len(axes) >= CROWDED
    panel.tick_params(labelbottom=last, labelleft=y is not None, labelsize=7.0)
    if last:
        panel.set_xlabel(text.label(axes[x]), fontsize=_label_size(axes))
        panel.tick_params(axis="x", labelrotation=45.0 if crowded else 0.0)
    if y is not None:
        panel.set_ylabel(text.label(axes[y]), fontsize=_label_size(axes))


def _label_size(axes: Mapping[str, Axis]) -> float:
    return 7.5 if len(axes) >= CROWDED else 9.0


def _summary(
    lines: Mapping[str, ReducedGrid], planes: Mapping[tuple[str, str], ReducedGrid], levels: Sequence[float]
) -> list[str]:
    """What the empty corner of the figure says: levels, hidden axes, and the limits at the highest level."""
    hidden = {name: None for grid in planes.values() for name in grid.profiled if name not in lines}
    fixed = {pair: None for grid in planes.values() for pair in grid.fixed}
    others = ["each profiled over the other parameters"] if any(grid.profiled for grid in planes.values()) else []
    axes = [grid.axes[0] for grid in lines.values()]
    cl = levels[-1]
    return [
        f"Regions: {words.statement(levels, 2)}",
        f"Diagonal: {words.statement(levels, 1)}",
        *others,
        *words.hidden_axes(tuple(hidden), tuple(fixed), axes),
        f"{percent(cl)} C.L., 1 dof:",
        *(f"    {words.limits(intervals(grid, cl), grid.axes[0])}" for grid in lines.values()),
        *words.without_points(planes.values(), cl),
    ]
