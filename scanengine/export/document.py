"""A likelihood as numbers: rows of polynomials whose squares or Poisson terms add up to chi2, and nuisances.

docs/likelihood-files.md says what each key means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from scanengine.chi2.nuisances import fewest_rows
from scanengine.definition import Definition
from scanengine.export.bins import bins
from scanengine.grid.axes import Axis, FloatArray
from scanengine.likelihood.profiled import Likelihood

if TYPE_CHECKING:
    from scanengine.inference.fitting import Minimum

FORMAT = "scanengine-likelihood"
FORMAT_VERSION = 1
LIST_VERSION = 2
"""The version of files with a likelihood for each value of outer axes."""

Document = dict[str, Any]
"""What a likelihood file holds, as `json` reads it."""

_GEOMETRIC = 1e-9
"""Values whose ratios differ by less lie on a logarithmic axis."""


def build(
    definition: Definition, likelihood: Likelihood, minima: Sequence[Minimum], standard_model: Mapping[str, float]
) -> Document:
    """Return the likelihood of a definition within its axes, with its minima, the lowest first."""
    return {
        **_heading(definition, FORMAT_VERSION),
        **_numbers(definition, likelihood),
        **_found(minima),
        "standard_model": dict(standard_model),
        "bins": bins(definition, likelihood),
    }


def build_list(
    definition: Definition,
    inside: Sequence[tuple[Definition, Likelihood, Sequence[Minimum]]],
    standard_model: Mapping[str, float],
) -> Document:
    """Return the likelihoods of a definition at all values of its outer axes, in C order: with the definition there,
    and with its minima, the lowest first.
    """
    names = [axis.name for axis in definition.outer]
    points = product(*(axis.values.tolist() for axis in definition.outer))
    minima = [
        replace(minimum, place=dict(zip(names, point, strict=True)) | minimum.place)
        for point, (_, _, found) in zip(points, inside, strict=True)
        for minimum in found
    ]
    return {
        **_heading(definition, LIST_VERSION),
        "outer": [_outer(axis) for axis in definition.outer],
        **_found(sorted(minima, key=lambda minimum: minimum.chi2)),
        "standard_model": dict(standard_model),
        "likelihoods": [
            {**_numbers(each, likelihood), **_found(found), "bins": bins(each, likelihood)}
            for each, likelihood, found in inside
        ],
    }


def _heading(definition: Definition, version: int) -> Document:
    from scanengine import __version__

    return {
        "format": FORMAT,
        "format_version": version,
        "scanengine_version": __version__,
        "title": definition.title,
        "definition": definition.text,
        "definition_overrides": list(definition.overrides),
    }


def _found(minima: Sequence[Minimum]) -> Document:
    return {
        "minimum": minima[0].chi2,
        "best_fit": minima[0].place,
        "minima": [{"chi2": minimum.chi2, "at": minimum.place} for minimum in minima],
    }


def _numbers(definition: Definition, likelihood: Likelihood) -> Document:
    """Return what chi2 is made of."""
    # a coupling whose square alone enters has polynomials in that square
    coordinates = definition.in_coordinates
    axes, parameters = coordinates.axes, coordinates.parameters
    squared = definition.parameters.squared or (False,) * len(axes)
    variables = likelihood.excess_polynomials(axes, parameters)
    centres, half_widths, excess = variables.centre, variables.half_width, variables.coefficients
    signal = likelihood.count_polynomials(axes, parameters).coefficients
    poisson = np.sort(np.concatenate((likelihood.rows.seen, likelihood.rows.empty)))
    squares, weights = _squares(likelihood, excess)
    return {
        "parameters": [
            _parameter(axis, float(centre), float(half_width), square)
            for axis, centre, half_width, square in zip(definition.axes, centres, half_widths, squared, strict=True)
        ],
        "exponents": [list(powers) for powers in variables.monomials.exponents],
        "squares": trimmed(squares[0]),
        **({} if np.all(weights == 1.0) else {"weights": weights.tolist()}),
        **(
            {
                "poisson": {
                    "counts": trimmed(signal[poisson]),
                    "background": likelihood.templates.constant[0, poisson].tolist(),
                    "data": likelihood.data[poisson].tolist(),
                }
            }
            if poisson.size
            else {}
        ),
        **(_nuisances(likelihood, squares, excess[:, :, poisson]) if likelihood.nuisances else {}),
    }


def _outer(axis: Axis) -> dict[str, object]:
    return {
        "name": axis.name,
        "units": axis.units,
        "long_name": axis.long_name,
        "values": axis.values.tolist(),
        "spacing": _spacing(axis),
    }


def _parameter(axis: Axis, centre: float, half_width: float, square: bool) -> dict[str, object]:
    return {
        "name": axis.name,
        "units": axis.units,
        "long_name": axis.long_name,
        "centre": centre,
        "half_width": half_width,
        **({"squared": True} if square else {}),
        "min": float(axis.values[0]),
        "max": float(axis.values[-1]),
        "spacing": _spacing(axis),
    }


def _spacing(axis: Axis) -> str:
    ratios = np.diff(np.log(axis.values)) if axis.values[0] > 0.0 else np.zeros(0)
    log = axis.values.size > 2 and ratios.size > 0 and float(np.ptp(ratios)) < _GEOMETRIC * float(np.abs(ratios).max())
    return "log" if log else "linear"


def _squares(likelihood: Likelihood, excess: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rows (templates, rows, monomials) whose squares are added, and their weights (rows, 2) above and below
    zero.
    """
    residuals = np.moveaxis(likelihood.rows.residuals(excess), -1, -2)
    even = likelihood.rows.below == 1.0
    symmetric = fewest_rows(residuals[:, even]) if np.any(even) else residuals[:, even]
    # of nuisances alone: backgrounds that must not be negative; what correlations add stands in "pulls"
    walls = likelihood.constraints.above == 0.0
    rows = np.zeros((len(excess), int(walls.sum()), excess.shape[1]))
    rows[:, :, 0] = likelihood.constraints.templates[:, walls]
    below = np.concatenate(
        (np.ones(symmetric.shape[1]), likelihood.rows.below[~even], likelihood.constraints.below[walls])
    )
    above = np.concatenate((np.ones(below.size - rows.shape[1]), likelihood.constraints.above[walls]))
    return np.concatenate((symmetric, residuals[:, ~even], rows), axis=1), np.column_stack((above, below))


