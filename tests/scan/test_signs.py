"""Signs of life: who has fallen silent, by a clock that the tests turn."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scanengine.driver.workers import Workers
from scanengine.errors import RunError
from scanengine.scan.signs import Attempt, Watch

TIMEOUT = 10.0


class Clock:
    """Seconds, as the watch reads them."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def attempts(number: int) -> list[Attempt]:
    return [Attempt.at(np.array([i, i + 1])) for i in range(0, 2 * number, 2)]


@pytest.fixture
def two() -> Workers:
    return Workers(ThreadPoolExecutor(), 2)


def test_who_gives_signs_is_waited_for(tmp_path: Path, clock: Clock, two: Workers) -> None:
    watch, pending = Watch(tmp_path, two, TIMEOUT), attempts(2)
    for _ in range(10):
        clock.now += 0.9 * TIMEOUT
        for attempt in pending:
            attempt.give_sign(tmp_path)
        assert watch.fallen_silent(pending, finished=False) == []


def test_what_was_begun_and_goes_on_no_more_is_for_others(
    tmp_path: Path, clock: Clock, two: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    watch, pending = Watch(tmp_path, two, TIMEOUT), attempts(2)
    pending[0].give_sign(tmp_path)
    again = []
    for _ in range(10):
        clock.now += 0.4 * TIMEOUT
        pending[1].give_sign(tmp_path)
        again += watch.fallen_silent(pending, finished=False)
    assert again == [pending[0]]
    assert "its tiles are given to others" in caplog.text


def test_what_someone_has_been_handed_and_has_never_begun_is_for_others(
    tmp_path: Path, clock: Clock, two: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    """Work is handed out in order: the first two of those that are left are with someone, the third may wait."""
    watch, pending = Watch(tmp_path, two, TIMEOUT), attempts(3)
    again = []
    for _ in range(10):
        clock.now += 0.4 * TIMEOUT
        pending[1].give_sign(tmp_path)
        again += watch.fallen_silent(pending, finished=False)
    assert again == [pending[0]]
    assert "worker of tiles 0 to 1 has not responded for 10 s" in caplog.text


def test_nothing_is_late_before_anyone_has_begun(tmp_path: Path, clock: Clock, two: Workers) -> None:
    """Processes take their time to start; if none ever does, nobody answers."""
    watch, pending = Watch(tmp_path, two, TIMEOUT), attempts(2)
    clock.now += 0.9 * TIMEOUT
    assert watch.fallen_silent(pending, finished=False) == []
    pending[1].give_sign(tmp_path)
    assert watch.fallen_silent(pending, finished=False) == []
    clock.now += 0.9 * TIMEOUT
    pending[1].give_sign(tmp_path)
    assert watch.fallen_silent(pending, finished=False) == []


@pytest.mark.parametrize("begun", [0, 2])
def test_if_nobody_answers_the_run_ends(tmp_path: Path, clock: Clock, two: Workers, begun: int) -> None:
    watch, pending = Watch(tmp_path, two, TIMEOUT), attempts(2)
    for number, attempt in enumerate(pending[:begun]):
        attempt.sign(tmp_path).write_text(f"process {number}\n")
    watch.fallen_silent(pending, finished=False)
    clock.now += 1.1 * TIMEOUT
    with pytest.raises(RunError, match="no worker has responded for 10 s"):
        watch.fallen_silent(pending, finished=False)
