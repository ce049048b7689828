"""The command line: every verb a thin layer over the Python interface."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanengine.errors import InputError, ScanengineError

if TYPE_CHECKING:
    from scanengine.api import Events, Result, Scan
    from scanengine.contours import Intervals

app = typer.Typer(
    name="scanengine",
    help="Scan new physics in coherent elastic neutrino-nucleus scattering.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_LOG_SECONDS = 10.0

_UsageError: Any = typer.BadParameter.__base__
"""What a wrong option or argument raises; typer has click's classes or, by its version, copies of them."""

ScanArgument = Annotated[str, typer.Argument(metavar="FILE|NAME", help="A scan file, or the name of a bundled scan.")]
ResultArgument = Annotated[Path, typer.Argument(metavar="OUT.h5", help="A result file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the scan file, as fixed.mu_nu=10. Repeatable."),
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Threads; by default the cores this process may use.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
LevelsOption = Annotated[str, typer.Option("--cl", metavar="PERCENT,...", help="Confidence levels in per cent.")]


def main() -> None:
    """Run the command line; errors become a sentence on standard error and exit status 1 or 2."""
    try:
        sys.exit(app(standalone_mode=False))
    except ScanengineError as error:
        _fail(str(error), error.exit_status)
    except _UsageError as error:
        _fail(f"{error.format_message()} (scanengine --help lists what there is)", 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; nothing was kept", 1)
    except BrokenPipeError:
        # whoever read our output has gone; say nothing, and let nothing be flushed into the closed pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        _fail('out of memory: fewer points, fewer threads or keep = "profiles" would need less', 1)
    except Exception as error:  # noqa: BLE001  (a bug of ours: still a sentence, with a way to see more)
        if os.environ.get("SCANENGINE_DEBUG"):
            traceback.print_exc()
        _fail(f"a bug in scanengine: {type(error).__name__}: {error}; SCANENGINE_DEBUG=1 shows where", 1)


def _fail(message: str, status: int) -> None:
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr)
    sys.exit(status)


@app.callback(invoke_without_command=True)
def _without_verb(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from scanengine import __version__

        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def run(
    scan: ScanArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.h5", help="The result file.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing result and figure.")] = False,
    overrides: SetOption = None,
    threads: ThreadsOption = None,
    figure: Annotated[bool, typer.Option(help="Draw the scan's figure beside the result.")] = True,
) -> None:
    """Scan a grid, write it, print best fit and 90% intervals, and draw it."""
    loaded = _load(scan, overrides)
    target = output or Path(Path(scan).name).with_suffix(".h5")
    _say_if_compiling()
    with _progress(loaded.definition.title) as progress:
        result = loaded.run(target, overwrite=overwrite, threads=threads, progress=progress)
    print(f"{_grid(result.shape)}, written to {target}")
    _print_best_fit(result)
    _print_limits(result.limits((0.90,)), [axis.units for axis in result.axes])
    if figure:
        from scanengine import figures

        drawn = figures.save(result.plot(), target.with_suffix(".png"), overwrite=overwrite)
        print(f"figure: {drawn}")
        _warn_about_regions(result, tuple(axis.name for axis in result.axes), (0.90,), {})


@app.command()
def plot(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="One result file, or several to overlay.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FIG", help="The figure: .png, .pdf or .svg.")
    ] = None,
    axes: Annotated[str | None, typer.Option(metavar="X,Y", help="One axis or two; by default the whole scan.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Minimise over the hidden axes: the default.")] = False,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", metavar="P=V", help="Hold a hidden axis at a value. Repeatable.")
    ] = None,
    cl: LevelsOption = "90",
    targets: Annotated[bool, typer.Option("--targets", help="Overlay each experiment alone.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that scanengine did not draw.")] = False,
) -> None:
    """Draw allowed regions, a profile, or the corner figure of a whole scan."""
    from scanengine import figures
    from scanengine.api import Scan, open_result, overlay

    opened = [open_result(path) for path in results]
    names = tuple(name.strip() for name in axes.split(",")) if axes else ()
    if profile and slices:
        raise InputError("--profile and --slice exclude each other: --slice minimises over the axes it does not name")
    at = dict(_assignment(item) for item in slices or [])
    levels = _levels(cl)
    first = opened[0]
    shown = names or tuple(axis.name for axis in first.axes)
    if len(opened) > 1 or targets:
        if len(shown) > 2:
            raise InputError("only planes and profiles can be overlaid: choose them with --axes X,Y")
        if targets and len(opened) > 1:
            raise InputError("--targets takes a single result file apart: give one")
        if targets and at:
            raise InputError("--targets rescans profiles only: leave out --slice")
        layers = {path.stem: result for path, result in zip(results, opened, strict=True)}
        if targets:
            layers = {"combined": first} | Scan(first.definition).run_each()
        drawn = overlay(layers, *shown, cl=levels, at=at)
    else:
        drawn = first.plot(*names, cl=levels, at=at)
    target = output or results[0].with_suffix(".png")
    print(f"figure: {figures.save(drawn, target, overwrite=overwrite)}")
    _warn_about_regions(first, shown, levels, at)


