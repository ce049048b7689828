"""What all figures share: type, colours, line styles, axes and heading."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from io import BytesIO
from typing import Literal, NamedTuple, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import MaxNLocator

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.levels import delta_chi2

SINGLE_COLUMN_IN = 3.4
DOUBLE_COLUMN_IN = 7.0
_SCREEN_DPI = 150.0

FONT = "STIXGeneral"

RC: dict[str, object] = {
    "font.family": FONT,
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
    """Run a drawing function under the package's own settings, whatever the user's are, but on axes of the user's."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        if getattr(kwargs.get("look"), "ax", None) is not None:
            return draw(*args, **kwargs)
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)  # type: ignore[arg-type]
            figure = draw(*args, **kwargs)
            # Ticks are made when they are first drawn, and take the settings of that moment.
            figure.draw_without_rendering()
        return figure

    return drawn


class ShownFigure(Figure):
    """A figure that a notebook shows, also without pyplot and its `%matplotlib`."""

    def _repr_png_(self) -> bytes:
        image = BytesIO()
        self.savefig(image, format="png", dpi=_SCREEN_DPI)
        return image.getvalue()


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure with a canvas of its own, outside pyplot."""
    figure = ShownFigure(figsize=(width_in, height_in))
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
    if all(axis.is_log_spaced for axis in ranges):
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
    log = axis.is_log_spaced
    places = np.log(axis.values[known]) if log else axis.values[known]
    between = max(1, math.ceil(400 / places.size))
    fine = np.interp(np.arange((places.size - 1) * between + 1) / between, np.arange(places.size), places)
    # like the limits, which are read off the square root: nearly linear beside a minimum
    root = PchipInterpolator(places, np.sqrt(np.maximum(delta[known], 0.0)))
    return (np.exp(fine) if log else fine), np.asarray(root(fine) ** 2)


def arrange(
    panel: Axes, panel_height_in: float, right_in: float, lines: Sequence[str], handles: Sequence[Artist]
) -> None:
    """Put the statement and the legend above the only panel, where they cover no data, and fit the figure around both.

    No layout engine: those solve anew at every save, and a rounding error would make the files differ.
    """
    figure = panel.get_figure(root=True)
    assert isinstance(figure, Figure)
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    legend = heading(figure, lines, handles, 4 if longest <= 8 else 2 if longest <= 22 else 1)
    figure.draw_without_rendering()
    heading_in = legend.get_window_extent().height / figure.dpi
    # As far left as the labels leave room for, but the same for all labels of common length.
    labels = panel.yaxis.get_tightbbox()
    left_in = max(0.55, (0.0 if labels is None else labels.width / figure.dpi) + 0.06)
    bottom_in, gap_in, margin_in = 0.42, 0.08, 0.05
    width, _ = figure.get_size_inches()
    # In steps of 1/20 in, so that the next version's letters leave the size as it is.
    height = math.ceil(20.0 * (bottom_in + panel_height_in + gap_in + heading_in + margin_in)) / 20.0
    figure.set_figheight(height)
    panel.set_position(
        (left_in / width, bottom_in / height, 1.0 - (left_in + right_in) / width, panel_height_in / height)
    )
    legend.set_bbox_to_anchor((0.5, 1.0 - margin_in / height), figure.transFigure)


def heading(figure: Figure, lines: Sequence[str], handles: Sequence[Artist], most: int) -> Legend:
    """Lines of text with the legend below them, in `most` columns or fewer if that takes no more rows."""
    rows = max(1, math.ceil(len(handles) / most))
    legend = figure.legend(
        handles=list(handles),
        title="\n".join(lines),
        loc="upper center",
        ncols=max(1, math.ceil(len(handles) / rows)),
        frameon=False,
        handlelength=2.4,
        columnspacing=1.4,
        borderpad=0.0,
        borderaxespad=0.0,
        labelspacing=0.3,
    )
    legend.get_title().set_multialignment("center")
    return legend
