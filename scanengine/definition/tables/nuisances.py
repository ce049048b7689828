"""The tables [[nuisances]] of a scan file, each read key by key so that all its faults are found at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanengine.definition.model import TemplateReference
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.reading.table import LARGEST, SMALLEST
from scanengine.definition.tables.nuisance_names import Context
from scanengine.definition.tables.nuisance_responses import build_responses
from scanengine.definition.tables.nuisance_schema import (
    NuisanceTable,
)
from scanengine.definition.tables.nuisance_shapes import build_parameter, build_shapes
from scanengine.definition.tables.parts import Parts
from scanengine.inputs.nuisances import FREE_WIDTH, Nuisance

_EFFECTS = ("signal", "background", "shape", "parameter", "quenching", "efficiency", "matrix")
_MAY_BE_FREE = ("signal", "background")
"""What nuisances without a width may change: by a factor."""

_EFFECTS_IN_WORDS = "signal, background, shape, parameter, quenching, efficiency or matrix"


def build_nuisances(
    raw: object, parts: Sequence[Parts], references: Mapping[str, TemplateReference], report: Report
) -> tuple[Nuisance, ...]:
    """Return the nuisances without faults, after adding the faults of all; references are those of signal templates."""
    path: KeyPath = ("nuisances",)
    if not isinstance(raw, list):
        report.add(path, f"found {written(raw)}, write each header as [[nuisances]]")
        return ()
    names = [table.get("name") if isinstance(table, dict) else None for table in raw]
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            report.add(
                (*path, index, "name"), f"found {quoted(name)} a second time, each nuisance needs a name of its own"
            )
    by_name = {part.name: part for part in parts if part.name}
    built = [_nuisance(table, references, Context(by_name, (*path, index), report)) for index, table in enumerate(raw)]
    return tuple(nuisance for nuisance in built if nuisance is not None)


def _nuisance(raw: object, references: Mapping[str, TemplateReference], context: Context) -> Nuisance | None:
    """Return one nuisance, None if it has a fault; what has one is left out, and said."""
    table, bad = context.report.check(NuisanceTable, raw, context.path, "[[nuisances]]")
    if not isinstance(raw, dict):
        return None
    effects = [key for key in _EFFECTS if key in raw]
    if not effects and not context.report.misspelt(raw, _EFFECTS, NuisanceTable):
        context.report.add(context.path, f"it has no effect: give {_EFFECTS_IN_WORDS}")
    needing = [key for key in ("signal", "background", "parameter") if key in raw]
    needing += ["pull"] if raw.get("pull") == "log" else []
    free = "width" not in raw and bool(needing) and set(effects) <= set(_MAY_BE_FREE) and raw.get("pull") != "log"
    if needing and "width" not in raw and not free and not context.report.misspelt(raw, ("width",), NuisanceTable):
        context.report.add(context.path, f"width is missing, it must be given with {needing[-1]}")
    width, width_below = _widths(raw, context)
    signals = _signals(raw["signal"], context) if "signal" in raw else ()
    backgrounds = _backgrounds(raw["background"], context) if "background" in raw else ()
    shapes = build_shapes(raw["shape"], context) if "shape" in raw else ()
    if "parameter" in raw and width is not None:
        shapes += build_parameter(raw["parameter"], context, width, width if width_below is None else width_below)
    responses = build_responses(raw, references, context)
    if bad or width is None:
        return None
    if free:
        return Nuisance(table.name, FREE_WIDTH, "gaussian", signals, backgrounds, free=True)
    return Nuisance(table.name, width, table.pull, signals, backgrounds, shapes, responses, width_below)


def _widths(raw: Mapping[str, Any], context: Context) -> tuple[float | None, float | None]:
    """Return the width above zero, nothing after its fault, and that below zero if it is another one."""
    given, path = raw.get("width", 1.0), (*context.path, "width")
    widths = [finite(width) for width in given] if isinstance(given, list) else [finite(given)]
    positive = [width for width in widths if width is not None and SMALLEST <= width <= LARGEST]
    two_sided = isinstance(given, list)
    if len(positive) < len(widths) or len(widths) != (2 if two_sided else 1):
        form = "it must be a positive number, or two, below and above zero, such as [0.1, 0.2]"
        context.report.add(path, f"found {written(given)}, {form}")
        return None, None
    if two_sided and raw.get("pull") == "log":
        context.report.add(path, f"found {written(given)} with a logarithmic pull, which has one width")
        return None, None
    below, above = positive[0], positive[-1]
    return above, None if below == above else below


def _signals(raw: object, context: Context) -> tuple[str, ...]:
    if raw == "all":
        return tuple(context.parts)
    names = context.names(raw, (*context.path, "signal"), '["CsI2017"], or "all"')
    return tuple(name for name, path in names if context.part(name, path) is not None)


def _backgrounds(raw: object, context: Context) -> tuple[tuple[str, str], ...]:
    there = {
        f"{part.name}.{background}": (part.name, background)
        for part in context.parts.values()
        for background in part.detector.backgrounds.counts
    }
    faulty = context.faulty_backgrounds()
    found = []
    for name, path in context.names(raw, (*context.path, "background"), '["CsI2017.neutrons"]'):
        if name in there:
            found.append(there[name])
        elif name not in faulty:
            known = nearest_or_all(name, there) if there else "no experiment has one"
            context.report.add(path, f"unknown background {quoted(name)}, {known}")
    return tuple(found)
