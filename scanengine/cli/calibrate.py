"""`scanengine calibrate`: what it does, writes and prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanengine.cli.options import (
    DataOption,
    JsonOption,
    LevelsOption,
    ScanArgument,
    SetOption,
    ThreadsOption,
    levels_of,
    load_scan,
)
from scanengine.cli.progress import progress
from scanengine.errors import InputError, RunError, ScanengineError

if TYPE_CHECKING:
    from scanengine.api import Scan
    from scanengine.grid.calibration import Calibration

_RESULTS = (".h5", ".hdf5")
_FIGURES = (".png", ".pdf", ".svg")
_MEMBERS = 4
"""Arrays with a number for each point, beside two for each level."""
_OVERHEAD_BYTES = 200_000
_NUMBER_BYTES = 25
"""What a number takes in JSON, with its indent."""
_FEW_POINTS = 10
_FEW_BEYOND = 10


def calibrate(
    scan: ScanArgument,
    cl: LevelsOption = "90",
    pseudo_experiments: Annotated[
        int, typer.Option("-n", "--number", help="Pseudo-experiments at each point, unless all outcomes can be summed.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers, kept in the result.")] = 1,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="OUT", help="A .h5 or .json file, or a figure. Repeatable."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    overrides: SetOption = None,
    data: DataOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find Feldman-Cousins intervals or regions.

    Their coverage is correct: critical values come from pseudo-experiments or, where counts are few, from an exact sum
    over all outcomes. One axis gives intervals, two give regions.
    """
    levels = levels_of(cl)
    loaded = load_scan(scan, overrides, data, quiet=as_json)
    check_outputs(outputs or [], loaded, len(levels), overwrite=overwrite)
    with progress(loaded.definition.title, "pseudo-experiments") as told:
        found = loaded.calibrate(
            levels, pseudo_experiments=pseudo_experiments, seed=seed, threads=threads, progress=told
        )
    if as_json:
        print(json.dumps(record(found), indent=1))
    else:
        show(found)
    sys.stdout.flush()
    write_all(found, outputs or [], overwrite=overwrite)


def check_outputs(paths: Sequence[Path], scan: Scan, levels: int, *, overwrite: bool) -> None:
    """Raise InputError if a calibration cannot be written to one of these, or has no room there: before it is made."""
    from scanengine import figures, store

    definition = scan.definition
    numbers = prod(axis.values.size for axis in definition.axes) * (_MEMBERS + 2 * levels)
    text_bytes = len(definition.text.encode())
    elsewhere = "write elsewhere with -o"
    for path in paths:
        if path.suffix in _RESULTS:
            store.check_output(path, _OVERHEAD_BYTES + 8 * numbers + text_bytes, overwrite, elsewhere)
            continue
        if path.suffix.lower() in _FIGURES:
            figures.check(path, overwrite=overwrite)
        elif path.suffix != ".json":
            found = f"{path.suffix!r}" if path.suffix else "no suffix"
            raise InputError(
                f"{path}: a calibration is written to .h5, .json, .png, .pdf or .svg, but this has {found}"
            )
        elif _is_there(path) and not overwrite:
            raise InputError(f"{path} already exists: pass --overwrite to replace it")
        if not path.parent.is_dir():
            raise InputError(f"{path}: there is no directory {path.parent}; create it, or {elsewhere}")
        needed = _NUMBER_BYTES * numbers + text_bytes if path.suffix == ".json" else _OVERHEAD_BYTES
        store.require_room(path, needed, elsewhere)


