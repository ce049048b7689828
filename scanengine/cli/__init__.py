"""The command line: every verb a thin layer over the Python interface."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanengine.cli import calibrating, streams, take_away, text
from scanengine.cli.interrupts import listen
from scanengine.cli.proofs import print_proof, proof_record
from scanengine.errors import InputError, Interrupted, ScanengineError, is_interrupt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scanengine.api import Result, Scan
    from scanengine.grid.profiles import ReducedGrid

app = typer.Typer(
    name="scanengine",
    help="Scan new physics in coherent elastic neutrino-nucleus scattering.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_UsageError: Any = typer.BadParameter.__base__
"""What a wrong option or argument raises; typer has click's classes or, by its version, copies of them."""

_INTERRUPTED = 130
"""What typer makes of a Ctrl-C that no verb has caught."""

ScanArgument = Annotated[str, typer.Argument(metavar="FILE|NAME", help="A scan file, or the name of a bundled scan.")]
ResultArgument = Annotated[Path, typer.Argument(metavar="OUT.h5", help="A result file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the scan file, as fixed.mu_nu=10. Repeatable."),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the files {data}/...; by default $SCANENGINE_DATA."),
]
ThreadsOption = Annotated[int | None, typer.Option(help="Threads; by default the cores this process may use.")]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.h5", help="The result file.")]
OverwriteOption = Annotated[bool, typer.Option(help="Replace an existing result and figure.")]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Discard an unfinished result and start again; by default it is resumed.")
]
FigureOption = Annotated[bool, typer.Option(help="Draw the scan's figure beside the result.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_DEFAULT_LEVELS = "90"
_SIGMAS = (1.0, 2.0, 3.0, 4.0, 5.0)
LevelsOption = Annotated[str, typer.Option("--cl", metavar="PERCENT,...", help="Confidence levels in per cent.")]


def main() -> None:
    """Run the command line; errors become a sentence on standard error and exit status 1 or 2."""
    with streams.guarded(), _library_heard():
        status = streams.end(_status())
    from scanengine.driver.ranks import end_job

    end_job(status)
    sys.exit(status)


def _status() -> int:
    """Do what the arguments say and return the exit status."""
    listen()
    Interrupted.last = "interrupted"
    text.forget_warnings()
    try:
        status = app(standalone_mode=False)
    except ScanengineError as error:
        return _told(str(error), error.exit_status)
    except _UsageError as error:
        return _told(f"{error.format_message()} (scanengine --help lists what there is)", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _told(Interrupted.last, 1)
    except MemoryError:
        return _told('out of memory: fewer points, fewer threads or keep = "profiles" would need less', 1)
    except Exception as error:  # noqa: BLE001  (a bug of ours: still a sentence, with a way to see more)
        if is_interrupt(error):
            return _told(Interrupted.last, 1)
        if os.environ.get("SCANENGINE_DEBUG"):
            traceback.print_exc()
        if isinstance(error, OSError) and error.filename is not None:  # the world's, not ours
            return _told(f"{error.filename}: {error.strerror or error}", 1)
        return _told(f"a bug in scanengine: {type(error).__name__}: {error}; SCANENGINE_DEBUG=1 shows where", 1)
    return _told(Interrupted.last, 1) if status == _INTERRUPTED else status or 0


class _Notes(logging.Handler):
    """What the library logs, as notes on standard error as it is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"note: {record.getMessage()}", file=sys.stderr)


@contextmanager
def _library_heard() -> Iterator[None]:
    """Let what the library logs be seen."""
    logger, notes = logging.getLogger("scanengine"), _Notes()
    logger.addHandler(notes)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(notes)


def _told(message: str, status: int) -> int:
    for line in message.split("\n"):
        print(f"error: {line}", file=sys.stderr)
    return status


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
    output: OutputOption = None,
    overwrite: OverwriteOption = False,
    fresh: FreshOption = False,
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
    executor: Annotated[
        str,
        typer.Option(
            metavar="EXECUTOR", help="threads, processes:N, dask://HOST:PORT, dask:FILE (of a scheduler) or mpi."
        ),
    ] = "threads",
    worker_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Give a worker's tiles to others if it has finished none for this time."),
    ] = 300.0,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Scan only the I-th of N parts, for `scanengine merge`.")
    ] = None,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Largest memory for the grid and the profiles.")] = "4GB",
    figure: FigureOption = True,
) -> None:
    """Scan a grid, write it, print best fit and 90% intervals, and draw it.

    An interrupted scan resumes where it stopped.
    """
    loaded = _load(scan, overrides, data)
    target = Path(Path(scan).name).with_suffix(".h5") if output is None else output
    how: dict[str, Any] = {"overwrite": overwrite, "fresh": fresh, "threads": threads, "memory_bytes": _bytes(memory)}
    if shard is not None:
        if executor != "threads":
            raise InputError("--shard and --executor exclude each other: a shard is done by threads of one process")
        with text.progress(loaded.definition.title) as progress:
            written = loaded.run_shard(target, *_shard(shard), progress=progress, **how)
        print(f"shard {shard} of {text.grid(loaded.shape)}, written to {written}")
        return
    if figure and target.name:
        from scanengine import figures

        figures.check(target.with_suffix(".png"), overwrite=overwrite)
    with text.progress(loaded.definition.title) as progress:
        result = loaded.run(target, executor=executor, worker_timeout_s=worker_timeout, progress=progress, **how)
    _show(loaded, result, target, overwrite=overwrite, figure=figure)


@app.command()
def merge(
    output: Annotated[Path, typer.Argument(metavar="OUT.h5", help="The result file to write.")],
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD.h5...", help="All shards of one scan.")],
    overwrite: OverwriteOption = False,
    fresh: FreshOption = False,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Do not copy the grid but refer to the shards, which must stay there.")
    ] = False,
    data: DataOption = None,
    figure: FigureOption = True,
) -> None:
    """Make a result of the shards of a scan, if each of its tiles is in one of them, once."""
    from scanengine import api, figures

    if figure:
        figures.check(output.with_suffix(".png"), overwrite=overwrite)
    with text.progress("merging") as progress:
        result = api.merge(
            output, shards, overwrite=overwrite, fresh=fresh, virtual=virtual, data=data, progress=progress
        )
    _show(api.Scan(result.definition), result, output, overwrite=overwrite, figure=figure)


def _show(scan: Scan, result: Result, target: Path, *, overwrite: bool, figure: bool) -> None:
    """Print what a finished scan has found, and draw it."""
    print(f"{text.grid(result.shape)}, written to {target}")
    text.print_best_fit(result)
    text.note_degeneracy(scan, result)
    text.tell_of_checks(result)
    try:
        found = result.limits(0.90)
    except InputError as error:  # the file is whole
        print(f"warning: no limits, and no figure: {error}", file=sys.stderr)
        return
    text.print_limits(result, found)
    if figure:
        from scanengine import figures

        try:
            picture, grids = _drawn({"": result}, (), (0.90,), {})
            drawn = figures.save(picture, target.with_suffix(".png"), overwrite=overwrite)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted: {target} is whole, `scanengine plot {target}` draws it") from None
        print(f"figure: {drawn}")
        text.warn_about(grids, (0.90,))


@app.command()
def verify(
    results: Annotated[list[Path], typer.Argument(metavar="OUT.h5...", help="Result files, or shards.")],
    data: DataOption = None,
) -> None:
    """Read every number of a result and check it against its checksum, and see whether the file says what its
    definition gives: chi2 is evaluated anew, at points spread over the grid.

    Exit status 2 if something has changed since it was written, or does not agree.
    """
    from scanengine import api

    for path in results:
        with text.progress(f"verifying {path}") as progress:
            verified = api.verify(path, data=data, progress=progress)
        print(f"{path}: {'; '.join(verified.found)}")
        for what in verified.unchecked:
            print(f"  not checked: {what}")


@app.command()
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
    cl: LevelsOption = _DEFAULT_LEVELS,
    targets: Annotated[bool, typer.Option("--targets", help="Overlay each experiment alone.")] = False,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="In place of regions: spectrum, pulls, impacts (on --axes X) or correlation, also of a scan file.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that scanengine did not draw.")] = False,
) -> None:
    """Draw allowed regions, a profile, or the corner figure of a whole scan."""
    from scanengine import figures, store
    from scanengine.api import open_result

    if show is not None:
        if len(results) > 1 or targets or profile or slices:
            raise InputError("--show draws one fit: leave out other files, --targets, --profile and --slice")
        take_away.draw_fit(results[0], show, axes, output, overwrite=overwrite)
        return
    if len(results) == 1 and store.is_calibration(results[0]):
        found = store.open_calibration(results[0])
        chosen = None if cl == _DEFAULT_LEVELS else levels_of(cl)
        target = output or results[0].with_suffix(".png")
        print(f"figure: {figures.save(figures.calibration(found, chosen), target, overwrite=overwrite)}")
        return
    opened = [open_result(path) for path in results]
    names = tuple(name.strip() for name in axes.split(",")) if axes else ()
    if profile and slices:
        raise InputError("--profile and --slice exclude each other: --slice profiles over the axes it does not name")
    at = dict(_assignment(item) for item in slices or [])
    levels = levels_of(cl)
    if output is not None and output.suffix.lower() in take_away.BORDERS:
        if len(opened) > 1 or targets or at:
            raise InputError(f"{output}: borders are those of one result: leave out other files, --targets and --slice")
        take_away.write_borders(opened[0], names, levels, output, overwrite=overwrite)
        return
    layers = {"": opened[0]}
    if len(opened) > 1 or targets:
        if len(names or opened[0].shown) > 2:
            raise InputError("only planes and profiles can be overlaid: choose them with --axes X,Y")
        if targets and len(opened) > 1:
            raise InputError("--targets needs a single result file")
        if targets and at:
            raise InputError("--targets rescans profiles only: leave out --slice")
        layers = _targets(opened[0]) if targets else _labelled(results, opened, names)
    picture, grids = _drawn(layers, names, levels, at)
    target = output or results[0].with_suffix(".png")
    print(f"figure: {figures.save(picture, target, overwrite=overwrite)}")
    text.warn_about(grids, levels)
    text.note_held(grids[0], at)


@app.command()
def info(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result file.")],
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Describe a result file, or what running a scan would give and take."""
    if Path(file).suffix in (".h5", ".hdf5"):
        if not calibrating.describe(Path(file)):
            text.describe_result(Path(file))
    else:
        text.describe_scan(_load(file, overrides, data), threads)


@app.command()
def events(
    scan: ScanArgument, overrides: SetOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Count expected events per experiment, channel, flavour and bin, at the fixed and tied values."""
    loaded = _load(scan, overrides, data, quiet=as_json)
    if as_json:
        records = [
            {
                "experiment": record.experiment,
                "channel": record.channel,
                "flavour": record.flavour,
                "bin": [text.finite(end) for end in record.bin.energy],
                **({} if record.units == "keV" else {"units": record.units}),
                **({"time_bin_us": list(record.bin.time_us)} if record.bin.time_us else {}),
                "counts": record.counts,
            }
            for record in loaded.events()
        ]
        print(json.dumps(records, indent=1))
        return
    text.print_events(loaded)


@app.command()
def fit(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result to start from as well.")],
    overrides: SetOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the best fit within the axes, between the grid's points, and all other minima, and prove what can be."""
    starts = []
    if Path(file).suffix in (".h5", ".hdf5"):
        from scanengine.api import Scan, open_result

        if overrides or data:
            raise InputError("--set and --data go with a scan file: a result has its own, data are in $SCANENGINE_DATA")
        result = open_result(Path(file))
        loaded, starts = Scan(result.definition), [result.best_fit]
    else:
        loaded = _load(file, overrides, data, quiet=as_json)
    minima, proof = loaded.fit_and_prove(*starts)
    if as_json:
        print(json.dumps({**text.fitted(minima), **proof_record(proof)}, indent=1))
        return
    text.print_minima(loaded, minima)
    print_proof(proof)


@app.command()
def calibrate(
    scan: ScanArgument,
    cl: LevelsOption = "90",
    pseudo_experiments: Annotated[
        int, typer.Option("-n", "--number", help="Pseudo-experiments at each point, unless all outcomes can be summed.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers, kept in the result.")] = 1,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="OUT", help="A .h5 or .json file, or a figure. Repeatable."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Feldman-Cousins intervals of one parameter or regions of two, with correct coverage: from all outcomes of a few
    counts, summed exactly, or from pseudo-experiments.
    """
    levels = levels_of(cl)
    loaded = _load(scan, overrides, data, quiet=as_json)
    calibrating.check_outputs(outputs or [], loaded, len(levels), overwrite=overwrite)
    with text.progress(loaded.definition.title, "pseudo-experiments") as progress:
        found = loaded.calibrate(
            levels, pseudo_experiments=pseudo_experiments, seed=seed, threads=threads, progress=progress
        )
    if as_json:
        print(json.dumps(calibrating.record(found), indent=1))
    else:
        calibrating.show(found)
    sys.stdout.flush()
    calibrating.write_all(found, outputs or [], overwrite=overwrite)


@app.command()
def limits(result: ResultArgument, cl: LevelsOption = "68.27,90,95", as_json: JsonOption = False) -> None:
    """Print the best fit and the allowed intervals of each parameter, the others minimised over."""
    from scanengine.api import open_result

    opened = open_result(result)
    found = opened.limits(levels_of(cl))
    if as_json:
        intervals = [
            {
                "parameter": entry.axis,
                "cl": round(100.0 * entry.cl, 10),
                "dof": entry.dof,
                "intervals": [[interval.lo, interval.hi] for interval in entry],
                "warnings": list(entry.warnings),
                **({"notes": list(entry.notes)} if entry.notes else {}),
            }
            for entry in found
        ]
        found_at = {
            "minimum": opened.minimum,
            "best_fit": opened.best_fit,
            **text.fit_record(opened.minimum, opened.fit),
        }
        print(json.dumps({**found_at, "intervals": intervals}, indent=1))
        return
    text.print_best_fit(opened)
    text.print_limits(opened, found)


@app.command(name="list")
def list_scans() -> None:
    """List the bundled scans."""
    from scanengine.definition import bundled_scans

    scans = bundled_scans()
    width = max(map(len, scans), default=0)
    for name, path in scans.items():  # their titles alone: form factors from nuclear structure take a while to set up
        print(f"{name:<{width}}  {tomllib.loads(path.read_text(encoding='utf-8'))['title']}")


@app.command()
def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="Papers or single results, as kosmas2015 or kosmas2015/fig05, or a folder with recipes; default: all.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The report's folder.")] = Path(
        "reproduced"
    ),
    overwrite: Annotated[bool, typer.Option(help="Replace files in it that scanengine did not write.")] = False,
    data: DataOption = None,
) -> None:
    """Recalculate the results of published papers, and write a report that compares them.

    Exit status 1 if one of them leaves its tolerance. What needs data that are not there is not run, and said.
    """
    from scanengine.definition.reading.folders import DATA_VARIABLE
    from scanengine.reproduce import INDEX, find_recipes, in_words, write_report

    if data is not None:
        os.environ[DATA_VARIABLE] = str(data)  # recipes are functions without arguments
    recipes = find_recipes(names or [])
    with text.steps("results", [recipe.full_name for recipe in recipes]) as begin:
        findings = write_report(recipes, output, overwrite=overwrite, progress=begin)
    differing = [finding for finding in findings if not finding.check.passed]
    print(f"{in_words(findings)}: {output / INDEX}")
    for finding in differing:
        check = finding.check
        print(f"  {finding.recipe.full_name}: {check.result}: published {check.published}, ours {check.ours}")
    if differing:
        raise typer.Exit(1)


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure speed on this machine: each kernel beside the limit or the peer measured in the same run."""
    from scanengine.bench import GROUPS, run

    with text.steps("benchmarks", GROUPS) as begin:
        found = run(quick, begin)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    text.print_rates(found)


@app.command()
def schema(
    likelihood: Annotated[bool, typer.Option("--likelihood", help="That of the files of `scanengine export`.")] = False,
) -> None:
    """Print the JSON schema of the scan file, with descriptions and units."""
    if likelihood:
        from scanengine.export import schema as likelihood_schema

        print(json.dumps(likelihood_schema(), indent=1))
        return
    from scanengine.definition import schema as scan_file_schema

    print(json.dumps(scan_file_schema(), indent=1))


for verb in (take_away.export, take_away.explore, take_away.table):
    app.command()(verb)


def _targets(result: Result) -> dict[str, Result]:
    from scanengine.api import Scan

    return {"combined": result} | Scan(result.definition).run_each()


def _labelled(paths: list[Path], results: list[Result], names: tuple[str, ...]) -> dict[str, Result]:
    """Results by the names of their files, with the folders where these are the same."""
    stems = [path.stem for path in paths]
    labels = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    if len(set(labels)) < len(labels):
        raise InputError("a result file is given twice: each can be drawn once")
    shown = set(names or results[0].shown)
    for path, result in zip(paths, results, strict=True):
        missing = shown - {axis.name for axis in result.axes}
        if missing:
            raise InputError(f"{path} has no axis {min(missing)!r}: choose common ones with --axes X,Y")
    return dict(zip(labels, results, strict=True))


def _drawn(
    layers: dict[str, Result], names: tuple[str, ...], levels: tuple[float, ...], at: dict[str, float]
) -> tuple[Figure, list[ReducedGrid]]:
    """Return the figure, and the grids of the first result that are in it."""
    from scanengine import figures
    from scanengine.api import draw

    first = next(iter(layers.values()))
    shown = names or first.shown
    if len(shown) > 2:
        picture = first.plot(*names, cl=levels, at=at)
        lines = [first.profile(name) for name in first.shown]
        return picture, [*lines, *(first.profile(*pair) for pair in first.planes)]
    grids = {figures.literal(label): result.drawn(*shown, at=at) for label, result in layers.items()}
    return draw(grids, first.best_fit, cl=levels), list(grids.values())[:1]


def _load(name: str, overrides: list[str] | None, data: Path | None, *, quiet: bool = False) -> Scan:
    from scanengine.api import load

    if Path(name).suffix in (".h5", ".hdf5"):
        raise InputError(f"{name} is a result: give a scan file or the name of a bundled scan")
    scan = load(name, overrides or [], data=data)
    if not quiet:
        for note in scan.definition.notes:
            print(f"note: {note}", file=sys.stderr)
    return scan


def levels_of(text: str) -> tuple[float, ...]:
    """Return confidence levels that were written in per cent. Raises InputError for what is none."""
    try:
        percents = [float(item) for item in text.split(",")]
    except ValueError:
        raise InputError(f"--cl {text}: confidence levels are numbers in per cent, as 68.27,90") from None
    if not all(0.0 < percent < 100.0 for percent in percents):
        raise InputError(f"--cl {text}: a confidence level lies between 0 and 100 per cent")
    for percent in percents:
        if percent < 1.0:
            raise InputError(
                f"--cl {text}: confidence levels are in per cent, for {percent:g} write {100.0 * percent:g}"
            )
        if percent in _SIGMAS:
            level = f"{100.0 * math.erf(percent / math.sqrt(2.0)):.8g}"
            raise InputError(f"--cl {text}: {percent:g} per cent is meant as standard deviations? Write {level}")
    return tuple(percent / 100.0 for percent in percents)


def _shard(item: str) -> tuple[int, int]:
    number, _, of = item.partition("/")
    if not (number.isdigit() and of.isdigit()):
        raise InputError(f"--shard {item}: write which of how many, as 3/8")
    return int(number), int(of)


def _bytes(size: str) -> int:
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kMGT]?)B?\s*", size)
    try:
        number = float(match[1]) if match else 0.0
    except ValueError:
        number = 0.0
    if match is None or not number > 0.0:
        raise InputError(f"--memory {size}: write a size, as 500MB or 4GB")
    return int(number * 1000 ** " kMGT".index(match[2] or " "))


def _assignment(item: str) -> tuple[str, float]:
    name, equals, value = item.partition("=")
    try:
        return name.strip(), float(value if equals else "missing")
    except ValueError:
        raise InputError(f"--slice {item}: write an axis and a number, as mu_nu=5") from None
