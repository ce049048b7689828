"""`scanengine info`: what a result file holds, or the size of a scan and the time it takes."""

from __future__ import annotations

from math import comb, inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.cli import calibrate
from scanengine.cli.minimum import print_best_fit, print_fit_of, tell_of_checks
from scanengine.cli.options import DataOption, SetOption, ThreadsOption, load_scan
from scanengine.cli.words import STATISTICS, grid, pairs
from scanengine.errors import on_one_line
from scanengine.inputs.constants import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanengine.api import Scan
    from scanengine.definition.model import Output
    from scanengine.inputs.detectors import Experiment
    from scanengine.inputs.sources import Source
    from scanengine.store import Unfinished


def info(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result file.")],
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Summarise a result, or a scan with its size and time.

    Nothing is run: for a scan file this is a dry run.
    """
    if Path(file).suffix in (".h5", ".hdf5"):
        if not calibrate.describe(Path(file)):
            describe_result(Path(file))
    else:
        describe_scan(load_scan(file, overrides, data), threads)


def describe_scan(scan: Scan, threads: int | None) -> None:
    """Print a summary of a scan, and estimates of its size and time."""
    from scanengine.api.words import after_several
    from scanengine.store import format_bytes

    definition = scan.definition
    print(on_one_line(definition.title))
    for target, detector in zip(definition.targets, definition.experiments, strict=True):
        print(f"  {on_one_line(target)}")
        print(f"  {_detector(detector, definition.source_of(detector))}")
    totals: dict[tuple[str, str], float] = {}
    for record in scan.events():
        key = (record.experiment, record.channel)
        totals[key] = totals.get(key, 0.0) + record.counts
    for (experiment, channel), counts in totals.items():
        print(f"  {experiment}, {channel}: {counts:.6g} events expected")
    for experiment, reference in definition.template_references.items():
        follows = f"is rescaled with {', '.join(sorted(reference.keys))}" if reference.keys else "stays as it is"
        print(f"  {experiment}: the signal is a template, which {follows}")
    if not definition.axes:
        print("no [axes]: this scan can be counted but not run")
        return
    print(f"  chi2: {STATISTICS[scan.statistic]}")
    if definition.nuisances:
        print(f"  minimised over the nuisances {', '.join(nuisance.name for nuisance in definition.nuisances)}")
    if definition.correlations:
        correlated = (f"{each.first} and {each.second} {each.value:g}" for each in definition.correlations)
        print(f"  correlations: {', '.join(correlated)}")
    for axis in definition.axes:
        ends = f"{axis.values[0]:g} to {axis.values[-1]:g}"
        print(f"  {axis.name}: {axis.values.size} points from {ends}{after_several(axis.units)}")
    estimate = scan.estimate(threads)
    print(f"{grid(estimate.shape)}")
    print(
        f"  grid: {format_bytes(estimate.grid_bytes)} of {definition.output.precision}"
        if estimate.grid_bytes
        else "  profiles only"
    )
    for line in _wanted(definition.output):
        print(f"  {line}")
    if definition.output.delta_chi2_max is not None:
        share = f"{estimate.points_visited / estimate.points:.2%} of the points"
        print(f"  up to delta chi2 = {definition.output.delta_chi2_max:g}: {share} are evaluated, the others lie above")
    print(f"  file: about {format_bytes(estimate.file_bytes)}")
    time_and_threads = f"{_duration(estimate.seconds)} with {estimate.threads} threads, from a timed sample"
    print(f"  time: about {time_and_threads}; the figure takes a few seconds more")


def _wanted(output: Output) -> Iterator[str]:
    """Yield what is wanted beside the profiles of all planes, or in their place."""
    if output.planes:
        yield f"planes: {pairs(output.planes)}"
    if output.marginals:
        yield "posterior densities of every axis and pair of axes, prior flat within the axes"


def _detector(experiment: Experiment, source: Source) -> str:
    """Return mass, exposure, distance and bins of a detector."""
    edges, units = experiment.binning.energy_edges, experiment.binning.units
    upper = f"from {edges[0]:g} to {edges[-1]:g} {units}" if edges[-1] < inf else f"from {edges[0]:g} {units} up"
    bins = "one bin" if edges.size == 2 else f"{edges.size - 1} bins"
    time = "" if source.fluence else f", {experiment.live_time_s / SECONDS_PER_YEAR:.4g} yr"
    place = "" if source.at_earth else f", {experiment.distance_m:.4g} m"
    return f"{on_one_line(experiment.name)}: {experiment.mass_kg:.4g} kg{time}{place}, {bins} {upper}"


def describe_result(path: Path) -> None:
    """Print what a result file holds, or how far an unfinished one has come."""
    from scanengine import store
    from scanengine.api import open_result
    from scanengine.api.words import after_several

    if (unfinished := store.open_unfinished(path)) is not None:
        _describe_unfinished(unfinished)
        return
    result = open_result(path)
    print(on_one_line(result.title))
    for target in result.targets:
        print(f"  {on_one_line(target)}")
    print(f"{grid(result.shape)}; {'chi2 at every point' if result.has_grid else 'profiles only'}")
    if len(result.planes) < comb(len(result.axes), 2):
        print(f"  planes: {pairs(result.planes)}")
    if result.delta_chi2_max < inf:
        print(f"  profiles by the grid's points up to delta chi2 = {result.delta_chi2_max:g}")
    for axis in result.axes:
        print(
            f"  {axis.name}: {axis.values.size} points from {axis.values[0]:g} to {axis.values[-1]:g}"
            f"{after_several(axis.units)}  ({on_one_line(axis.long_name)})"
        )
    print(f"  chi2: {STATISTICS[result.statistic]}")
    if result.instruction_sets:
        print(f"  computed with {on_one_line(' and '.join(result.instruction_sets))}")
    if result.marginals is not None:
        error = max(result.marginal(name).error for name in result.shown)
        print(f"  posterior densities, prior flat within the axes; half the points change them by up to {error:.2g}")
    print_best_fit(result)
    print_fit_of(result)
    tell_of_checks(result)


def _describe_unfinished(unfinished: Unfinished) -> None:
    print(on_one_line(unfinished.title))
    print(grid(unfinished.shape))
    done = f"{unfinished.done} of {unfinished.tiles} tiles ({unfinished.done / unfinished.tiles:.1%})"
    started = on_one_line(unfinished.created)
    if unfinished.shard:
        number, of = unfinished.shard
        print(f"  shard {number} of {of}, finished: {done}; `scanengine merge` makes a result of all {of}")
    elif unfinished.running:
        print(f"  being written now; {done} at its last checkpoint; started {started}")
    else:
        print(f"  unfinished: {done}; started {started}; the command that started it resumes it")


def _duration(seconds: float) -> str:
    if seconds < 100.0:
        return f"{seconds:.2g} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.3g} h"
