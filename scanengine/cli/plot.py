"""`scanengine plot`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.cli import take_away
from scanengine.cli.marginals import draw_marginals
from scanengine.cli.options import LevelsOption, labels_of, levels_of
from scanengine.cli.warn import warn, warn_about
from scanengine.errors import InputError

if TYPE_CHECKING:
    from scanengine.grid.profiles import ReducedGrid

_DEFAULT_LEVELS = "90"
"""Of a calibration all levels that it has."""


def plot(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="One result file, or several to overlay.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FIG",
            help="The figure: .png, .pdf or .svg; or the borders of regions as .csv or .yaml (HEPData).",
        ),
    ] = None,
    axes: Annotated[str | None, typer.Option(metavar="X,Y", help="One axis or two; by default the whole scan.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Profile over the axes not shown (default).")] = False,
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="P=V",
            help="Fix an axis that is not shown at its grid value nearest to V; profile the others. Repeatable.",
        ),
    ] = None,
    marginal: Annotated[
        bool, typer.Option("--marginal", help="Posterior densities with credible regions, in place of profiles.")
    ] = False,
    cl: LevelsOption = _DEFAULT_LEVELS,
    targets: Annotated[bool, typer.Option("--targets", help="Overlay each experiment alone.")] = False,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="In place of regions: spectrum, pulls, impacts (on --axes X) or correlation, also of a scan file.",
        ),
    ] = None,
    upper_limit: Annotated[
        str | None,
        typer.Option(metavar="AXIS", help="In place of regions: the upper limit on an axis (1 dof), with --against."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="AXIS", help="The axis at each of whose values --upper-limit is found, such as a mass."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that scanengine did not draw.")] = False,
) -> None:
    """Draw regions, profiles, a corner figure or upper limits.

    With --show, the best fit of a scan: its spectrum, pulls, impacts or correlation.
    """
    from scanengine import figures
    from scanengine.api import drawing, open_result

    if (upper_limit is None) != (against is None):
        raise InputError("--upper-limit and --against go together: --upper-limit g_zp --against mediators.zp.mass_MeV")
    if upper_limit is not None and against is not None:
        if show or axes or profile or slices or targets:
            raise InputError("--upper-limit takes no --show, --axes, --profile, --slice and --targets")
        _upper_limits(results, upper_limit, against, levels_of(cl), output, overwrite=overwrite)
        return
    names = [name.strip() for name in axes.split(",")] if axes else []
    if marginal:
        if len(results) > 1 or targets or profile or slices or show:
            raise InputError(
                "--marginal draws one result: leave out other files, --profile, --slice, --targets, --show"
            )
        draw_marginals(results[0], names, levels_of(cl), output, overwrite=overwrite)
        return
    if show is not None:
        if len(results) > 1 or targets or profile or slices:
            raise InputError("--show draws one fit: leave out other files, --targets, --profile and --slice")
        take_away.draw_fit(results[0], show, axes, output, overwrite=overwrite)
        return
    if profile and slices:
        raise InputError("--profile and --slice exclude each other: --slice profiles over the axes it does not name")
    at = dict(_assignment(item) for item in slices or [])
    levels = levels_of(cl)
    if output is not None and output.suffix.lower() in take_away.BORDERS:
        if len(results) > 1 or targets or at:
            raise InputError(f"{output}: borders are those of one result: leave out other files, --targets and --slice")
        take_away.write_borders(open_result(results[0]), tuple(names), levels, output, overwrite=overwrite)
        return
    one = results[0] if len(results) == 1 else results
    drawn = drawing(one, *names, cl=None if cl == _DEFAULT_LEVELS else levels, at=at, targets=targets)
    target = output or results[0].with_suffix(".png")
    print(f"figure: {figures.save(drawn.figure, target, overwrite=overwrite)}")
    warn_about(drawn.grids, levels)
    for grid in drawn.grids[:1]:
        _note_held(grid, at)


def _upper_limits(
    paths: list[Path], axis: str, against: str, cl: tuple[float, ...], output: Path | None, *, overwrite: bool
) -> None:
    """Draw upper limits, or write them as CSV."""
    from scanengine import figures
    from scanengine.api import draw_upper_limits, open_result, upper_limits, upper_limits_csv
    from scanengine.export import write_text

    results = {label: open_result(path) for label, path in labels_of(paths).items()}
    if output is not None and output.suffix.lower() == ".csv":
        text = upper_limits_csv(results, axis, against=against, cl=cl)
        print(f"upper limits: {write_text(output, text, '.csv', overwrite=overwrite)}")
    else:
        shown = results if len(results) > 1 else {"": next(iter(results.values()))}
        figure = draw_upper_limits(shown, axis, against=against, cl=cl)
        target = output or paths[0].with_suffix(".png")
        print(f"figure: {figures.save(figure, target, overwrite=overwrite)}")
    for label, result in results.items():
        of = f"{label}: " if len(results) > 1 else ""
        found = upper_limits(result, axis, against=against, cl=cl)
        warn(tuple(f"{of}{warning}" for warning in each.warnings) for each in found)


def _note_held(grid: ReducedGrid, at: Mapping[str, float]) -> None:
    """Say which grid points are shown where others were asked for."""
    for name, value in grid.fixed:
        if value != at[name]:
            print(f"note: {name} is fixed at its grid point {value:g}, the nearest to {at[name]:g}", file=sys.stderr)


def _assignment(item: str) -> tuple[str, float]:
    name, equals, value = item.partition("=")
    try:
        return name.strip(), float(value if equals else "missing")
    except ValueError:
        raise InputError(f"--slice {item}: write an axis and a number, such as mu_nu=5") from None
