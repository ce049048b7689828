"""Counts per bin in a scan file: lists, or histograms and lists of events in files, and products of such factors."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from scanengine.definition.reading.arrays import read_array
from scanengine.definition.reading.columns import read_rows
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.reading.table import file_of
from scanengine.definition.tables.detector_schema import ArrayFile, FallingFactor, HistogramFile, ProductTable
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.detectors import Binning, DetectorResponse
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Shown

_ROUNDING = 1e-5
"""Numbers in a file that should add up to 1 may exceed it by this much."""

_EXAMPLE = '{ file = "counts.txt", columns = ["energy", "time_us", "counts"] }'


@dataclass(frozen=True, eq=False)
class Bins:
    """What counts are put into, and what rows of a file may have to go through first."""

    binning: Binning
    reconstruction: DetectorResponse | None
    time_efficiency: Acceptance | None
    gaussian: bool = False
    """Whether a Gaussian chi2 compares the counts: data and backgrounds, as after a subtraction, may be negative."""
    written_edges: FloatArray | None = None
    """Edges of the bins of energy that counts in lists are of, where some of these lie below a threshold."""

    def build(
        self,
        raw: object,
        path: KeyPath,
        report: Report,
        *,
        product: bool = True,
        may_vanish: bool = False,
        signed: bool = False,
    ) -> FloatArray | None:
        """Return counts (bins,), flattened, or None after adding their fault.

        They may be a product of factors where that is allowed, all zero where they `may_vanish`, and negative where
        they may be `signed` and a Gaussian chi2 compares them.
        """
        lowest = -inf if signed and self.gaussian else 0.0
        names = tuple(self.binning.edges)
        try:
            if product and isinstance(raw, dict) and {"energy", "time"} & set(raw):
                counts = self._product(raw, path, report, lowest)
            else:
                counts = self._counts(raw, names, path, report, lowest)
        except InputError as error:
            report.add(path, str(error))
            return None
        if counts is not None and not may_vanish and not np.any(counts != 0.0):
            report.add(path, "found zero in every bin, there must be counts in one at least")
            return None
        return None if counts is None else counts.ravel()

    def shares_in_time(self, raw: object, path: KeyPath, report: Report) -> FloatArray | None:
        """Return shares (time bins,) from numbers or a file, or None after adding their fault."""
        try:
            shares = self._counts(raw, ("time_us",), path, report)
        except InputError as error:
            report.add(path, str(error))
            return None
        if shares is None or 0.0 < shares.sum() <= 1.0 + _ROUNDING:
            return shares
        report.add(path, f"the shares add up to {shares.sum():.6g}, they must to a number in (0, 1]")
        return None

    def _counts(
        self, raw: object, names: tuple[str, ...], path: KeyPath, report: Report, lowest: float = 0.0
    ) -> FloatArray | None:
        """Return counts in the bins of some quantities, none of which may be below `lowest`."""
        if isinstance(raw, list):
            return self._inline(raw, names, lowest)
        raw = file_of(raw)
        if not isinstance(raw, dict):
            raise InputError(
                f"found {written(raw)}, it must be a list of counts per bin, or a table, such as {_EXAMPLE}"
            )
        if "dataset" in raw:
            return self._array(raw, names, path, report, lowest)
        table, bad = report.check(HistogramFile, raw, path)
        return None if bad else self._histogram(table, names, report, lowest)

    def _inline(self, raw: list[Any], names: tuple[str, ...], lowest: float) -> FloatArray:
        shape = tuple(
            (self._edges_of_lists if name == "energy" else self.binning.edges[name]).size - 1 for name in names
        )
        found = _shape(raw)
        if found != shape:
            wanted = " x ".join(f"{n} of {name}" for n, name in zip(shape, names, strict=True))
            raise InputError(f"found {_bins(found)}, the bins are {wanted}")
        counts = np.array(_flat(raw)).reshape(shape)
        if np.any(counts < lowest):
            raise InputError(f"found {counts.min():g}, counts must not be negative{self._unless_gaussian}")
        return self._above_threshold(counts) if names[0] == "energy" else counts

    @property
    def _edges_of_lists(self) -> FloatArray:
        return self.binning.energy_edges if self.written_edges is None else self.written_edges

    def _above_threshold(self, counts: FloatArray) -> FloatArray:
        """Return counts (bins, ...) in lists without the bins below the threshold, which must be one of their edges."""
        edges, first = self._edges_of_lists, float(self.binning.energy_edges[0])
        below = int(np.searchsorted(edges, first))
        if below < edges.size and edges[below] != first and np.any(counts[below - 1] != 0.0):
            lo, hi = edges[below - 1], edges[below]
            raise InputError(
                f"the threshold of {first:g} {self.binning.units} divides the bin [{lo:g}, {hi:g}], whose counts in a "
                "list cannot be divided: give a spectrum or a file of events, or make it the edge of a bin"
            )
        return counts[max(below - (edges[below] != first), 0) :]

    def _array(
        self, raw: dict[str, Any], names: tuple[str, ...], path: KeyPath, report: Report, lowest: float
    ) -> FloatArray | None:
        table, bad = report.check(ArrayFile, raw, path)
        if bad:
            return None
        shape = tuple(self.binning.edges[name].size - 1 for name in names)
        counts = read_array(report.files, table.file, table.dataset)
        if counts.shape != shape:
            wanted = " x ".join(f"{n} of {name}" for n, name in zip(shape, names, strict=True))
            raise InputError(f"{table.file}: found {_bins(counts.shape)}, the bins are {wanted}")
        if np.any(counts < lowest):
            found = f"{table.file}: found {counts.min():g}"
            raise InputError(f"{found}, counts must not be negative{self._unless_gaussian}")
        return _scaled(counts, table)

    def _histogram(self, table: HistogramFile, names: tuple[str, ...], report: Report, lowest: float) -> FloatArray:
        files = [table.file] if table.files is None else table.files
        if (table.file is None) == (table.files is None) or not files:
            raise InputError("there must be either file or files")
        if table.smeared and not isinstance(self.reconstruction, Reconstruction):
            raise InputError("found smeared = true, which needs [experiments.response]")
        columns = [*names, "counts"] if table.columns is None else table.columns
        for name in (*names, *(["time_us"] if table.time_efficiency else [])):
            if columns.count(name) != 1:
                raise InputError(
                    f"found the columns {listed(columns)}, there must be one named {quoted(name)}, with its bins"
                )
        counts = np.sum([self._one_file(str(name), table, columns, names, report, lowest) for name in files], axis=0)
        return _scaled(_product_of_projections(counts) if table.projections else counts, table)

    def _one_file(
        self,
        name: str,
        table: HistogramFile,
        columns: list[str],
        names: tuple[str, ...],
        report: Report,
        lowest: float,
    ) -> FloatArray:
        file, rows, lines = read_rows(report.files, name, columns)
        values = {column: rows[:, i] for i, column in enumerate(columns)}
        weights = values.get("counts", np.ones(len(rows)))
        if np.any(weights < lowest):
            row = int(np.argmin(weights))
            found = f"{file}:{lines[row]}: found counts = {weights[row]:g}"
            raise InputError(f"{found}, they must not be negative{self._unless_gaussian}")
        if table.time_efficiency and self.time_efficiency is not None:
            weights = weights * self.time_efficiency(values["time_us"])
        if table.energy_range is not None:
            lo, hi = table.energy_range
            if "energy" not in values or not lo < hi:
                raise InputError(
                    f"found energy_range = {written(table.energy_range)}: it needs a column energy and lo < hi"
                )
            weights = np.where((values["energy"] >= lo) & (values["energy"] < hi), weights, 0.0)
        edges = [self.binning.edges[name] for name in names]
        shape = tuple(edge.size - 1 for edge in edges)
        counts = np.zeros(shape)
        rest = list(zip(names, edges, strict=True))
        smeared = table.smeared and names[0] == "energy"
        where = [_bins_of(values[name] + _shift(table, name), edge) for name, edge in rest[smeared:]]
        inside = np.all([(w >= 0) & (w < n) for w, n in zip(where, shape[smeared:], strict=True)] or [[True]], axis=0)
        inside = np.broadcast_to(inside, weights.shape)
        if not np.any(inside):
            raise InputError(f"{file}: no row lies in the bins: are the columns {listed(columns)}?")
        places = tuple(w[inside] for w in where)
        if smeared:
            shares = self._smear(values["energy"][inside] + table.energy_shift) * weights[inside]
            if not places:
                return np.asarray(shares.sum(axis=1))
            np.add.at(counts, (slice(None), *places), shares)
            return counts
        np.add.at(counts, places, weights[inside])
        if "counts" in values:
            rows_of = np.zeros(shape, dtype=int)
            np.add.at(rows_of, places, 1)
            if np.any(rows_of == 0):
                missing = np.argwhere(rows_of == 0)
                first = ", ".join(
                    f"{name} [{edge[i]:g}, {edge[i + 1]:g}]" for (name, edge), i in zip(rest, missing[0], strict=True)
                )
                raise InputError(f"{file}: found no row for {len(missing)} of {counts.size} bins, the first is {first}")
        return counts

    @property
    def _unless_gaussian(self) -> str:
        return "" if self.gaussian else ", as those of a Poisson likelihood cannot be"

    def _smear(self, x: FloatArray) -> FloatArray:
        """Return the shares (energy bins, rows) of means in the reconstructed quantity."""
        response = self.reconstruction
        assert isinstance(response, Reconstruction)  # `_histogram` has seen to it
        if isinstance(response.light_yield, ByIsotope) or isinstance(response.resolution, ByIsotope):
            raise InputError(
                "found smeared = true with a light yield or a resolution for each element, of which none is that of "
                "the rows: smear them beforehand"
            )
        E_keVee = x / (1.0 if response.light_yield is None else response.light_yield)
        return response.resolution.shares(Shown(E_keVee, x), response.edges, response.efficiency)

    def _product(self, raw: dict[str, Any], path: KeyPath, report: Report, lowest: float) -> FloatArray | None:
        table, bad = report.check(ProductTable, raw, path)
        if bad:
            return None
        if tuple(self.binning.edges) != ("energy", "time_us"):
            raise InputError("found factors in energy and time, which needs bins in both and in nothing else")
        energy = self._counts(raw["energy"], ("energy",), (*path, "energy"), report, lowest)
        in_time = raw["time"]
        if isinstance(in_time, dict) and "kind" in in_time:
            falling, bad = report.check(FallingFactor, in_time, (*path, "time"))
            time = None if bad else _falling(falling.rate_per_us, self.binning.edges["time_us"])
        else:
            time = self._counts(in_time, ("time_us",), (*path, "time"), report)
        return None if energy is None or time is None else _scaled(np.outer(energy, time), table)


def _falling(rate_per_us: float, edges_us: FloatArray) -> FloatArray:
    """Return the shares (bins,) of counts that fall exponentially, or are uniform, between the first and last edge."""
    lengths = np.diff(edges_us)
    if rate_per_us == 0.0:
        return np.asarray(lengths / lengths.sum())
    shares = -np.exp(-rate_per_us * (edges_us[:-1] - edges_us[0])) * np.expm1(-rate_per_us * lengths)
    return np.asarray(shares / shares.sum())


def _product_of_projections(counts: FloatArray) -> FloatArray:
    """Return counts with the same projections on each quantity, as if these were independent."""
    total = counts.sum()
    product = np.full(counts.shape, total)
    for axis in range(counts.ndim if total > 0.0 else 0):
        others = tuple(other for other in range(counts.ndim) if other != axis)
        product *= counts.sum(axis=others, keepdims=True) / total
    return np.asarray(product)


def _scaled(counts: FloatArray, table: HistogramFile | ProductTable | ArrayFile) -> FloatArray:
    if table.total is not None and table.factor is not None:
        raise InputError("found total beside factor: give only one of them")
    if table.total is None:
        return np.asarray(counts * (1.0 if table.factor is None else table.factor))
    if not counts.sum() > 0.0:
        raise InputError(f"found zero in every bin, which cannot be scaled to a total of {table.total:g}")
    return np.asarray(counts * (table.total / counts.sum()))


def _shift(table: HistogramFile, name: str) -> float:
    return table.energy_shift if name == "energy" else 0.0


def _bins_of(values: FloatArray, edges: FloatArray) -> Any:
    return np.searchsorted(edges, values, side="right") - 1


def _shape(raw: object) -> tuple[int, ...]:
    """Return the shape of nested lists, which must be as long as one another."""
    if not isinstance(raw, list):
        if finite(raw) is None:
            raise InputError(f"found {written(raw)} among the counts, they must be finite numbers")
        return ()
    shapes = {_shape(item) for item in raw}
    if len(shapes) > 1:
        raise InputError("found lists of different lengths, there must be as many counts in each")
    return (len(raw), *(shapes.pop() if shapes else ()))


def _flat(raw: object) -> list[float]:
    return [value for item in raw for value in _flat(item)] if isinstance(raw, list) else [finite(raw) or 0.0]


def _bins(shape: tuple[int, ...]) -> str:
    return f"{' x '.join(str(n) for n in shape)} counts"
