"""Limits and expected counts as lists that are tables too: in notebooks, and for pandas."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from scanengine.api import words
from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.inference.caveats import grouped
from scanengine.inference.credible import CredibleIntervals
from scanengine.inference.intervals import Intervals
from scanengine.inference.levels import percent
from scanengine.scan.events import Events

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in HTML: numbers to the right, the texts of the cells escaped."""

    def cell(tag: str, value: object) -> str:
        side = "right" if isinstance(value, int | float) else "left"
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        return f'<{tag} style="text-align:{side}">{escape(text)}</{tag}>'

    head = "".join(cell("th", each) for each in heads)
    body = "".join("<tr>" + "".join(cell("td", each) for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Table(list[T]):
    """A list of records that a notebook shows as a table, and that pandas takes."""

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each line of the table, all with the same keys."""

    def to_dataframe(self) -> DataFrame:
        """Return the table as a DataFrame. Raises InputError where pandas is not installed."""
        try:
            import pandas as pd
        except ImportError:
            raise InputError("to_dataframe needs pandas: pip install pandas") from None
        return pd.DataFrame.from_records(self.records())

    def _repr_html_(self) -> str:
        records = self.records()
        return html_table(list(records[0]) if records else [], (list(record.values()) for record in records))


class Limits(Table[Intervals]):
    """Allowed intervals of all parameters at all confidence levels, as `Result.limits` returns them.

    The table has a line for each interval: an end is nan where there is no limit, `cut_by_axis` says where that is only
    because the axis ends.
    """

    def __init__(self, found: Iterable[Intervals], axes: Iterable[Axis], best_fit: dict[str, float]) -> None:
        super().__init__(found)
        self.axes = {axis.name: axis for axis in axes}
        self.best_fit = best_fit

    def records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each interval: parameter, units, cl, dof, best_fit, low, high, cut_by_axis."""
        return [
            {
                "parameter": found.axis,
                "units": self.axes[found.axis].units,
                "cl": found.cl,
                "dof": found.dof,
                "best_fit": self.best_fit[found.axis],
                "low": float("nan") if interval.lo is None else interval.lo,
                "high": float("nan") if interval.hi is None else interval.hi,
                "cut_by_axis": any(words.cut_by_axis(interval, self.axes[found.axis])),
            }
            for found in self
            for interval in found
        ]

    def _repr_html_(self) -> str:
        rows = [
            [
                words.limit(found, self.axes[found.axis]),
                words.errors(self.best_fit[found.axis], found, self.axes[found.axis]),
                f"{percent(found.cl)} C.L., {found.dof} dof",
            ]
            for found in self
        ]
        warnings = grouped(warning for found in self for warning in found.warnings)
        below = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
        return html_table(["allowed", "", ""], rows) + (f"<ul>{below}</ul>" if below else "")


class CredibleLimits(Table[CredibleIntervals]):
    """Credible intervals of all parameters at all levels, as `Result.credible_intervals` returns them.

    The table has a line for each interval.
    """

    def __init__(self, found: Iterable[CredibleIntervals], axes: Iterable[Axis]) -> None:
        super().__init__(found)
        self.axes = {axis.name: axis for axis in axes}

    def records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each interval: parameter, units, credibility, low, high, low_error, high_error."""
        return [
            {
                "parameter": found.axis,
                "units": self.axes[found.axis].units,
                "credibility": found.cl,
                "low": interval.lo,
                "high": interval.hi,
                "low_error": interval.lo_error,
                "high_error": interval.hi_error,
            }
            for found in self
            for interval in found
        ]

    def _repr_html_(self) -> str:
        rows = [
            [words.credible(found, self.axes[found.axis]), f"{percent(found.cl)} of the posterior"] for found in self
        ]
        warnings = dict.fromkeys(warning for found in self for warning in found.warnings)
        below = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
        return html_table(["credible", ""], rows) + (f"<ul>{below}</ul>" if below else "")


class Counted(Table[Events]):
    """Expected counts of all flavours in all bins, as `Scan.events` returns them."""

    def records(self) -> list[dict[str, Any]]:
        """Return a dictionary for each: experiment, channel, flavour, recoil, low, high, units, counts.

        low and high are the ends of the energy bin, low_us and high_us those of the time bin, where there is one.
        """
        timed = any(each.bin.time_us is not None for each in self)
        found = []
        for each in self:
            low, high = each.bin.energy
            times = each.bin.time_us or (float("nan"), float("nan"))
            found.append(
                {
                    "experiment": each.experiment,
                    "channel": each.channel,
                    "flavour": each.flavour,
                    "recoil": each.recoil,
                    "low": low,
                    "high": high,
                    "units": each.units,
                    **({"low_us": times[0], "high_us": times[1]} if timed else {}),
                    "counts": each.counts,
                }
            )
        return found
