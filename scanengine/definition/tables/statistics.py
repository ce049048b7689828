"""The statistic of each experiment of a scan file: its kind, and the uncertainty of its data where that is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanengine.definition.model import STATISTICS, Statistic
from scanengine.definition.reading.columns import read_rows
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import quoted, written
from scanengine.definition.reading.table import file_of
from scanengine.definition.tables.nuisance_schema import CovarianceFile, ExperimentStatisticTable
from scanengine.definition.tables.parts import Parts
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

_UNCERTAINTIES = ("variance", "covariance", "sigma_above")
_FORM = ", ".join(map(quoted, STATISTICS)) + ' or a table, such as { kind = "gaussian", variance = [...] }'
_SINGULAR = 1e-13
"""Correlations with an eigenvalue below this cannot be told from dependent ones."""


def build_statistics(raw: object, parts: Sequence[Parts], default: Statistic, report: Report) -> dict[str, Statistic]:
    """Return the statistics of experiments that have one of their own, by name, after adding the faults of all.

    raw are the tables [[experiments]] that parts were read from.
    """
    found = {}
    tables = raw if isinstance(raw, list) else []
    for table, part in zip(tables, parts, strict=False):
        statistic, path = default, (*part.path, "statistic")
        if isinstance(table, dict) and "statistic" in table:
            own = _statistic(table["statistic"], part, path, report)
            if own is None:
                continue
            statistic = found[part.name] = own
        systematic = part.numbers[-1] if part.numbers else 0.0
        if systematic > 0.0 and (statistic.kind == "poisson" or statistic.sigma_above is not None):
            what = "a Poisson likelihood" if statistic.kind == "poisson" else "an uncertainty with two sides"
            would_do = 'use systematic = 0 or statistic.kind = "gaussian"'
            if statistic is not default:
                would_do = "use systematic = 0 and a nuisance of this width"
            report.add(
                (*part.path, "systematic"),
                f"found {written(systematic)}, which {what} cannot include: {would_do}",
                ("statistic", "kind") if statistic is default else path,
            )
    return found


def _statistic(raw: object, part: Parts, path: KeyPath, report: Report) -> Statistic | None:
    if isinstance(raw, str):
        named = [kind for kind in STATISTICS if kind == raw]
        if not named:
            report.add(path, f"found {quoted(raw)}, it must be {_FORM}")
        return Statistic(named[0]) if named else None
    if not isinstance(raw, dict):
        report.add(path, f"found {written(raw)}, it must be {_FORM}")
        return None
    table, bad = report.check(ExperimentStatisticTable, raw, path)
    if bad:
        return None
    given = [key for key in _UNCERTAINTIES if key in raw]
    if ("sigma_below" in raw and "sigma_above" not in raw) or ("sigma_above" in raw and "sigma_below" not in raw):
        report.add(path, "found one of sigma_above and sigma_below: give both")
        return None
    if len(given) > 1:
        report.add((*path, given[1]), f"found beside {given[0]}: give only one of them", (*path, given[0]))
        return None
    if not given:
        return Statistic(table.kind)
    if table.kind == "poisson":
        report.add((*path, given[0]), "found with a Poisson likelihood, which has its own: leave it out")
        return None
    if part.channels is None or part.bins is None:
        return None
    if len(part.channels) > 1:
        report.add((*path, given[0]), f"found with {len(part.channels)} channels, and it could belong to any of them")
        return None
    try:
        return _uncertainty(given[0], raw, part.bins.binning.size, part, path, report)
    except InputError as error:
        report.add((*path, given[0]), str(error))
        return None


def _uncertainty(
    key: str, raw: Mapping[str, Any], bins: int, part: Parts, path: KeyPath, report: Report
) -> Statistic | None:
    """Return a Gaussian statistic with the uncertainty that stands under a key."""
    if key == "sigma_above":
        sides = [_deviations(raw[side], bins, (*path, side), report) for side in ("sigma_above", "sigma_below")]
        above, below = sides
        return None if above is None or below is None else Statistic("gaussian", None, above, below)
    if key == "variance":
        assert part.bins is not None  # `_statistic` has seen to it
        variance = part.bins.build(raw[key], (*path, key), report, product=False)
        if variance is None:
            return None
        if np.any(variance <= 0.0):
            raise InputError(
                f"found {variance.min():g} in bin {int(np.argmin(variance)) + 1}: the covariance would be singular, "
                "each variance must be positive"
            )
        return Statistic("gaussian", np.diag(variance))
    return Statistic("gaussian", _covariance(raw[key], bins, (*path, key), report))


def _deviations(raw: object, bins: int, path: KeyPath, report: Report) -> FloatArray | None:
    values = [finite(item) for item in raw] if isinstance(raw, list) else [finite(raw)] * bins
    positive = [value for value in values if value is not None and value > 0.0]
    if len(positive) != bins or len(values) != bins:
        report.add(path, f"found {written(raw)}, it must be a positive number, or one for each of {bins} bins")
        return None
    return np.array(positive)


def _covariance(raw: object, bins: int, path: KeyPath, report: Report) -> FloatArray:
    """Return a covariance (bins, bins); raises InputError for one that is not symmetric and positive definite."""
    raw = file_of(raw)
    if isinstance(raw, dict):
        file, bad = report.check(CovarianceFile, raw, path)
        if bad:
            raise InputError("its file could not be read")
        rows = read_rows(report.files, file.file, [f"bin {i + 1}" for i in range(bins)]).values
    else:
        lengths = {len(row) if isinstance(row, list) else 0 for row in raw} if isinstance(raw, list) else {0}
        numbers = [[finite(item) for item in row] for row in raw] if lengths == {bins} else [[None]]  # type: ignore[attr-defined]
        if any(item is None for row in numbers for item in row):
            raise InputError(f"found {written(raw)}, it must be {bins} lists of {bins} finite numbers each")
        rows = np.array(numbers, dtype=np.float64)
    if rows.shape != (bins, bins):
        raise InputError(f"found {len(rows)} rows of {bins} numbers, there must be {bins}: one for each bin")
    if not np.allclose(rows, rows.T, rtol=1e-9, atol=0.0):
        i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(rows - rows.T)), rows.shape))
        raise InputError(
            f"found {rows[i, j]:g} of bins {i + 1} and {j + 1} but {rows[j, i]:g} of bins {j + 1} and {i + 1}, it must "
            "be symmetric"
        )
    deviations = np.sqrt(np.maximum(np.diag(rows), 0.0))
    if np.any(deviations == 0.0):
        raise InputError(f"it is singular: the variance of bin {int(np.argmin(deviations)) + 1} must be positive")
    least = float(np.linalg.eigvalsh(rows / np.outer(deviations, deviations))[0])
    if least < _SINGULAR:
        raise InputError(
            f"it is singular: the correlations have an eigenvalue of {least:.2g}, all must be positive; variances of "
            "the data that are independent of each other can be added to the diagonal"
        )
    return 0.5 * (rows + rows.T)
