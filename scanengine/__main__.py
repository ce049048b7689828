"""`python -m scanengine` is the command line; workers that import it as their main module stay workers."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line, which has something to say from its first import on."""
    try:
        from scanengine.cli import main as run

        run()
    except KeyboardInterrupt:  # before it could listen, or as it ends
        sys.stderr.write("error: interrupted\n")
        sys.stderr.flush()
        os._exit(1)  # Python's own end can make the signal of it, where code from text was interrupted (dataclasses)


if __name__ == "__main__":
    main()
