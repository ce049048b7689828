"""Pages on which the likelihoods that results are made from can be explored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scanengine.api import load
from scanengine.errors import InputError

EXPLORE = "explore"


@dataclass(frozen=True)
class Explored:
    """A scan file, by its name, and its page within the report's folder; or the reason why it has none."""

    scan: str
    page: str = ""
    reason: str = ""


def explored(source: Path, report: Path) -> Explored:
    """Write the page of a scan file, over the axes that it has itself, into a report's folder."""
    name = f"{source.parent.name}/{source.stem}"
    page = f"{EXPLORE}/{name.replace('/', '-')}.html"
    try:
        scan = load(source)
        outer = [axis.name for axis in scan.definition.axes if axis.is_outer]
        if outer:
            return Explored(name, reason=f"χ² is no polynomial in {', '.join(outer)}")
        (report / EXPLORE).mkdir(exist_ok=True)
        scan.explore(report / page, overwrite=True)
    except InputError as error:
        return Explored(name, reason=str(error))
    return Explored(name, page)
