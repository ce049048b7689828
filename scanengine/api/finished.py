"""Results of finished scans: out of a file, or of this process's memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanengine.api.numbers import Numbers
from scanengine.api.origin import InFile, InMemory
from scanengine.api.result import Result
from scanengine.definition import STATISTICS
from scanengine.errors import InputError
from scanengine.grid.arguments import path as path_of
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import Fit, FittedNuisance, NegativeBackground
from scanengine.scan.found import Found
from scanengine.scan.plan import GRID_ERRORS, ROUNDING_NEAR
from scanengine.scan.problem import Problem

if TYPE_CHECKING:
    from scanengine.store import StoredResult

_HALF_A_DIGIT = {"float64": 2.0**-53, "float32": 2.0**-24}


def from_memory(problem: Problem, found: Found, chi2: FloatArray | None) -> Result:
    """Return the result of a scan without a file, with its grid if that was kept."""
    definition = problem.definition
    numbers = Numbers(
        definition.axes,
        found.profiles,
        found.exact,
        InMemory(definition, chi2, problem.cross_section is not None),
        delta_chi2_max=definition.output.delta_chi2_max or math.inf,
        rounding=problem.rounding,
        rounding_near=found.rounding_near,
        grid_rounding=_HALF_A_DIGIT[definition.output.precision],
        grid_errors=found.grid_errors,
        exact_possible=found.exact_possible,
    )
    targets = definition.targets
    return Result(definition.title, numbers, statistic=problem.statistic, fit=found.fit, targets=targets)


def open_result(path: str | Path) -> Result:
    """Open a result file; its grid stays on disk. Raises InputError, saying what is wrong with the file, if it is not
    one.

    >>> scan = scanengine.load("scholberg2006/fig08")
    >>> scan.run("fig08.h5").path
    PosixPath('fig08.h5')
    >>> scanengine.open_result("fig08.h5").shape
    (401, 441)
    """
    from scanengine import store  # HDF5 waits until there is a file

    return from_stored(store.open_result(path_of(path, "a result file")))


def from_stored(stored: StoredResult) -> Result:
    """Return the result that a file holds. Raises InputError if it is damaged."""
    title = str(stored.attributes.get("title", ""))
    statistic = stored.attributes.get("statistic", "gaussian")  # 0.1.0 knew no other
    highest = stored.attributes.get("delta_chi2_max", math.inf)
    if statistic not in (*STATISTICS, "mixed"):
        raise InputError(f"{stored.path} is damaged: its statistic is {statistic!r}; run the scan again")
    if not (isinstance(highest, int | float) and highest > 0.0):
        raise InputError(f"{stored.path} is damaged: its delta_chi2_max is {highest!r}; run the scan again")
    numbers = Numbers(
        stored.axes,
        stored.profiles,
        stored.exact_profiles,
        InFile(stored, of_sent_file),
        delta_chi2_max=float(highest),
        rounding=_rounding(stored, "rounding") or 0.0,
        rounding_near=_rounding(stored, ROUNDING_NEAR),
        grid_rounding=stored.relative_rounding,
        grid_errors=_stored_errors(stored),
        exact_possible=stored.attributes.get("exact_possible", 0) == 1,
    )
    return Result(
        title,
        numbers,
        statistic=str(statistic),
        fit=_stored_fit(stored.attributes),
        targets=_texts(stored.attributes, "targets"),
        instruction_sets=_texts(stored.attributes, "instruction_sets"),
        path=stored.path,
    )


def _rounding(stored: StoredResult, name: str) -> float | None:
    """Return how far the root of chi2 is rounded, None where that is not told. Raises InputError if it is no number."""
    if name not in stored.attributes:
        return None
    value = stored.attributes[name]
    if not (isinstance(value, int | float) and value >= 0.0):
        raise InputError(f"{stored.path} is damaged: its {name} is {value!r}; run the scan again")
    return float(value)


def of_sent_file(path: Path, digest: str) -> Result:
    """Open the file of a result that came from another process. Raises InputError if it is not the same here."""
    from scanengine import store

    try:
        stored = store.open_result(path)
    except InputError as error:
        raise InputError(f"this result was sent from another process as the path of its file: {error}") from None
    if stored.digest != digest:
        raise InputError(
            f"{path} has changed: it is not the result that another process had opened there and sent; "
            "open_result reads what is there now"
        )
    return from_stored(stored)


def _stored_errors(stored: StoredResult) -> dict[str, FloatArray]:
    """Return what a file tells of the errors of its grid's own lines. Raises InputError if it is damaged."""
    found = {}
    for axis in stored.axes:
        numbers = stored.attributes.get(f"{GRID_ERRORS}{axis.name}", ())
        rows = np.atleast_1d(np.array(numbers if isinstance(numbers, tuple) else (numbers,)))
        if rows.size % (3 + len(stored.axes)) or (rows.size and (rows.dtype.kind != "f" or not np.all(rows >= 0.0))):
            raise InputError(
                f"{stored.path} is damaged: its {GRID_ERRORS}{axis.name} are no errors; run the scan again"
            )
        if rows.size:
            found[axis.name] = rows.reshape(-1, 3 + len(stored.axes))
    return found


def _stored_fit(attributes: Mapping[str, object]) -> Fit:
    """Return what a file's attributes tell of the minimum."""
    fitted = _rows(attributes, "nuisances", "nuisance_values", "nuisance_pulls")
    negative = _rows(attributes, "negative_backgrounds", "negative_background_counts", "negative_background_bins")
    dof, few = attributes.get("degrees_of_freedom"), attributes.get("bins_of_few_counts")
    free = _texts(attributes, "free_nuisances")
    return Fit(
        tuple(FittedNuisance(str(name), float(value), float(pull), name in free) for name, value, pull in fitted),
        dof if isinstance(dof, int) else None,
        few if isinstance(few, int) else 0,
        tuple(NegativeBackground(str(name), float(counts), int(bins)) for name, counts, bins in negative),
    )


def _texts(attributes: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return an attribute that is a text or several; None if it is missing."""
    found = attributes.get(name, ())
    return tuple(map(str, found)) if isinstance(found, tuple) else (str(found),)


def _rows(attributes: Mapping[str, object], *names: str) -> Iterator[tuple[Any, ...]]:
    """Return attributes that are parallel lists, without the missing ones."""
    columns = [attributes.get(name, ()) for name in names]
    return zip(*(column if isinstance(column, tuple) else () for column in columns), strict=True)
