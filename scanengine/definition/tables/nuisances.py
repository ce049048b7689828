"""The tables [[nuisances]] of a scan file, each read key by key so that all its faults are found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from scanengine.definition.model import TemplateReference
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.reading.table import LARGEST, SMALLEST
from scanengine.definition.tables.background_schema import SPECTRA
from scanengine.definition.tables.experiments import Parts
from scanengine.definition.tables.nuisance_schema import (
    EfficiencyVariation,
    NuisanceTable,
    QuenchingVariation,
    ShapeTable,
)
from scanengine.definition.tables.reach import highest_recoil_keV
from scanengine.definition.tables.reconstruction import build_efficiency, build_quenching, check_quenching
from scanengine.definition.tables.response_matrix import MatrixVariation, read_matrix
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuisances import FREE_WIDTH, Nuisance, ResponseVariation, Shape
from scanengine.inputs.quenching import PolynomialQuenching, Quenching
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.response_matrix import ResponseMatrix

_Quenchings = Quenching | ByIsotope[Quenching]
_EFFECTS = ("signal", "background", "shape", "parameter", "quenching", "efficiency", "matrix")
_MAY_BE_FREE = ("signal", "background")
"""What nuisances without a width may change: by a factor."""

_SAME_SUM = 1e-3
"""Sums this close are the same but for the digits of a file."""

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
    built = [_Reader(parts, references, (*path, index), report).read(table) for index, table in enumerate(raw)]
    return tuple(nuisance for nuisance in built if nuisance is not None)


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


class _Reader:
    """Reads one nuisance; what has a fault is left out, and said."""

    def __init__(
        self, parts: Sequence[Parts], references: Mapping[str, TemplateReference], path: KeyPath, report: Report
    ) -> None:
        self._parts = {part.name: part for part in parts if part.name}
        self._references = references
        self._path = path
        self._report = report

    def read(self, raw: object) -> Nuisance | None:
        table, bad = self._report.check(NuisanceTable, raw, self._path, "[[nuisances]]")
        if not isinstance(raw, dict):
            return None
        effects = [key for key in _EFFECTS if key in raw]
        if not effects and not self._report.misspelt(raw, _EFFECTS, NuisanceTable):
            self._report.add(self._path, f"it has no effect: give {_EFFECTS_IN_WORDS}")
        needing = [key for key in ("signal", "background", "parameter") if key in raw]
        needing += ["pull"] if raw.get("pull") == "log" else []
        free = "width" not in raw and bool(needing) and set(effects) <= set(_MAY_BE_FREE) and raw.get("pull") != "log"
        if needing and "width" not in raw and not free and not self._report.misspelt(raw, ("width",), NuisanceTable):
            self._report.add(self._path, f"width is missing, it must be given with {needing[-1]}")
        width, width_below = self._widths(raw)
        signals = self._signals(raw["signal"]) if "signal" in raw else ()
        backgrounds = self._backgrounds(raw["background"]) if "background" in raw else ()
        shapes = self._shapes(raw["shape"]) if "shape" in raw else ()
        if "parameter" in raw and width is not None:
            shapes += self._parameter(raw["parameter"], width, width if width_below is None else width_below)
        responses = self._responses(raw)
        if bad or width is None:
            return None
        if free:
            return Nuisance(table.name, FREE_WIDTH, "gaussian", signals, backgrounds, free=True)
        return Nuisance(table.name, width, table.pull, signals, backgrounds, shapes, responses, width_below)

    def _widths(self, raw: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """Return the width above zero, nothing after its fault, and that below zero if it is another one."""
        given, path = raw.get("width", 1.0), (*self._path, "width")
        widths = [finite(width) for width in given] if isinstance(given, list) else [finite(given)]
        positive = [width for width in widths if width is not None and SMALLEST <= width <= LARGEST]
        two_sided = isinstance(given, list)
        if len(positive) < len(widths) or len(widths) != (2 if two_sided else 1):
            form = "it must be a positive number, or two, below and above zero, such as [0.1, 0.2]"
            self._report.add(path, f"found {written(given)}, {form}")
            return None, None
        if two_sided and raw.get("pull") == "log":
            self._report.add(path, f"found {written(given)} with a logarithmic pull, which has one width")
            return None, None
        below, above = positive[0], positive[-1]
        return above, None if below == above else below

    def _names(self, raw: object, path: KeyPath, example: str) -> list[tuple[str, KeyPath]]:
        """Return the strings of a list that are there once, with their places."""
        if not isinstance(raw, list) or not raw:
            self._report.add(path, f"found {written(raw)}, it must be a list of names, such as {example}")
            return []
        found: list[tuple[str, KeyPath]] = []
        for position, name in enumerate(raw):
            if not isinstance(name, str):
                self._report.add((*path, position), f"found {written(name)}, it must be a name, such as {example}")
            elif name in raw[:position]:
                self._report.add((*path, position), f"found {quoted(name)} twice")
            else:
                found.append((name, (*path, position)))
        return found

    def _part(self, name: object, path: KeyPath) -> Parts | None:
        if isinstance(name, str) and name in self._parts:
            return self._parts[name]
        text = name if isinstance(name, str) else written(name)
        self._report.add(path, f"unknown experiment {quoted(text)}, {nearest_or_all(text, self._parts)}")
        return None

    def _signals(self, raw: object) -> tuple[str, ...]:
        if raw == "all":
            return tuple(self._parts)
        names = self._names(raw, (*self._path, "signal"), '["CsI2017"], or "all"')
        return tuple(name for name, path in names if self._part(name, path) is not None)

    def _backgrounds(self, raw: object) -> tuple[tuple[str, str], ...]:
        there = {
            f"{part.name}.{background}": (part.name, background)
            for part in self._parts.values()
            for background in part.detector.backgrounds.counts
        }
        faulty = self._faulty_backgrounds()
        found = []
        for name, path in self._names(raw, (*self._path, "background"), '["CsI2017.neutrons"]'):
            if name in there:
                found.append(there[name])
            elif name not in faulty:
                known = nearest_or_all(name, there) if there else "no experiment has one"
                self._report.add(path, f"unknown background {quoted(name)}, {known}")
        return tuple(found)

    def _faulty_backgrounds(self) -> set[str]:
        return {
            f"{part.name}.{background}"
            for part in self._parts.values()
            for background in part.detector.backgrounds.faulty
        }

    def _shapes(self, raw: object) -> tuple[Shape, ...]:
        path = (*self._path, "shape")
        if not isinstance(raw, list) or not raw:
            example = '[{ experiment = "A", background = "b", plus = [...] }]'
            self._report.add(path, f"found {written(raw)}, it must be a list of tables, such as {example}")
            return ()
        shapes = [self._shape(table, (*path, position)) for position, table in enumerate(raw)]
        return tuple(shape for shape in shapes if shape is not None)

    def _shape(self, raw: object, path: KeyPath) -> Shape | None:
        table, bad = self._report.check(ShapeTable, raw, path)
        if not isinstance(raw, dict) or "experiment" in bad:
            return None
        part = self._part(table.experiment, (*path, "experiment"))
        if part is None or not self._report.exactly_one(raw, ("background", "signal"), path, ShapeTable):
            return None
        if "background" in raw and raw["background"] in part.detector.backgrounds.faulty:
            return None
        if "background" in raw and raw["background"] not in part.detector.backgrounds.counts:
            there = part.detector.backgrounds.counts
            known = nearest_or_all(str(raw["background"]), there) if there else f"{part.name} has none"
            self._report.add((*path, "background"), f"unknown background {written(raw['background'])}, {known}")
            return None
        if part.channels is None or part.bins is None:
            return None
        if len(part.channels) > 1:
            self._report.add(path, f"{part.name} has {len(part.channels)} channels, and it could belong to any of them")
            return None
        sides: dict[str, FloatArray | None] = {
            side: part.bins.build(raw[side], (*path, side), self._report, signed="background" in raw)
            for side in ("plus", "minus")
            if side in raw
        }
        plus = sides.get("plus")
        if bad or plus is None or ("minus" in sides and sides["minus"] is None):
            return None
        return Shape(part.name, table.background, plus, sides.get("minus"), table.normalised)

    def _parameter(self, raw: object, above: float, below: float) -> tuple[Shape, ...]:
        """Return the shape of a background of which one parameter is above and below its value by so much."""
        path = (*self._path, "parameter")
        name, _, key = raw.rpartition(".") if isinstance(raw, str) else ("", "", "")
        there = {
            f"{part.name}.{background}": (part, background)
            for part in self._parts.values()
            for background in part.detector.backgrounds.spectra
        }
        if name in self._faulty_backgrounds():
            return ()
        if name not in there:
            known = nearest_or_all(name, there) if there else "no background has a spectrum"
            form = 'it must be a parameter of a background, such as "NaI.falling.slope_keV"'
            self._report.add(path, f"found {written(raw)}, {form}: {known}")
            return ()
        part, background = there[name]
        given = part.detector.backgrounds.spectra[background]
        known_keys = [each for each in SPECTRA[given["spectrum"]] if each in given]
        if key not in known_keys:
            hint = nearest_or_all(key, known_keys) if known_keys else "it has none"
            self._report.add(path, f"unknown parameter {quoted(key)} of {quoted(background)}, {hint}")
            return ()
        if part.bins is None:
            return ()
        try:
            sides = [
                part.detector.backgrounds.at(background, key, float(given[key]) + shift, part.bins)
                for shift in (above, -below)
            ]
        except InputError as error:
            self._report.add((*self._path, "width"), f"at one standard deviation, {error}: use a smaller one", path)
            return ()
        return (Shape(part.name, background, sides[0], sides[1], normalised=False),)

    def _responses(self, raw: Mapping[str, Any]) -> tuple[ResponseVariation, ...]:
        """Return the experiments whose quenching, efficiency or both are varied, at both sides."""
        sides: dict[str, tuple[Reconstruction, Reconstruction]] = {}
        experiments: dict[str, Experiment] = {}
        for key in ("quenching", "efficiency"):
            path = (*self._path, key)
            for name, given in self._report.table(raw.get(key, {}), path, "{ CsI2017 = ... }").items():
                experiment = self._with_response(name, key, (*path, name))
                if experiment is None or not isinstance(experiment.reconstruction, Reconstruction):
                    continue
                experiments[name] = experiment
                plus, minus = sides.get(name, (experiment.reconstruction, experiment.reconstruction))
                varied = self._varied(key, given, experiment, (*path, name))
                if varied is not None:
                    sides[name] = (replace(plus, **{key: varied[0]}), replace(minus, **{key: varied[1]}))
        found = [
            ResponseVariation(*(replace(experiments[name], reconstruction=side) for side in both))
            for name, both in sides.items()
        ]
        return (*found, *self._matrices(raw.get("matrix", {}), (*self._path, "matrix")))

    def _matrices(self, raw: object, path: KeyPath) -> Iterator[ResponseVariation]:
        """Yield the experiments whose response matrix is varied."""
        for name, given in self._report.table(raw, path, "{ SR0 = { plus = ..., minus = ... } }").items():
            part = self._part(name, (*path, name))
            experiment = None if part is None else part.experiment()
            if experiment is None:
                continue
            nominal = experiment.reconstruction
            if not isinstance(nominal, ResponseMatrix):
                self._report.add((*path, name), f"{name} has no response matrix to vary")
                continue
            _, bad = self._report.check(MatrixVariation, given, (*path, name), "{ plus = ..., minus = ... }")
            if bad or not isinstance(given, dict):
                continue
            make = [
                partial(read_matrix, given[side], nominal.dimensions, (*path, name, side), self._report)
                for side in ("plus", "minus")
            ]
            both = [self._report.once("matrix", (each.args[0], nominal), each) for each in make]
            if both[0] is not None and both[1] is not None:
                yield ResponseVariation(*(replace(experiment, reconstruction=side) for side in both))

    def _with_response(self, name: str, key: str, path: KeyPath) -> Experiment | None:
        part = self._part(name, path)
        experiment = None if part is None else part.experiment()
        if part is None or experiment is None:
            return None
        if not isinstance(experiment.reconstruction, Reconstruction):
            by_matrix = f"the response of {name} is a matrix: vary it with matrix = {{ {name} = ... }}"
            none = f"{name} has no [experiments.response] to vary"
            self._report.add(path, none if experiment.reconstruction is None else by_matrix)
            return None
        if experiment.signal_template is None:
            return experiment
        if name not in self._references:
            return None  # it has a fault of its own
        made_with = "response_efficiency" if key == "efficiency" else key
        if made_with not in self._references[name].keys:
            self._report.add(
                path,
                f"the signal of {name} is a template, which includes the response: use a shape, or give {made_with} "
                f"in experiments.{name}.template_reference",
            )
            return None
        return experiment

    def _varied(self, key: str, given: object, experiment: Experiment, path: KeyPath) -> tuple[Any, Any] | None:
        """Return the quenching or the efficiency to either side."""
        if key == "efficiency":
            _, bad = self._report.check(EfficiencyVariation, given, path, "{ plus = ..., minus = ... }")
            if bad or not isinstance(given, dict):
                return None
            both = [build_efficiency(given[side], (*path, side), self._report) for side in ("plus", "minus")]
            return None if both[0] is None or both[1] is None else (both[0], both[1])
        varied = self._quenchings(given, experiment, path)
        for quenching in varied or ():
            reconstruction = experiment.reconstruction
            assert isinstance(reconstruction, Reconstruction)  # `_with_response` has seen to it
            fault = check_quenching(
                replace(reconstruction, quenching=quenching),
                experiment.target.isotopes,
                highest_recoil_keV(self._parts[experiment.name]),
            )
            if fault is not None:
                self._report.add(path, fault)
                return None
        return varied

    def _quenchings(
        self, given: object, experiment: Experiment, path: KeyPath
    ) -> tuple[_Quenchings, _Quenchings] | None:
        if isinstance(given, dict):
            _, bad = self._report.check(QuenchingVariation, given, path)
            if bad:
                return None
            both = [
                build_quenching(given[side], experiment.target, (*path, side), self._report)
                for side in ("plus", "minus")
            ]
            return None if both[0] is None or both[1] is None else (both[0], both[1])
        width = finite(given)
        if width is None or width <= 0.0:
            self._report.add(
                path, f"found {written(given)}, it must be a positive number, or {{ plus = ..., minus = ... }}"
            )
            return None
        chain = experiment.reconstruction
        nominal = chain.quenching if isinstance(chain, Reconstruction) else None
        if not isinstance(nominal, PolynomialQuenching) or nominal.coefficients.size != 2 or nominal.coefficients[0]:
            self._report.add(
                path,
                f"found {width:g} for a quenching factor that is not constant: use {{ plus = ..., minus = ... }}",
            )
            return None
        factor = float(nominal.coefficients[1])
        if width >= factor:
            self._report.add(path, f"found {width:g}, it must be below the quenching factor itself, {factor:g}")
            return None
        return tuple(PolynomialQuenching(np.array([0.0, factor + sign * width])) for sign in (1.0, -1.0))  # type: ignore[return-value]
