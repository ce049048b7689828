"""Scans that are killed and go on: nothing acknowledged is lost, and they end as an uninterrupted run does."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from scanengine.store import open_result, open_unfinished
from tests.faults.nursery import Child, Nursery
from tests.faults.scans import assert_honest, assert_same, write_scan

RUN = ("run", "scan.toml", "--no-figure")
Kind = tuple[str, str, bool]
"""Axes, what is kept, and whether the grid is compiled."""

KINDS: list[Kind] = [
    (axes, keep, compiled) for axes in "24" for keep in ("grid", "profiles") for compiled in (False, True)
]
PAUSE = 0.003
"""Seconds before each tile, where a run is killed by the clock."""


def run_whole(nursery: Nursery, folder: Path, kind: Kind, pause: float = 0.0) -> tuple[Path, float]:
    """Return the result of an uninterrupted run, and the seconds that it took."""
    axes, keep, compiled = kind
    write_scan(folder, axes, keep)
    for name in ("first.h5", "scan.h5"):  # the first imports what the others find
        began = time.monotonic()
        status, printed = nursery.run(folder, *RUN, "-o", name, compiled=compiled, pause=pause)
        assert status == 0, printed
    return folder / "scan.h5", time.monotonic() - began


def finish(nursery: Nursery, folder: Path, kind: Kind, whole: Path, threads: int) -> str:
    """Let a killed run go on to its end, and hold it against the uninterrupted one."""
    status, printed = nursery.run(folder, *RUN, "--threads", str(threads), compiled=kind[2])
    assert status == 0, printed
    assert_same(folder / "scan.h5", whole)
    assert not list(folder.glob("*partial*"))
    return printed


def held_by(partial: Path, whole: Path) -> int | None:
    """The tiles that an unfinished file holds, half written or not; nothing of one that is whole but for its name."""
    if (unfinished := open_unfinished(partial)) is None:
        open_result(partial)
        return None
    assert unfinished.done == assert_honest(partial, whole)
    return unfinished.done


def kill_again_and_again(folder: Path, whole: Path, killed: Iterable[Callable[[], Child]]) -> int:
    """Have runs of a scan that go on from each other killed; return how many were, and did not end before."""
    acknowledged = kills = 0
    for start in killed:
        status = start().wait()
        assert status in {0, -signal.SIGKILL}, (folder / "printed").read_text()
        if (folder / "scan.h5").exists():  # it was quicker
            assert_same(folder / "scan.h5", whole)
            (folder / "scan.h5").unlink()
            acknowledged = 0
            continue
        assert status, (folder / "printed").read_text()
        kills += 1
        partial = folder / "scan.partial.h5"
        if partial.exists() and (held := held_by(partial, whole)) is not None:
            assert held >= acknowledged
            acknowledged = held
    return kills
