"""The planes that a result file keeps, from the table [output]."""

from __future__ import annotations

from collections.abc import Sequence

from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.tables.schema import OutputTable

_PLANES = ("output", "planes")


def build_planes(output: OutputTable, names: Sequence[str], report: Report) -> tuple[tuple[str, str], ...]:
    """Return the planes to keep, of the axes of these names, all in their order; what is wrong becomes faults."""
    if output.planes is None:
        return ()
    if output.keep == "grid":
        report.add(
            _PLANES,
            f'found {written(output.planes)}, but a stored grid has every plane: keep = "profiles" would do, '
            "or no such key",
            ("output", "keep"),
        )
    found: list[tuple[str, str]] = []
    for pair in output.planes:
        if len(pair) != 2 or pair[0] == pair[1]:
            report.add(_PLANES, f"found {written(pair)}, a plane must have two different axes")
            continue
        unknown = [name for name in pair if name not in names]
        for name in unknown:
            known = nearest_or_all(name, names) if names else "there are none"
            report.add(_PLANES, f"found {quoted(name)}, which is not an axis, {known}", ("axes", name))
        if unknown:
            continue
        first, second = sorted(pair, key=names.index)
        if (first, second) in found:
            report.add(_PLANES, f"found {written(pair)} a second time: give each plane once")
        found.append((first, second))
    return tuple(sorted(found, key=lambda pair: [names.index(name) for name in pair]))