def _partial(path: Path) -> Path:
    """Return the name of a JSON file while it is written."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _is_there(path: Path) -> bool:
    try:
        return _partial(path).exists() or path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another name with -o") from None


def write_all(found: Calibration, paths: Sequence[Path], *, overwrite: bool) -> None:
    """Write a calibration to each of these; one that fails keeps none of the others from it.

    Raises RunError, in the end, for those that failed.
    """
    failed = []
    for path in paths:
        try:
            write(found, path, overwrite=overwrite)
        except ScanengineError as error:
            failed.append(str(error))
    if failed:
        raise RunError("\n".join(failed))


def write(found: Calibration, path: Path, *, overwrite: bool) -> None:
    """Write a calibration as HDF5, JSON or a figure, by the suffix of the path."""
    from scanengine import figures, store

    if path.suffix in _RESULTS:
        print(f"calibration: {store.write_calibration(path, found, overwrite=overwrite)}", file=sys.stderr)
        return
    if path.suffix.lower() in _FIGURES:
        print(f"figure: {figures.save(figures.calibration(found), path, overwrite=overwrite)}", file=sys.stderr)
        return
    partial = _partial(path)
    try:
        try:
            partial.write_text(json.dumps(record(found), indent=1), encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def record(found: Calibration) -> dict[str, Any]:
    """Return a calibration, with all that is needed to do it again, for JSON."""
    from scanengine import __version__

    one = len(found.axes) == 1
    return {
        "parameters": [axis.name for axis in found.axes],
        "units": [axis.units for axis in found.axes],
        "method": "all outcomes" if found.is_exact else "pseudo-experiments",
        "pseudo_experiments": found.pseudo_experiments,
        "seed": found.seed,
        "scanengine_version": __version__,
        "definition": found.definition,
        "definition_overrides": list(found.overrides),
        "values": [axis.values.tolist() for axis in found.axes],
        "delta_chi2": found.delta_chi2.tolist(),
        "p_values": None if found.p_values is None else found.p_values.tolist(),
        "at_open_ends": None if found.at_open_ends is None else found.at_open_ends.tolist(),
        "levels": [
            {
                "cl": round(100.0 * level, 10),
                "critical_delta_chi2": found.of(level).tolist(),
                "critical_error": errors.tolist(),
                "allowed_points": found.inside(level),
                **({"intervals": [list(interval) for interval in found.intervals(level)]} if one else {}),
            }
            for level, errors in zip(found.levels, found.errors, strict=True)
        ],
    }


def show(found: Calibration) -> None:
    """Print what a calibration allows, and beside it what Delta chi2 does as Wilks' theorem has it."""
    from scanengine.inference.levels import delta_chi2

    points = " x ".join(str(axis.values.size) for axis in found.axes)
    where = f"{points} values" if len(found.axes) == 1 else f"{points} points"
    how = f"{found.pseudo_experiments} pseudo-experiments at each of {where}, seed {found.seed}"
    print(f"allowed, by {f'all outcomes at each of {where}, summed exactly' if found.is_exact else how}:")
    for level, errors in zip(found.levels, found.errors, strict=True):
        wilks = delta_chi2(level, len(found.axes))
        own, other = (_interval if len(found.axes) == 1 else _region)(found, level, wilks)
        critical = found.of(level)
        print(f"  {own}  {100.0 * level:g}% C.L.")
        known = "" if found.is_exact else f" (each +- {errors.min():.2g} to {errors.max():.2g})"
        right = ~found.cut_short(level)
        critical = critical[right] if right.any() else critical
        span = f"delta chi2 = {critical.min():.3f} to {critical.max():.3f}{known}"
        print(f"    {span}; Wilks' theorem ({wilks:.3f}): {other}")
        if found.inside(level) < _FEW_POINTS:
            _warn(f"only {found.inside(level)} points of the grid are allowed: use more points")
        if not found.is_exact and found.pseudo_experiments * (1.0 - level) < _FEW_BEYOND:
            least = int(_FEW_BEYOND / (1.0 - level)) + 1
            _warn(f"{100.0 * level:g}% C.L. is unreliable with so few pseudo-experiments: use -n {least} or more")
        if not right.all():
            _warn(_cut_short(found, level))


def _cut_short(found: Calibration, level: float) -> str:
    """Return what is wrong where best fits stop at the end of an axis."""
    import numpy as np  # a command may need nothing of it

    short, critical = found.cut_short(level), found.of(level)
    where = f"at {int(short.sum())} of {short.size} points"
    if len(found.axes) == 1:
        (axis,) = found.axes
        edges = np.flatnonzero(np.diff(np.concatenate(([False], short, [False])).astype(int))).reshape(-1, 2)
        runs = [f"from {axis.values[first]:.4g} to {axis.values[stop - 1]:.4g}" for first, stop in edges]
        where = f"for {axis.name} {' and '.join(runs)}"
    # critical values that were right would hardly be more than twice the highest of these
    uncertain = short & (found.excess(level) > 0.0) & (found.delta_chi2 <= 2.0 * float(critical.max()))
    matters = "some of these values may be allowed" if np.any(uncertain) else "the allowed set does not change"
    return (
        f"{100.0 * level:g}% C.L.: best fits lie at the end of an axis that is not a bound of the parameter, so that "
        f"critical values are too low {where} ({matters}): extend the axis"
    )


def describe(path: Path) -> bool:
    """Print what is in a file if it is that of a calibration; return whether it is."""
    from scanengine import store

    if not store.is_calibration(path):
        return False
    show(store.open_calibration(path))
    return True


def _warn(what: str) -> None:
    print(f"warning: {what}", file=sys.stderr)


def _interval(found: Calibration, level: float, wilks: float) -> tuple[str, str]:
    from scanengine.api.words import limit
    from scanengine.grid.calibration import allowed
    from scanengine.inference.intervals import Interval, Intervals

    (axis,) = found.axes
    both = found.intervals(level), allowed(axis.values, found.delta_chi2 - wilks)
    own, other = (
        limit(Intervals(axis.name, level, 1, wilks, tuple(Interval(*span) for span in spans)), axis) for spans in both
    )
    return own, other


def _region(found: Calibration, level: float, wilks: float) -> tuple[str, str]:
    from scanengine.grid.profiles import ReducedGrid
    from scanengine.inference.contours import region

    own = region(found.scaled(level, wilks), level, 2)
    other = region(ReducedGrid(found.axes, found.delta_chi2, 0.0), level, 2)
    names = ", ".join(axis.name for axis in found.axes)
    return f"{names}: {_extent(len(own.pieces), own.area)}", _extent(len(other.pieces), other.area)


def _extent(pieces: int, area: float) -> str:
    return f"{pieces} piece{'s' if pieces != 1 else ''} of area {area:.4g}"
