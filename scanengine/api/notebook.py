"""What a notebook shows: a result as its figure, best fit and limits, a scan as what is counted and scanned."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from scanengine.api.listed import html_table
from scanengine.errors import InputError
from scanengine.grid.calibration import Calibration
from scanengine.grid.marginals import Marginal
from scanengine.grid.shown import show_by
from scanengine.inference.contours import Region
from scanengine.inference.credible import CredibleRegion

if TYPE_CHECKING:
    from scanengine.api.result import Result
    from scanengine.api.scan import Scan

_LEVELS = (0.6827, 0.90)
_PICTURES: WeakKeyDictionary[Result, bytes | None] = WeakKeyDictionary()
"""A notebook asks for the picture twice, alone and in a page."""


def result_png(result: Result) -> bytes | None:
    """Return the figure of a result as a PNG; None where it has none."""
    from scanengine import figures

    if result not in _PICTURES:
        try:
            _PICTURES[result] = figures.png(result.plot())
        except InputError:
            _PICTURES[result] = None
    return _PICTURES[result]


def result_html(result: Result) -> str:
    """Return the figure of a result with its best fit and its limits."""
    picture = result_png(result)
    image = ""
    if picture is not None:
        source = f"data:image/png;base64,{b64encode(picture).decode()}"
        image = f'<img alt="{escape(result.title)}" style="max-width:100%" src="{source}"/>'
    points = " x ".join(f"{axis.values.size}" for axis in result.axes)
    facts = [
        f"lowest chi2 {result.minimum:.6g}" + _goodness(result),
        f"{points} points, profiles {_HOW[result.status]}",
        str(result.path) if result.path else "in memory",
    ]
    try:
        limits = result.limits(_LEVELS)._repr_html_()
    except InputError as error:  # lost in rounding, or above what was looked for
        limits = f"<p>{escape(str(error))}</p>"
    if result.marginals is not None:
        limits += f"<p>posterior, prior flat within the axes</p>{result.credible_intervals(_LEVELS)._repr_html_()}"
    return f"<p><b>{escape(result.title)}</b><br/>{escape('; '.join(facts))}</p>{image}{limits}"


_HOW = {
    "grid": "by the minima of the grid's points",
    "found": "minimised between the grid's points by searches",
    "proven": "minimised between the grid's points, with proven lower bounds",
}


def _goodness(result: Result) -> str:
    return f" for {result.fit.dof} degrees of freedom" if result.fit.dof else ""


def scan_html(scan: Scan) -> str:
    """Return what a scan counts, with the expected signal, its axes and its nuisances."""
    definition = scan.definition
    parts = [f"<p><b>{escape(definition.title)}</b></p>"]
    parts.append(html_table(["experiment", "target", "channel", "bins", "signal expected"], _experiments(scan)))
    if definition.axes:
        axes = [
            [axis.name, axis.values.size, float(axis.values[0]), float(axis.values[-1]), _units(axis.units)]
            for axis in definition.axes
        ]
        parts.append(html_table(["axis", "points", "from", "to", ""], axes))
    if definition.nuisances:
        nuisances = [[each.name, each.width, each.pull] for each in definition.nuisances]
        parts.append(html_table(["nuisance", "width", "pull"], nuisances))
    return "".join(parts)


def _units(units: str) -> str:
    return "" if units == "1" else units


def _experiments(scan: Scan) -> list[Sequence[object]]:
    """Return a line for each channel: at the fixed values, and the Standard Model on all axes."""
    targets = {experiment.name: str(experiment.target.name) for experiment in scan.definition.experiments}
    bins: dict[tuple[str, str], int] = {}
    counts: dict[tuple[str, str], float] = {}
    expected = [None] * len(scan.bins) if scan.cross_section is not None else scan.counts().tolist()
    for cell, count in zip(scan.bins, expected, strict=True):
        key = cell.experiment, cell.channel
        bins[key] = bins.get(key, 0) + 1
        counts[key] = counts.get(key, 0.0) + (float("nan") if count is None else count)
    return [[name, targets[name], channel, bins[name, channel], counts[name, channel]] for name, channel in bins]


def _calibration_png(found: Calibration) -> bytes:
    from scanengine import figures

    return figures.png(figures.calibration(found))


def _region_png(found: Region) -> bytes:
    from scanengine import figures

    return figures.png(figures.allowed_region(found))


show_by(Calibration, _calibration_png)


def _marginal_png(found: Marginal) -> bytes:
    from scanengine import figures

    name, *more = (axis.name for axis in found.axes)
    return figures.png(figures.densities({name: found}, {(name, more[0]): found}) if more else figures.density(found))


def _credible_png(found: CredibleRegion) -> bytes:
    from scanengine import figures

    return figures.png(figures.credible(found))


show_by(Region, _region_png)
show_by(Marginal, _marginal_png)
show_by(CredibleRegion, _credible_png)
