"""From the text of a scan file to a `Definition`, or to all its faults at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scanengine.definition.model import Definition, Output, Physics, Statistic
from scanengine.definition.notes import electron_notes, parameter_notes, per_cent_notes, target_notes
from scanengine.definition.reading.bundled import find_scan, read_text
from scanengine.definition.reading.folders import DATA_VARIABLE, Folders, confined
from scanengine.definition.reading.include import as_toml, checked_names, merged
from scanengine.definition.reading.lines import MOST_PARTS, KeyPath, key_lines, line_of_long_key
from scanengine.definition.reading.overrides import NAMED, apply_overrides
from scanengine.definition.reading.report import Report
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

_EXACT_POISSON = 'found "exact", which needs a Gaussian chi2: profile = "grid" or statistic.kind = "gaussian" would do'
_DEEPEST = 20
"""Files of which each includes the next."""
_AXIS = "eps_ee_uV = { min = -1.0, max = 1.0, points = 31 }"


def read(
    path_or_name: str | Path,
    overrides: Sequence[str] = (),
    *,
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
) -> Definition:
    """Read a scan file, given its path or the name of a bundled scan; `overrides` are KEY=VALUE, as `--set` takes them.

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
    overrides: Sequence[str] = (),
    require_axes: bool = True,
    own_axes: bool = False,
    data: str | Path | None = None,
    included_by: tuple[str, ...] = (),
    included: dict[Path, Definition | DefinitionError] | None = None,
) -> Definition:
    """Return what the text of a scan file defines; its files are relative to `directory`, by default that of `path`.

    Files written as {data}/... are in the folder `data`, by default that of the environment variable SCANENGINE_DATA.

    With `own_axes` an axis may have any name, for a cross-section that makes use of it. `included_by` are the names of
    the files that include this one, which it may not include; `included` are those read already, each of them once.

    Raises DefinitionError with all faults of the text and the overrides.
    """
    name = str(path) if path else "scan"
    folder = directory or (path.parent if path else Path())
    data = data or os.environ.get(DATA_VARIABLE)
    raw, lines = _toml(text, name), key_lines(text)
    if "include" in raw:
        raw = _with_included(
            raw, name, lines, folder, data, (*included_by, Path(name).name), {} if included is None else included
        )
        text = as_toml(raw)
    before = deepcopy(raw) if overrides else raw
    overridden, faults = apply_overrides(raw, overrides)
    data_from = raw.get("data_from")
    folders = Folders(folder, Path(data) if data else None, data_from if isinstance(data_from, str) else "")
    report = Report(name, folders, lines, overridden)
    if "include" in raw:
        report.add(("include",), "found in a --set, but it is read before these: a scan file of its own would do")
    with np.errstate(all="ignore"):  # numbers that overflow are found where they end up
        definition = _build(raw, before, report, require_axes=require_axes, own_axes=own_axes)
    for place in () if report.faults else _with_null(raw):
        report.add(place, "found a null character, which no text of a result can hold: leave it out")
    faults = report.faults + faults
    if faults or definition is None:
        raise DefinitionError(faults)
    return replace(definition, text=text, path=path, overrides=tuple(overrides))


def _with_included(
    raw: dict[str, Any],
    name: str,
    lines: Mapping[KeyPath, int],
    folder: Path,
    data: str | Path | None,
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
            path = confined(folder / included, folder)
            if path not in known:
                known[path] = _included(path, data, within, known)
            whole = known[path]
            if isinstance(whole, DefinitionError):
                faults += whole.faults
            else:
                files[path.stem] = tomllib.loads(whole.text)
        if not faults:
            return merged(raw, files)
    except InputError as error:
        faults.append(Fault(f"{name}:{lines[('include',)]}", f"include: {error}"))
    raise DefinitionError(list(dict.fromkeys(faults)))


def _included(
    path: Path, data: str | Path | None, within: tuple[str, ...], known: dict[Path, Definition | DefinitionError]
) -> Definition | DefinitionError:
    """Read a file that others include; return it, or what is wrong with it."""
    if len(within) > _DEEPEST:
        raise InputError(f"more than {_DEEPEST} files include one another: put the experiments into fewer")
    try:
        return parse(read_text(path), path=path, require_axes=False, data=data, included_by=within, included=known)
    except DefinitionError as error:
        return error


def _toml(text: str, name: str) -> dict[str, Any]:
    if (line := line_of_long_key(text)) is not None:
        raise DefinitionError(
            [Fault(f"{name}:{line}", f"found a key of more than {MOST_PARTS} parts: none is so long")]
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError([_syntax_fault(str(error), text, name)]) from None
    except RecursionError:
        raise DefinitionError(
            [Fault(f"{name}:1", "not TOML that can be read: its values are nested too deeply")]
        ) from None
    except ValueError:
        digits = max(re.finditer(r"\d[\d_]*", text), key=lambda match: len(match[0]))
        line = text.count("\n", 0, digits.start()) + 1
        raise DefinitionError(
            [Fault(f"{name}:{line}", f"found a number of {len(digits[0])} digits, it must be shorter")]
        ) from None


def _with_null(value: Any, place: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield where there is a text or a key with a null character, which TOML allows as an escape."""
    if isinstance(value, str) and "\0" in value:
        yield place
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(key, str) and "\0" in key:
            yield (*place, key)
        yield from _with_null(each, (*place, key))


def _syntax_fault(message: str, text: str, name: str) -> Fault:
    """The fault in the words of tomllib, without the brackets and names of Python."""
    reason, _, place = message.rpartition(" (at ")
    match = re.match(r"line (\d+), column (\d+)", place)
    line = int(match[1]) if match else text.rstrip().count("\n") + 1
    column = f" (column {match[2]})" if match else " (the file ends here)"
    again = re.match(r"Cannot declare \((.*)\) twice", reason)
    if again:
        table = ".".join(re.findall(r"'([^']*)'", again[1]))
        reason = f"the table [{table}] is there twice"
    elif reason == "Cannot overwrite a value":
        reason = "a key is given twice"
    else:
        reason = reason[:1].lower() + reason[1:]
    return Fault(f"{name}:{line}", f"not TOML: {reason}{column}")


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
