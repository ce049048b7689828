"""Calibrations in files and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanengine.grid.arguments import confidence_levels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scanengine.grid.calibration import Calibration


def open_calibration(path: str | Path) -> Calibration:
    """Read a calibration back from its file. Raises InputError, naming what is wrong, for any other."""
    from scanengine import store  # HDF5 takes longer to import than a small scan to run

    return store.open_calibration(path)


def save_calibration(found: Calibration, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a calibration to an HDF5 file, which appears only when it is whole; xarray opens it as it is.

    Raises InputError for a name that will not do, or a file that is there already.
    """
    from scanengine import store

    return store.write_calibration(path, found, overwrite=overwrite)


def draw_calibration(found: Calibration, cl: float | Sequence[float] | None = None) -> Figure:
    """Draw Delta chi2 with its critical values, or the calibrated region of two axes beside that of Wilks' theorem."""
    from scanengine import figures

    return figures.calibration(found, None if cl is None else confidence_levels(cl))
