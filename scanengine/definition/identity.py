"""What the numbers of a scan depend on, in words, name by name: two definitions with the same are the same physics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

import numpy as np

from scanengine.definition.model import Definition, ParameterMap, TemplateReference
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.parameters import FIRST_PARAMETERS

_WORDS = frozenset({"title", "text", "overrides", "path", "notes", "origin"})
"""Fields of a definition that do not affect the numbers: a scan file may be renamed, moved and commented."""

_LATER: Mapping[str, object] = {
    "nonnegative": (),
    "width_below": None,
    "free": False,
    "correlations": (),
    "charge_radius": "kosmas2015",
    "mediators": (),
    "axial": {},
    "oscillation": None,
    "sterile": None,
    "coherences": {},
    "at_earth": False,
    "varied": {},
    "kinks_MeV": None,
    "recoils": ("nucleus",),
    "electrons": None,
    "dimensions": (),
    "tiles": None,
    "marginals": False,
}
"""Fields that came later, with what they are where a scan file does without: such a scan is the one that it was."""

_LONGEST = 6


def identity(definition: Definition) -> dict[str, str]:
    """Return every number and choice that the result depends on, by its place; long arrays by their checksum."""
    found: dict[str, str] = {}
    for each in fields(definition):
        if each.name not in _WORDS and not _is_later(each.name, getattr(definition, each.name)):
            found.update(leaves(each.name, getattr(definition, each.name)))
    return found


def leaves(place: str, value: object) -> Iterator[tuple[str, str]]:  # noqa: C901  (a branch for each type)
    """Yield the places and the words of all that a value holds."""
    if isinstance(value, TemplateReference):  # what it does not name is as in the scan, and told there
        value = {key: number for key, number in value.numbers().items() if key in value.keys}
    if isinstance(value, Experiment):
        for isotope in value.target.isotopes:
            yield from leaves(f"{place}.form_factors.{isotope}", value.form_factors(isotope))
    if isinstance(value, ParameterMap):
        yield from _parameters(place, value)
    elif isinstance(value, np.ndarray):
        yield place, _array(value)
    elif is_dataclass(value):
        yield place, type(value).__name__
        for each in fields(value):
            told = isinstance(value, Experiment) and each.name == "form_factors"  # isotope by isotope
            if not told and not _is_later(each.name, getattr(value, each.name)):
                yield from leaves(f"{place}.{each.name}", getattr(value, each.name))
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from leaves(f"{place}.{name}", part)
    elif isinstance(value, list | tuple) and not all(isinstance(part, str | float | int) for part in value):
        for number, part in enumerate(value):
            yield from leaves(f"{place}.{getattr(part, 'name', number)}", part)
    elif value is None or isinstance(value, str | float | int | list | tuple):
        yield place, str(value)
    else:
        raise TypeError(f"{place}: a {type(value).__name__} cannot be identified")


def _parameters(place: str, value: ParameterMap) -> Iterator[tuple[str, str]]:
    """Yield what parameters are made of: the first ones together, those that came later where they are used."""
    yield place, type(value).__name__
    yield from leaves(f"{place}.axes", value.axes)
    yield f"{place}.matrix", _array(value.matrix[:FIRST_PARAMETERS])
    for parameter, row in list(zip(value.parameters, value.matrix, strict=True))[FIRST_PARAMETERS:]:
        if np.any(row != 0.0):
            yield f"{place}.matrix.{parameter.name}", str(row.tolist())
    if any(value.squared):
        yield f"{place}.squared", str(value.squared)


def _is_later(name: str, value: object) -> bool:
    return name in _LATER and not isinstance(value, np.ndarray) and value == _LATER[name]


def _array(values: np.ndarray) -> str:
    if values.size <= _LONGEST:
        return str(values.tolist())
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    first, last = values.flat[0], values.flat[-1]
    return f"{' x '.join(map(str, values.shape))} numbers from {first} to {last} ({digest[:12]})"
