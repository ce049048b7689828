"""Spectra: data, signal and backgrounds, with the pulls of the bins underneath."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scanengine.errors import InputError
from scanengine.figures import _style as style
from scanengine.figures._text import literal
from scanengine.grid.axes import FloatArray
from scanengine.inference.spectra import Spectrum, finite_edges

BACKGROUNDS = (
    ("0.62", ""),
    ("0.82", "/////"),
    ("0.93", "....."),
    ("0.75", "xxxxx"),
    ("0.88", "-----"),
    ("0.70", "|||||"),
)
_COLUMNS = 3
_COUNTS_IN, _PULLS_IN, _GAP_IN = 1.75, 0.6, 0.62


@style.in_house_style
def spectrum(spectra: Sequence[Spectrum], *, heading: Sequence[str] = ()) -> Figure:
    """Counts of each channel in bins of energy: data with errors, signal stacked on the backgrounds, and the Standard
    Model's expectation; below, how far the data lie above, in standard deviations.

    Channels of a single bin each are drawn side by side in one panel. Raises `InputError` without spectra.
    """
    if not spectra:
        raise InputError("A figure of spectra needs at least one channel.")
    names = list(dict.fromkeys(name for each in spectra for name in each.backgrounds))
    looks = {name: BACKGROUNDS[i % len(BACKGROUNDS)] for i, name in enumerate(names)}
    single = all(each.data.size == 1 for each in spectra) and len(spectra) > 1
    panels = [list(spectra)] if single else [[each] for each in spectra]
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    width = style.SINGLE_COLUMN_IN if columns == 1 else style.DOUBLE_COLUMN_IN
    head = 0.32 + 0.16 * len(heading) + 0.16 * math.ceil((3 + len(names)) / (2 if columns == 1 else 4))
    height = head + rows * (_COUNTS_IN + _PULLS_IN + _GAP_IN)
    figure = style.new_figure(width, height)
    left, right = 0.58, 0.14  # the last number of a panel reaches beyond it
    each_width = (width - right - columns * left) / columns
    for k, shown in enumerate(panels):
        row, column = divmod(k, columns)
        x = (left + column * (each_width + left)) / width
        top = height - head - row * (_COUNTS_IN + _PULLS_IN + _GAP_IN)
        counts = figure.add_axes((x, (top - _COUNTS_IN) / height, each_width / width, _COUNTS_IN / height))
        pulls = figure.add_axes(
            (x, (top - _COUNTS_IN - _PULLS_IN) / height, each_width / width, _PULLS_IN / height), sharex=counts
        )
        _panel(counts, pulls, shown, looks, -0.4 / each_width)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color="k", marker="o", markersize=3, linestyle="none", label=_data_label(spectra)),
        Patch(facecolor=style.ONLY_FILL, edgecolor=style.LINE_COLOUR, label="signal at the best fit"),
        *(Patch(facecolor=c, hatch=h, edgecolor="0.35", label=literal(n)) for n, (c, h) in looks.items()),
        Line2D([], [], color="k", linestyle=(0, (4.0, 1.5)), linewidth=1.0, label="Standard Model"),
    ]
    legend = style.heading(figure, [literal(line) for line in heading], handles, 2 if columns == 1 else 4)
    legend.set_bbox_to_anchor((0.5, 1.0 - 0.05 / height), figure.transFigure)
    return figure


def _data_label(spectra: Sequence[Spectrum]) -> str:
    kinds = {each.asimov for each in spectra}
    return "data" if kinds == {False} else "Asimov data" if kinds == {True} else "data (some Asimov)"


def _panel(
    counts: Axes, pulls: Axes, shown: Sequence[Spectrum], looks: dict[str, tuple[str, str]], label_at: float
) -> None:
    """Draw one channel, or channels of one bin each side by side, with labels `label_at` of the width from the axis."""
    single = len(shown) > 1
    edges = np.arange(len(shown) + 1.0) if single else finite_edges(shown[0].edges)

    def joined(values: Sequence[FloatArray]) -> FloatArray:
        return np.concatenate(values)

    data, sigma = joined([each.data for each in shown]), joined([each.sigma for each in shown])
    middles = 0.5 * (edges[1:] + edges[:-1])
    base = np.zeros(data.size)
    for name, (colour, hatch) in looks.items():
        part = joined([each.backgrounds.get(name, np.zeros(each.data.size)) for each in shown])
        counts.stairs(
            base + part, edges, baseline=base, fill=True, facecolor=colour, hatch=hatch, edgecolor="0.35", linewidth=0.4
        )
        base = base + part
    total = joined([each.total for each in shown])
    counts.stairs(total, edges, baseline=base, fill=True, facecolor=style.ONLY_FILL, edgecolor="none")
    counts.stairs(total, edges, color=style.LINE_COLOUR, linewidth=1.0)
    counts.stairs(
        joined([each.reference for each in shown]), edges, color="k", linestyle=(0, (4.0, 1.5)), linewidth=1.0
    )
    counts.errorbar(middles, data, sigma, color="k", fmt="o", markersize=2.5, linewidth=0.7, zorder=5)
    top = float((data + sigma).max(initial=float(total.max())))
    counts.set(xlim=(edges[0], edges[-1]), ylim=(min(0.0, 1.1 * float((data - sigma).min())), 1.15 * top))
    counts.set_ylabel("counts", fontsize=8)
    counts.tick_params(labelbottom=False)
    pull = joined([each.pulls for each in shown])
    most = max(2.5, 1.15 * float(np.abs(pull).max()))
    pulls.axhspan(-1.0, 1.0, facecolor="0.88", edgecolor="none")
    pulls.axhline(0.0, color=style.LINE_COLOUR, linewidth=0.8)
    pulls.plot(middles, pull, "ko", markersize=2.5)
    pulls.set_ylim(-most, most)
    pulls.set_ylabel("pull", fontsize=8)
    # the lowest number of the upper panel and the highest of the lower one would meet
    counts.yaxis.set_major_locator(MaxNLocator(6, prune="lower"))
    pulls.yaxis.set_major_locator(MaxNLocator(4, prune="upper", steps=[1, 2, 5, 10]))
    for panel in (counts, pulls):
        panel.yaxis.set_label_coords(label_at, 0.5)
    if single:
        named = [literal(f"{each.experiment} {each.channel}") for each in shown]
        pulls.set_xticks(middles, named, rotation=35, ha="right", fontsize=7)
        pulls.minorticks_off()
        return
    (only,) = shown
    counts.set_title(literal(f"{only.experiment}, {only.channel}"), fontsize=8.5, pad=4.0)
    quantity = "recoil energy" if only.units == "keV" else "reconstructed energy"
    pulls.set_xlabel(f"{quantity} [{literal(only.units)}]", fontsize=8)
