"""What is proven of minima, for JSON and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanengine.api import Proof, Result


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
        print("found by searches, and not proven: chi2 is no sum of squared quadratics in the axes")
        return
    if not proof.is_whole:
        print(
            f"found by searches, and not proven: the lowest chi2 lies between {proof.lower:.6g} and {proof.upper:.6g}, "
            f"and {_counted(proof.undecided)} may hold another minimum within {proof.delta_chi2:g}"
        )
        return
    print(
        f"proven: the lowest chi2 within the axes lies between {proof.lower:.6g} and {proof.upper:.6g}; there is no "
        f"minimum within {proof.delta_chi2:g} of it but in {_counted(len(proof.boxes))}:"
    )
    for box, holds in zip(proof.boxes, proof.holds, strict=True):
        numbers = " and ".join("the best fit" if i == 0 else f"minimum {i + 1}" for i in holds)
        print(f"  about {numbers}: " + ", ".join(f"{name} in [{a:.4g}, {b:.4g}]" for name, (a, b) in box.items()))


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
    return {"status": status, **({"proven_at_points": cells} if cells else {})}


def print_decided(result: Result, levels: Sequence[float]) -> None:
    """Print how many cells of proven planes lie below confidence levels, and how many are undecided."""
    found = [each for each in result.decided(levels) if len(each.names) == 2]
    if found:
        print("proven, at the points of each plane (not between them):")
    for each in found:
        level = f"{100.0 * each.cl:g}% C.L."
        open_ones = f", {each.undecided:,} undecided" if each.undecided else ", none undecided"
        print(f"  {' and '.join(each.names)}: {each.below:,} cells below {level}, {each.above:,} above{open_ones}")


def _counted(boxes: int) -> str:
    return "one box" if boxes == 1 else f"{boxes} boxes"
