"""What all figures share: type, colours, line styles, axes and heading."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal, NamedTuple, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scanengine.contours import delta_chi2, is_log_spaced
from scanengine.errors import InputError
from scanengine.grids import Axis, FloatArray, ReducedGrid

SINGLE_COLUMN_IN = 3.4
DOUBLE_COLUMN_IN = 7.0

RC: dict[str, object] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8.0,
    "axes.labelsize": 9.0,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.2,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "scanengine",
    "savefig.dpi": 300.0,
}

LINE_COLOUR = "#08306b"
DARKEST_FILL, LIGHTEST_FILL, ONLY_FILL = "#6aa3d2", "#dbe9f6", "#a8cbe6"


Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Stroke:
    """Colour and dashes of one curve among several; the dashes alone tell them apart in print without colour."""

    colour: str
    dashes: Dashes


STROKES = (
    Stroke(LINE_COLOUR, "solid"),
    # Okabe and Ito's colours, which people with colour-blindness tell apart, in order of falling darkness.
    Stroke("#D55E00", (0, (5.0, 1.8))),
    Stroke("#009E73", (0, (1.2, 1.2))),
    Stroke("#CC79A7", (0, (6.0, 1.5, 1.2, 1.5))),
    Stroke("#000000", (0, (3.0, 1.2, 1.0, 1.2, 1.0, 1.2))),
    Stroke("#E69F00", (0, (9.0, 2.5))),
    Stroke("#56B4E9", (0, (2.5, 1.0))),
)
LEVEL_DASHES: tuple[Dashes, ...] = ("solid", (0, (4.0, 1.5)), (0, (1.2, 1.2)), (0, (5.0, 1.5, 1.2, 1.5)))


class Curve(NamedTuple):
    """One result in a figure: what the legend calls it, and its chi2."""

    label: str
    grid: ReducedGrid


P = ParamSpec("P")


def in_house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under the package's own settings, whatever the user's are, and settle the figure's layout.

    Layout is solved here once and then frozen: solving it again at each save would move things by a rounding error.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)  # type: ignore[arg-type]
            figure = draw(*args, **kwargs)
            if figure.get_layout_engine() is not None:
                figure.draw_without_rendering()
            # Ticks are made when they are first drawn, and take the settings of that moment.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return drawn


def new_figure(width_in: float, height_in: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure with a canvas of its own, outside pyplot."""
    figure = Figure(figsize=(width_in, height_in), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def ordered_levels(cls: Iterable[float], dof: int) -> tuple[float, ...]:
    """The confidence levels in rising order, each once; raises `InputError` for none or a bad one."""
    levels = tuple(sorted(set(cls)))
    if not levels:
        raise InputError("A figure needs at least one confidence level, such as 0.90.")
    for cl in levels:
        delta_chi2(cl, dof)
    return levels


def common_axes(curves: Sequence[Curve], dimensions: int) -> tuple[Axis, ...]:
    """The axes that all curves share; raises `InputError` if there is no curve or they differ."""
    if not curves:
        raise InputError("A figure needs at least one result to draw.")
    names = [tuple(axis.name for axis in curve.grid.axes) for curve in curves]
    for curve, found in zip(curves, names, strict=True):
        if len(found) != dimensions:
            raise InputError(f"Expected {dimensions} axes to draw, found {len(found)} ({', '.join(found)}).")
        if found != names[0]:
            raise InputError(
                f"Results over different axes cannot share a figure: {curve.label!r} is over {', '.join(found)}, "
                f"{curves[0].label!r} over {', '.join(names[0])}."
            )
    return curves[0].grid.axes


def fills(count: int) -> list[str]:
    """Fill colours of one hue for `count` nested regions, the innermost first and darkest."""
    if count == 1:
        return [ONLY_FILL]
    dark, light = np.array(to_rgb(DARKEST_FILL)), np.array(to_rgb(LIGHTEST_FILL))
    return [to_hex(tuple(dark + (light - dark) * i / (count - 1))) for i in range(count)]


def scale_axis(
    panel: Axes, which: Literal["x", "y"], ranges: Sequence[Axis], bins: int, prune: Literal["both"] | None = None
) -> None:
    """Scale and ticks of one side of a panel, which shows the ranges of all given axes of one parameter.

    `prune` leaves out the ticks at the two ends, which would run into those of the next panel.
    """
    start, stop = min(float(axis.values[0]) for axis in ranges), max(float(axis.values[-1]) for axis in ranges)
    if all(is_log_spaced(axis.values) for axis in ranges):
        panel.set(**{f"{which}scale": "log", f"{which}lim": (start, stop)})
    else:
        panel.set(**{f"{which}lim": (start, stop)})
        locator = MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10], prune=prune)
        (panel.xaxis if which == "x" else panel.yaxis).set_major_locator(locator)


def smooth(axis: Axis, delta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A profile for drawing: monotone cubics between the finite grid points, 400 of them at least."""
    from scipy.interpolate import PchipInterpolator

    known = np.isfinite(delta)
    if known.sum() < 2:
        return axis.values[known], delta[known]
    log = is_log_spaced(axis.values)
    places = np.log(axis.values[known]) if log else axis.values[known]
    between = max(1, math.ceil(400 / places.size))
    fine = np.interp(np.arange((places.size - 1) * between + 1) / between, np.arange(places.size), places)
    return (np.exp(fine) if log else fine), np.asarray(PchipInterpolator(places, delta[known])(fine))


def heading(figure: Figure, lines: Sequence[str], handles: Sequence[Artist]) -> None:
    """Put the statement and the legend above the panel, where they cover no data, and make room for them."""
    labels = [str(handle.get_label()) for handle in handles]
    longest = max((len(label) for label in labels), default=0)
    most = 4 if longest <= 8 else 2 if longest <= 22 else 1
    rows = math.ceil(len(labels) / most)
    columns = math.ceil(len(labels) / max(1, rows))
    legend = figure.legend(
        handles=list(handles),
        title="\n".join(lines),
        loc="outside upper center",
        ncols=max(1, columns),
        frameon=False,
        handlelength=2.4,
        columnspacing=1.4,
        borderpad=0.0,
        borderaxespad=0.4,
        labelspacing=0.3,
    )
    legend.get_title().set_multialignment("center")
    text_rows = sum(line.count("\n") + 1 for line in lines) + max(
        rows, sum(label.count("\n") + 1 for label in labels) if columns == 1 else 0
    )
    figure.set_figheight(figure.get_figheight() + 0.15 * text_rows)
