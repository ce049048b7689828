"""Figures of a result, or of several results and scans drawn over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, Unpack

from scanengine.api.finished import open_result
from scanengine.api.result import Result
from scanengine.api.scan import Scan
from scanengine.api.style import Style, look, refuse
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels
from scanengine.grid.arguments import path as path_of
from scanengine.grid.calibration import Calibration
from scanengine.inputs.aliases import canonical

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scanengine.grid.profiles import ReducedGrid

Drawable: TypeAlias = Result | Scan | str | Path
"""A result, a scan that is run in memory for the figure, or the path of a result file."""

LEVEL = 0.90


class Drawing(NamedTuple):
    """A figure, and the reduced grids in it: of several results those of the first, of a calibration none."""

    figure: Figure
    grids: list[ReducedGrid]


def plot(
    what: Drawable | Calibration | Sequence[Drawable] | Mapping[str, Drawable],
    *names: str,
    cl: float | Sequence[float] | None = None,
    at: Mapping[str, float] | None = None,
    targets: bool = False,
    **style: Unpack[Style],
) -> Figure:
    """Draw results, scans or result files in one figure: the first filled, the others as outlines.

    names are one axis or two; without them the whole scan is shown, of three axes or more as a corner figure, which
    takes one result alone. A mapping gives the labels; otherwise they are the files' names, and the titles of what is
    in memory. A scan is run in memory. cl are confidence levels, by default 0.90; `at` holds other axes at the grid
    values nearest to these; `targets` draws one result, "combined", with each of its experiments alone. A calibration,
    or the path of one, has a figure of its own, by default with all its levels.

    The look of a plane or a profile is set by keywords: ax (axes of your own), width ("single", "double", inches),
    colours, legend, x_range, y_range, x_log, y_log, x_label, y_label, and curves ({"label": (x, y)}) to be added.

    Raises InputError where there is nothing to draw, an axis is missing, labels are the same, or what is asked for does
    not go together.

    >>> light = scanengine.load("scholberg2006/fig08")
    >>> heavy = light.at({"experiments.Xe.mass_kg": 1000})
    >>> figure = scanengine.plot({"light": light, "heavy": heavy}, "eps_ee_uV", "eps_ee_dV", cl=[0.68, 0.90])
    >>> figure.savefig("two.pdf")
    """
    return drawing(what, *names, cl=cl, at=at, targets=targets, **style).figure


def drawing(
    what: Drawable | Calibration | Sequence[Drawable] | Mapping[str, Drawable],
    *names: str,
    cl: float | Sequence[float] | None = None,
    at: Mapping[str, float] | None = None,
    targets: bool = False,
    **style: Unpack[Style],
) -> Drawing:
    """Do as `plot`, and return the figure with the grids in it: warnings and notes can be told of them."""
    from scanengine import figures  # matplotlib takes longer to import than most scans to run

    found = _calibration(what)
    if found is not None:
        if names or at or targets:
            raise InputError("a calibration is drawn as it is: leave out axes, slices and targets")
        refuse(style, "a calibration")
        return Drawing(figures.calibration(found, None if cl is None else confidence_levels(cl)), [])
    levels = confidence_levels(LEVEL if cl is None else cl)
    given = _labelled(what)
    if targets and len(given) > 1:
        raise InputError("targets needs a single result")
    if targets and at:
        raise InputError("targets rescans profiles only: leave out the slice")
    layers = {label: each.run() if isinstance(each, Scan) else each for label, each in given.items()}
    first = next(iter(layers.values()))
    shown = tuple(map(canonical, names)) or first.shown
    if len(shown) > 2 and (targets or len(layers) > 1):
        raise InputError("only planes and profiles can be overlaid: choose one axis or two (--axes X,Y)")
    if len(shown) > 2:
        lines = [first.profile(name) for name in first.shown]
        planes = [first.profile(*pair) for pair in first.planes]
        return Drawing(first.plot(*names, cl=levels, at=at, **style), [*lines, *planes])
    for label, result in layers.items():
        missing = set(shown) - {axis.name for axis in result.axes}
        if missing and len(layers) > 1:
            raise InputError(f"{label} has no axis {min(missing)!r}: choose common ones (--axes X,Y)")
    if targets:
        layers = {"combined": first} | _each_alone(next(iter(given.values())))
    grids = {figures.literal(label): result.drawn(*shown, at=at) for label, result in layers.items()}
    figure = figures.reduced(grids, levels, best_fit=first.best_fit, look=look(style))
    return Drawing(figure, list(grids.values())[:1])


def _calibration(what: object) -> Calibration | None:
    """Return the calibration that is to be drawn, if it is one, or the path of one."""
    if isinstance(what, str | Path):
        from scanengine import store

        path = path_of(what, "a result file")
        return store.open_calibration(path) if store.is_calibration(path) else None
    return what if isinstance(what, Calibration) else None


def _labelled(what: object) -> dict[str, Result | Scan]:
    """Return what is to be drawn by its labels: one alone has none. Raises InputError if there is nothing."""
    if isinstance(what, Result | Scan | str | Path):
        return {"": _opened(what)}
    if not isinstance(what, Mapping | Sequence):
        raise InputError(f"a result, a scan or a result file can be drawn, or several of them: found {what!r}")
    if not what:
        raise InputError("there is nothing to draw: give a result, a scan or a result file")
    if isinstance(what, Mapping):
        return {str(label): _opened(each) for label, each in what.items()}
    if len(what) == 1:
        return {"": _opened(what[0])}
    opened = [_opened(each) for each in what]
    labels = [_name(each) for each in opened]
    if len(set(labels)) < len(labels):  # of files in different folders
        labels = [_name(each, folder=True) for each in opened]
    if len(set(labels)) < len(labels):
        same = next(label for label in labels if labels.count(label) > 1)
        raise InputError(
            f"{same} is given twice: each can be drawn once, or by a label of its own, such as {{'new': ...}}"
        )
    return dict(zip(labels, opened, strict=True))


def _opened(what: object) -> Result | Scan:
    if isinstance(what, Result | Scan):
        return what
    if isinstance(what, str | Path):
        return open_result(what)
    raise InputError(f"a result, a scan or a result file can be drawn: found {what!r}")


def _name(what: Result | Scan, *, folder: bool = False) -> str:
    """Return what a curve is called: by its file, with the folder where that tells it from another, or by its title."""
    if isinstance(what, Scan):
        return what.definition.title
    if what.path is None:
        return what.title
    return str(what.path) if folder else what.path.stem


def _each_alone(what: Result | Scan) -> dict[str, Result]:
    """Scan each experiment of a result, or of a scan, alone. Raises InputError where the result does not say how."""
    if isinstance(what, Scan):
        return what.run_each()
    definition = what.definition  # raises for a file
    if what.own_cross_section:
        raise InputError(
            f"{what.title} was scanned with a cross-section of its own, which a result does not hold: give the scan"
        )
    return Scan(definition).run_each()


def draw(
    grids: Mapping[str, ReducedGrid], best_fit: Mapping[str, float] | None = None, *, cl: float | Sequence[float] = 0.90
) -> Figure:
    """Draw reduced grids, by label, over the same axis or two: the first filled, the others as outlines.

    The best fit, if given, is marked where there is one plane alone and its minimum is a single point.
    """
    from scanengine import figures

    return figures.reduced(grids, confidence_levels(cl), best_fit=best_fit)
