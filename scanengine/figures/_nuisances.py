"""Nuisances at the best fit: pulls, impacts on a parameter, and correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scanengine.errors import InputError
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.inference.joint import JointFit

_ROW_IN = 0.2
_HATCH = "/////"


@style.in_house_style
def pulls(fit: JointFit) -> Figure:
    """Where each nuisance is fitted, with its postfit error, in standard deviations of what was known before.

    Raises `InputError` where there are no nuisances.
    """
    _require_nuisances(fit)
    figure, axes = _rows(len(fit.nuisances))
    _draw_pulls(axes, fit, range(len(fit.nuisances)))
    handles = [
        Line2D([], [], color="k", marker="o", markersize=3, linewidth=0.9, label="fitted, with its error"),
        Patch(facecolor="0.8", label="1 standard deviation"),
        Patch(facecolor="0.92", label="2"),
    ]
    _arrange(figure, [axes], _held(fit), handles)
    return figure


@style.in_house_style
def impacts(fit: JointFit, axis: str) -> Figure:
    """By how much a parameter moves where each nuisance is moved by its postfit error and all else is fitted again, the
    largest first; beside it the pulls.

    Raises `InputError` where there are no nuisances, or the parameter was held.
    """
    _require_nuisances(fit)
    names = [each.name for each in fit.axes]
    if axis not in names:
        free = f"it is in {', '.join(names)}" if names else "nor is it in any other"
        raise InputError(f"chi2 is not parabolic in {axis!r} at the best fit, so it has no impacts: {free}")
    moved = fit.impacts(axis)
    order = np.argsort(-np.abs(moved)).tolist()
    figure, left = _rows(len(order))
    right = figure.add_axes((0.6, 0.2, 0.3, 0.7))
    _draw_pulls(left, fit, order)
    places = np.arange(len(order))
    for sign, colour, hatch in ((1.0, style.DARKEST_FILL, ""), (-1.0, style.LIGHTEST_FILL, _HATCH)):
        right.barh(places, sign * moved[order], 0.6, color=colour, hatch=hatch, edgecolor="0.35", linewidth=0.4)
    right.axvline(0.0, color="k", linewidth=0.8)
    error = float(fit.errors[names.index(axis)])
    most = 1.2 * max(float(np.abs(moved).max()), 0.05 * error)
    right.set(xlim=(-most, most), ylim=(len(order) - 0.5, -0.5))
    right.set_yticks([])
    right.minorticks_off()
    shown = fit.axes[names.index(axis)]
    right.set_xlabel(f"shift of {text.label(shown)}")
    handles = [
        Line2D([], [], color="k", marker="o", markersize=3, linewidth=0.9, label="fitted, with its error"),
        Patch(facecolor=style.DARKEST_FILL, edgecolor="0.35", label="nuisance raised by its error"),
        Patch(facecolor=style.LIGHTEST_FILL, hatch=_HATCH, edgecolor="0.35", label="lowered"),
    ]
    value = f"{text.symbol(shown)} = {fit.values[names.index(axis)]:.4g} $\\pm$ {error:.2g}"
    _arrange(figure, [left, right], [value, *_held(fit)], handles)
    return figure


@style.in_house_style
def correlation(fit: JointFit) -> Figure:
    """The correlations of parameters and nuisances at the best fit, in per cent.

    Raises `InputError` where fewer than two were fitted.
    """
    labels = [text.symbol(axis) for axis in fit.axes] + [text.literal(name) for name in fit.nuisances]
    n = len(labels)
    if n < 2:
        raise InputError("Correlations need two fitted parameters or nuisances in which chi2 is parabolic.")
    size = max(1.6, 0.24 * n)
    longest = 0.055 * max(len(label) if "$" not in label else 6 for label in labels) + 0.15
    width, height = longest + size + 0.75, longest + size + 0.3
    figure = style.new_figure(width, height)
    axes = figure.add_axes((longest / width, longest / height, size / width, size / height))
    image = axes.imshow(fit.correlation, vmin=-1.0, vmax=1.0, cmap="PuOr")
    for i in range(n):
        for j in range(n):
            value = 100.0 * fit.correlation[i, j]
            dark = abs(value) > 70.0
            axes.text(j, i, f"{round(value)}", ha="center", va="center", fontsize=6, color="w" if dark else "k")
    axes.set_xticks(range(n), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(n), labels, fontsize=7)
    axes.tick_params(length=0)
    axes.minorticks_off()
    bar = figure.add_axes(((longest + size + 0.08) / width, longest / height, 0.1 / width, size / height))
    figure.colorbar(image, bar, ticks=[-1.0, -0.5, 0.0, 0.5, 1.0])
    bar.tick_params(labelsize=7)
    axes.set_title("correlation [%]", fontsize=8, pad=3.0)
    return figure


def _draw_pulls(axes: Axes, fit: JointFit, order: Sequence[int]) -> None:
    first = len(fit.axes)
    places = np.arange(len(order))
    at = fit.values[first:][list(order)]
    errors = fit.errors[first:][list(order)]
    axes.axvspan(-2.0, 2.0, facecolor="0.92", edgecolor="none")
    axes.axvspan(-1.0, 1.0, facecolor="0.8", edgecolor="none")
    axes.axvline(0.0, color="0.4", linewidth=0.7)
    known = np.array([fit.nuisances[k] not in fit.factors for k in order])
    axes.errorbar(at[known], places[known], xerr=errors[known], fmt="ko", markersize=3, linewidth=0.9)
    for place, k in enumerate(order):
        if fit.nuisances[k] in fit.factors:
            factor, error = fit.factors[fit.nuisances[k]]
            words = rf"free: ${factor:.3g} \pm {error:.2g}$"
            axes.text(0.0, place, words, fontsize=6.5, ha="center", va="center", backgroundcolor="0.8")
    most = max(2.4, 1.1 * float(np.max((np.abs(at) + errors)[known], initial=0.0)))
    axes.set(xlim=(-most, most), ylim=(len(order) - 0.5, -0.5))
    axes.set_yticks(places, [text.literal(fit.nuisances[k]) for k in order], fontsize=7)
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.set_xlabel("pull [standard deviations]")


def _rows(number: int) -> tuple[Figure, Axes]:
    figure = style.new_figure(style.DOUBLE_COLUMN_IN, 1.3 + _ROW_IN * number)
    return figure, figure.add_axes((0.3, 0.2, 0.3, 0.7))


def _arrange(figure: Figure, panels: Sequence[Axes], lines: Sequence[str], handles: Sequence[Artist]) -> None:
    """Room for the names at the left, panels side by side, and the heading above."""
    legend = style.heading(figure, lines, handles, 3)
    figure.draw_without_rendering()
    width, _ = figure.get_size_inches()
    head = legend.get_window_extent().height / figure.dpi + 0.12
    labels = panels[0].yaxis.get_tightbbox()
    left = (0.0 if labels is None else labels.width / figure.dpi) + 0.1
    rows = _ROW_IN * (panels[0].get_ylim()[0] - panels[0].get_ylim()[1])
    body = max(rows, 0.6)
    height = 0.45 + body + head
    if len(panels) == 1:
        width = max(style.SINGLE_COLUMN_IN, left + 2.0)
    figure.set_size_inches(width, height)
    each = (width - left - 0.1 - 0.12 * (len(panels) - 1)) / len(panels)
    for k, panel in enumerate(panels):
        panel.set_position(((left + k * (each + 0.12)) / width, 0.45 / height, each / width, body / height))
    legend.set_bbox_to_anchor((0.5, 1.0 - 0.04 / height), figure.transFigure)


def _held(fit: JointFit) -> list[str]:
    return [text.literal(f"held: {', '.join(fit.held)}")] if fit.held else []


def _require_nuisances(fit: JointFit) -> None:
    if not fit.nuisances:
        raise InputError("There are no nuisances to draw: this likelihood has none.")
