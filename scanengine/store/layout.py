"""What the result file is made of: names, version and attributes that writer and reader share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

FORMAT = "scanengine-grid"
FORMAT_VERSION = 3
"""Before 3 profiles were called X and X__Y, which netCDF takes for the coordinate X; before 2 there was every plane."""

CONVENTIONS = (
    "chi2 is absolute; Delta chi2 is counted from the attribute minimum, which lies at best_fit (one value per axis, "
    "in the order of the attribute axes); profiles/chi2_X and profiles/chi2_X__Y are chi2 minimised over all other "
    "axes on the grid; those in profiles_exact, where it is there, are minimised continuously, on finer axes X_fine, "
    "and may be too high where the attribute cells_in_doubt counts cells in which final checks found lower chi2; "
    "cells_checked counts the cells that were checked, and that none is in doubt is no proof; where lower_X__Y is "
    "there, the minimum is proven to lie between it and chi2_X__Y at each point, and the lowest chi2 of all in "
    "lowest_chi2; the points are decided at the attribute confidence_levels, in per cent; in the groups tiles_X__Y "
    "each tile, from X_start to X_stop and from Y_start to Y_stop, has bounds lower and upper between which the "
    "minimum is proven to lie everywhere on it: it is outside of a region where lower is above the larger lowest_chi2 "
    "plus the level, inside where upper is at or below the smaller one plus the level, and undecided otherwise; in the "
    "groups border_X__Y are the closed borders of regions as they were traced, point by point: X_at, Y_at, the number "
    "of the ring, which has the region on its left, and the confidence_level, in per cent, for two parameters; points "
    "lie within the attribute error of the true border, a fraction of each axis"
)
PRIOR = (
    "density_X and density_X__Y are exp(-chi2/2), minimised over nuisances, summed over all other axes by the "
    "trapezoidal rule and normalised to 1: posterior densities for a prior that is flat in each axis between its ends; "
    "half_X and half_X__Y are such sums over every second point, in the same normalisation; log_mean is the logarithm "
    "of exp(-chi2/2) averaged over the axes, log_mean_half that over every second point; at most a share omitted of "
    "the posterior lies where chi2 was not evaluated"
)
UNITS = "each axis names its own units; chi2 and its profiles are dimensionless"

CHI2 = "chi2"
DONE = "done"
RUNNING = "running"
IDENTITY = "identity"
INSTRUCTIONS = "instruction_sets"
SHARD = "shard"
PROFILES = "profiles"
EXACT_PROFILES = "profiles_exact"
MARGINALS = "marginals"
CELLS_IN_DOUBT = "cells_in_doubt"
CELLS_CHECKED = "cells_checked"
LOWEST_CHI2 = "lowest_chi2"
OF_MARGINALS = ("log_mean", "log_mean_half", "omitted")
PROVEN_LEVELS = "confidence_levels"
TILES = "tiles_"
BORDER = "border_"
RESPONSES = "responses"
_TAKEN = (CHI2, DONE, RUNNING, PROFILES, EXACT_PROFILES, MARGINALS, RESPONSES)
_FINE = "_fine"
_AXIS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
_PART_OF_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

MISSING = -float("inf")
"""What HDF5 gives for a part of the grid that it does not find."""

READING_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises over a damaged file."""

AttributeValue = str | float | Sequence[str] | Sequence[float]


@dataclass(frozen=True)
class ResponseArray:
    """One array of the group `responses`, with names for its dimensions and whatever describes it.

    Arrays that name the same dimension share it and must agree on its length. Without `dims` each dimension is its own.
    """

    values: FloatArray
    dims: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


def dimension(name: str) -> str:
    """Return how an axis is called in the file: a key of the scan file has double underscores for dots."""
    return name.replace(".", "__")


def check_axis_names(names: Sequence[str]) -> None:
    """Raise `InputError` for an axis name that the result file cannot hold, or that another member of it has."""
    for name in names:
        if "." in name:
            _check_key(name)
            continue
        if name in _TAKEN:
            raise InputError(
                f"axis {name!r}: the result file uses this name for something else; give the axis another one"
            )
        if not _AXIS_NAME.fullmatch(name):
            raise InputError(
                f"axis {name!r}: the result file takes names of letters, digits and single underscores, beginning with "
                "a letter; give the axis another one"
            )
        if name.endswith(_FINE) and name.removesuffix(_FINE) in names:
            raise InputError(
                f"axis {name!r}: the result file calls the finer points of {name.removesuffix(_FINE)!r} so; give the "
                "axis another name"
            )


def _check_key(name: str) -> None:
    if not all(_PART_OF_KEY.fullmatch(part) for part in name.split(".")):
        raise InputError(
            f"axis {name!r}: the result file takes keys of letters, digits, underscores and hyphens with dots between "
            "them; give the table another name"
        )


def plane_names(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of axes that have a profiled plane unless some were chosen, in the order of the axes."""
    return list(combinations(names, 2))


def plane_name(first: str, second: str) -> str:
    """Return how a plane is called."""
    return f"{dimension(first)}__{dimension(second)}"


def profile_path(*names: str, version: int = FORMAT_VERSION) -> str:
    """Return where the profile onto one or two axes lies in a file of that version, in a group that holds them, too."""
    return f"{PROFILES}/{'chi2_' * (version >= 3)}{'__'.join(map(dimension, names))}"


def exact_path(*names: str) -> str:
    """Return where the exact profile onto one or two axes lies, in a group that also holds those axes."""
    return f"{EXACT_PROFILES}/chi2_{'__'.join(map(dimension, names))}"


def lower_path(*names: str) -> str:
    """Return where the proven lower bound of the exact profile onto one or two axes lies."""
    return f"{EXACT_PROFILES}/lower_{'__'.join(map(dimension, names))}"


def tiles_path(names: Sequence[str]) -> str:
    """Return where the group of the tiles of one or two axes lies."""
    return f"{EXACT_PROFILES}/{TILES}{'__'.join(map(dimension, names))}"


def density_path(kind: str, *names: str) -> str:
    """Return where the marginal over one or two axes lies: "density", or "half", with half the points summed over."""
    return f"{MARGINALS}/{kind}_{'__'.join(map(dimension, names))}"


def border_path(names: Sequence[str]) -> str:
    """Return where the group of the borders on a plane lies."""
    return f"{EXACT_PROFILES}/{BORDER}{plane_name(names[0], names[1])}"


def fine_axis(name: str, version: int = FORMAT_VERSION) -> str:
    """Return how an axis of the exact profiles is called: not as the grid's own, whose values are others."""
    return f"{dimension(name)}{_FINE * (version >= 3)}"
