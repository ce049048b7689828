"""`python -m scanengine` is the command line; workers that import it as their main module stay workers."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line, which has something to say from its first import on."""
    try:
        from scanengine import cli
        from scanengine.cli.interrupts import signals

        try:
            cli.main()
        except SystemExit as end:
            if not signals:
                raise
            _end(end.code)
    except KeyboardInterrupt:  # before it could listen, or as it ends
        if sys.stderr is not None:
            sys.stderr.write("error: interrupted\n")
        _end(1)


def _end(status: str | int | None) -> None:
    """End now: Python would wait for threads, and make a signal of the status where code from text was interrupted."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # full, or closed
            stream.flush()
    os._exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
