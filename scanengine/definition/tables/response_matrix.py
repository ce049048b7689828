"""A response given as a matrix: shares of recoils in bins of any quantities, at some recoil energies."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field, SkipValidation

from scanengine.definition.reading.arrays import energies_of, read_array
from scanengine.definition.reading.columns import read_rows
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.table import Number, Table
from scanengine.definition.tables.edges import build_edges
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.response_matrix import Dimensions, ResponseMatrix

_EXAMPLE = '{ glob = "{data}/release/mono_*.h5", dataset = "template" } or { file = "matrix.txt" }'


class MatrixFiles(Table):
    """R(bin | T), linear between recoil energies: a text file with a row for each, energy in keV and share in each
    bin; or an HDF5 file for each, with the energy in its name.
    """

    file: str | None = Field(None, description="Text file, relative to the scan file's directory or {data}/...")
    glob: str | None = Field(None, description="HDF5 files, with * where the recoil energy in keV is in the name.")
    dataset: str | None = Field(None, description="Dataset in each HDF5 file, with a dimension for each quantity.")


class MatrixTable(Table):
    """A response that is a matrix, in place of quenching, resolution and efficiency."""

    matrix: Annotated[MatrixFiles, SkipValidation] = Field(description="Files that hold it.")
    bins: Annotated[dict[str, list[Number]], SkipValidation] = Field(
        description="Edges of the bins by quantity, in the order of the matrix' dimensions: the last runs fastest."
    )


class MatrixVariation(Table):
    """A response matrix at one standard deviation to either side, in the bins of the nominal one."""

    plus: Annotated[MatrixFiles, SkipValidation] = Field(description="At +1 standard deviation.")
    minus: Annotated[MatrixFiles, SkipValidation] = Field(description="At -1 standard deviation.")


def build_matrix(raw: dict[str, Any], path: KeyPath, report: Report) -> ResponseMatrix | None:
    """Return the response, or None after adding its faults to the report."""
    _, bad = report.check(MatrixTable, raw, path)
    if bad & {"matrix", "bins"}:
        return None
    dimensions: list[tuple[str, FloatArray]] = []
    given = report.table(raw["bins"], (*path, "bins"), "{ cs2 = [90, 170, 250, 500] }")
    for name, edges in given.items():
        found = build_edges(edges, (*path, "bins", name), report)
        if found is not None:
            dimensions.append((name, found))
    if isinstance(raw["bins"], dict) and not given:
        report.add((*path, "bins"), "found no bins, it must have those of one quantity at least")
    if bad or not given or len(dimensions) < len(given):
        return None
    return read_matrix(raw["matrix"], tuple(dimensions), (*path, "matrix"), report)


def read_matrix(raw: object, dimensions: Dimensions, path: KeyPath, report: Report) -> ResponseMatrix | None:
    """Return the matrix that files hold in these bins, or None after its fault."""
    table, bad = report.check(MatrixFiles, raw, path, _EXAMPLE)
    if bad or not isinstance(raw, dict) or not report.exactly_one(raw, ("file", "glob"), path, MatrixFiles):
        return None
    if (table.glob is None) == ("dataset" in raw):
        report.add((*path, "dataset"), "it must be given with glob, and with nothing else")
        return None
    shape = tuple(edges.size - 1 for _, edges in dimensions)
    try:
        if table.file is not None:
            names = ["recoil_keV", *(f"bin {index + 1}" for index in range(int(np.prod(shape))))]
            rows = read_rows(report.files, table.file, names).values
            return ResponseMatrix(rows[:, 0].copy(), rows[:, 1:].copy(), dimensions)
        names_of = energies_of(report.files, table.glob or "")
        arrays = {energy: read_array(report.files, name, table.dataset or "") for energy, name in names_of}
        odd = next((name for energy, name in names_of if arrays[energy].shape != shape), None)
        if odd is None:
            rows = np.array([array.ravel() for array in arrays.values()])
            return ResponseMatrix(np.array(list(arrays)), rows, dimensions)
        report.add(path, f"{odd}: the bins are {' x '.join(map(str, shape))}, the dataset has others")
    except InputError as error:
        report.add(path, str(error))
    return None
