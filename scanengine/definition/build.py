"""From the tables of a scan file to a `Definition`, or to all their faults at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from scanengine.definition.evaluation import Evaluation, check_evaluation
from scanengine.definition.model import Definition, Output, ParameterMap, Statistic, StatisticKind
from scanengine.definition.notes import electron_notes, parameter_notes, per_cent_notes, target_notes
from scanengine.definition.reading.overrides import NAMED, Override, applied, followed_by, from_values
from scanengine.definition.reading.parsed import Parsed
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.toml import with_null
from scanengine.definition.rules import check_diverging_rates, check_experiment, unconstrained_axes
from scanengine.definition.tables.axes import build_axes
from scanengine.definition.tables.correlations import build_correlations
from scanengine.definition.tables.experiments import build_experiments
from scanengine.definition.tables.nuisance_schema import StatisticTable
from scanengine.definition.tables.nuisance_shapes import shape_notes
from scanengine.definition.tables.nuisances import build_nuisances
from scanengine.definition.tables.outer_axes import OuterAxes, without_outer
from scanengine.definition.tables.output import OutputTable, build_levels, build_planes, build_tiles
from scanengine.definition.tables.parameters import build_parameters, read_fixed, read_ties
from scanengine.definition.tables.parts import Parts, experiments_of
from scanengine.definition.tables.physics import PhysicsRead, build_physics, physics_notes
from scanengine.definition.tables.schema import ScanFile
from scanengine.definition.tables.solar import flux_nuisances
from scanengine.definition.tables.source import build_sources, source_notes
from scanengine.definition.tables.statistics import build_statistics
from scanengine.definition.tables.template_reference import build_references, check_changes
from scanengine.errors import DefinitionError, Fault
from scanengine.grid.axes import Axis

_AXIS = "eps_ee_uV = { min = -1.0, max = 1.0, points = 31 }"


def defined(
    parsed: Parsed, overrides: Sequence[Override | Fault], outer_at: Mapping[str, float] | None = None
) -> Definition:
    """Return what a scan file defines with overrides in place of those that it had.

    With outer axes it is the definition at their first values, to which they are added; or at `outer_at`, without them.
    Raises DefinitionError.
    """
    raw, overridden, refused = applied(parsed.raw, overrides)
    report = Report(parsed.name, parsed.files, parsed.lines, overridden, parsed.memory)
    raw, outer, more = without_outer(raw, parsed, report, overridden, outer_at)
    refused += more
    if "include" in raw:
        report.add(("include",), "found among overrides, but it is read before these: a scan file of its own would do")
    if "set" in raw:
        message = "it changes keys of what `include` names, and nothing is included: change these keys themselves"
        report.add(("set",), message)
    with np.errstate(all="ignore"):  # numbers that overflow are found where they end up
        definition = _build(raw, parsed, report, outer)
    for place in () if report.faults else with_null(raw):
        report.add(place, "found a null character, which no text of a result can hold: leave it out")
    faults = report.faults + refused
    if faults or definition is None:
        raise DefinitionError(faults)
    if outer.axes and not outer.inside:
        for axis in outer.axes:  # a file that is wrong at the other end is refused before it is scanned
            first = {each.name: float(each.values[0]) for each in outer.axes}
            defined(parsed, overrides, {**first, axis.name: float(axis.values[-1])})
        definition = outer.added_to(definition)
    items = tuple(each for each in overrides if isinstance(each, Override))
    definition = replace(definition, text=parsed.text, path=parsed.path, overrides=tuple(each.text for each in items))
    return definition.read_from(ScanText(replace(parsed, overrides=items)))


@dataclass(frozen=True, eq=False)
class ScanText:
    """What a definition was read from, with what was changed of it since: the `Origin` of all that are read."""

    parsed: Parsed

    def tables(self, more: Sequence[Override] = ()) -> dict[str, Any]:
        """Return the tables of the file with all that was changed of them, and with more changes."""
        return applied(self.parsed.raw, [*self.parsed.overrides, *more])[0]

    def changed(self, changes: Mapping[str, object]) -> Definition:
        """Return what the file defines with other values, by their dotted keys, on top of earlier ones.

        Raises DefinitionError with all faults.
        """
        new = list(from_values(changes, "at"))
        kept = followed_by(self.parsed.overrides, [each for each in new if isinstance(each, Override)])
        faults = [each for each in new if isinstance(each, Fault)]
        return self._chosen(defined(replace(self.parsed, only=()), [*kept, *faults]))

    def inside(self, outer: Mapping[str, float]) -> Definition:
        """Return what the file defines at values of its outer axes, by their names, with its other axes alone.

        Raises DefinitionError with all faults of the file at these values.
        """
        return self._chosen(defined(replace(self.parsed, only=()), self.parsed.overrides, outer))

    def only(self, experiments: Sequence[str], channels: Sequence[str]) -> ScanText:
        """Return the same file of which only some experiments and channels are meant."""
        step = tuple(experiments), tuple(channels)
        return ScanText(replace(self.parsed, only=(*self.parsed.only, step)))

    def _chosen(self, definition: Definition) -> Definition:
        for names, channels in self.parsed.only:
            definition = definition.only(names, channels)
        return definition


class _Settings(NamedTuple):
    """The tables without which every scan would do, each with the names of its faulty keys."""

    scan: ScanFile
    physics: PhysicsRead
    statistic: StatisticTable
    output: OutputTable
    bad_scan: frozenset[str]
    bad_statistic: frozenset[str]
    bad_output: frozenset[str]

    @property
    def kind(self) -> StatisticKind:
        """The statistic of experiments without one of their own."""
        return "gaussian" if self.bad_statistic else self.statistic.kind

    @property
    def evaluation(self) -> Evaluation:
        """What is asked of chi2, by keys without a fault."""
        return Evaluation(
            exact=None if "profile" in self.bad_output or self.output.profile == "grid" else self.output.profile,
            stored="keep" not in self.bad_output and self.output.keep == "grid",
            delta_chi2_max=None if "delta_chi2_max" in self.bad_output else self.output.delta_chi2_max,
            direct=self.physics.physics.evaluation == "direct",
            kind=None if self.bad_statistic else self.statistic.kind,
        )


def _settings(raw: Mapping[str, Any], report: Report) -> _Settings:
    checked = (
        report.check(ScanFile, raw, ()),
        report.check(StatisticTable, raw.get("statistic", {}), ("statistic",)),
        report.check(OutputTable, raw.get("output", {}), ("output",)),
    )
    (scan, bad), (statistic, bad_statistic), (output, bad_output) = checked
    return _Settings(scan, build_physics(raw, report), statistic, output, bad, bad_statistic, bad_output)


class _Grid(NamedTuple):
    """The parameters of a scan: those on axes, and what the others follow."""

    axes: tuple[Axis, ...]
    names: tuple[str, ...]
    fixed: Mapping[str, float]
    tied: tuple[str, ...]
    parameters: ParameterMap


def _grid(raw: Mapping[str, Any], physics: PhysicsRead, parsed: Parsed, outer: OuterAxes, report: Report) -> _Grid:
    fixed, ties = read_fixed(raw.get("fixed", {}), report), read_ties(raw.get("tied", {}), report)
    tables = report.table(raw.get("axes", {}), ("axes",), _AXIS)
    no_axes = not outer.order and raw.get("axes", {}) == {} and not report.misspelt(raw, ("axes",), ScanFile)
    if parsed.require_axes and no_axes:
        report.add(("axes",), f"no axes, a scan needs at least one, such as {_AXIS}")
    used = set(tables) if parsed.own_axes else {term for tie in ties.values() for term in tie}
    axes = build_axes(tables, used, physics.known, report)
    parameters = build_parameters(tuple(tables), fixed, ties, physics.physics, physics.known, report)
    return _Grid(axes, tuple(tables), fixed, tuple(ties), parameters)


def _check_physics(
    parts: Sequence[Parts], grid: _Grid, physics: PhysicsRead, report: Report, *, silent: bool
) -> list[str]:
    """Add the faults of experiments that only the physics shows; return notes on them, and unless `silent` on the
    parameters.
    """
    notes = [note for part in parts for note in check_experiment(part, report)]
    for part in parts if physics.sound else ():
        check_diverging_rates(part, grid.parameters, physics.physics, report)
    if silent:
        return notes
    notes += unconstrained_axes(grid.parameters, parts, physics.physics)
    if not report.faults:
        notes += electron_notes(grid.parameters, parts)
        notes += parameter_notes(grid.axes, grid.fixed, grid.tied, grid.parameters, physics.known)
        isotopes = {str(isotope) for part in parts if part.target is not None for isotope in part.target.isotopes}
        notes += physics_notes(physics.physics, isotopes)
    return notes


def _build(raw: dict[str, Any], parsed: Parsed, report: Report, outer: OuterAxes) -> Definition | None:
    """Return what the tables `raw` define, or None after adding their faults; `parsed` has them before overrides."""
    for key in NAMED:
        if isinstance(raw.get(key), list):
            report.names[(key,)] = [_display_name(table, index) for index, table in enumerate(raw[key])]
    for index, table in enumerate(raw["experiments"] if ("experiments",) in report.names else ()):
        if isinstance(table, dict) and isinstance(table.get("backgrounds"), list):
            names = [_display_name(each, number) for number, each in enumerate(table["backgrounds"])]
            report.names["experiments", index, "backgrounds"] = names
    check_changes(parsed.raw, raw, report)
    sources = build_sources(raw, report)
    settings = _settings(raw, report)
    kind: StatisticKind = "gaussian" if "kind" in settings.bad_statistic else settings.statistic.kind
    tables = raw.get("experiments")
    parts = build_experiments(tables, sources, kind, report) if "experiments" in raw else []
    read = settings.physics
    grid = _grid(raw, read, parsed, outer, report)
    silent = parsed.own_axes or outer.inside
    notes = _check_physics(parts, grid, read, report, silent=silent)
    default = Statistic(settings.kind)
    statistics = build_statistics(tables, parts, default, report)
    references = build_references(tables, parts, read.physics, report) if read.sound else {}
    nuisances = build_nuisances(raw.get("nuisances", []), parts, references, report)
    if sources.default is not None:
        nuisances += tuple(flux_nuisances(experiments_of(parts).values(), sources.default, nuisances))
    correlations = build_correlations(raw.get("correlations", []), nuisances, report)
    planes = () if settings.bad_output or outer.inside else build_planes(settings.output, outer.order, report)
    levels = () if settings.bad_output else build_levels(settings.output, report)
    tiles = None if settings.bad_output else build_tiles(settings.output, report)
    check_evaluation(settings.evaluation, statistics, nuisances, report)
    faulty = settings.bad_scan | settings.bad_statistic | settings.bad_output
    if report.faults or faulty or not read.sound or sources.default is None:
        return None
    experiments = experiments_of(parts)
    notes += shape_notes(raw.get("nuisances", []), nuisances, experiments)
    return Definition(
        title=settings.scan.title,
        text="",
        overrides=(),
        path=None,
        source=sources.default,
        physics=read.physics,
        experiments=tuple(experiments.values()),
        axes=tuple(_with_limits(axis, grid.parameters) for axis in grid.axes),
        parameters=grid.parameters,
        statistic=default,
        output=Output(**settings.output.model_dump() | {"planes": planes, "confidence_levels": levels, "tiles": tiles}),
        notes=(*target_notes(parts), *source_notes(raw), *notes, *per_cent_notes(parts, nuisances)),
        statistics=statistics,
        nuisances=nuisances,
        template_references=references,
        correlations=correlations,
    )


def _with_limits(axis: Axis, parameters: ParameterMap) -> Axis:
    """Return an axis that knows beyond what there is nothing."""
    return replace(axis, even=parameters.is_even(axis.name), bounds=parameters.bounds_of(axis.name))


def _display_name(table: object, index: int) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) and name else f"number {index + 1}"