@app.command()
def info(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result file.")],
    overrides: SetOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Describe a result file, or what running a scan would give and take."""
    if Path(file).suffix in (".h5", ".hdf5"):
        _describe_result(Path(file))
    else:
        _describe_scan(_load(file, overrides), threads)


@app.command()
def events(scan: ScanArgument, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Count expected events per experiment, channel, flavour and bin, at the fixed and tied values."""
    counted = _load(scan, overrides, quiet=as_json).events()
    if as_json:
        records = [
            {
                "experiment": record.experiment,
                "channel": record.channel,
                "flavour": record.flavour,
                "bin": [_finite(end) for end in record.bin_keV],
                "counts": record.counts,
            }
            for record in counted
        ]
        print(json.dumps(records, indent=1))
        return
    _print_events(counted)


@app.command()
def limits(result: ResultArgument, cl: LevelsOption = "68.27,90,95", as_json: JsonOption = False) -> None:
    """Print the best fit and the allowed intervals of each parameter, the others minimised over."""
    from scanengine.api import open_result

    opened = open_result(result)
    found = opened.limits(_levels(cl))
    if as_json:
        intervals = [
            {
                "parameter": entry.axis,
                "cl": round(100.0 * entry.cl, 10),
                "dof": entry.dof,
                "intervals": [[interval.lo, interval.hi] for interval in entry],
            }
            for entry in found
        ]
        print(json.dumps({"minimum": opened.minimum, "best_fit": opened.best_fit, "intervals": intervals}, indent=1))
        return
    _print_best_fit(opened)
    _print_limits(found, [axis.units for axis in opened.axes for _ in _levels(cl)])


@app.command(name="list")
def list_scans() -> None:
    """List the bundled scans."""
    from scanengine.definition import bundled_scans, read

    scans = bundled_scans()
    width = max(map(len, scans), default=0)
    for name in scans:
        print(f"{name:<{width}}  {read(name, require_axes=False).title}")


@app.command()
def schema() -> None:
    """Print the JSON schema of the scan file, with descriptions and units."""
    from scanengine.definition import schema as scan_file_schema

    print(json.dumps(scan_file_schema(), indent=1))


def _load(name: str, overrides: list[str] | None, *, quiet: bool = False) -> Scan:
    from scanengine.api import load

    scan = load(name, overrides or [])
    if not quiet:
        for note in scan.definition.notes:
            print(f"note: {note}", file=sys.stderr)
    return scan


def _say_if_compiling() -> None:
    from scanengine_kernels._jit import cache_directory, is_cold

    if is_cold():
        kept = "once for this machine and version" if cache_directory() else "at every start, as nothing can be kept"
        print(f"compiling the kernels ({kept}; about ten seconds)", file=sys.stderr)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error: a bar on a terminal, now and then a line in a log."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = last = time.monotonic()

    def log(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _LOG_SECONDS:
            last = now
            left = (now - began) * (total - done) / done
            print(f"{done / total:.1%} of {total:.3g} points, about {left:.0f} s left", file=sys.stderr)

    yield log


def _levels(text: str) -> tuple[float, ...]:
    try:
        percents = [float(item) for item in text.split(",")]
    except ValueError:
        raise InputError(f"--cl {text}: confidence levels are numbers in per cent, as 68.27,90") from None
    if not all(0.0 < percent < 100.0 for percent in percents):
        raise InputError(f"--cl {text}: a confidence level lies between 0 and 100 per cent")
    return tuple(percent / 100.0 for percent in percents)


def _assignment(item: str) -> tuple[str, float]:
    name, equals, value = item.partition("=")
    try:
        return name.strip(), float(value) if equals else float("nan")
    except ValueError:
        raise InputError(f"--slice {item}: write an axis and a number, as mu_nu=5") from None


def _warn_about_regions(
    result: Result, shown: tuple[str, ...], levels: tuple[float, ...], at: Mapping[str, float]
) -> None:
    pairs = [shown] if len(shown) == 2 else list(combinations(shown, 2))
    regions = [result.region(*pair, cl=level, at=at or None) for pair in pairs for level in levels]
    for warning in dict.fromkeys(warning for region in regions for warning in region.warnings):
        print(f"warning: {warning}", file=sys.stderr)


def _print_best_fit(result: Result) -> None:
    units = {axis.name: axis.units for axis in result.axes}
    print(f"best fit: chi2 = {result.minimum:.6g} at")
    for name, value in result.best_fit.items():
        print(f"  {name} = {value:.6g}{_with_unit(units[name])}")


def _print_limits(found: list[Intervals], units: list[str]) -> None:
    print("allowed, with the other parameters minimised over:")
    for entry, unit in zip(found, units, strict=True):
        pieces = " or ".join(
            f"[{'-' if lo is None else f'{lo:.5g}'}, {'-' if hi is None else f'{hi:.5g}'}]" for lo, hi in entry
        )
        level = f"{100.0 * entry.cl:g}% C.L., {entry.dof} dof (delta chi2 = {entry.level:.3f})"
        print(f"  {entry.axis}: {pieces or 'nowhere'}{_with_unit(unit)}  {level}")
    for warning in dict.fromkeys(warning for entry in found for warning in entry.warnings):
        print(f"warning: {warning}", file=sys.stderr)


def _print_events(counted: list[Events]) -> None:
    rows = [("experiment", "channel", "flavour", "recoil energy [keV]", "events")]
    for record in counted:
        lo, hi = record.bin_keV
        interval = f"above {lo:g}" if hi == float("inf") else f"{lo:g} to {hi:g}"
        rows.append((record.experiment, record.channel, record.flavour, interval, f"{record.counts:.6g}"))
    rows.append(("total", "", "", "", f"{sum(record.counts for record in counted):.6g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *words, number in rows:
        cells = [f"{word:<{width}}" for word, width in zip(words, widths[:-1], strict=True)]
        print("  ".join([*cells, f"{number:>{widths[-1]}}"]))


def _describe_scan(scan: Scan, threads: int | None) -> None:
    from scanengine.store import format_bytes

    definition = scan.definition
    print(definition.title)
    totals: dict[tuple[str, str], float] = {}
    for record in scan.events():
        key = (record.experiment, record.channel)
        totals[key] = totals.get(key, 0.0) + record.counts
    for (experiment, channel), counts in totals.items():
        print(f"  {experiment}, {channel}: {counts:.6g} events expected")
    if not definition.axes:
        print("no [axes]: this scan can be counted but not run")
        return
    for axis in definition.axes:
        ends = f"{axis.values[0]:g} to {axis.values[-1]:g}"
        print(f"  {axis.name}: {axis.values.size} points from {ends}{_with_unit(axis.units)}")
    estimate = scan.estimate(threads)
    print(f"{_grid(estimate.shape)}")
    print(
        f"  grid: {format_bytes(estimate.grid_bytes)} of {definition.output.precision}"
        if estimate.grid_bytes
        else "  profiles only"
    )
    print(f"  file: about {format_bytes(estimate.file_bytes)}")
    print(f"  time: about {_duration(estimate.seconds)} with {estimate.threads} threads, from a timed sample of tiles")


def _describe_result(path: Path) -> None:
    from scanengine.api import open_result

    result = open_result(path)
    print(result.title)
    print(f"{_grid(result.shape)}; {'chi2 at every point' if result.has_grid else 'profiles only'}")
    for axis in result.axes:
        print(
            f"  {axis.name}: {axis.values.size} points from {axis.values[0]:g} to {axis.values[-1]:g}"
            f"{_with_unit(axis.units)}  ({axis.long_name})"
        )
    _print_best_fit(result)


def _grid(shape: tuple[int, ...]) -> str:
    total = 1
    for n in shape:
        total *= n
    return f"{' x '.join(map(str, shape))} = {total:,} grid points"


def _duration(seconds: float) -> str:
    if seconds < 100.0:
        return f"{seconds:.2g} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.3g} h"


def _with_unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _finite(value: float) -> Any:
    """An infinite end is null in JSON, which has no infinity."""
    return value if value < float("inf") else None


if __name__ == "__main__":
    main()
