"""Tables of several kinds, each with keys of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.reading.spelling import nearest


def kind_of(raw: dict[str, Any], kinds: Sequence[str], path: KeyPath, report: Report) -> str | None:
    """Return the `kind` of a table, or nothing after adding a fault if it is missing or not one of `kinds`."""
    kind = raw.get("kind")
    if isinstance(kind, str) and kind in kinds:
        return kind
    wanted = f"it must be {listed([quoted(known) for known in kinds], 'or')}"
    if "kind" not in raw:
        report.add((*path, "kind"), f"missing, {wanted}")
    else:
        close = nearest(kind, kinds) if isinstance(kind, str) else None
        report.add((*path, "kind"), f"found {written(kind)}, {wanted}{f' (the nearest is {close})' if close else ''}")
    return None
