"""Nuisances that change how a detector responds: quenching, efficiency, or a response matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from scanengine.definition.model import TemplateReference
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.tables.acceptance import build_efficiency
from scanengine.definition.tables.nuisance_names import Context
from scanengine.definition.tables.nuisance_schema import EfficiencyVariation, QuenchingVariation
from scanengine.definition.tables.quenching import build_quenching, check_quenching
from scanengine.definition.tables.reach import highest_recoil_keV
from scanengine.definition.tables.response_matrix import MatrixVariation, read_matrix
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuisances import ResponseVariation
from scanengine.inputs.quenching import PolynomialQuenching, Quenching
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.response_matrix import ResponseMatrix

_Quenchings = Quenching | ByIsotope[Quenching]


def build_responses(
    raw: Mapping[str, Any], references: Mapping[str, TemplateReference], context: Context
) -> tuple[ResponseVariation, ...]:
    """Return the experiments whose quenching, efficiency or both are varied, at both sides."""
    sides: dict[str, tuple[Reconstruction, Reconstruction]] = {}
    experiments: dict[str, Experiment] = {}
    for key in ("quenching", "efficiency"):
        path = (*context.path, key)
        for name, given in context.report.table(raw.get(key, {}), path, "{ CsI2017 = ... }").items():
            experiment = _with_response(name, key, references, context, (*path, name))
            if experiment is None or not isinstance(experiment.reconstruction, Reconstruction):
                continue
            experiments[name] = experiment
            plus, minus = sides.get(name, (experiment.reconstruction, experiment.reconstruction))
            varied = _varied(key, given, experiment, context, (*path, name))
            if varied is not None:
                sides[name] = (replace(plus, **{key: varied[0]}), replace(minus, **{key: varied[1]}))
    found = [
        ResponseVariation(*(replace(experiments[name], reconstruction=side) for side in both))
        for name, both in sides.items()
    ]
    return (*found, *_matrices(raw.get("matrix", {}), context, (*context.path, "matrix")))


def _matrices(raw: object, context: Context, path: KeyPath) -> Iterator[ResponseVariation]:
    """Yield the experiments whose response matrix is varied."""
    for name, given in context.report.table(raw, path, "{ SR0 = { plus = ..., minus = ... } }").items():
        part = context.part(name, (*path, name))
        experiment = None if part is None else part.experiment()
        if experiment is None:
            continue
        nominal = experiment.reconstruction
        if not isinstance(nominal, ResponseMatrix):
            context.report.add((*path, name), f"{name} has no response matrix to vary")
            continue
        _, bad = context.report.check(MatrixVariation, given, (*path, name), "{ plus = ..., minus = ... }")
        if bad or not isinstance(given, dict):
            continue
        make = [
            partial(read_matrix, given[side], nominal.dimensions, (*path, name, side), context.report)
            for side in ("plus", "minus")
        ]
        both = [context.report.once("matrix", (each.args[0], nominal), each) for each in make]
        if both[0] is not None and both[1] is not None:
            yield ResponseVariation(*(replace(experiment, reconstruction=side) for side in both))


def _with_response(
    name: str, key: str, references: Mapping[str, TemplateReference], context: Context, path: KeyPath
) -> Experiment | None:
    part = context.part(name, path)
    experiment = None if part is None else part.experiment()
    if part is None or experiment is None:
        return None
    if not isinstance(experiment.reconstruction, Reconstruction):
        by_matrix = f"the response of {name} is a matrix: vary it with matrix = {{ {name} = ... }}"
        none = f"{name} has no [experiments.response] to vary"
        context.report.add(path, none if experiment.reconstruction is None else by_matrix)
        return None
    if experiment.signal_template is None:
        return experiment
    if name not in references:
        return None  # it has a fault of its own
    made_with = "response_efficiency" if key == "efficiency" else key
    if made_with not in references[name].keys:
        context.report.add(
            path,
            f"the signal of {name} is a template, which includes the response: use a shape, or give {made_with} "
            f"in experiments.{name}.template_reference",
        )
        return None
    return experiment


def _varied(key: str, given: object, experiment: Experiment, context: Context, path: KeyPath) -> tuple[Any, Any] | None:
    """Return the quenching or the efficiency to either side."""
    if key == "efficiency":
        _, bad = context.report.check(EfficiencyVariation, given, path, "{ plus = ..., minus = ... }")
        if bad or not isinstance(given, dict):
            return None
        both = [build_efficiency(given[side], (*path, side), context.report) for side in ("plus", "minus")]
        return None if both[0] is None or both[1] is None else (both[0], both[1])
    varied, parts = _quenchings(given, experiment, path, context.report), context.parts[experiment.name]
    for quenching in varied or () if parts.source is not None else ():  # which may have a fault of its own
        reconstruction = experiment.reconstruction
        assert isinstance(reconstruction, Reconstruction)  # `_with_response` has seen to it
        fault = check_quenching(
            replace(reconstruction, quenching=quenching),
            experiment.target.isotopes,
            highest_recoil_keV(parts),
        )
        if fault is not None:
            context.report.add(path, fault)
            return None
    return varied


def _quenchings(
    given: object, experiment: Experiment, path: KeyPath, report: Report
) -> tuple[_Quenchings, _Quenchings] | None:
    if isinstance(given, dict):
        _, bad = report.check(QuenchingVariation, given, path)
        if bad:
            return None
        both = [build_quenching(given[side], experiment.target, (*path, side), report) for side in ("plus", "minus")]
        return None if both[0] is None or both[1] is None else (both[0], both[1])
    width = finite(given)
    if width is None or width <= 0.0:
        report.add(path, f"found {written(given)}, it must be a positive number, or {{ plus = ..., minus = ... }}")
        return None
    chain = experiment.reconstruction
    nominal = chain.quenching if isinstance(chain, Reconstruction) else None
    if not isinstance(nominal, PolynomialQuenching) or nominal.coefficients.size != 2 or nominal.coefficients[0]:
        report.add(
            path,
            f"found {width:g} for a quenching factor that is not constant: use {{ plus = ..., minus = ... }}",
        )
        return None
    factor = float(nominal.coefficients[1])
    if width >= factor:
        report.add(path, f"found {width:g}, it must be below the quenching factor itself, {factor:g}")
        return None
    return tuple(PolynomialQuenching(np.array([0.0, factor + sign * width])) for sign in (1.0, -1.0))  # type: ignore[return-value]