def _nuisances(likelihood: Likelihood, squares: FloatArray, counts: FloatArray) -> dict[str, object]:
    """Return the nuisances and what they add to chi2, with their effects per standard deviation on the rows of squares
    (templates, rows, monomials) and on Poisson counts (templates, monomials, cells).
    """
    found = []
    templates = likelihood.templates
    for k, nuisance in enumerate(likelihood.nuisances):
        sides = {"above": 1 + k, **({"below": int(templates.below[k])} if templates.two_sided[k] else {})}
        found.append(
            {
                "name": nuisance.name,
                "width": nuisance.width,
                **({} if nuisance.width_below is None else {"width_below": nuisance.width_below}),
                "pull": nuisance.pull,
                **{
                    side: {
                        "squares": trimmed(squares[template] / templates.steps[k]),
                        "counts": trimmed(counts[template].T / templates.steps[k]),
                    }
                    for side, template in sides.items()
                },
            }
        )
    gaussian = np.array([nuisance.pull == "gaussian" for nuisance in likelihood.nuisances])
    pulls = np.linalg.cholesky(np.linalg.inv(likelihood.constraints.correlation)).T
    return {"nuisances": found, "pulls": trimmed(pulls[gaussian])}


def trimmed(rows: FloatArray) -> list[list[float]]:
    """Return rows as lists without the zeros they end in."""
    kept = [int(np.flatnonzero(row)[-1]) + 1 if np.any(row) else 0 for row in rows]
    return [row[:end].tolist() for row, end in zip(rows, kept, strict=True)]
