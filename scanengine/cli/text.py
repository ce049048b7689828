"""What the command line prints: results and estimates on standard output, progress and warnings on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import comb, inf, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanengine.cli import streams
from scanengine.plain import on_one_line

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from scanengine.api import Minimum, Result, Scan
    from scanengine.bench import Measured
    from scanengine.grid.profiles import Fit, ReducedGrid
    from scanengine.inference.contours import Intervals, Region
    from scanengine.store import Unfinished

_LOG_SECONDS = 10.0
_SAME_CHI2 = 1e-6
_STATISTICS = {
    "gaussian": "Gaussian, with the covariance of the counts",
    "poisson": "of Poisson likelihoods",
    "mixed": "Gaussian for some experiments and of Poisson likelihoods for others",
}


@contextmanager
def progress(title: str, what: str = "points") -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error: a bar on a terminal, now and then a line in a log."""
    if sys.stderr.isatty():
        from rich.progress import TaskProgressColumn, TimeRemainingColumn

        with _bar(TaskProgressColumn(), TimeRemainingColumn()) as bar:
            task = bar.add_task(on_one_line(title))
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = last = time.monotonic()
    first = 0

    def log(done: int, total: int) -> None:
        nonlocal began, last, first
        now = time.monotonic()
        if not first:  # the first tile may have waited for the compiler
            began, first = now, done
        if now - last > _LOG_SECONDS and done > first:
            last = now
            left = (now - began) * (total - done) / (done - first)
            print(f"{done / total:.1%} of {total:.3g} {what}, about {left:.0f} s left", file=sys.stderr)

    yield log


