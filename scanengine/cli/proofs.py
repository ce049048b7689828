"""What is proven of minima, for JSON and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanengine.api import Proof, Result
    from scanengine.inference.contours import Region
    from scanengine.inference.proven_regions import ProvenRegion

_NO_DIGIT = 0.1
"""Relative to a number: an uncertainty that leaves it without one digit."""


def proof_record(proof: Proof | None) -> dict[str, Any]:
    """Return the status of a list of minima, and its proof where there is one, for JSON."""
    if proof is None:
        return {"status": "found"}
    return {
        "status": "proven" if proof.is_whole else "found",
        "proof": {
            "lowest_chi2": [proof.lower, proof.upper],
            "delta_chi2": proof.delta_chi2,
            "boxes": [
                {"ends": {name: list(ends) for name, ends in box.items()}, "minima": list(holds)}
                for box, holds in zip(proof.boxes, proof.holds, strict=True)
            ],
            "undecided": proof.undecided,
        },
    }


def print_proof(proof: Proof | None) -> None:
    """Say whether the minima are proven to be all, or found."""
    if proof is None:
        print("found by searches, and not proven: chi2 is not a sum of squared quadratics in the axes")
        return
    if not proof.is_whole:
        print(
            f"found by searches, and not proven: the lowest chi2 lies between {proof.lower:.6g} and {proof.upper:.6g}, "
            f"and {_boxes(proof.undecided)} may hold another minimum within {proof.delta_chi2:g}"
        )
        return
    print(
        f"proven: the lowest chi2 within the axes lies between {proof.lower:.6g} and {proof.upper:.6g}; there is no "
        f"minimum within {proof.delta_chi2:g} of it outside {_boxes(len(proof.boxes))}:"
    )
    for box, holds in zip(proof.boxes, proof.holds, strict=True):
        numbers = " and ".join("the best fit" if i == 0 else f"minimum {i + 1}" for i in holds)
        print(f"  around {numbers}: " + ", ".join(f"{name} in [{a:.4g}, {b:.4g}]" for name, (a, b) in box.items()))


def decided_record(result: Result, levels: Sequence[float]) -> dict[str, Any]:
    """Return how intervals came about, and how many cells of the profiles are proven to lie where, for JSON.

    What is proven at points does not prove an interval between them.
    """
    cells = [
        {
            "profile": list(each.names),
            "cl": round(100.0 * each.cl, 10),
            "below": each.below,
            "above": each.above,
            "undecided": each.undecided,
        }
        for each in result.decided(levels)
    ]
    status = "grid" if result.status == "grid" else "found"
    regions = [_region_record(region) for region in result.proven_regions(levels)]
    traced = [_traced_record(result, region) for region in result.traced_regions(levels)]
    return {
        "status": status,
        **({"traced_regions": traced} if traced else {}),
        **({"proven_at_points": cells} if cells else {}),
        **({"proven_regions": regions} if regions else {}),
    }


def _traced_record(result: Result, region: Region) -> dict[str, Any]:
    return {
        "axes": list(region.axes),
        "cl": round(100.0 * region.cl, 10),
        "dof": region.dof,
        "area": region.area,
        "area_error": result.area_error(region),
        "pieces": len(region.pieces),
    }


def print_borders(result: Result, levels: Sequence[float]) -> None:
    """Print the areas within borders that were traced, and of how many pieces they are."""
    found = result.traced_regions(levels)
    if found:
        print("regions by their traced borders (2 dof):")
    for each in found:
        error = result.area_error(each) or 0.0
        decimals = min(12, max(0, math.ceil(-math.log10(error)))) if error > 0.0 else 6
        area = f"area {each.area:.{decimals}f} +- {error:.1g}"
        print(f"  {' and '.join(each.axes)}, {100.0 * each.cl:g}% C.L.: {area}, {_counted(len(each.pieces), 'piece')}")


def _region_record(region: ProvenRegion) -> dict[str, Any]:
    groups, area = region.apart
    record: dict[str, Any] = {
        "axes": list(region.axes),
        "cl": round(100.0 * region.cl, 10),
        "dof": region.dof,
        "area" if len(region.axes) == 2 else "length": list(region.area),
        "pieces": list(region.pieces),
        "undecided": {
            "tiles": region.undecided,
            "share": region.undecided_share,
            "groups_apart": groups,
            "area_apart": area,
        },
    }
    if len(region.axes) == 1:
        record["ends"] = [[list(low), list(high)] for low, high in region.ends]
    return record


def print_regions(result: Result, levels: Sequence[float]) -> None:
    """Print what tiles prove of intervals and regions, and what they leave open."""
    found = result.proven_regions(levels)
    lines, planes = ([each for each in found if len(each.axes) == n] for n in (1, 2))
    if lines:
        print("proven, between all points (1 dof):")
    for each in lines:
        print(f"  {each.axes[0]}, {100.0 * each.cl:g}% C.L.: {_intervals(each)}")
    if planes:
        print("proven, everywhere on each plane (2 dof):")
    for each in planes:
        print(f"  {' and '.join(each.axes)}, {100.0 * each.cl:g}% C.L.: {_area(each)}")


def _intervals(region: ProvenRegion) -> str:
    """Return between which values a parameter is allowed, and what of that is not proven."""
    said = "allowed from " + " or ".join(f"{_end(*low)} to {_end(*high)}" for low, high in region.ends)
    groups, _ = region.apart
    if groups:
        said += f"; of {groups} of these it is not proven that {'it is' if groups == 1 else 'they are'} there"
    least, most = region.pieces
    if least < most:
        said += f"; undecided values lie within: {least} to {most} intervals with proven values in them"
    return said


def _end(low: float, high: float) -> str:
    """Return a number that is known to lie between two, to the digits that are known; both where there are none."""
    if low == high:
        return f"{low:.7g}"
    uncertainty = (high - low) / max(abs(low), abs(high))
    if uncertainty > _NO_DIGIT:
        return f"[{low:.3g}, {high:.3g}]"
    digits = min(15, math.ceil(-math.log10(uncertainty)))
    return f"{0.5 * (low + high):.{digits}g}"


def _area(region: ProvenRegion) -> str:
    low, high = region.area
    least, most = region.pieces
    groups, apart = region.apart
    pieces = _counted(most, "piece") if least == most else f"{least} to {most} pieces"
    said = f"area {low:.4g} to {high:.4g}"
    said += f"; {pieces} with proven points in {'it' if most == 1 else 'them'}" if most else "; no point is proven"
    if groups:
        said += (
            f"; {_counted(groups, 'group')} of undecided tiles apart may contain more, within an area of {apart:.2g}"
        )
    if region.undecided:
        said += f"; undecided: {_counted(region.undecided, 'tile')}, {region.undecided_share:.2%} of the plane"
        said += " (cut short)" if region.tiles.cut_short else ""
    return said


def print_decided(result: Result, levels: Sequence[float]) -> None:
    """Print how many cells of proven planes lie below confidence levels, and how many are undecided."""
    found = [each for each in result.decided(levels) if len(each.names) == 2]
    if found:
        print("proven, at the points of each plane (not between them):")
    for each in found:
        level = f"{100.0 * each.cl:g}% C.L."
        open_ones = f", {each.undecided:,} undecided" if each.undecided else ", none undecided"
        print(f"  {' and '.join(each.names)}: {each.below:,} cells below {level}, {each.above:,} above{open_ones}")


def _boxes(number: int) -> str:
    return "one box" if number == 1 else f"{number} boxes"


def _counted(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number:,} {what}s"
