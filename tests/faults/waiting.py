"""Waiting for what can be seen, however long a busy machine takes: never for a time after which it should be there."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 300.0
"""What takes longer hangs."""


def wait_for(condition: Callable[[], object], alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until a condition holds, as long as that which is to bring it about is `alive`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert alive() or condition(), "what was to bring it about has ended"
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.005)


def begun(partial: Path) -> bool:
    """Whether an unfinished file holds tiles already."""
    from scanengine.store import open_unfinished  # children that wait for nothing do without

    unfinished = open_unfinished(partial) if partial.exists() else None
    return unfinished is not None and unfinished.done > 2


def processes_of(group: int) -> set[int]:
    """The processes of a group that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, rest = stat.read_text().rpartition(") ")
            state, _, its_group = rest.split()[:3]
            if int(its_group) == group and state != "Z":
                found.add(int(stat.parent.name))
    return found
