"""The planes that a result file keeps, from the table [output]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted, written
from scanengine.definition.reading.table import Positive, Table


class OutputTable(Table):
    """What the result file keeps."""

    keep: Literal["grid", "profiles"] = Field("grid", description="The grid, or only its profiles.")
    precision: Literal["float64", "float32"] = Field("float64", description="Precision of the stored grid.")
    compression: Literal["deflate", "none"] = Field(
        "deflate", description="Filters of the stored grid: shuffle and deflate, or none; a checksum in either case."
    )
    relative_error: Annotated[float, Field(ge=1e-15, le=0.1)] | None = Field(
        None,
        description="Largest relative rounding error of stored chi2: the larger, the smaller the file.",
    )
    profile: Literal["grid", "exact", "proven"] = Field(
        "grid",
        description="Profiles from the grid points alone, or with the profiled parameters also minimised continuously; "
        "proven, with a lower bound of chi2 in each cell as well.",
    )
    confidence_levels: (
        Annotated[list[Annotated[float, Field(gt=0.0, lt=100.0)]], Field(min_length=1, max_length=16)] | None
    ) = Field(
        None,
        description="Of exact and proven profiles: C.L. in per cent at which borders are traced, and cells and tiles "
        "decided, 68.27, 90 and 95 by default.",
    )
    enclosure: Annotated[float, Field(ge=1e-9, le=1.0)] | None = Field(
        None,
        description="Of proven profiles: how far upper and lower bound of chi2 may be apart, relative to 1 + chi2; "
        "without it, cells are decided at the confidence levels only, which is faster.",
    )
    tiles: Annotated[int, Field(ge=2, le=1 << 14)] | None = Field(
        None,
        description="Of proven profiles: tiles along each axis of a plane where it is finest, a power of two, 256 by "
        "default; each is proven to lie outside or inside of a region, or counts as undecided.",
    )
    marginals: bool = Field(
        False,
        description="Posterior densities of each axis and each pair of axes, too; the prior is flat within the axes.",
    )
    planes: Annotated[list[list[str]], Field(min_length=1)] | None = Field(
        None,
        description='Pairs of axes, such as [["eps_ee_uV", "mu_nu"]]: only these planes, the profiles of their axes '
        'and the minimum are computed (needs keep = "profiles"); by default, all planes.',
    )
    delta_chi2_max: Positive | None = Field(
        None,
        description="Delta chi2 up to which the profiles of the grid points are computed. Above it they "
        "are infinite, and tiles of the grid that lie there, by a proven bound, are skipped; without it, none is.",
    )


_PLANES = ("output", "planes")

_CONFIDENCE_LEVELS = (68.27, 90.0, 95.0)

_TILES = 256


def build_levels(output: OutputTable, report: Report) -> tuple[float, ...]:
    """Return the C.L. in per cent, rising, that borders are traced and proven profiles decided at, none where there
    are none or the scan leaves them to us; keys of proven profiles alone become faults.
    """
    if output.profile != "proven":
        for key in ("enclosure", "tiles"):
            if getattr(output, key) is not None:
                report.add(
                    ("output", key),
                    f"found {written(getattr(output, key))}, which is a key of proven profiles: "
                    'profile = "proven" would do, or no such key',
                    ("output", "profile"),
                )
        if output.profile == "grid" and output.confidence_levels is not None:
            report.add(
                ("output", "confidence_levels"),
                f"found {written(output.confidence_levels)}, which is a key of exact and proven profiles: "
                'profile = "exact" would do, or no such key',
                ("output", "profile"),
            )
        return tuple(sorted(set(output.confidence_levels or ())))
    return tuple(sorted(set(output.confidence_levels or _CONFIDENCE_LEVELS)))


def build_tiles(output: OutputTable, report: Report) -> int | None:
    """Return how many tiles proven planes have along an axis, None where nothing is proven; a bad number is a fault."""
    if output.profile != "proven":
        return None
    tiles = output.tiles or _TILES
    if tiles & (tiles - 1):
        below = 1 << (tiles.bit_length() - 1)
        report.add(
            ("output", "tiles"),
            f"found {tiles}, but it must be a power of two, such as {below} or {2 * below}",
        )
    return tiles


def build_planes(output: OutputTable, names: Sequence[str], report: Report) -> tuple[tuple[str, str], ...]:
    """Return the planes to keep, of the axes of these names, all in their order; what is wrong becomes faults."""
    if output.planes is None:
        return ()
    if output.keep == "grid":
        report.add(
            _PLANES,
            f'found {written(output.planes)}, but a stored grid has every plane: use keep = "profiles", or no such key',
            ("output", "keep"),
        )
    found: list[tuple[str, str]] = []
    for pair in output.planes:
        if len(pair) != 2 or pair[0] == pair[1]:
            report.add(_PLANES, f"found {written(pair)}, a plane must have two different axes")
            continue
        unknown = [name for name in pair if name not in names]
        for name in unknown:
            known = nearest_or_all(name, names) if names else "there are none"
            report.add(_PLANES, f"found {quoted(name)}, which is not an axis, {known}", ("axes", name))
        if unknown:
            continue
        first, second = sorted(pair, key=names.index)
        if (first, second) in found:
            report.add(_PLANES, f"found {written(pair)} a second time: give each plane once")
        found.append((first, second))
    return tuple(sorted(found, key=lambda pair: [names.index(name) for name in pair]))
