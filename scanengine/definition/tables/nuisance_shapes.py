"""Nuisances that change the shape of a signal or a background, or a parameter of a background's spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.tables.background_schema import SPECTRA
from scanengine.definition.tables.nuisance_names import Context
from scanengine.definition.tables.nuisance_schema import ShapeTable
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuisances import Nuisance, Shape

_SAME_SUM = 1e-3
"""Sums this close are the same but for the digits of a file."""


def build_shapes(raw: object, context: Context) -> tuple[Shape, ...]:
    """Return the shapes without faults of a nuisance, after adding the faults of all."""
    path = (*context.path, "shape")
    if not isinstance(raw, list) or not raw:
        example = '[{ experiment = "A", background = "b", plus = [...] }]'
        context.report.add(path, f"found {written(raw)}, it must be a list of tables, such as {example}")
        return ()
    shapes = [_shape(table, context, (*path, position)) for position, table in enumerate(raw)]
    return tuple(shape for shape in shapes if shape is not None)


def _shape(raw: object, context: Context, path: KeyPath) -> Shape | None:
    table, bad = context.report.check(ShapeTable, raw, path)
    if not isinstance(raw, dict) or "experiment" in bad:
        return None
    part = context.part(table.experiment, (*path, "experiment"))
    if part is None or not context.report.exactly_one(raw, ("background", "signal"), path, ShapeTable):
        return None
    if "background" in raw and raw["background"] in part.detector.backgrounds.faulty:
        return None
    if "background" in raw and raw["background"] not in part.detector.backgrounds.counts:
        there = part.detector.backgrounds.counts
        known = nearest_or_all(str(raw["background"]), there) if there else f"{part.name} has none"
        context.report.add((*path, "background"), f"unknown background {written(raw['background'])}, {known}")
        return None
    if part.channels is None or part.bins is None:
        return None
    if len(part.channels) > 1:
        context.report.add(path, f"{part.name} has {len(part.channels)} channels, and it could belong to any of them")
        return None
    sides: dict[str, FloatArray | None] = {
        side: part.bins.build(raw[side], (*path, side), context.report, signed="background" in raw)
        for side in ("plus", "minus")
        if side in raw
    }
    plus = sides.get("plus")
    if bad or plus is None or ("minus" in sides and sides["minus"] is None):
        return None
    return Shape(part.name, table.background, plus, sides.get("minus"), table.normalised)


def build_parameter(raw: object, context: Context, above: float, below: float) -> tuple[Shape, ...]:
    """Return the shape of a background of which one parameter is above and below its value by so much."""
    path = (*context.path, "parameter")
    name, _, key = raw.rpartition(".") if isinstance(raw, str) else ("", "", "")
    there = {
        f"{part.name}.{background}": (part, background)
        for part in context.parts.values()
        for background in part.detector.backgrounds.spectra
    }
    if name in context.faulty_backgrounds():
        return ()
    if name not in there:
        known = nearest_or_all(name, there) if there else "no background has a spectrum"
        form = 'it must be a parameter of a background, such as "NaI.falling.slope_keV"'
        context.report.add(path, f"found {written(raw)}, {form}: {known}")
        return ()
    part, background = there[name]
    given = part.detector.backgrounds.spectra[background]
    known_keys = [each for each in SPECTRA[given["spectrum"]] if each in given]
    if key not in known_keys:
        hint = nearest_or_all(key, known_keys) if known_keys else "it has none"
        context.report.add(path, f"unknown parameter {quoted(key)} of {quoted(background)}, {hint}")
        return ()
    if part.bins is None:
        return ()
    try:
        sides = [
            part.detector.backgrounds.at(background, key, float(given[key]) + shift, part.bins)
            for shift in (above, -below)
        ]
    except InputError as error:
        context.report.add((*context.path, "width"), f"at one standard deviation, {error}: use a smaller one", path)
        return ()
    return (Shape(part.name, background, sides[0], sides[1], normalised=False),)


def shape_notes(raw: object, nuisances: Sequence[Nuisance], experiments: Mapping[str, Experiment]) -> list[str]:
    """Return notes on shapes that are scaled to the nominal sum without the file saying that they are; `raw` are its
    tables [[nuisances]].
    """
    tables = {table.get("name"): table for table in raw if isinstance(table, dict)} if isinstance(raw, list) else {}
    notes = []
    for nuisance in nuisances:
        written_out = [
            (shape.get("experiment"), shape.get("background"))
            for shape in tables.get(nuisance.name, {}).get("shape", [])
            if isinstance(shape, dict) and "normalised" in shape
        ]
        for shape in nuisance.shapes:
            experiment = experiments.get(shape.experiment)
            if not shape.normalised or experiment is None or (shape.experiment, shape.background) in written_out:
                continue
            nominal = (
                experiment.signal_template if shape.background is None else experiment.backgrounds[shape.background]
            )
            of = "the signal" if shape.background is None else shape.background
            for side, counts in (("plus", shape.plus), ("minus", shape.minus)):
                if counts is None or (nominal is not None and _same_sum(counts, nominal)):
                    continue
                wanted = "those of the Standard Model" if nominal is None else f"the nominal {nominal.sum():.6g}"
                notes.append(
                    f"nuisance {nuisance.name}: the {counts.sum():.6g} counts of {side} for {of} of {shape.experiment} "
                    f"are scaled to {wanted}: normalised = false uses them unscaled, true omits this note"
                )
    return notes


def _same_sum(counts: FloatArray, nominal: FloatArray) -> bool:
    return bool(abs(counts.sum() - nominal.sum()) <= _SAME_SUM * abs(nominal.sum()))
