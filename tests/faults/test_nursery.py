"""The server of children itself: a test that fails in mid-run takes no other down with it."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.faults import nursery as nurseries
from tests.faults.nursery import Nursery
from tests.faults.scans import write_scan
from tests.faults.waiting import wait_for

RUN = ("run", "scan.toml", "--no-figure")


def test_a_child_that_nobody_waited_for_ends_and_its_answer_is_not_the_next_ones(
    nursery: Nursery, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_scan(folder)
    left = nursery.start(first, *RUN, hold=5)
    wait_for(lambda: list(first.glob("held-*")), left.alive)
    status, printed = nursery.run(second, *RUN)
    assert status == 0, printed
    assert (second / "scan.h5").exists()
    assert left.wait() == -signal.SIGKILL
    assert nursery.run(second, "info", "scan.h5")[0] == 0


def test_a_child_that_has_ended_is_not_alive(nursery: Nursery, tmp_path: Path) -> None:
    child = nursery.start(tmp_path, "info", "nothing.h5")
    wait_for(lambda: not child.alive())
    child.kill()
    assert child.wait() == 2


def test_nothing_is_left_of_a_nursery(tmp_path: Path) -> None:
    write_scan(tmp_path)
    with nurseries.nursery() as found:
        child = found.start(tmp_path, *RUN, hold=5)
        wait_for(lambda: list(tmp_path.glob("held-*")), child.alive)
    assert child.wait() == -signal.SIGKILL
