"""Limits of several results as a table for a paper."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scanengine.api.numbers import DEFAULT_LEVELS
from scanengine.api.result import Result
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels
from scanengine.inference.intervals import Intervals
from scanengine.inference.levels import percent

FORMATS = ("markdown", "latex", "csv")
_UNITS = {
    "1": "",
    "1e-10 mu_B": r"10^{-10}\,\mu_\mathrm{B}",
    "1e-32 cm^2": r"10^{-32}\,\mathrm{cm}^2",
    "1e-12 e": r"10^{-12}\,e",
}


class _Row(NamedTuple):
    """The limits of one parameter in one result."""

    parameter: str
    symbol: str
    units: str
    result: str
    best_fit: float
    limits: list[Intervals]


def limits_table(
    results: Mapping[str, Result], cl: float | Sequence[float] = DEFAULT_LEVELS, form: str = "markdown"
) -> str:
    """Return best fits and allowed intervals of all parameters in all results, by label: a line for each.

    form is "markdown", "latex" (a tabular) or "csv" (a line for each interval, with all digits). An end that leaves its
    axis is open: "< 3" and "> -2" in a table, an empty cell in CSV. Raises InputError for another form, without
    results, and as `Result.limits` does.
    """
    if form not in FORMATS:
        raise InputError(f"a table is {', '.join(FORMATS)}: found {form!r}")
    if not results:
        raise InputError("a table of limits needs at least one result")
    levels = confidence_levels(cl)
    rows = [row for label, result in results.items() for row in _rows(label, result, levels)]
    order = list(dict.fromkeys(row.parameter for row in rows))
    rows.sort(key=lambda row: order.index(row.parameter))
    if form == "csv":
        return _csv(rows)
    return _latex(rows, levels) if form == "latex" else _markdown(rows, levels)


def _rows(label: str, result: Result, levels: tuple[float, ...]) -> list[_Row]:
    found = result.limits(levels)
    return [
        _Row(
            axis.name,
            axis.symbol,
            axis.units,
            label,
            result.best_fit[axis.name],
            [each for each in found if each.axis == axis.name],
        )
        for axis in result.axes
        if axis.name in result.shown
    ]


def _csv(rows: Sequence[_Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["parameter", "units", "result", "best_fit", "cl_percent", "dof", "low", "high"])
    for row in rows:
        for found in row.limits:
            for low, high in found.intervals or ((math.nan, math.nan),):
                ends = ["" if end is None else repr(end) for end in (low, high)]
                level = round(100.0 * found.cl, 10)
                writer.writerow([row.parameter, row.units, row.result, repr(row.best_fit), level, found.dof, *ends])
    return text.getvalue()


def _markdown(rows: Sequence[_Row], levels: tuple[float, ...]) -> str:
    heads = ["parameter", "units", "result", "best fit", *(f"{percent(cl)} C.L." for cl in levels)]
    cells = [
        [
            f"`{row.parameter}`",
            "" if row.units == "1" else row.units,
            row.result.replace("|", r"\|"),
            _best(row),
            *(_intervals(each, "[{}, {}]", " or ", ("< {}", "> {}")) for each in row.limits),
        ]
        for row in rows
    ]
    lines = [heads, ["---"] * len(heads), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _latex(rows: Sequence[_Row], levels: tuple[float, ...]) -> str:
    heads = ["parameter", "result", "best fit", *(rf"{percent(cl)[:-1]}\% C.L." for cl in levels)]
    body = []
    for row in rows:
        symbol = f"${row.symbol}$" if row.symbol else rf"\texttt{{{_escaped(row.parameter)}}}"
        units = _UNITS.get(row.units)
        written = f" [${units}$]" if units else "" if units == "" else f" [{_escaped(row.units)}]"
        found = [_intervals(each, r"$[{},\,{}]$", " or ", ("$< {}$", "$> {}$")) for each in row.limits]
        body.append([symbol + written, _escaped(row.result), f"${_best(row)}$", *found])
    lines = [" & ".join(cells) + r" \\" for cells in [heads, *body]]
    columns = "l" * len(heads)
    inner = "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\hline", lines[0], r"\hline", *lines[1:], r"\hline"])
    return f"% one degree of freedom, all other parameters profiled over\n{inner}\n\\end{{tabular}}\n"


def _escaped(text: str) -> str:
    """Return text as LaTeX sets it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(each, f"\\{each}" if each in "&%$#_{}" else each) for each in text)


def _best(row: _Row) -> str:
    ends = [end for each in row.limits for interval in each for end in interval if end is not None]
    return _number(row.best_fit, max(ends) - min(ends) if len(ends) > 1 else abs(row.best_fit))


def _intervals(found: Intervals, both: str, between: str, one: tuple[str, str]) -> str:
    """Return intervals in words: both ends, or the one that is on the axis."""
    words = []
    for low, high in found:
        if low is None and high is None:
            words.append("no limit on the axis")
        elif low is None or high is None:
            end = high if low is None else low
            assert end is not None
            words.append(one[0 if low is None else 1].format(_number(end, abs(end))))
        else:
            words.append(both.format(_number(low, high - low), _number(high, high - low)))
    return between.join(words) or "none allowed"


def _number(value: float, size: float) -> str:
    """Return a number to three digits of what matters, `size`."""
    if not size > 0.0 or not math.isfinite(value):
        return f"{value:.3g}"
    digits = 2 - math.floor(math.log10(size))
    if digits > 6 or size >= 1e6:
        return f"{value:.3g}"
    rounded = round(value, digits)
    return f"{rounded + 0.0:.{max(digits, 0)}f}"
