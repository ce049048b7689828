"""From the text of a scan file to a `Definition`, or to all its faults at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scanengine.definition.model import Definition, Output, Physics, Statistic
from scanengine.definition.notes import electron_notes, parameter_notes, per_cent_notes, target_notes
from scanengine.definition.reading.bundled import find_scan, read_text
from scanengine.definition.reading.folders import DATA_VARIABLE, Folders, confined
from scanengine.definition.reading.include import checked_names, merged
from scanengine.definition.reading.lines import KeyPath, key_lines
from scanengine.definition.reading.overrides import NAMED, Override, applied, followed_by, from_texts, from_values
from scanengine.definition.reading.parsed import Parsed
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.toml import as_toml, tables_of, with_null
from scanengine.definition.rules import check_experiment, check_magnetic_threshold, unconstrained_axes
from scanengine.definition.tables.axes import build_axes
from scanengine.definition.tables.correlations import build_correlations
from scanengine.definition.tables.experiments import Parts, build_experiments, experiments_of
from scanengine.definition.tables.nuisance_schema import StatisticTable
from scanengine.definition.tables.nuisances import build_nuisances, shape_notes
from scanengine.definition.tables.output import build_planes
from scanengine.definition.tables.parameters import build_parameters, read_fixed, read_ties
from scanengine.definition.tables.schema import OutputTable, PhysicsTable, ScanFile
from scanengine.definition.tables.source import build_sources, source_notes
from scanengine.definition.tables.statistics import build_statistics
from scanengine.definition.tables.template_reference import build_references, check_changes
from scanengine.errors import DefinitionError, Fault, InputError
from scanengine.inputs.constants import SIN2_THETA_W
from scanengine.inputs.nuisances import Nuisance

Overrides = Sequence[str] | Mapping[str, object]
"""Texts KEY=VALUE, or values by their dotted keys."""

_EXACT_POISSON = 'found "exact", which needs a Gaussian chi2: profile = "grid" or statistic.kind = "gaussian" would do'
_DEEPEST = 20
"""Files of which each includes the next."""
_AXIS = "eps_ee_uV = { min = -1.0, max = 1.0, points = 31 }"


def read(
    path_or_name: str | Path,
    overrides: Overrides = (),
    *,
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
) -> Definition:
    """Read a scan file, given its path or the name of a bundled scan; `overrides` as `parse` takes them.

    Raises InputError if there is no such file, DefinitionError with all its faults if it is wrong.
    """
    path = find_scan(path_or_name)
    text = read_text(path)
    return parse(text, path=path, overrides=overrides, require_axes=require_axes, own_axes=own_axes, data=data)


def parse(
    text: str,
    *,
    path: Path | None = None,
    directory: Path | None = None,
    overrides: Overrides = (),
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
) -> Definition:
    """Return what the text of a scan file defines; its files are relative to `directory`, by default that of `path`.

    `overrides` are texts KEY=VALUE, as `--set` takes them, or values by their dotted key. Files written as {data}/...
    are in the folder `data`, by default that of the environment variable SCANENGINE_DATA. With `own_axes` an axis may
    have any name, for a cross-section that makes use of it.

    Raises DefinitionError with all faults of the text and the overrides.
    """
    data = data or os.environ.get(DATA_VARIABLE)
    folders = Folders(directory or (path.parent if path else Path()), Path(data) if data else None)
    parsed = replace(_parsed(text, path, folders, (), {}), require_axes=require_axes, own_axes=own_axes)
    found = from_values(overrides, "overrides") if isinstance(overrides, Mapping) else from_texts(overrides)
    return _defined(parsed, list(found))


def changed(parsed: Parsed, changes: Mapping[str, object]) -> Definition:
    """Return what a scan file defines with other values, by their dotted keys, on top of earlier ones.

    Raises DefinitionError with all faults.
    """
    new = list(from_values(changes, "at"))
    kept = followed_by(parsed.overrides, [each for each in new if isinstance(each, Override)])
    faults = [each for each in new if isinstance(each, Fault)]
    definition = _defined(replace(parsed, only=()), [*kept, *faults])
    for names, channels in parsed.only:
        definition = definition.only(names, channels)
    return definition


def _parsed(
    text: str,
    path: Path | None,
    folders: Folders,
    within: tuple[str, ...],
    known: dict[Path, Definition | DefinitionError],
) -> Parsed:
    """Return the tables of a scan file and of those that it includes.

    `within` are the names of the files that include this one, which it may not include; `known` are the files that
    were read already, each of them once. Raises DefinitionError.
    """
    name = str(path) if path else "scan"
    raw, lines = tables_of(text, name), key_lines(text)
    if "include" in raw:
        raw = _with_included(raw, name, lines, folders, (*within, Path(name).name), known)
        text = as_toml(raw)
    data_from = raw.get("data_from")
    files = replace(folders, data_from=data_from if isinstance(data_from, str) else "")
    return Parsed(name, text, path, raw, lines, files, require_axes=False, own_axes=False)


def _with_included(
    raw: dict[str, Any],
    name: str,
    lines: Mapping[KeyPath, int],
    folders: Folders,
    within: tuple[str, ...],
    known: dict[Path, Definition | DefinitionError],
) -> dict[str, Any]:
    """Return the tables of a scan file with those of the files that it includes, each of which is checked by itself.

    `within` are the names of the file and of those that include it, `known` the files that were read already. Raises
    DefinitionError with all faults of the included files, each once, or with the fault of `include`.
    """
    faults: list[Fault] = []
    files: dict[str, dict[str, Any]] = {}
    try:
        for included in checked_names(raw["include"], within):
            path = confined(folders.own / included, folders.own)
            if path not in known:
                known[path] = _included(path, folders, within, known)
            whole = known[path]
            if isinstance(whole, DefinitionError):
                faults += whole.faults
            elif whole.parsed is not None:
                files[path.stem] = whole.parsed.raw
        if not faults:
            return merged(raw, files)
    except InputError as error:
        faults.append(Fault(f"{name}:{lines[('include',)]}", f"include: {error}"))
    raise DefinitionError(list(dict.fromkeys(faults)))


def _included(
    path: Path, folders: Folders, within: tuple[str, ...], known: dict[Path, Definition | DefinitionError]
) -> Definition | DefinitionError:
    """Read a file that others include, in their folder; return it, or what is wrong with it."""
    if len(within) > _DEEPEST:
        raise InputError(f"more than {_DEEPEST} files include one another: put the experiments into fewer")
    try:
        return _defined(_parsed(read_text(path), path, folders, within, known), [])
    except DefinitionError as error:
        return error


def _defined(parsed: Parsed, overrides: Sequence[Override | Fault]) -> Definition:
    """Return what a scan file defines with overrides in place of those that it had. Raises DefinitionError."""
    raw, overridden, refused = applied(parsed.raw, overrides)
    report = Report(parsed.name, parsed.files, parsed.lines, overridden)
    if "include" in raw:
        report.add(("include",), "found among overrides, but it is read before these: a scan file of its own would do")
    with np.errstate(all="ignore"):  # numbers that overflow are found where they end up
        definition = _build(raw, parsed.raw, report, require_axes=parsed.require_axes, own_axes=parsed.own_axes)
    for place in () if report.faults else with_null(raw):
        report.add(place, "found a null character, which no text of a result can hold: leave it out")
    faults = report.faults + refused
    if faults or definition is None:
        raise DefinitionError(faults)
    items = tuple(each for each in overrides if isinstance(each, Override))
    definition = replace(definition, text=parsed.text, path=parsed.path, overrides=tuple(each.text for each in items))
    return definition.read_from(replace(parsed, overrides=items))


def _build(
    raw: dict[str, Any], before: Mapping[str, Any], report: Report, *, require_axes: bool, own_axes: bool
) -> Definition | None:
    """Return what the tables `raw` define, or nothing after adding their faults; `before` are those of the file."""
    experiments_raw = raw.get("experiments")
    for key in NAMED:
        if isinstance(raw.get(key), list):
            report.names[key] = [_display_name(table, index) for index, table in enumerate(raw[key])]
    check_changes(before, raw, report)
    sources = build_sources(raw, report)
    scan, bad = report.check(ScanFile, raw, ())
    physics, bad_physics = report.check(PhysicsTable, raw.get("physics", {}), ("physics",))
    statistic, bad_statistic = report.check(StatisticTable, raw.get("statistic", {}), ("statistic",))
    output, bad_output = report.check(OutputTable, raw.get("output", {}), ("output",))

    kind = "gaussian" if "kind" in bad_statistic else statistic.kind
    parts = build_experiments(experiments_raw, sources, kind, report) if "experiments" in raw else []

    fixed, ties = read_fixed(raw.get("fixed", {}), report), read_ties(raw.get("tied", {}), report)
    axes_raw = report.table(raw.get("axes", {}), ("axes",), _AXIS)
    no_axes = raw.get("axes", {}) == {} and not report.misspelt(raw, ("axes",), ScanFile)
    if require_axes and no_axes:
        report.add(("axes",), f"no axes, a scan needs at least one, as {_AXIS}")
    used = set(axes_raw) if own_axes else {term for tie in ties.values() for term in tie}
    axes = build_axes(axes_raw, used, report)
    sin2_theta_w = SIN2_THETA_W if "sin2_theta_w" in bad_physics else physics.sin2_theta_w
    parameters = build_parameters(tuple(axes_raw), fixed, ties, sin2_theta_w, report)

    notes = [note for part in parts for note in check_experiment(part, report)]
    for part in parts:
        check_magnetic_threshold(part, parameters, report)
    if not own_axes:
        notes += unconstrained_axes(parameters, parts)
    if not own_axes and not report.faults:
        notes += [*electron_notes(parameters, parts), *parameter_notes(axes, fixed, tuple(ties), parameters)]

    if not (bad_output | bad_physics) and output.profile == "exact" and physics.evaluation == "direct":
        report.add(
            ("output", "profile"),
            'found "exact", which needs the polynomial: profile = "grid" or physics.evaluation = "polynomial" would do',
            ("physics", "evaluation"),
        )
    if not bad_physics and physics.evaluation == "direct":
        _check_direct(parts, report)
    default = Statistic("gaussian" if bad_statistic else statistic.kind)
    statistics = build_statistics(experiments_raw, parts, default, report)
    chosen = None if bad_physics else Physics(**physics.model_dump())
    references = {} if chosen is None else build_references(experiments_raw, parts, chosen, report)
    nuisances = build_nuisances(raw.get("nuisances", []), parts, references, report)
    if not bad_statistic and default.kind == "poisson" and "profile" not in bad_output and output.profile == "exact":
        report.add(("output", "profile"), _EXACT_POISSON, ("statistic", "kind"))

    correlations = build_correlations(raw.get("correlations", []), nuisances, report)
    notes += shape_notes(raw.get("nuisances", []), nuisances, experiments_of(parts))

    planes = () if bad_output else build_planes(output, tuple(axes_raw), report)
    if not (bad_output | bad_physics | bad_statistic) and output.delta_chi2_max is not None:
        _check_skipping(output, physics, statistic, report)
    if not bad_output and default.kind == "gaussian":
        _check_polynomial(output, statistics, nuisances, report)
    if not bad_physics and physics.evaluation == "direct":
        for index, nuisance in enumerate(nuisances):
            if nuisance.responses:
                report.add(
                    ("nuisances", index),
                    'it varies a response, which needs the polynomial: physics.evaluation = "polynomial" would do',
                    ("physics", "evaluation"),
                )

    experiments = list(experiments_of(parts).values())
    if report.faults or bad | bad_statistic | bad_output or chosen is None or sources.default is None:
        return None
    return Definition(
        title=scan.title,
        text="",
        overrides=(),
        path=None,
        source=sources.default,
        physics=chosen,
        experiments=tuple(experiments),
        axes=tuple(replace(axis, even=parameters.is_even(axis.name)) for axis in axes),
        parameters=parameters,
        statistic=default,
        output=Output(**output.model_dump() | {"planes": planes}),
        notes=(*target_notes(parts), *source_notes(raw), *notes, *per_cent_notes(parts, nuisances)),
        statistics=statistics,
        nuisances=nuisances,
        template_references=references,
        correlations=correlations,
    )


def _check_skipping(output: OutputTable, physics: PhysicsTable, statistic: StatisticTable, report: Report) -> None:
    """Add the faults of skipping tiles of a grid that is stored, or whose chi2 has no bound."""
    key, found = ("output", "delta_chi2_max"), f"found {output.delta_chi2_max:g}"
    if output.keep == "grid":
        report.add(
            key, f'{found}, but a stored grid is whole: keep = "profiles" would do, or no such key', ("output", "keep")
        )
    if physics.evaluation == "direct":
        report.add(
            key,
            f'{found}, which needs the polynomial: physics.evaluation = "polynomial" would do, or no such key',
            ("physics", "evaluation"),
        )
    if statistic.kind == "poisson":
        report.add(
            key,
            f'{found}, which needs a Gaussian chi2: statistic.kind = "gaussian" would do, or no such key',
            ("statistic", "kind"),
        )


def _check_direct(parts: Sequence[Parts], report: Report) -> None:
    """Add the faults of detectors whose response is only in the integrals that direct evaluation does without."""
    for part in parts:
        experiment = part.experiment()
        if experiment is not None and not experiment.is_ideal:
            keys = {"response": experiment.reconstruction, "time": experiment.timing, "signal_template": True}
            report.add(
                (*part.path, next(key for key, there in keys.items() if there)),
                'found in a scan without the polynomial, which needs one: physics.evaluation = "polynomial" would do',
                ("physics", "evaluation"),
            )


def _check_polynomial(
    output: OutputTable, statistics: Mapping[str, Statistic], nuisances: Sequence[Nuisance], report: Report
) -> None:
    """Add the faults of exact profiles and of skipping where chi2 is no polynomial, though [statistic] is Gaussian."""
    asked = [
        key
        for key, there in (("profile", output.profile == "exact"), ("delta_chi2_max", output.delta_chi2_max))
        if there
    ]
    other = [name for name, each in statistics.items() if not each.is_polynomial]
    bent = [each.name for each in nuisances if each.touches_signal or not each.is_linear]
    for key in asked:
        why = ""
        if other:
            why = f"the statistic of {other[0]} is not Gaussian with one covariance"
        elif bent:
            why = f"the nuisance {bent[0]} changes a signal, or counts in another way than linearly"
        if why:
            report.add(("output", key), f"found it where chi2 is no polynomial, as {why}: leave it out")


def _display_name(table: object, index: int) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) and name else f"number {index + 1}"
