"""kill -9 at any moment: nothing acknowledged is lost, and the finished file is that of an uninterrupted run.

By hand, with many more kills: `SCANENGINE_KILLS=100 pytest tests/faults/test_kills.py`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from scanengine.store import open_result, open_unfinished
from tests.faults.nursery import Nursery
from tests.faults.scans import assert_honest, assert_same, write_scan

KILLS = int(os.environ.get("SCANENGINE_KILLS", "5"))
"""Kills of each kind of scan."""

RUN = ("run", "scan.toml", "--no-figure")
Kind = tuple[str, str, bool]
"""Axes, what is kept, and whether the grid is compiled."""

KINDS: list[Kind] = [
    (axes, keep, compiled) for axes in "24" for keep in ("grid", "profiles") for compiled in (False, True)
]
QUICK: list[Kind] = [("2", "grid", False), ("4", "grid", True), ("4", "profiles", False)]
POINTS = [
    *(("write", n) for n in (3, 40, 41, 42, 43, 44, 90, 91, 95, 140, 200, 260)),
    *((place, 1) for place in ("link", "linked", "profiles", "replace", "replaced", "directory")),
    *(("best fit", n) for n in (1, 2)),
    *(("commit", n) for n in (1, 2, 4)),
]
MANY = len(QUICK) + 2 < KILLS
KINDS_AND_POINTS = [
    (kind, point)
    for n, point in enumerate(POINTS)
    for kind in (KINDS if MANY else [QUICK[n % len(QUICK)]])
    if (kind[1], point) != ("profiles", ("best fit", 2))  # of profiles alone it is written once
]


@pytest.fixture(scope="session")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], tuple[Path, float]]:
    """The result of an uninterrupted run of each kind, and the seconds that it took."""

    @cache
    def run(kind: Kind) -> tuple[Path, float]:
        folder = tmp_path_factory.mktemp("whole")
        axes, keep, compiled = kind
        write_scan(folder, axes, keep)
        for name in ("first.h5", "scan.h5"):  # the first imports what the others find
            began = time.monotonic()
            status, printed = nursery.run(folder, *RUN, "-o", name, compiled=compiled, pause=0.003)
            assert status == 0, printed
        return folder / "scan.h5", time.monotonic() - began

    return run


def finish(nursery: Nursery, folder: Path, kind: Kind, whole: Path, threads: int) -> str:
    """Let a killed run go on to its end, and hold it against the uninterrupted one."""
    status, printed = nursery.run(folder, *RUN, "--threads", str(threads), compiled=kind[2])
    assert status == 0, printed
    assert_same(folder / "scan.h5", whole)
    assert not list(folder.glob("*partial*"))
    return printed


@pytest.mark.parametrize("kind", KINDS if MANY else QUICK, ids=str)
def test_kills_at_random_moments(
    nursery: Nursery, whole: Callable[[Kind], tuple[Path, float]], tmp_path: Path, kind: Kind
) -> None:
    result, seconds = whole(kind)
    write_scan(tmp_path, kind[0], kind[1])
    moments = random.Random(f"{kind} {os.environ.get('SCANENGINE_SEED', '')}")
    acknowledged = kills = 0
    while kills < KILLS:
        child = nursery.start(tmp_path, *RUN, "--threads", str(moments.randint(1, 3)), compiled=kind[2], pause=0.003)
        time.sleep(moments.uniform(0.02, seconds))
        child.kill()
        status = child.wait()
        assert status in {0, -signal.SIGKILL}, (tmp_path / "printed").read_text()
        if (tmp_path / "scan.h5").exists():  # it was quicker
            assert_same(tmp_path / "scan.h5", result)
            (tmp_path / "scan.h5").unlink()
            acknowledged = 0
            continue
        assert status, (tmp_path / "printed").read_text()
        kills += 1
        partial = tmp_path / "scan.partial.h5"
        if partial.exists() and (held := held_by(partial, result)) is not None:
            assert held >= acknowledged
            acknowledged = held
    finish(nursery, tmp_path, kind, result, moments.randint(1, 3))


def held_by(partial: Path, whole: Path) -> int | None:
    """The tiles that an unfinished file holds, half written or not; nothing of one that is whole but for its name."""
    if (unfinished := open_unfinished(partial)) is None:
        open_result(partial)
        return None
    assert unfinished.done == assert_honest(partial, whole)
    return unfinished.done


@pytest.mark.parametrize(("kind", "point"), KINDS_AND_POINTS, ids=str)
def test_a_kill_at_any_point_of_writing(
    nursery: Nursery, whole: Callable[[Kind], tuple[Path, float]], tmp_path: Path, kind: Kind, point: tuple[str, int]
) -> None:
    result, _ = whole(kind)
    write_scan(tmp_path, kind[0], kind[1])
    status, printed = nursery.run(tmp_path, *RUN, kill=point, compiled=kind[2])
    assert status == -signal.SIGKILL, printed
    partial = tmp_path / "scan.partial.h5"
    if point[0] in {"replaced", "directory"}:
        assert_same(tmp_path / "scan.h5", result)
        return
    assert not (tmp_path / "scan.h5").exists()
    held = held_by(partial, result) if partial.exists() else None
    printed = finish(nursery, tmp_path, kind, result, threads=2)
    assert (f"going on after {held} of" in printed) or not held


def test_a_kill_between_two_names_leaves_no_third(nursery: Nursery, tmp_path: Path) -> None:
    """The file has a second name for a moment, under which a later run must not overwrite the result."""
    write_scan(tmp_path)
    assert nursery.run(tmp_path, *RUN, kill=("linked", 1))[0] == -signal.SIGKILL
    assert len(list(tmp_path.glob("scan.partial.h5*"))) == 2
    assert nursery.run(tmp_path, *RUN)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["printed", "scan.h5", "scan.toml"]
    before = (tmp_path / "scan.h5").read_bytes()
    status, _ = nursery.run(tmp_path, *RUN, "--overwrite", kill=("commit", 3))
    assert status == -signal.SIGKILL
    assert (tmp_path / "scan.h5").read_bytes() == before
