"""The key `include` of a scan file: other scan files, whose experiments it takes over with what belongs to them; and
its table [set], which changes keys of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanengine.definition.build import defined
from scanengine.definition.model import Definition
from scanengine.definition.reading.aliases import canonical_lines, with_canonical_names
from scanengine.definition.reading.bundled import bundled_scans, read_text
from scanengine.definition.reading.folders import Folders, confined
from scanengine.definition.reading.lines import KeyPath, key_lines
from scanengine.definition.reading.overrides import NAMED, applied, from_values
from scanengine.definition.reading.parsed import Parsed
from scanengine.definition.reading.sentences import listed, quoted
from scanengine.definition.reading.spelling import alike
from scanengine.definition.reading.toml import as_toml, tables_of
from scanengine.definition.tables.template_reference import changes_of_templates, refusal
from scanengine.errors import DefinitionError, Fault, InputError

_LOST = ("fixed", "tied")
"""Tables that would change another file's experiments, or be lost."""

_DEEPEST = 20
"""Files of which each includes the next."""


def parsed(
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
    raw, lines = with_canonical_names(tables_of(text, name)), canonical_lines(key_lines(text))
    if "include" in raw:
        own = {key: value for key, value in raw.items() if key != "set"}
        own = _with_included(own, name, lines, folders, (*within, Path(name).name), known)
        raw = _with_changes(own, raw["set"], f"{name}:{lines[('set',)]}") if "set" in raw else own
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
        for included in _checked_names(raw["include"], within):
            bundled = bundled_scans().get(included)
            path = confined(folders.own / included, folders.own) if bundled is None else bundled
            if path not in known:
                known[path] = _included(path, replace(folders, own=path.parent), within, known)
            whole = known[path]
            if isinstance(whole, DefinitionError):
                faults += whole.faults
            elif whole.origin is not None:
                name_of_file = path.stem if path.stem not in files else included.removesuffix(".toml").replace("/", "-")
                files[name_of_file] = whole.origin.tables()
        if not faults:
            return _merged(raw, files)
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
        return defined(parsed(read_text(path), path, folders, within, known), [])
    except DefinitionError as error:
        return error


def _merged(own: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the tables of a scan file with those of sound files that it includes, by their names without ending.

    Its own experiments, nuisances and correlations come first; an included nuisance of the same name as one of them is
    left out, and so is a correlation of the same two. An included [source] becomes one of [sources], by the file's
    name. Raises InputError if two files have another [physics], or a source of the same name, if one has [fixed] or
    [tied], or a template in which the [physics] of this file would cancel.
    """
    found = {key: value for key, value in own.items() if key != "include"}
    for key in ("experiments", "nuisances", "correlations"):
        if not isinstance(own.get(key, []), list):
            form = f"tables [[{key}]]" if key in NAMED else "a list of pairs"
            raise InputError(f"{key} beside it must be {form}")
    if not isinstance(own.get("sources", {}), dict):
        raise InputError("sources beside it must be tables [sources.NAME]")
    experiments, nuisances = list(own.get("experiments", [])), list(own.get("nuisances", []))
    replaced = {table.get("name") for table in nuisances if isinstance(table, dict)}
    sources, correlations = dict(own.get("sources", {})), list(own.get("correlations", []))
    for name, raw in files.items():
        lost = [key for key in _LOST if raw.get(key)]
        if lost:
            raise InputError(f"{name} has [{lost[0]}], which is not taken over: put it into this file instead")
        if "physics" not in own and raw.get("physics", {}) != next(iter(files.values())).get("physics", {}):
            raise InputError(
                f"{next(iter(files))} and {name} have different [physics]: add a table [physics] to this file"
            )
        of_file = dict(raw.get("sources", {})) | ({name: raw["source"]} if "source" in raw else {})
        twice = [source for source in of_file if source in sources]
        if twice:
            raise InputError(f"{name} has a source {quoted(twice[0])}, of which name there is another already")
        sources |= of_file
        experiments += [_experiment(table, name, raw) for table in raw["experiments"]]
        if "physics" in own:
            _check_templates(name, raw, own["physics"])
        nuisances += [_nuisance(table, raw) for table in raw.get("nuisances", []) if table["name"] not in replaced]
        pairs = [_pair(each) for each in correlations]
        correlations += [each for each in raw.get("correlations", []) if _pair(each) not in pairs]
    physics = next(iter(files.values())).get("physics", {})
    origins = [own.get("data_from", ""), *(raw.get("data_from", "") for raw in files.values())]
    given = {
        "experiments": experiments,
        "nuisances": nuisances,
        "correlations": correlations,
        "sources": sources,
        "physics": own.get("physics", physics),
        "data_from": "; ".join(dict.fromkeys(origin for origin in origins if origin)),
    }
    return found | {key: value for key, value in given.items() if value}


def _pair(correlation: object) -> object:
    """Return the two nuisances of a correlation, in either order; anything else, a fault of its own, as it is."""
    is_pair = isinstance(correlation, list) and all(isinstance(name, str) for name in correlation[:2])
    return frozenset(correlation[:2]) if isinstance(correlation, list) and is_pair else str(correlation)


def _check_templates(name: str, raw: Mapping[str, Any], physics: object) -> None:
    """Raise InputError if the physics of the including file would cancel in a template of an included one."""
    for _, experiment, changes in changes_of_templates(raw, {**raw, "physics": physics}):
        for change in changes:
            raise InputError(f"{name}: {'.'.join(map(str, change.path))}: {refusal(experiment, change)}")


def _experiment(table: Mapping[str, Any], name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return an experiment of a file that says itself what the file says of all."""
    said = {"source": name} if "source" in raw else {}
    said |= {"statistic": raw["statistic"]["kind"]} if "kind" in raw.get("statistic", {}) else {}
    return {**said, **table}


def _nuisance(table: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nuisance of a file with "all" experiments named, to which those of other files do not belong."""
    if table.get("signal") != "all":
        return dict(table)
    return {**table, "signal": [experiment["name"] for experiment in raw["experiments"]]}


def _with_changes(raw: dict[str, Any], changes: object, where: str) -> dict[str, Any]:
    """Return the tables of a scan file and of what it includes with the values of [set] by their dotted keys.

    Raises DefinitionError with all faults, at the place `where` of the table.
    """
    example = '"experiments.Ne.mass_kg" = 50.0'
    if not isinstance(changes, dict) or any("." not in key for key in changes):
        message = f"set: it must be a table of dotted keys in quotes with their values, as {example}"
        raise DefinitionError([Fault(where, message)])
    found, _, faults = applied(raw, from_values(changes, "set"))
    said = [fault.message for fault in faults]
    for _, experiment, cancelling in changes_of_templates(raw, found):
        said += [f"{'.'.join(map(str, each.path))}: {refusal(experiment, each)}" for each in cancelling]
    if said:
        raise DefinitionError([Fault(where, f"set: {message}") for message in said])
    return found


def _checked_names(raw: object, within: Sequence[str]) -> list[str]:
    """Return the value of `include`.

    Raises InputError unless it is a list of names of files beside this, none of them `within` which this is read, or of
    bundled scans.
    """
    example = 'as ["mine.toml", "coherent/csi2021"]'
    if not isinstance(raw, list) or not raw or not all(isinstance(name, str) for name in raw):
        raise InputError(f"it must be a list of scan files or bundled scans, {example}")
    for position, name in enumerate(raw):
        if name not in bundled_scans() and ("/" in name or "\\" in name or not name.endswith(".toml")):
            close = alike(name, bundled_scans())
            hint = f"; the nearest bundled one is {close}" if close else ""
            wanted = "it must be a scan file in the same directory, or a bundled scan"
            raise InputError(f"found {quoted(name)}, {wanted}, {example}{hint}")
        if name in within:
            raise InputError(f"found {quoted(name)}, which is this file itself, or includes it")
        if name in raw[:position]:
            raise InputError(f"found {quoted(name)} twice in {listed(raw)}")
    return list(raw)