@contextmanager
def steps(what: str, names: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Show on standard error which of some named steps runs: a bar on a terminal, a line for each in a log."""
    if sys.stderr.isatty():
        from rich.progress import MofNCompleteColumn, TimeElapsedColumn

        with _bar(MofNCompleteColumn(), TimeElapsedColumn()) as bar:
            task = bar.add_task(what, total=len(names))
            yield lambda done: bar.update(task, completed=done, description=on_one_line(names[done]))
            bar.update(task, completed=len(names), description=what)
        return
    yield lambda done: print(f"{done + 1} of {len(names)}: {names[done]}", file=sys.stderr)


@contextmanager
def _bar(*columns: ProgressColumn) -> Iterator[Progress]:
    """Draw a bar on standard error; what is printed to a terminal meanwhile stands above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    description = TextColumn("{task.description}", markup=False)  # brackets are the title's own
    console = Console(file=streams.terminal())
    with Progress(description, BarColumn(), *columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        streams.escape_beside_a_bar()
        yield bar


def warn_about(grids: Iterable[ReducedGrid], levels: tuple[float, ...]) -> None:
    """Warn, once each, about regions or intervals that touch an edge or are not resolved."""
    from scanengine.inference.contours import intervals, region

    found: list[Region | Intervals] = [
        region(grid, level) if len(grid.axes) == 2 else intervals(grid, level) for grid in grids for level in levels
    ]
    _warn(allowed.warnings for allowed in found)


_told: set[str] = set()
"""The warnings of this command so far: a figure does not repeat those of the limits."""


def forget_warnings() -> None:
    """Begin a new command, which has told no warnings yet."""
    _told.clear()


def _warn(warnings: Iterable[tuple[str, ...]]) -> None:
    for warning in dict.fromkeys(warning for each in warnings for warning in each if warning not in _told):
        print(f"warning: {warning}", file=sys.stderr)
        _told.add(warning)


def tell_of_checks(result: Result) -> None:
    """Print how many cells of searched exact planes were checked, and warn where the final checks found lower chi2."""
    if result.checked:
        planes = "one plane" if len(result.checked) == 1 else f"{len(result.checked)} planes"
        cells = sum(result.profile(*pair).chi2.size for pair in result.checked)
        found = "see the warnings" if result.doubtful else "found no lower chi2 (not a proof that there is none)"
        print(f"exact profiles: minimised by local searches in {planes}; final checks from random points in", end=" ")
        print(f"{sum(result.checked.values()):,} of {cells:,} cells, {found}")
    for (x, y), cells in result.doubtful.items():
        a_cell = "one cell" if cells == 1 else f"{cells} cells"
        print(
            f"warning: the exact profile of {x} and {y} may be too high in places: in {a_cell} the final checks still "
            "found lower chi2; a scan with more points on the hidden axes tells it more",
            file=sys.stderr,
        )


def note_held(grid: ReducedGrid, at: Mapping[str, float]) -> None:
    """Say which grid points are shown where others were asked for."""
    for name, value in grid.fixed:
        if value != at[name]:
            print(f"note: {name} is fixed at its grid point {value:g}, the nearest to {at[name]:g}", file=sys.stderr)


def print_best_fit(result: Result) -> None:
    """Print the global minimum and where it lies."""
    units = {axis.name: axis.units for axis in result.axes}
    print(f"best fit: chi2 = {result.minimum:.6g} at")
    for name, value in result.best_fit.items():
        print(f"  {name} = {value:.6g}{with_unit(units[name])}")
    _print_fit(result.minimum, result.fit)


def goodness_of_fit(chi2: float, dof: int) -> float | None:
    """Return how probable a chi2 as high as this is; None without degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(dof, chi2)) if dof > 0 else None


def _print_fit(chi2: float, fit: Fit) -> None:
    """Print the nuisances of a minimum, and how well it fits if there are data."""
    for nuisance in fit.nuisances:
        print(f"  nuisance {nuisance.name} = {nuisance.value:.4g} (pull {nuisance.pull:+.3f})")
    for background in fit.negative:
        where = f"in {background.bins} bin{'s' if background.bins > 1 else ''}"
        print(
            f"  background {background.name} = {background.counts:.4g} counts in all, below zero {where}: "
            "nonnegative = true in its table prevents this"
        )
    if fit.dof is not None:
        from scanengine.grid.profiles import FEW_COUNTS

        probability = goodness_of_fit(chi2, fit.dof)
        words = "" if probability is None else f", p-value {probability:.3g}"
        if words and fit.few_counts:
            bins = "bin expects" if fit.few_counts == 1 else "bins expect"
            words += f" if counts were many; {fit.few_counts} {bins} fewer than {FEW_COUNTS:g}"
        print(f"  goodness of fit: chi2 = {chi2:.6g} for {fit.dof} degrees of freedom{words}")


def fit_record(chi2: float, fit: Fit) -> dict[str, Any]:
    """Return what is printed of a minimum apart from its position, for JSON, without missing entries."""
    record: dict[str, Any] = {}
    if fit.dof is not None:
        record |= {"dof": fit.dof, "p_value": goodness_of_fit(chi2, fit.dof)}
        if fit.few_counts:
            record["bins_of_few_counts"] = fit.few_counts
    if fit.nuisances:
        record["nuisances"] = [nuisance._asdict() for nuisance in fit.nuisances]
    if fit.negative:
        record["negative_backgrounds"] = [background._asdict() for background in fit.negative]
    return record


def fitted(minima: Sequence[Minimum]) -> dict[str, Any]:
    """Return minima, the lowest first, for JSON."""
    records = [
        {
            "chi2": each.chi2,
            "delta_chi2": each.chi2 - minima[0].chi2,
            "place": each.place,
            "errors": each.errors,
            "covariance": None if each.covariance is None else each.covariance.tolist(),
            "at_edge": list(each.at_edge),
            "is_parabolic": each.is_parabolic,
            "is_flat": each.is_flat,
            **({"extent": {name: list(ends) for name, ends in each.extent.items()}} if each.is_flat else {}),
            **fit_record(each.chi2, each.fit),
        }
        for each in minima
    ]
    return {"minimum": minima[0].chi2, "best_fit": minima[0].place, "minima": records}


def print_minima(scan: Scan, minima: Sequence[Minimum]) -> None:
    """Print all minima, the lowest first."""
    units = {axis.name: axis.units for axis in scan.definition.axes}
    for number, each in enumerate(minima):
        what = "best fit" if number == 0 else f"minimum {number + 1}"
        above = "" if number == 0 else f", {each.chi2 - minima[0].chi2:.4g} above the best fit"
        print(f"{what}: chi2 = {each.chi2:.6g}{above} at")
        for name, value in each.place.items():
            error = "" if each.errors is None else f" +- {each.errors[name]:.3g}"
            edge = "  (at the end of its axis)" if name in each.at_edge else ""
            print(f"  {name} = {value:.6g}{error}{with_unit(units[name])}{edge}")
        if each.is_flat:
            print("  one point of a connected set of equal minima, which extends over")
            for name, (low, high) in each.extent.items():
                print(f"    {name} from {low:.4g} to {high:.4g}{with_unit(units[name])}")
        elif not each.is_parabolic:
            print("  no errors: chi2 is flat in some direction, or is not parabolic")
        _print_fit(each.chi2, each.fit)


def note_degeneracy(scan: Scan, result: Result) -> None:
    """Print a note if the Standard Model, from which Asimov data come, fits as well as the best fit."""
    standard_model = scan.standard_model
    inside = all(
        axis.name in standard_model and axis.values[0] <= standard_model[axis.name] <= axis.values[-1]
        for axis in result.axes
    )
    apart = any(abs(result.best_fit[name] - value) > 1e-9 for name, value in standard_model.items())
    if inside and apart and abs(scan.chi2() - result.minimum) < _SAME_CHI2:
        print("  the Standard Model fits equally well: there are several equal minima, and the first is shown")


def print_limits(result: Result, found: list[Intervals]) -> None:
    """Print the allowed intervals, each with its C.L. and degrees of freedom, and warnings about them."""
    units = {axis.name: axis.units for axis in result.axes}
    print("allowed:")
    for entry in found:
        allowed = pieces((lo, hi) for lo, hi in entry)
        level = f"{100.0 * entry.cl:g}% C.L., {entry.dof} dof (delta chi2 = {entry.level:.3f})"
        print(f"  {entry.axis}: {allowed}{with_unit(units[entry.axis])}  {level}")
    left_out = [axis.name for axis in result.axes if axis.name not in result.shown]
    if left_out:
        print(f"  {', '.join(left_out)}: not in any plane of output.planes")
    for note in dict.fromkeys(note for entry in found for note in entry.notes):
        print(f"note: {note}")
    _warn(entry.warnings for entry in found)


def pieces(intervals: Iterable[tuple[float | None, float | None]]) -> str:
    """Return intervals as they are printed, with a dash for an end beyond the axis."""
    words = (f"[{'-' if lo is None else f'{lo:.5g}'}, {'-' if hi is None else f'{hi:.5g}'}]" for lo, hi in intervals)
    return " or ".join(words) or "nowhere"


def print_rates(found: Sequence[Measured]) -> None:
    """Print rates of a benchmark, by the clock and per processor second, with their ratios."""
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            print(f"{group}:")
        threads = f", {each.threads} threads" if each.threads > 1 else ""
        beside = f"  {each.ratio:.3g} times {each.beside}" if each.ratio is not None else ""
        rates = f"{_rate(each.per_s)} {each.units}/s wall time, {_rate(each.per_cpu_s)} per CPU second"
        print(f"  {each.what}{threads}: {rates}{beside}")


def _rate(value: float) -> str:
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g}"


def print_events(scan: Scan) -> None:
    """Print what the targets are made of, and expected counts as a table with their total."""
    counted = scan.events()
    print("\n".join(scan.definition.targets))
    all_keV = all(record.units == "keV" for record in counted)
    rows = [("experiment", "channel", "flavour", "recoil energy [keV]" if all_keV else "energy", "events")]
    for record in counted:
        lo, hi = record.bin.energy
        interval = f"above {lo:g}" if hi == float("inf") else f"{lo:g} to {hi:g}"
        interval += "" if all_keV else f" {record.units}"
        if record.bin.time_us:
            interval += ", {:g} to {:g} us".format(*record.bin.time_us)
        rows.append((record.experiment, record.channel, record.flavour, interval, f"{record.counts:.6g}"))
    rows.append(("total", "", "", "", f"{sum(record.counts for record in counted):.6g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *words, number in rows:
        cells = [f"{word:<{width}}" for word, width in zip(words, widths[:-1], strict=True)]
        print("  ".join([*cells, f"{number:>{widths[-1]}}"]))


def describe_scan(scan: Scan, threads: int | None) -> None:
    """Print what running a scan would give and take."""
    from scanengine.store import format_bytes

    definition = scan.definition
    print(on_one_line(definition.title))
    for target in definition.targets:
        print(f"  {on_one_line(target)}")
    totals: dict[tuple[str, str], float] = {}
    for record in scan.events():
        key = (record.experiment, record.channel)
        totals[key] = totals.get(key, 0.0) + record.counts
    for (experiment, channel), counts in totals.items():
        print(f"  {experiment}, {channel}: {counts:.6g} events expected")
    for experiment, reference in definition.template_references.items():
        follows = f"it follows {', '.join(sorted(reference.keys))}" if reference.keys else "it follows nothing"
        print(f"  {experiment}: the signal is a template; of its reference, {follows}")
    if not definition.axes:
        print("no [axes]: this scan can be counted but not run")
        return
    print(f"  chi2: {_STATISTICS[scan.statistic]}")
    if definition.nuisances:
        print(f"  minimised over the nuisances {', '.join(nuisance.name for nuisance in definition.nuisances)}")
    if definition.correlations:
        pairs = (f"{each.first} and {each.second} {each.value:g}" for each in definition.correlations)
        print(f"  correlations: {', '.join(pairs)}")
    for axis in definition.axes:
        ends = f"{axis.values[0]:g} to {axis.values[-1]:g}"
        print(f"  {axis.name}: {axis.values.size} points from {ends}{with_unit(axis.units)}")
    estimate = scan.estimate(threads)
    print(f"{grid(estimate.shape)}")
    print(
        f"  grid: {format_bytes(estimate.grid_bytes)} of {definition.output.precision}"
        if estimate.grid_bytes
        else "  profiles only"
    )
    if definition.output.planes:
        print(f"  planes: {_pairs(definition.output.planes)}")
    if definition.output.delta_chi2_max is not None:
        share = f"{estimate.points_visited / estimate.points:.2%} of the points"
        print(f"  up to delta chi2 = {definition.output.delta_chi2_max:g}: {share} are evaluated, the others lie above")
    print(f"  file: about {format_bytes(estimate.file_bytes)}")
    time_and_threads = f"{_duration(estimate.seconds)} with {estimate.threads} threads, from a timed sample"
    print(f"  time: about {time_and_threads}; the figure takes a few seconds more")


def describe_result(path: Path) -> None:
    """Print what a result file holds, or how far an unfinished one has come."""
    from scanengine import store
    from scanengine.api import open_result

    if (unfinished := store.open_unfinished(path)) is not None:
        _describe_unfinished(unfinished)
        return
    result = open_result(path)
    print(on_one_line(result.title))
    for target in result.targets:
        print(f"  {on_one_line(target)}")
    print(f"{grid(result.shape)}; {'chi2 at every point' if result.has_grid else 'profiles only'}")
    if len(result.planes) < comb(len(result.axes), 2):
        print(f"  planes: {_pairs(result.planes)}")
    if result.delta_chi2_max < inf:
        print(f"  profiles by the grid's points up to delta chi2 = {result.delta_chi2_max:g}")
    for axis in result.axes:
        print(
            f"  {axis.name}: {axis.values.size} points from {axis.values[0]:g} to {axis.values[-1]:g}"
            f"{with_unit(axis.units)}  ({on_one_line(axis.long_name)})"
        )
    print(f"  chi2: {_STATISTICS[result.statistic]}")
    if result.instruction_sets:
        print(f"  computed with {' and '.join(result.instruction_sets)}")
    print_best_fit(result)
    tell_of_checks(result)


def _describe_unfinished(unfinished: Unfinished) -> None:
    print(on_one_line(unfinished.title))
    print(grid(unfinished.shape))
    done = f"{unfinished.done} of {unfinished.tiles} tiles ({unfinished.done / unfinished.tiles:.1%})"
    if unfinished.shard:
        number, of = unfinished.shard
        print(f"  shard {number} of {of}, finished: {done}; `scanengine merge` makes a result of all {of}")
    elif unfinished.running:
        print(f"  being written now; {done} at its last checkpoint; started {unfinished.created}")
    else:
        print(f"  unfinished: {done}; started {unfinished.created}; the command that started it resumes it")


def _pairs(planes: Sequence[tuple[str, str]]) -> str:
    return ", ".join(" and ".join(pair) for pair in planes)


def grid(shape: tuple[int, ...]) -> str:
    """Say how many points a grid has."""
    return f"{' x '.join(map(str, shape))} = {prod(shape):,} grid points"


def _duration(seconds: float) -> str:
    if seconds < 100.0:
        return f"{seconds:.2g} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.3g} h"


def with_unit(unit: str) -> str:
    """Return what stands behind a number with this unit."""
    return "" if unit == "1" else f" {on_one_line(unit)}"


def finite(value: float) -> Any:
    """An infinite end is null in JSON, which has no infinity."""
    return value if value < float("inf") else None
