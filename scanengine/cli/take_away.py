"""What is taken away: `export`, `explore` and `table`, figures of a fit, and borders of regions as numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.cli.options import DataOption, SetOption, labels_of, levels_of, load_scan
from scanengine.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scanengine.api import Result, Scan

RESULTS = (".h5", ".hdf5")
BORDERS = (".csv", ".yaml")
FIGURES_OF_FITS = ("spectrum", "pulls", "impacts", "correlation")

FileArgument = Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result.")]
OverwriteOption = Annotated[bool, typer.Option(help="Replace an existing file.")]


def export(
    file: FileArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="LIKELIHOOD.json", help="The likelihood file.")
    ] = None,
    overwrite: OverwriteOption = False,
    overrides: SetOption = None,
    data: DataOption = None,
) -> None:
    """Write the likelihood as a JSON file.

    It can be evaluated exactly without this package.
    """
    scan, starts = _scan_of(file, overrides, data)
    target = output or Path(Path(file).name).with_suffix(".json")
    written = scan.export(target, *starts, overwrite=overwrite)
    count = f"{len(written.parameters)} parameters, {len(written.nuisances)} nuisances"
    print(f"likelihood: {target} ({count}; the lowest chi2 is {written.minimum:.6g})")


def explore(
    file: FileArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.html", help="The page.")] = None,
    overwrite: OverwriteOption = False,
    overrides: SetOption = None,
    data: DataOption = None,
) -> None:
    """Write an interactive web page of the likelihood.

    It draws allowed regions in any plane. The page is one file, which any browser opens without a network.
    """
    scan, starts = _scan_of(file, overrides, data)
    target = output or Path(Path(file).name).with_suffix(".html")
    print(f"page: {scan.explore(target, *starts, overwrite=overwrite)}")


def table(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="Result files.")],
    latex: Annotated[bool, typer.Option("--latex", help="A LaTeX tabular.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A row for each interval, with all digits.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A table in Markdown: the default.")] = False,
    cl: Annotated[
        str, typer.Option("--cl", metavar="PERCENT,...", help="Confidence levels in per cent.")
    ] = "68.27,90,95",
) -> None:
    """Tabulate best fits and limits of several results."""
    from scanengine.api import limits_table, open_result

    if latex + as_csv + markdown > 1:
        raise InputError("--latex, --csv and --markdown exclude each other: choose one")
    form = "latex" if latex else "csv" if as_csv else "markdown"
    opened = {label: open_result(path) for label, path in labels_of(results).items()}
    sys.stdout.write(limits_table(opened, levels_of(cl), form))


def draw_fit(file: Path, show: str, axis: str | None, output: Path | None, *, overwrite: bool) -> None:
    """Draw spectra, pulls, impacts or correlations at the best fit of a scan or a result."""
    from scanengine import figures

    if show not in FIGURES_OF_FITS:
        raise InputError(f"--show {show}: {', '.join(FIGURES_OF_FITS)} can be shown")
    target = output or Path(file.name).with_name(f"{file.stem}-{show}.png")
    figures.check(target, overwrite=overwrite)
    scan, starts = _scan_of(str(file), None, None)
    print(f"figure: {figures.save(_figure_of_fit(scan, starts, show, axis), target, overwrite=overwrite)}")


def _figure_of_fit(scan: Scan, starts: Sequence[Mapping[str, float]], show: str, axis: str | None) -> Figure:
    from scanengine import figures

    if show == "spectrum":
        best = scan.fit(*starts)[0]
        return figures.spectrum(scan.spectra(**best.place), heading=[scan.definition.title])
    fit = scan.joint_fit(*starts)
    if show == "impacts":
        names = [each.name for each in fit.axes] or [each.name for each in scan.definition.axes]
        return figures.impacts(fit, axis or names[0])
    return figures.pulls(fit) if show == "pulls" else figures.correlation(fit)


def write_borders(
    result: Result, names: tuple[str, ...], levels: tuple[float, ...], target: Path, *, overwrite: bool
) -> None:
    """Write the borders of allowed regions as CSV, or as YAML for HEPData."""
    from scanengine.api import borders_csv, borders_hepdata
    from scanengine.export import write_text

    suffix = target.suffix.lower()
    form: Callable[..., str] = borders_csv if suffix == ".csv" else borders_hepdata
    print(f"borders: {write_text(target, form(result, *names, cl=levels), suffix, overwrite=overwrite)}")


def _scan_of(file: str, overrides: list[str] | None, data: Path | None) -> tuple[Scan, list[Mapping[str, float]]]:
    """Load a scan; of a result its scan, and its best fit to begin at."""
    from scanengine.api import Scan, open_result

    if Path(file).suffix in RESULTS:
        if overrides or data:
            raise InputError("--set and --data go with a scan file: a result has its own, data are in $SCANENGINE_DATA")
        result = open_result(Path(file))
        return Scan(result.definition), [result.best_fit]
    return load_scan(file, overrides, data), []
