"""kill -9 at any write: nothing acknowledged is lost, and the finished file is that of an uninterrupted run.

`fuzz/kills.py` kills at random moments.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest

from tests.faults.kills import KINDS, RUN, Kind, finish, held_by, kill_again_and_again, run_whole
from tests.faults.nursery import Nursery
from tests.faults.scans import assert_same, write_scan

QUICK: list[Kind] = [("2", "grid", False), ("4", "grid", True), ("4", "profiles", False)]
POINTS = [
    *(("write", n) for n in (3, 40, 41, 42, 43, 44, 90, 91, 95, 140, 200, 260)),
    *((place, 1) for place in ("link", "linked", "profiles", "replace", "replaced", "directory")),
    *(("best fit", n) for n in (1, 2)),
    *(("commit", n) for n in (1, 2, 4)),
]
KINDS_AND_POINTS = [
    pytest.param(kind, point, id=f"{kind}-{point}", marks=() if kind == QUICK[n % len(QUICK)] else pytest.mark.slow)
    for n, point in enumerate(POINTS)
    for kind in KINDS
    if (kind[1], point) != ("profiles", ("best fit", 2))  # of profiles alone it is written once
]


@pytest.fixture(scope="session")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], Path]:
    """The result of an uninterrupted run of each kind."""
    return cache(lambda kind: run_whole(nursery, tmp_path_factory.mktemp("whole"), kind)[0])


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=str(kind), marks=() if kind in QUICK else pytest.mark.slow) for kind in KINDS]
)
def test_runs_that_go_on_are_killed_again_and_again(
    nursery: Nursery, whole: Callable[[Kind], Path], tmp_path: Path, kind: Kind
) -> None:
    result = whole(kind)
    write_scan(tmp_path, kind[0], kind[1])
    chance = random.Random(str(kind))
    killed = [
        partial(
            nursery.start,
            *(tmp_path, *RUN, "--threads", str(chance.randint(1, 3))),
            compiled=kind[2],
            kill=("write", chance.randint(1, 60)),
        )
        for _ in range(6)
    ]
    assert kill_again_and_again(tmp_path, result, killed) > 3
    finish(nursery, tmp_path, kind, result, chance.randint(1, 3))


@pytest.mark.parametrize(("kind", "point"), KINDS_AND_POINTS)
def test_a_kill_at_any_point_of_writing(
    nursery: Nursery, whole: Callable[[Kind], Path], tmp_path: Path, kind: Kind, point: tuple[str, int]
) -> None:
    result = whole(kind)
    write_scan(tmp_path, kind[0], kind[1])
    status, printed = nursery.run(tmp_path, *RUN, kill=point, compiled=kind[2])
    assert status == -signal.SIGKILL, printed
    left = tmp_path / "scan.partial.h5"
    if point[0] in {"replaced", "directory"}:
        assert_same(tmp_path / "scan.h5", result)
        return
    assert not (tmp_path / "scan.h5").exists()
    held = held_by(left, result) if left.exists() else None
    printed = finish(nursery, tmp_path, kind, result, threads=2)
    assert (f"resuming after {held} of" in printed) or not held


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
