"""Signs of life that workers give in the folder that they share, and who does the work of those that give none."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from scanengine.driver.workers import Workers
from scanengine.errors import RunError

_log = logging.getLogger("scanengine")


class Attempt(NamedTuple):
    """Some tiles to do, by their numbers, and a name that no other attempt at them has."""

    numbers: NDArray[np.int64]
    name: str

    @classmethod
    def at(cls, numbers: NDArray[np.int64]) -> Attempt:
        """Name a first attempt, or another."""
        return cls(numbers, f"{numbers[0]}-{numbers[-1]}-{uuid4().hex[:8]}")

    @property
    def who(self) -> str:
        """Who is at it, as long as it is not known by name."""
        return f"of tiles {self.numbers[0]} to {self.numbers[-1]}"

    def is_at(self, tiles: set[int]) -> bool:
        """Tell whether the attempt is at tiles of which the first ones are given."""
        return int(self.numbers[0]) in tiles

    def sign(self, folder: Path) -> Path:
        """Return the file of its signs: a line with the worker's name when it begins, and after each tile."""
        return folder / f"{self.name}.sign"

    def give_sign(self, folder: Path) -> None:
        """Tell, as a worker, that it is alive; who cannot write has more to say than that."""
        with suppress(OSError), self.sign(folder).open("a", encoding="utf-8") as file:
            file.write(f"{_worker()}\n")


def _worker() -> str:
    distributed = sys.modules.get("distributed")
    if distributed is not None:
        with suppress(ValueError):  # this is none of dask's
            return str(distributed.get_worker().address)
    return f"process {os.getpid()} on {socket.gethostname()}"


class Watch:
    """Looks for signs, and for workers that have begun and have given none for a time."""

    def __init__(self, folder: Path, workers: Workers, timeout_s: float) -> None:
        self._folder, self._workers, self._timeout_s = folder, workers, timeout_s
        self._signs: dict[str, tuple[int, float]] = {}
        self._handed_out: dict[str, float] = {}
        self._given_away: set[str] = set()
        self._silent: set[str] = set()
        self._last = time.monotonic()

    def fallen_silent(self, pending: Sequence[Attempt], *, finished: bool) -> list[Attempt]:
        """Return the attempts at tiles that others have to do; dask gives them to others by itself, once it knows.

        Raises RunError if there is nobody left who answers.
        """
        now = time.monotonic()
        if finished:
            self._last = now
        silent: dict[str, str] = {}
        for attempt in pending:
            given = self._read(attempt)
            if len(given) > self._signs.get(attempt.name, (0, 0.0))[0]:
                self._signs[attempt.name] = len(given), now
                self._last = now
                self._given_away.discard(attempt.name)
                self._silent -= {given[-1], attempt.who}
        waited_for = [attempt for attempt in pending if attempt.name not in self._given_away]
        self._note_handed_out(waited_for, now)
        for attempt in waited_for:
            if self._is_late(attempt, now):
                silent[attempt.name] = next(reversed(self._read(attempt)), attempt.who)
        if silent:
            self._give_away(silent)
            self._last = now
        elif now - self._last > self._timeout_s:
            self._end()
        again = self._workers.wants_work_again
        return [attempt for attempt in pending if again and attempt.name in silent]

    def _note_handed_out(self, waited_for: Sequence[Attempt], now: float) -> None:
        """Note which attempts someone must have, though they have not begun, once there are any that have.

        Work is handed out in order, and nobody is idle; dask's workers it asks for signs of life by itself.
        """
        if self._signs and self._workers.wants_work_again:
            for attempt in waited_for[: self._workers.number - len(self._silent)]:
                self._handed_out.setdefault(attempt.name, now)

    def _is_late(self, attempt: Attempt, now: float) -> bool:
        """Tell whether an attempt has begun, or must have, and has given no sign for too long."""
        _, since = self._signs.get(attempt.name, (0, self._handed_out.get(attempt.name, now)))
        return now - since > self._timeout_s

    def _read(self, attempt: Attempt) -> list[str]:
        try:
            return attempt.sign(self._folder).read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _give_away(self, silent: dict[str, str]) -> None:
        self._given_away |= set(silent)
        self._silent |= set(silent.values())
        if self._workers.wants_work_again and len(self._silent) >= self._workers.number:
            raise RunError(self._nobody())
        self._workers.dismiss(set(silent.values()), self._timeout_s)
        for who in sorted(set(silent.values())):
            _log.warning("worker %s has not responded for %g s: its tiles are given to others", who, self._timeout_s)

    def _end(self) -> None:
        """Raise RunError, unless dask knows of workers that it has not heard of, and gives away what they have."""
        if not self._workers.dismiss(set(), self._timeout_s):
            raise RunError(self._nobody())
        self._last = time.monotonic()

    def _nobody(self) -> str:
        return (
            f"no worker has responded for {self._timeout_s:g} s: finished tiles are kept, and the same "
            "command resumes from there; if a tile takes longer than that, increase --worker-timeout SECONDS"
        )
