"""The file of a calibration: critical values of Delta chi2 beside those of the data, with the seed that gives them."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import h5py
import numpy as np

from scanengine.errors import InputError, RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.calibration import Calibration, Span
from scanengine.store import layout
from scanengine.store.disk import access
from scanengine.store.disk.access import Damage
from scanengine.store.disk.opening import opened
from scanengine.store.layout import check_axis_names
from scanengine.store.members import create_checked, package_version, set_attributes, write_axes
from scanengine.store.paths import check_output, fsync_directory

FORMAT = "scanengine-calibration"
FORMAT_VERSION = 2

_MAX_AXES = 2
_CONVENTIONS = (
    "a point is allowed at a confidence level if its delta_chi2, counted from the lowest of the grid, is not above "
    "critical_delta_chi2 there by more than 1e-7 (1 + delta_chi2); that is the quantile of Delta chi2 of "
    "pseudo_experiments made at that point with the nuisances that fit the data best, or of all outcomes if there are "
    "none (Feldman and Cousins 1998); critical_error is one standard deviation of it, p_value the probability of a "
    "Delta chi2 at least as high as the data's, at_open_ends that of a best fit at an end of an axis that is not a "
    "bound of the parameter, interval where the allowed values of one axis begin and end, infinite beyond it"
)
_LEVEL = "cl"
_INTERVALS = ("interval", "piece", "side")
_MEMBERS = ("delta_chi2", "critical_delta_chi2", "critical_error", "p_value", "at_open_ends", *_INTERVALS, _LEVEL)


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
    check_output(path, memory.getbuffer().nbytes, overwrite, "write elsewhere")
    new = path.with_name(f"{path.name}.new-{uuid4().hex[:8]}")  # OUT.partial.h5 may be a scan's
    try:
        try:
            with new.open("xb") as file:
                file.write(memory.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        fsync_directory(path.parent)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def _write(file: h5py.File, calibration: Calibration, names: list[str]) -> None:
    set_attributes(
        file,
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION if calibration.p_values is not None else 1,
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
    intervals, scales = _as_array(calibration.exact_intervals)
    write_axes(file, [levels, *calibration.axes, *scales])
    for name, values, dimensions, long_name in (
        ("delta_chi2", calibration.delta_chi2, names, "chi2 of the data above the lowest of the grid"),
        ("critical_delta_chi2", calibration.critical, [_LEVEL, *names], "quantile of pseudo-experiments"),
        ("critical_error", calibration.errors, [_LEVEL, *names], "standard deviation of the quantile"),
        ("p_value", calibration.p_values, names, "probability of a Delta chi2 at least as high as the data's"),
        ("at_open_ends", calibration.at_open_ends, names, "probability of a best fit at the end of an axis"),
        (_INTERVALS[0], intervals, [_LEVEL, *_INTERVALS[1:]], "where allowed values begin and end"),
    ):
        if values is None:
            continue
        member = create_checked(file, name, np.asarray(values, dtype="<f8"))
        for dimension, scale in zip(member.dims, dimensions, strict=True):
            dimension.attach_scale(file[layout.dimension(scale)])
        set_attributes(member, {"units": "1", "long_name": long_name})


def _as_array(intervals: tuple[tuple[Span, ...], ...] | None) -> tuple[FloatArray | None, list[Axis]]:
    """Return intervals as (levels, pieces, sides), an end that there is not being no number, and what numbers these."""
    if intervals is None:
        return None, []
    pieces = max(1, *(len(spans) for spans in intervals)) + 1
    values = np.full((len(intervals), pieces, 2), np.nan)
    for found, spans in zip(values, intervals, strict=True):
        for place, (low, high) in zip(found, spans, strict=False):
            place[:] = (-np.inf if low is None else low, np.inf if high is None else high)
    _, piece, side = _INTERVALS
    return values, [Axis(piece, np.arange(float(pieces))), Axis(side, np.arange(2.0))]


def _read_intervals(file: h5py.File, levels: int) -> tuple[tuple[Span, ...], ...]:
    name, piece, _ = _INTERVALS
    values = access.read(access.dataset(file, name, (levels, access.increasing(file, piece).size, 2)))
    return tuple(
        tuple(
            (float(low) if np.isfinite(low) else None, float(high) if np.isfinite(high) else None)
            for low, high in spans
            if not np.isnan(low) and not np.isnan(high)
        )
        for spans in values
    )


def is_calibration(path: Path) -> bool:
    """Whether there is a file of a calibration; what is wrong with any other is left to who reads it."""
    try:
        with opened(path, while_written=True) as file:
            return _format_of(file) == FORMAT
    except InputError:
        return False


def open_calibration(path: str | Path) -> Calibration:
    """Read a calibration back. Raises InputError, naming what is wrong, for any other file."""
    with opened(Path(path)) as file:
        if _format_of(file) != FORMAT:
            raise InputError(f"{path} is not a calibration; `scanengine calibrate -o {path}` makes one")
        version = _whole_number(file, "format_version")
        if version > FORMAT_VERSION:
            raise InputError(
                f"{path} has format version {version}, and this scanengine reads {FORMAT_VERSION}: a newer one reads it"
            )
        names = access.text_list(file, "axes")
        if not 1 <= len(names) <= _MAX_AXES or len(set(names)) < len(names):
            raise Damage("the attribute axes does not name one axis or two")
        axes = tuple(access.axis(file, layout.dimension(name), name) for name in names)
        levels = access.increasing(file, _LEVEL)
        if not 0.0 < levels[0] <= levels[-1] < 1.0:
            raise Damage(f"{_LEVEL} contains something other than confidence levels")
        shape = tuple(axis.values.size for axis in axes)
        delta = access.read(access.dataset(file, "delta_chi2", shape))
        critical, errors = (
            access.read(access.dataset(file, name, (levels.size, *shape)))
            for name in ("critical_delta_chi2", "critical_error")
        )
        # version 1 had neither
        p_values, at_open_ends = (
            access.read(access.dataset(file, name, shape)) if version > 1 else None
            for name in ("p_value", "at_open_ends")
        )
        for name, values in (
            ("delta_chi2", delta),
            ("critical_delta_chi2", critical),
            ("p_value", p_values),
            ("at_open_ends", at_open_ends),
        ):
            if values is not None and np.isnan(values).any():
                raise Damage(f"{name} contains values that are not numbers")
        number, seed = _whole_number(file, "pseudo_experiments", int(version == 1)), int(access.text(file, "seed"))
        return Calibration(
            axes,
            delta,
            tuple(levels.tolist()),
            critical,
            errors,
            number,
            seed,
            access.text(file, "definition"),
            access.text_list(file, "definition_overrides"),
            p_values,
            at_open_ends,
            _read_intervals(file, levels.size) if number == 0 and len(axes) == 1 else None,
        )


def _format_of(file: h5py.File) -> str:
    return access.text(file, "format") if "format" in file.attrs else ""


def _whole_number(file: h5py.File, name: str, least: int = 1) -> int:
    value = access.attribute(file, name)
    if not isinstance(value, np.integer) or value < least:
        raise Damage(f"the attribute {name} is {value} and not a whole number from {least} up")
    return int(value)
