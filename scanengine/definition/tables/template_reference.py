"""The table [experiments.template_reference]: what a signal template was made with.

A template takes the place of the calculated counts of the Standard Model. A number that these depend on would cancel if
it changed, unless it is known which one the template was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any, NamedTuple

import numpy as np

from scanengine.definition.model import TemplateReference
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import written
from scanengine.definition.tables.acceptance import build_efficiency
from scanengine.definition.tables.experiment_schema import ExperimentTable, TemplateReferenceTable
from scanengine.definition.tables.form_factors import build_form_factors
from scanengine.definition.tables.parts import Parts
from scanengine.definition.tables.physics import PhysicsTable
from scanengine.definition.tables.quenching import build_quenching, check_quenching
from scanengine.definition.tables.reach import check_form_factors, highest_recoil_keV
from scanengine.definition.tables.recoil_efficiency import build_recoil_efficiency
from scanengine.definition.tables.reconstruction import build_light_yield
from scanengine.definition.tables.resolution import build_resolution
from scanengine.definition.tables.source_kinds import build_source
from scanengine.errors import InputError
from scanengine.inputs.constants import SECONDS_PER_YEAR
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuclei import Target
from scanengine.inputs.physics import Physics
from scanengine.inputs.reconstruction import Reconstruction

_OF_PHYSICS = ("sin2_theta_w", "couplings", "kinematics")
_OF_EXPERIMENT = ("mass_kg", "distance_m", "efficiency", "form_factor")
_LIVE_TIMES = {"live_time_yr": SECONDS_PER_YEAR, "live_time_s": 1.0}
"""The unit of either key, s."""

_OF_RESPONSE = {
    "quenching": "quenching",
    "light_yield_PE_per_keVee": "light_yield_PE_per_keVee",
    "resolution": "resolution",
    "efficiency": "response_efficiency",
    "recoil_threshold_keV": "recoil_threshold_keV",
}
"""Keys of [experiments.response], and what they are called in the reference."""

_Build = Callable[[object, Target | None, KeyPath, Report], Any]
_BUILDERS: dict[str, tuple[str, _Build]] = {
    "light_yield_PE_per_keVee": ("light_yield", build_light_yield),
    "resolution": ("resolution", build_resolution),
    "response_efficiency": ("efficiency", lambda raw, _, path, report: build_efficiency(raw, path, report)),
    "quenching": ("quenching", build_quenching),
}
"""How keys of the reference are read, and the field of a response that each is."""

_FROZEN = ("target", "channels", "recoil_bins_keV", "recoil_window_keV")
"""Keys of an experiment that a template is of, which no reference makes up for."""

_FLUXES = ("prompt", "delayed")
_DEFAULTS = {"quenching": None, "resolution": {"kind": "none"}, "efficiency": 1.0, "recoil_threshold_keV": 0.0}


class _Change(NamedTuple):
    """A number that a template would not follow: where it stands, the key of the reference for it if there is one,
    what it was, and what it is.
    """

    path: KeyPath
    key: str | None
    before: object
    after: object


def build_references(
    raw: object, parts: Sequence[Parts], physics: Physics, report: Report
) -> dict[str, TemplateReference]:
    """Return what the template of each experiment that has one was made with, by name, after adding all faults.

    raw are the tables [[experiments]] that parts were read from.
    """
    found = {}
    for table, part in zip(raw if isinstance(raw, list) else [], parts, strict=False):
        if not isinstance(table, dict):
            continue
        path = (*part.path, "template_reference")
        if "template_reference" in table and "signal_template" not in table:
            report.add(path, "found without signal_template, which it is the reference of: leave it out")
        experiment = part.experiment()
        given, bad = report.check(TemplateReferenceTable, table.get("template_reference", {}), path)
        if bad or experiment is None or part.source is None or "signal_template" not in table:
            continue
        keys = frozenset(given.model_fields_set)
        reference = _reference(table.get("template_reference", {}), given, part, experiment, path, report)
        source = build_source(given.source, (*path, "source"), report) if "source" in keys else part.source
        if reference is not None and source is not None:
            of_physics = {key: getattr(given, key) for key in _OF_PHYSICS if key in keys}
            named = {"live_time_s" if key == "live_time_yr" else key for key in keys}
            found[part.name] = TemplateReference(
                replace(reference, source=None),
                source,
                replace(physics, **of_physics),
                frozenset(named),
            )
    return found


def _reference(
    raw: Mapping[str, Any],
    given: TemplateReferenceTable,
    part: Parts,
    experiment: Experiment,
    path: KeyPath,
    report: Report,
) -> Experiment | None:
    """Return the experiment that the template was made with, or None after adding the faults."""
    faults = len(report.faults)
    changed: dict[str, Any] = {
        key: value for key in ("mass_kg", "distance_m") if (value := getattr(given, key)) is not None
    }
    if "live_time_yr" in raw and "live_time_s" in raw:
        report.add((*path, "live_time_s"), "found beside live_time_yr: give only one of them")
    for key, seconds in _LIVE_TIMES.items():
        if key in raw and part.source is not None and part.source.fluence:
            report.add((*path, key), "the source has protons_on_target in all: leave the live time out")
        elif key in raw:
            changed["live_time_s"] = raw[key] * seconds
    if "efficiency" in raw:
        changed["efficiency"] = build_recoil_efficiency(raw["efficiency"], (*path, "efficiency"), report)
    if "form_factor" in raw:
        place = (*path, "form_factor")
        form_factors = build_form_factors(raw["form_factor"], part.target, place, report)
        changed["form_factors"] = form_factors
        if form_factors is not None:
            check_form_factors(replace(part, form_factors=form_factors), place, report)
    response = experiment.reconstruction
    of_response = [key for key in _OF_RESPONSE.values() if key in raw]
    if not isinstance(response, Reconstruction):
        for key in of_response:
            report.add((*path, key), f"found for {part.name}, which has no quenching or resolution: leave it out")
    else:
        make = partial(_response, raw, response, part, path, report)
        changed["reconstruction"] = report.once(f"response {path}", (raw, response, part.target, part.source), make)
        if "recoil_threshold_keV" in raw:
            changed["bin_edges_keV"] = np.array([raw["recoil_threshold_keV"], inf])
    if len(report.faults) > faults:
        return None
    return replace(experiment, **changed)


def _response(
    raw: Mapping[str, Any], response: Reconstruction, part: Parts, path: KeyPath, report: Report
) -> Reconstruction:
    """Return the response that a template was made with, as far as it could be read."""
    if "light_yield_PE_per_keVee" in raw:
        key = (*path, "light_yield_PE_per_keVee")
        if response.light_yield is None:
            report.add(key, f"found for {part.name}, whose response has none: leave it out")
    for name, (field, build) in _BUILDERS.items():
        if name in raw:
            built = build(raw[name], part.target, (*path, name), report)
            response = replace(response, **{field: built or getattr(response, field)})
    if part.target is not None and part.source is not None and ("quenching" in raw or "resolution" in raw):
        T_max_keV = highest_recoil_keV(part)
        fault = check_quenching(response, part.target.isotopes, T_max_keV)
        if fault is not None:
            report.add((*path, "quenching"), fault)
            return response
        try:
            for isotope in part.target.isotopes:
                response.cuts_keV(isotope, T_max_keV)
        except InputError as error:
            report.add((*path, "resolution"), str(error))
    return response


def check_changes(before: Mapping[str, Any], raw: Mapping[str, Any], report: Report) -> None:
    """Add the faults of numbers that overrides have changed, from `before`, and that would cancel in a template."""
    for index, name, changes in changes_of_templates(before, raw):
        for change in changes:
            report.add(change.path, refusal(name, change), ("experiments", index))


def changes_of_templates(before: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[tuple[int, str, list[_Change]]]:
    """Yield the number and the name of each experiment with a template that is as it was before, and what has changed
    that it would not follow. Tables that cannot be read have no changes: they are faults of their own.
    """
    old = {table["name"]: table for table in _tables(before) if isinstance(table.get("name"), str)}
    for index, table in enumerate(_tables(raw)):
        was = old.get(table["name"]) if isinstance(table.get("name"), str) else None
        if was is None or "signal_template" not in was or was["signal_template"] != table.get("signal_template"):
            continue
        reference = table.get("template_reference")
        named = set(reference) if isinstance(reference, dict) else set()
        named |= set(_LIVE_TIMES) if named & set(_LIVE_TIMES) else set()
        changes = list(_changes(before, was, raw, table, ("experiments", index)))
        yield index, table["name"], [change for change in changes if change.key is None or change.key not in named]


def refusal(name: str, change: _Change) -> str:
    """Return why a number may not change, in words."""
    found = f"found {written(change.after)} in place of {written(change.before)}"
    if change.after is None:
        found = f"it is left out, in place of {written(change.before)}"
    if change.key is None:
        return (
            f"{found}, but the signal of {name} is a template, which was made with that and would stay as it is: "
            "give a new signal_template"
        )
    return (
        f"{found}, but the signal of {name} is a template, in which it would cancel: say what the template was made "
        f"with, as {change.key} in experiments.{name}.template_reference"
    )


def _tables(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tables = raw.get("experiments")
    return [table if isinstance(table, dict) else {} for table in tables] if isinstance(tables, list) else []


def _changes(
    before: Mapping[str, Any], was: Mapping[str, Any], raw: Mapping[str, Any], table: Mapping[str, Any], path: KeyPath
) -> Iterator[_Change]:
    """Yield what a template does not follow of the changes from one file and experiment to another."""
    physics = [_table(each, "physics") for each in (before, raw)]
    for key in _OF_PHYSICS:
        default = PhysicsTable.model_fields[key].default
        yield from _change(physics[0].get(key, default), physics[1].get(key, default), ("physics", key), key)
    for key in (*_OF_EXPERIMENT, *_FROZEN):
        field = ExperimentTable.model_fields[key]
        default = None if field.is_required() else field.default
        known = key if key in _OF_EXPERIMENT else None
        yield from _change(was.get(key, default), table.get(key, default), (*path, key), known)
    given = [next((key for key in _LIVE_TIMES if key in each), "live_time_s") for each in (was, table)]
    seconds = [_seconds(each.get(key), key) for each, key in zip((was, table), given, strict=True)]
    if seconds[0] != seconds[1]:
        yield _Change((*path, given[1]), given[1], was.get(given[0]), table.get(given[1]))
    response = [_table(each, "response") for each in (was, table)]
    for key in (*_OF_RESPONSE, "bins", "threshold_keVee"):
        old, new = (each.get(key, _DEFAULTS.get(key)) for each in response)
        yield from _change(old, new, (*path, "response", key), _OF_RESPONSE.get(key))
    time = [_table(each, "time") for each in (was, table)]
    for key in ("bins_us", "efficiency", *_FLUXES):
        if key in time[0] or (key not in _FLUXES and key in time[1]):  # shares of its own tell a template's flavours
            yield from _change(time[0].get(key), time[1].get(key), (*path, "time", key), None)
    yield from _change(_source(before, was), _source(raw, table), _source_path(table), "source")


def _change(before: object, after: object, path: KeyPath, key: str | None) -> Iterator[_Change]:
    """Yield the difference of two values of a key, at the number where they differ first."""
    if before == after:
        return
    while isinstance(before, dict) and isinstance(after, dict):
        different = next(each for each in (*after, *before) if before.get(each) != after.get(each))
        before, after, path = before.get(different), after.get(different), (*path, different)
    yield _Change(path, key, before, after)


def _seconds(value: object, key: str) -> object:
    """Return a live time in seconds; anything else, which is a fault of its own, as it is."""
    return value * _LIVE_TIMES[key] if isinstance(value, int | float) else value


def _table(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = raw.get(key)
    return table if isinstance(table, dict) else {}


def _source_path(table: Mapping[str, Any]) -> KeyPath:
    return ("sources", table["source"]) if isinstance(table.get("source"), str) else ("source",)


def _source(raw: Mapping[str, Any], table: Mapping[str, Any]) -> object:
    """Return the table of the source of an experiment."""
    if isinstance(table.get("source"), str):
        return _table(raw, "sources").get(table["source"])
    return raw.get("source")
