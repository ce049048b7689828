"""How far a scan has come, told in one line that is written anew: in a notebook, or on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = bool | Callable[[int, int], None] | None
"""True for a line that is written anew; or what is called with the number that is done, and of how many."""

_SECONDS = 0.2


def told(progress: Progress, title: str, what: str = "points") -> Callable[[int, int], None] | None:
    """Return what tells of progress, as it was asked for: None for nobody."""
    if isinstance(progress, bool):
        return _Line(title, what) if progress else None
    return progress


class _Line:
    """A line with the share that is done and the time that is left, on standard output in a notebook."""

    def __init__(self, title: str, what: str) -> None:
        self._title, self._what = title, what
        self._stream: TextIO = sys.stdout if "ipykernel" in sys.modules else sys.stderr
        self._began = self._last = time.monotonic()
        self._first: int | None = None
        self._width = 0
        self._ended = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:  # what went before may have been the compiler
            self._began, self._first = now, done
        if self._ended or (done < total and now - self._last < _SECONDS):
            return
        self._last = now
        text = f"{self._title}: {done / total:.0%} of {total:.3g} {self._what}"
        if self._first < done < total:
            left = (now - self._began) * (total - done) / (done - self._first)
            text += f", about {left:.0f} s left"
        self._ended = done >= total
        print(f"\r{text:<{self._width}}", end="\n" if self._ended else "", file=self._stream, flush=True)
        self._width = len(text)
