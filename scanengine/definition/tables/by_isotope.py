"""Keys of an experiment that may be tables with a value for each element or isotope of its target."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, quoted
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.nuclei import Isotope, Target

T = TypeVar("T")

_NUCLEUS = re.compile(r"[A-Z][a-z]?\d{0,3}")


def is_by_isotope(raw: object) -> bool:
    """Whether a value is a table whose keys are all names of elements or isotopes, e.g. { Na = 0.15, I127 = 0.06 }."""
    return isinstance(raw, dict) and bool(raw) and all(_NUCLEUS.fullmatch(key) for key in raw)


def build_by_isotope(
    raw: dict[str, object],
    target: Target,
    build: Callable[[object, tuple[Isotope, ...], KeyPath], T | None],
    path: KeyPath,
    report: Report,
) -> dict[Isotope, T] | None:
    """Return what is built for each isotope of a target, or None after the faults.

    An isotope has its own value, or else that of its element; build is called with a value, the isotopes that have it,
    and its path.
    """
    names = {str(isotope) for isotope in target.isotopes}
    known = {*names, *(isotope.symbol for isotope in target.isotopes)}
    having: dict[str, list[Isotope]] = {}
    missing = []
    for isotope in target.isotopes:
        key = next((key for key in (str(isotope), isotope.symbol) if key in raw), None)
        if key is None:
            missing.append(str(isotope))
        else:
            having.setdefault(key, []).append(isotope)
    for key in raw:
        if key not in known:
            isotopes = listed([str(isotope) for isotope in target.isotopes])
            report.add((*path, key), f"found {quoted(key)}, of which the target has none: it has {isotopes}")
        elif key not in having:
            report.add((*path, key), f"each isotope of {key} has a value of its own: leave it out")
    if missing:
        elements = dict.fromkeys(isotope.symbol for isotope in target.isotopes)
        report.add(
            path, f"found none for {listed(missing)}: give one for each of {listed(elements)}, or their isotopes"
        )
    found: dict[Isotope, T] = {}
    for key, those in having.items():
        made = build(raw[key], tuple(those), (*path, key))
        if made is not None:
            found |= dict.fromkeys(those, made)
    return found if len(found) == len(target.isotopes) and set(raw) == set(having) else None


def for_isotopes(
    raw: object, target: Target | None, build: Callable[[object, KeyPath], T | None], path: KeyPath, report: Report
) -> T | ByIsotope[T] | None:
    """Return what is built of a value, or of those of each element or isotope; None after adding the faults."""
    if not isinstance(raw, dict) or not is_by_isotope(raw):
        return build(raw, path)
    if target is None:
        return None
    found = build_by_isotope(raw, target, lambda value, _, place: build(value, place), path, report)
    return None if found is None else ByIsotope(found)
