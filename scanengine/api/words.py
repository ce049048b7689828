"""Numbers, intervals and limits as they are written for people: in terminals, notebooks and tables."""

from __future__ import annotations

import math
import re

from scanengine.errors import on_one_line
from scanengine.grid.axes import Axis
from scanengine.inference.credible import CredibleIntervals
from scanengine.inference.intervals import Interval, Intervals

_DIGITS = 4


def number(value: float, size: float, digits: int = _DIGITS) -> str:
    """Return a number to so many digits of what matters, `size`."""
    if not size > 0.0 or not math.isfinite(value):
        return f"{value:.{digits}g}"
    decimals = digits - 1 - math.floor(math.log10(size))
    if decimals > digits + 3 or size >= 10.0 ** (digits + 3):
        return f"{value:.{digits}g}"
    rounded = round(value, decimals)
    return f"{rounded + 0.0:.{max(decimals, 0)}f}"


def quantity(value: float, units: str, digits: int = _DIGITS) -> str:
    """Return a number with its units: -15.96 in units of "1e-32 cm^2" is "-15.96e-32 cm^2"."""
    return _in_units(f"{value + 0.0:.{digits}g}", units)


def with_error(value: float, error: float, units: str) -> str:
    """Return a number with its standard deviation and units, such as "(-15.96 +- 3.2)e-32 cm^2"."""
    written, after = f"{value + 0.0:.6g} +- {error:.3g}", after_several(units)
    power, unit = _power(units)
    return f"({written}){power} {unit}" if power and "e" not in written else f"{written}{after}"


def _in_units(written: str, units: str) -> str:
    """Return a number that is written already with its units."""
    power, unit = _power(units)
    if not power or written == "0":
        return f"{written} {unit}" if unit else written
    return f"{written}{power} {unit}" if "e" not in written else f"{float(written) * float(f'1{power}'):g} {unit}"


def _power(units: str) -> tuple[str, str]:
    """Return units as a power of ten, "e-32" or none, and what stands behind it."""
    match = re.fullmatch(r"1(e[+-]?\d+) (.+)", units)
    return (match[1], on_one_line(match[2])) if match else ("", "" if units == "1" else on_one_line(units))


def limit(found: Intervals, axis: Axis) -> str:
    """Return where a parameter may be: "mu_nu < 1.62e-10 mu_B", "eps_ee_uV in [-0.033, 0.036] or [0.151, 0.218]".

    A single range on one side of which nothing limits the parameter is an upper or a lower limit. Where that is so as
    the axis ends, and not as the parameter does, the end is named: beyond it nothing is known.
    """
    if not found.intervals:
        return f"{axis.name}: no grid point allowed"
    beyond = _beyond(found, axis)
    if len(found.intervals) == 1 and None in found.intervals[0]:
        low, high = found.intervals[0]
        if low is None and high is None:
            return f"{axis.name}: no limit on its axis, {_range(axis)}"
        sign, end = ("<", high) if low is None else (">", low)
        assert end is not None
        return f"{axis.name} {sign} {quantity(end, axis.units)}{beyond}"
    ranges = " or ".join(_closed(interval, axis) for interval in found)
    return f"{axis.name} in {ranges}{after_several(axis.units)}{beyond}"


def credible(found: CredibleIntervals, axis: Axis) -> str:
    """Return where a parameter is credible: "eps_ee_uV in [-0.033, 0.036] or [0.151, 0.218]"."""
    ranges = " or ".join(_closed(Interval(lo, hi), axis) for lo, hi, *_ in found)
    return f"{axis.name} in {ranges}{after_several(axis.units)}"


def cut_by_axis(interval: Interval, axis: Axis) -> tuple[bool, bool]:
    """Return for either end of an interval whether the axis ends there, and neither chi2 nor the parameter's range."""
    low, high = interval
    first, last = float(axis.values[0]), float(axis.values[-1])
    return low is None and not axis.is_natural_end(first), high is None and not axis.is_natural_end(last)


def _closed(interval: Interval, axis: Axis) -> str:
    low, high = interval
    start = float(axis.values[0]) if low is None else low
    stop = float(axis.values[-1]) if high is None else high
    return f"[{number(start, stop - start)}, {number(stop, stop - start)}]"


def _beyond(found: Intervals, axis: Axis) -> str:
    """Say at which ends of the axis values are still allowed."""
    cut = [cut_by_axis(interval, axis) for interval in found]
    ends = [axis.values[0]] * any(low for low, _ in cut) + [axis.values[-1]] * any(high for _, high in cut)
    if not ends:
        return ""
    named = " and ".join(f"{float(end):.4g}" for end in ends)
    return f" (allowed up to the {'end' if len(ends) == 1 else 'ends'} of its axis, {named})"


def _range(axis: Axis) -> str:
    return f"{float(axis.values[0]):.4g} to {float(axis.values[-1]):.4g}"


def errors(best_fit: float, found: Intervals, axis: Axis) -> str:
    """Return a best fit with the distances to both ends of its interval: "0.233 +0.027 -0.024"; "" without both."""
    if len(found.intervals) != 1:
        return ""
    low, high = found.intervals[0]
    if low is None or high is None or not low < best_fit < high:
        return ""
    size = min(high - best_fit, best_fit - low)
    values = (number(each, size, 2) for each in (best_fit, high - best_fit, best_fit - low))
    return "{} +{} -{}".format(*values) + after_several(axis.units)


def after_several(units: str) -> str:
    """Return units as they stand behind several numbers: " x 1e-32 cm^2", " MeV"."""
    power, unit = _power(units)
    return "" if not unit else f" x {on_one_line(units)}" if power else f" {unit}"
