"""Ctrl-C and a batch system's word as KeyboardInterrupt: raised where it ends the run, never where it would be lost."""

from __future__ import annotations

import signal
from types import FrameType

signals: list[int] = []
"""Those that have come."""

_RETRY_SECONDS = 0.005


def listen() -> None:
    """Take both as an interruption: what is in flight is written, and the end is clean."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _hear)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _interrupt)


def _hear(number: int, frame: FrameType | None) -> None:
    signals.append(number)
    _interrupt(number, frame)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Interrupt, or try again soon: where C code calls Python and lets no exception through, or the run is ending."""
    if hasattr(signal, "setitimer") and _must_not_fail(frame):
        signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)
        return
    raise KeyboardInterrupt


def _must_not_fail(frame: FrameType | None) -> bool:
    """Tell whether HDF5 is writing through Python, Python takes an object down, or it is found out what was kept."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(FILES) or code.co_name in _ENDINGS:
            return True
        frame = frame.f_back
    return False


FILES = ("/weakref.py", "/store/disk/committed.py")
_ENDINGS = ("__del__", "_interruptible", "discard")
