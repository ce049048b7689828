"""How levels, limits and hidden axes are put into words, in mathtext."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from scanengine.figures import _text as text
from scanengine.figures._style import Curve
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import Intervals
from scanengine.inference.levels import delta_chi2, percent
from scanengine.inputs.parameters import PARAMETERS


def statement(cls: Sequence[float], dof: int) -> str:
    """Confidence levels with degrees of freedom and Delta chi2, in mathtext."""
    heights = ",\\ ".join(f"{delta_chi2(cl, dof):.2f}" for cl in cls)
    # More than three levels do not fit into one line of a column.
    gap = " " if len(cls) <= 3 else "\n"
    return rf"{', '.join(percent(cl) for cl in cls)} C.L., {dof} dof{gap}($\Delta\chi^2 \leq {heights}$)"


def with_units(name: str, value: str, axes: Sequence[Axis] = ()) -> str:
    """A value as text with the units of a parameter behind it."""
    units = next((axis.units for axis in axes if axis.name == name), "")
    units = units or (PARAMETERS[name].units if name in PARAMETERS else "1")
    if units == "1":
        return value
    drawn = text.units(units)
    return rf"{value} $\times$ {drawn}" if drawn.startswith("$10") else f"{value} {drawn}"


def hidden_axes(profiled: Sequence[str], fixed: Sequence[tuple[str, float]], axes: Sequence[Axis] = ()) -> list[str]:
    """What was done to the axes that are not shown, in lines short enough for a column; none if there are none."""
    profiled_over = [text.symbol_of(name, axes) for name in profiled]
    held = [with_units(name, f"{text.symbol_of(name, axes)} = {number(value, 4)}", axes) for name, value in fixed]
    return _wrapped("profiled over ", profiled_over, 7) + _wrapped("at ", held, 3)


def hidden_of(curves: Sequence[Curve]) -> list[str]:
    """What was done to the hidden axes of all curves: said once if it is the same, else for each."""
    said = [hidden_axes(curve.grid.profiled, curve.grid.fixed, curve.grid.axes) for curve in curves]
    if all(lines == said[0] for lines in said):
        return said[0]
    each = [[f"{curve.label}: {lines[0]}", *lines[1:]] for curve, lines in zip(curves, said, strict=True) if lines]
    return [line for lines in each for line in lines]


def _wrapped(start: str, items: Sequence[str], per_line: int) -> list[str]:
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return [(start if i == 0 else "") + line + ("," if i + 1 < len(lines) else "") for i, line in enumerate(lines)]


def number(value: float, digits: int) -> str:
    """A number in mathtext with `digits` significant digits, without trailing zeros."""
    return _mathtext(f"{value:.{digits}g}")


def without_points(planes: Iterable[ReducedGrid], cl: float) -> list[str]:
    """Name the planes of which no grid point is allowed (2 dof), in mathtext: their panels are empty."""
    level = delta_chi2(cl, 2)
    empty = [grid.axes for grid in planes if not np.any(grid.delta_chi2 <= level)]
    named = (", ".join(text.symbol(axis) for axis in axes) for axes in empty)
    return [f"{percent(cl)} C.L., 2 dof: no grid point over {names} allowed" for names in named]


def limits(found: Intervals, axis: Axis) -> str:
    """Allowed intervals in mathtext, with the units behind them."""
    symbol = text.symbol(axis)
    first, last = float(axis.values[0]), float(axis.values[-1])
    spans = [(first if lo is None else lo, last if hi is None else hi) for lo, hi in found]
    if not spans:
        return f"{symbol}: no grid point allowed"
    if len(spans) > 3:
        return f"{symbol}: {len(spans)} disconnected intervals"
    # One rounding for all curves and levels on an axis, to 1/500 of its range, unless an interval is narrower.
    narrowest = min(max(hi - lo, 1e-9 * (last - first)) for lo, hi in spans)
    decimals = max(0, math.ceil(2.7 - math.log10(last - first)), 1 - math.floor(math.log10(narrowest)))

    def rounded(value: float) -> str:
        fixed = decimals <= 6 and abs(value) < 1e6 and not axis.is_log_spaced
        # The braces keep a minus sign behind a comma from being set as a binary operator.
        return f"{{{_mathtext(f'{value:.{decimals}f}' if fixed else f'{value:.3g}')[1:-1]}}}"

    if len(spans) == 1 and None in found.intervals[0]:
        lo, hi = found.intervals[0]
        if lo is None and hi is None:
            return f"{symbol}: no limit within its axis"
        bound = f"< {rounded(spans[0][1])}" if lo is None else f"> {rounded(spans[0][0])}"
        return with_units(axis.name, _in_one(symbol, after=f" {bound}"), (axis,))
    # Between two numbers the units belong to the symbol.
    quantity = symbol
    if axis.units in text.UNIT_SYMBOLS:
        quantity = _in_one(symbol, after=rf" / ({text.UNIT_SYMBOLS[axis.units].strip('$')})")
    elif axis.units != "1":
        quantity = f"{symbol} / ({text.units(axis.units)})"
    if len(spans) == 1:
        return _in_one(quantity, f"{rounded(spans[0][0])} < ", f" < {rounded(spans[0][1])}")
    ranges = []
    for (lo, hi), (start, stop) in zip(found, spans, strict=True):
        # The end of the axis, beyond which an interval goes on.
        left = r"\leq\!" if lo is None and not axis.is_natural_end(start) else ""
        right = r"\geq\!" if hi is None else ""
        ranges.append(rf"[{left}{rounded(start)},\,{right}{rounded(stop)}]")
    union = r" \cup ".join(ranges)
    return _in_one(quantity, after=rf" \in {union}")


def _in_one(quantity: str, before: str = "", after: str = "") -> str:
    """Mathtext around a quantity, as one piece if that is mathtext itself."""
    if quantity.startswith("$") and quantity.endswith("$"):
        return f"${before}{quantity[1:-1]}{after}$"
    return f"${before}$ {quantity} ${after}$" if before else f"{quantity} ${after}$"


def _mathtext(number: str) -> str:
    mantissa, _, exponent = number.partition("e")
    return rf"${mantissa} \times 10^{{{int(exponent)}}}$" if exponent else f"${mantissa}$"
