"""matplotlib, imported whatever MPLBACKEND says: our figures have their own canvas, and are saved without a window.

In a notebook's kernel the variable names a backend that a program of another environment may not have.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_VARIABLE = "MPLBACKEND"


def _import() -> None:
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop(_VARIABLE, None)
    try:
        import matplotlib as mpl
    finally:
        if backend is not None:
            os.environ[_VARIABLE] = backend
    if backend:
        with suppress(ValueError):  # as matplotlib does it for others in this process, but for names that it refuses
            mpl.rcParams["backend"] = backend


_import()
