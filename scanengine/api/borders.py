"""Borders of allowed regions as numbers, for spreadsheets and for HEPData."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import NamedTuple

from scanengine.api.result import Result
from scanengine.grid.arguments import confidence_levels
from scanengine.grid.axes import Axis


class _Point(NamedTuple):
    level: float
    piece: int
    ring: int
    x: float
    y: float


def borders_csv(result: Result, *names: str, cl: float | Sequence[float] = 0.90) -> str:
    """Return the borders of allowed regions as CSV: cl_percent, dof, piece, ring, and the two parameters.

    A piece is a connected region; ring 0 is its border, the others are of holes in it. Each ring ends where it begins.
    """
    x, y, found = _borders(result, names, cl)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cl_percent", "dof", "piece", "ring", x.name, y.name])
    writer.writerows([each.level, 2, each.piece, each.ring, repr(each.x), repr(each.y)] for each in found)
    return text.getvalue()


def borders_hepdata(result: Result, *names: str, cl: float | Sequence[float] = 0.90) -> str:
    """Return the borders of allowed regions as a table of a HEPData submission, YAML."""
    x, y, found = _borders(result, names, cl)

    def column(name: str, units: str, values: Sequence[float | int | str]) -> list[str]:
        header = f"- header: {{name: {json.dumps(name)}, units: {json.dumps('' if units == '1' else units)}}}"
        return [header, "  values:", *(f"  - {{value: {json.dumps(value)}}}" for value in values)]

    def named(axis_symbol: str, name: str) -> str:
        return f"${axis_symbol}$" if axis_symbol else name

    lines = ["independent_variables:"]
    lines += column("C.L. [%]", "1", [each.level for each in found])
    lines += column("connected region", "1", [each.piece for each in found])
    lines += column("ring", "1", [each.ring for each in found])
    lines += column(named(x.symbol, x.name), x.units, [each.x for each in found])
    lines += ["dependent_variables:", *column(named(y.symbol, y.name), y.units, [each.y for each in found])]
    lines += ["  qualifiers:", '  - {name: "degrees of freedom", value: 2}']
    return "\n".join(lines) + "\n"


def _borders(result: Result, names: tuple[str, ...], cl: float | Sequence[float]) -> tuple[Axis, Axis, list[_Point]]:
    """Return two axes, and the points of all rings of all pieces at each level, in per cent."""
    found = [result.region(*names, cl=level) for level in confidence_levels(cl)]
    axes = {axis.name: axis for axis in result.axes}
    x, y = (axes[name] for name in found[0].axes)
    points = [
        _Point(round(100.0 * region.cl, 10), number, ring, float(a), float(b))
        for region in found
        for number, piece in enumerate(region.pieces, 1)
        for ring, line in enumerate(piece.rings)
        for a, b in line
    ]
    return x, y, points
