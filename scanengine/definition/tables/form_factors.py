"""The key `form_factor` of an experiment: a name, or a table with its kind and parameters.

Names, tables and the schema are made from `scanengine.inputs.form_factors.KINDS`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Union

from pydantic import Field, create_model

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.reading.table import NotNegative, Number, Positive, Table, is_path
from scanengine.definition.tables.by_isotope import build_by_isotope, is_by_isotope
from scanengine.errors import InputError
from scanengine.inputs.form_factors import KINDS, Kind, NuclearFormFactors, by_isotope
from scanengine.inputs.nuclei import Isotope, Target

_KINDS = {kind.name: kind for kind in KINDS}


def _model(kind: Kind) -> type[Table]:
    """Return the model of the table of one kind, as KleinNystrandFormFactor."""
    fields: dict[str, Any] = {"kind": (Literal.__getitem__(kind.name), ...)}
    for length in kind.lengths:
        number = NotNegative if length.may_be_zero else Positive
        given = number if length.default is not None else number | None
        fields[length.key] = (given, Field(length.default, description=length.description))
    if kind.columns:
        columns = listed(kind.columns)
        where = f"File with columns {columns}, relative to the scan file's directory."
        fields["file"] = (str | None, Field(None, description=where))
    for key, description in kind.columns.items():
        fields[key] = (list[Number] | None, Field(None, description=description))
    name = "".join(word.capitalize() for word in kind.name.split("-"))
    return create_model(f"{name}FormFactor", __base__=Table, __doc__=kind.summary, __module__=__name__, **fields)


_OF_FILES = next(kind.name for kind in KINDS if kind.columns)
"""The kind that is meant where the path of a file alone is given."""

_MODELS = {kind.name: _model(kind) for kind in KINDS}

if TYPE_CHECKING:
    FormFactorKey = object
else:
    _Name = Literal[tuple(kind.name for kind in KINDS if not kind.columns)]
    _One = Union[(_Name, *_MODELS.values())]
    FormFactorKey = _One | dict[str, _One]


def build_form_factors(raw: object, target: Target | None, path: KeyPath, report: Report) -> NuclearFormFactors | None:
    """Return the form factors, tried on every isotope of the target, or None after a fault."""
    if isinstance(raw, str) and is_path(raw):
        raw = {"kind": _OF_FILES, "file": raw}
    if isinstance(raw, str):
        raw = _named(raw, path, report)
        if raw is None:
            return None
    if not isinstance(raw, dict):
        report.add(
            path,
            f'found {written(raw)}, it must be a name, such as "helm", or {{ kind = "helm", rms_fm = 3.0 }}',
        )
        return None
    if is_by_isotope(raw):
        return None if target is None else _by_isotope(raw, target, path, report)
    name = report.kind_of(raw, tuple(_KINDS), path)
    if name is None:
        return None
    kind = _KINDS[name]
    try:
        form_factors = _of_kind(kind, raw, path, report)
        if form_factors is not None and target is not None:
            if kind.require is not None:
                kind.require(target.isotopes)
            for isotope in target.isotopes:
                form_factors(isotope)
    except InputError as error:
        report.add(path, str(error))
        return None
    return form_factors


def _by_isotope(raw: dict[str, Any], target: Target, path: KeyPath, report: Report) -> NuclearFormFactors | None:
    """Return form factors that are given for the target's elements or isotopes by their names."""

    def build(value: object, isotopes: tuple[Isotope, ...], place: KeyPath) -> NuclearFormFactors | None:
        return build_form_factors(value, replace(target, isotopes=isotopes), place, report)

    found = build_by_isotope(raw, target, build, path, report)
    return None if found is None else by_isotope(found)


def _named(name: str, path: KeyPath, report: Report) -> dict[str, Any] | None:
    if name not in _KINDS:
        report.add(path, f"unknown form factor {quoted(name)}, {nearest_or_all(name, _KINDS)}")
        return None
    if _KINDS[name].columns:
        report.add(path, f'found {quoted(name)} alone, write {{ kind = {quoted(name)}, file = "form-factor.txt" }}')
        return None
    return {"kind": name}


def _of_kind(kind: Kind, raw: dict[str, Any], path: KeyPath, report: Report) -> NuclearFormFactors | None:
    table, bad = report.check(_MODELS[kind.name], raw, path)
    if kind.columns:
        return _of_columns(kind, raw, bad, path, report)
    if not _one_alternative(kind, raw, path, report) or bad:
        return None
    return kind.make(**{length.key: getattr(table, length.key) for length in kind.lengths})


def _one_alternative(kind: Kind, raw: dict[str, Any], path: KeyPath, report: Report) -> bool:
    """Whether the keys that exclude one another are those of one alternative; a fault if not."""
    given = tuple(key for keys in kind.alternatives for key in keys if key in raw)
    if not given or given in kind.alternatives:
        return True
    choices = [f"{keys[0]} alone" if len(keys) == 1 else listed(keys) for keys in kind.alternatives]
    message = f"found {listed(given)}, give {', or '.join(choices)}"
    report.add((*path, given[-1]), message, *((*path, key) for key in given))
    return False


def _of_columns(
    kind: Kind, raw: dict[str, Any], bad: frozenset[str], path: KeyPath, report: Report
) -> NuclearFormFactors | None:
    columns, wanted = Columns(tuple(kind.columns)), listed(kind.columns)
    lists = {name: raw[name] for name in kind.columns if name in raw}
    missing = [name for name in kind.columns if name not in raw]
    if "file" in raw and lists:
        message = f"found beside file: give the file, or the lists {wanted}"
        report.add((*path, next(iter(lists))), message, (*path, "file"))
        return None
    if bad:
        return None
    if "file" in raw:
        try:
            return kind.make(*columns.from_file(report.files, raw["file"]).T)
        except InputError as error:
            report.add((*path, "file"), str(error))
            return None
    if missing:
        report.add(path, f"{listed(missing)} missing: give the lists {wanted}, or a file with these columns")
        return None
    return kind.make(*columns.from_lists(lists).T)
