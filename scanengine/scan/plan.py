"""What the result file of a scan is to hold, and what its numbers depend on."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scanengine.chi2.given import OwnCrossSection
from scanengine.definition import Output
from scanengine.definition.identity import identity
from scanengine.grid.profiles import Fit
from scanengine.grid.tiling import SomeTiles
from scanengine.inputs.detectors import Binning
from scanengine_kernels._sources import source_hash

if TYPE_CHECKING:
    from scanengine.scan.found import Found
    from scanengine.scan.grid_scan import GridScan
    from scanengine.scan.problem import Problem
    from scanengine.store import AttributeValue, Encoding, GridPlan, ResponseArray


GRID_ERRORS = "grid_errors_"
"""What the attributes with the errors of the grid's own lines begin with, before the axis' name."""


ROUNDING_NEAR = "rounding_near_minimum"
"""The attribute with the rounding of the root of chi2 where limits are."""


def plan_of(grid: GridScan) -> GridPlan:
    """Return what the result file of a scan is to hold."""
    from scanengine.store import GridPlan

    problem, tiles = grid.problem, grid.tiles
    definition = problem.definition
    return GridPlan(
        axes=definition.axes,
        definition=definition.text,
        tile_shape=tiles.tile_shape,
        overrides=definition.overrides,
        responses=_response_arrays(problem),
        planes=definition.output.planes,
        marginals=definition.output.marginals,
        attributes=attributes_of(problem),
        identity={**identity(definition), **_software(), **_given(problem)},
        keep=definition.output.keep,
        encoding=encoding_of(definition.output),
        compiled=problem.compiled,
        tiles=tiles.numbers if isinstance(tiles, SomeTiles) and tiles.number < prod(tiles.counts) else None,
    )


def attributes_of(problem: Problem) -> dict[str, AttributeValue]:
    """Return what the file's attributes tell of a scan before it has begun."""
    definition = problem.definition
    return {"title": definition.title, "targets": definition.targets, **_evaluation(problem)}


def encoding_of(output: Output) -> Encoding:
    """Return how the numbers of a grid are kept."""
    from scanengine.store import Encoding

    dtype = np.dtype(output.precision).newbyteorder("<")
    return Encoding(dtype, output.compression, output.relative_error)


def _software() -> dict[str, str]:
    """Which code made the numbers: another one may differ in the last digit, or more."""
    from scanengine import __version__

    return {"scanengine": __version__, "kernels": source_hash()}


def _given(problem: Problem) -> dict[str, str]:
    """Which cross-section was given, by its code."""
    if problem.cross_section is None:
        return {}
    functions = OwnCrossSection.of(problem.cross_section).functions
    code = b"".join(_code(function) for function in functions)
    return {"cross_section": f"{functions[0].__name__} ({hashlib.sha256(code).hexdigest()[:12]})"}


def _code(function: Callable[..., Any]) -> bytes:
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError):  # typed in, not written in a file
        return bytes(function.__code__.co_code)


def _evaluation(problem: Problem) -> dict[str, AttributeValue]:
    """What chi2 is, how it was evaluated and up to where, for the file's attributes."""
    definition = problem.definition
    evaluation: dict[str, AttributeValue] = {}
    if definition.output.delta_chi2_max is not None:
        evaluation["delta_chi2_max"] = definition.output.delta_chi2_max
    evaluation |= {
        "rounding": problem.rounding,
        "statistic": problem.statistic,
        "evaluation": definition.physics.evaluation,
    }
    if problem.cross_section is not None:
        function, *_ = OwnCrossSection.of(problem.cross_section).functions
        evaluation |= {"evaluation": "direct", "cross_section": function.__name__}
    return evaluation


def _response_arrays(problem: Problem) -> dict[str, ResponseArray]:
    from scanengine.store import ResponseArray

    arrays = {}
    for response in problem.responses:
        name = f"{response.experiment}__{response.channel}__{response.flavour}"
        of = "" if response.recoil == "nucleus" else response.recoil
        name += f"__{of}" if of else ""
        arrays[name] = ResponseArray(
            response.integrals,
            (f"{response.experiment} bin", f"{of} term".lstrip()),
            {
                "units": "counts",
                "terms": response.interactions.pairs,
                **_edges(response.binning),
                "couplings": problem.definition.physics.couplings,
            },
        )
    return arrays


def _edges(binning: Binning) -> dict[str, list[float]]:
    """The edges of the bins by the units they are in, for the file's attributes."""
    edges = {f"bin_edges_{binning.units}": binning.energy_edges.tolist()}
    if binning.time_edges_us is not None:
        edges["time_edges_us"] = binning.time_edges_us.tolist()
    return edges


def found_attributes(found: Found) -> dict[str, AttributeValue]:
    """Return what a scan has found beside its numbers, for the file's attributes.

    What the grid's own minima miss is there row after row for each line.
    """
    attributes = fit_attributes(found.fit)
    if found.rounding_near is not None:
        attributes[ROUNDING_NEAR] = found.rounding_near
    for name, rows in found.grid_errors.items():
        attributes |= {f"{GRID_ERRORS}{name}": rows.ravel().tolist(), "exact_possible": found.exact_possible}
    return attributes


def fit_attributes(fit: Fit) -> dict[str, AttributeValue]:
    """Return what is told of the minimum, for the file's attributes."""
    attributes: dict[str, AttributeValue] = {} if fit.dof is None else {"degrees_of_freedom": fit.dof}
    if fit.few_counts:
        attributes["bins_of_few_counts"] = fit.few_counts
    if fit.nuisances:
        attributes |= {
            "nuisances": [each.name for each in fit.nuisances],
            "nuisance_values": [each.value for each in fit.nuisances],
            "nuisance_pulls": [each.pull for each in fit.nuisances],
        }
    if free := [each.name for each in fit.nuisances if each.free]:
        attributes["free_nuisances"] = free
    if fit.negative:
        attributes |= {
            "negative_backgrounds": [each.name for each in fit.negative],
            "negative_background_counts": [each.counts for each in fit.negative],
            "negative_background_bins": [each.bins for each in fit.negative],
        }
    return attributes
