"""The file of a calibration: critical values of Delta chi2 beside those of the data, with the seed that gives them."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

from scanengine.calibrated import Calibration
from scanengine.errors import InputError, RunError
from scanengine.grids import Axis, FloatArray
from scanengine.store.access import Damage, check_signature, dataset, opened
from scanengine.store.layout import check_axis_names
from scanengine.store.members import create_checked, package_version, set_attributes, write_axes
from scanengine.store.paths import check_output, partial_path

FORMAT = "scanengine-calibration"
FORMAT_VERSION = 1

_CONVENTIONS = (
    "a point is allowed at a confidence level if its delta_chi2, counted from the lowest of the grid, is not above "
    "critical_delta_chi2 there, the quantile of Delta chi2 of pseudo_experiments made at that point with the nuisances "
    "that fit the data best (Feldman and Cousins 1998); critical_error is one standard deviation of it"
)
_LEVEL = "cl"
_MEMBERS = ("delta_chi2", "critical_delta_chi2", "critical_error", _LEVEL)


def write_calibration(path: str | Path, calibration: Calibration, *, overwrite: bool = False) -> Path:
    """Write a calibration to a file, which appears only when it is whole; xarray opens it as it is.

    Raises InputError where `check_output` does, or for an axis name that the file cannot hold; RunError if it cannot be
    written.
    """
    path = Path(path)
    names = [axis.name for axis in calibration.axes]
    check_axis_names(names)
    if clash := next((name for name in names if name in _MEMBERS), None):
        raise InputError(f"axis {clash!r}: the file of a calibration uses this name for something else")
    memory = BytesIO()
    with h5py.File(memory, "w", track_order=True) as file:
        _write(file, calibration, names)
    check_output(path, memory.getbuffer().nbytes, overwrite)
    partial = partial_path(path)
    try:
        try:
            partial.write_bytes(memory.getbuffer())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def _write(file: h5py.File, calibration: Calibration, names: list[str]) -> None:
    set_attributes(
        file,
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "scanengine_version": package_version(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "definition": calibration.definition,
            "definition_sha256": hashlib.sha256(calibration.definition.encode()).hexdigest(),
            "definition_overrides": calibration.overrides,
            "conventions": _CONVENTIONS,
            "axes": names,
            "pseudo_experiments": calibration.pseudo_experiments,
            # a seed may have more digits than any number of HDF5
            "seed": str(calibration.seed),
        },
    )
    levels = Axis(_LEVEL, np.array(calibration.levels), long_name="confidence level")
    write_axes(file, [levels, *calibration.axes])
    for name, values, dimensions, long_name in (
        ("delta_chi2", calibration.delta_chi2, names, "chi2 of the data above the lowest of the grid"),
        ("critical_delta_chi2", calibration.critical, [_LEVEL, *names], "quantile of pseudo-experiments"),
        ("critical_error", calibration.errors, [_LEVEL, *names], "standard deviation of the quantile"),
    ):
        member = create_checked(file, name, np.asarray(values, dtype="<f8"))
        for dimension, scale in zip(member.dims, dimensions, strict=True):
            dimension.attach_scale(file[scale])
        set_attributes(member, {"units": "1", "long_name": long_name})


def is_calibration(path: Path) -> bool:
    """Whether there is a file of a calibration; what is wrong with any other is left to who reads it."""
    try:
        check_signature(path)
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except (InputError, OSError, RuntimeError):
        return False


def open_calibration(path: str | Path) -> Calibration:
    """Read a calibration back. Raises InputError, naming what is wrong, for any other file."""
    with opened(Path(path)) as file:
        if file.attrs.get("format") != FORMAT:
            raise InputError(f"{path} is not a calibration; `scanengine calibrate -o {path}` makes one")
        if file.attrs["format_version"] > FORMAT_VERSION:
            raise InputError(
                f"{path} has format version {file.attrs['format_version']}, and this scanengine reads "
                f"{FORMAT_VERSION}: a newer one reads it"
            )
        axes = tuple(_axis(file, str(name)) for name in file.attrs["axes"])
        levels = _increasing(file, _LEVEL)
        shape = tuple(axis.values.size for axis in axes)
        if math.prod(shape) * levels.size > file.id.get_filesize():  # eight bytes each
            raise Damage("its axes are longer than the file")
        delta, critical, errors = (
            np.asarray(dataset(file, name, of)[...], dtype=np.float64)
            for name, of in (
                ("delta_chi2", shape),
                ("critical_delta_chi2", (levels.size, *shape)),
                ("critical_error", (levels.size, *shape)),
            )
        )
        number, seed = int(file.attrs["pseudo_experiments"]), int(file.attrs["seed"])
        definition = str(file.attrs["definition"])
        overrides = tuple(str(each) for each in file.attrs["definition_overrides"])
        return Calibration(axes, delta, tuple(levels.tolist()), critical, errors, number, seed, definition, overrides)


def _axis(file: h5py.File, name: str) -> Axis:
    values = _increasing(file, name)
    units, long_name, symbol = (str(file[name].attrs[key]) for key in ("units", "long_name", "symbol"))
    return Axis(name, values, units, long_name, symbol)


def _increasing(file: h5py.File, name: str) -> FloatArray:
    values = np.asarray(dataset(file, name)[...], dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.all(np.diff(values) > 0.0):
        raise Damage(f"{name} is not increasing")
    return values
