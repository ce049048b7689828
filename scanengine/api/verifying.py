"""Verifying a result: whether its parts agree, and whether its numbers follow from the definition that it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scanengine.api.agreement import Check, Lie, Sample
from scanengine.api.densities import GridSums
from scanengine.api.finished import from_stored
from scanengine.api.origin import stored_definition
from scanengine.api.proof_again import proof_again
from scanengine.api.scan import Scan
from scanengine.errors import InputError
from scanengine.grid.arguments import whole
from scanengine.grid.axes import FloatArray

if TYPE_CHECKING:
    from scanengine.store import StoredResult

_UNSEEN = ("when it was made, and with which version",)


@dataclass(frozen=True)
class Verification:
    """What was seen to be right about a file, and what could not be checked, each in words."""

    found: tuple[str, ...]
    unchecked: tuple[str, ...]


def verify(
    path: str | Path,
    *,
    data: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    proof: int | Literal["all"] | None = None,
) -> Verification:
    """Read every number of a result against its checksum, and see whether the file says what its definition gives.

    Minimum and profiles are compared with the grid; axes, attributes and the best fit with the definition, and
    chi2 is recalculated at points spread over the grid. `data` is the folder of the scan file's data files. Of an
    unfinished file or a shard the numbers are read, no more. With `proof` so many tiles of proven regions, or "all",
    are gone over again by interval arithmetic. Raises InputError for what is damaged or does not agree.

    >>> scan = scanengine.load("scholberg2006/fig08", {"axes": {"mu_nu": {"min": 0, "max": 30, "points": 31}}})
    >>> scanengine.verify(scan.run("moment.h5").path).found[1]
    'axes and attributes are those of the definition'
    """
    from scanengine import store

    path = Path(path)
    number = proof if proof is None or proof == "all" else whole(proof, "the number of tiles to go over", 1)
    samples: list[Sample] = []
    sums: list[GridSums] = []

    def look_at(stored: StoredResult) -> Callable[[tuple[int, ...], FloatArray], None]:
        samples.append(Sample(stored.shape))
        if stored.profiles.marginals is None or not stored.has_grid:
            return samples[0].look
        sums.append(GridSums(stored))

        def look(start: tuple[int, ...], values: FloatArray) -> None:
            samples[0].look(start, values)
            sums[0].look(start, values)

        return look

    found, stored = store.verify(path, progress, look_at)
    if stored is None:
        return Verification((found,), ("whether chi2 follows from the definition: this is a part of a result",))
    (sample,) = samples
    for each in sums:
        for difference in each.differences():
            raise InputError(f"{path} does not agree with itself: {difference}")
        found += ", marginals too"
    result = from_stored(stored)
    try:
        scan = Scan(stored_definition(stored, data))
    except InputError as error:
        return Verification((found,), (f"whether anything follows from the definition: {error}",))
    check = Check(scan, stored, result)
    try:
        unchecked = [*check.axes(), *check.attributes()]
        seen = check.chi2(sample)
        if number is not None:
            bounds = stored.exact_profiles[1].bounds if stored.exact_profiles else None
            again, left = proof_again(scan, result, bounds, None if number == "all" else number)
            seen, unchecked = [*seen, *again], [*unchecked, *left]
    except Lie as lie:
        raise InputError(f"{path} does not agree with its definition: {lie}") from None
    return Verification(
        (found, "axes and attributes are those of the definition", *seen), (*unchecked, *check.unchecked, *_UNSEEN)
    )
