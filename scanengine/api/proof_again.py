"""Going over the proof in a result file again, by interval arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanengine.api.agreement import Lie
from scanengine.api.result import Result
from scanengine.api.scan import Scan
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import Bounds

if TYPE_CHECKING:
    from scanengine.inference.proven_regions import ProvenRegion

_SAME_MINIMUM = 1e-5
"""Of 1 + chi2: how near to the lowest chi2 of all intervals are to come."""


def proof_again(scan: Scan, result: Result, bounds: Bounds | None, number: int | None) -> tuple[list[str], list[str]]:
    """Go over so many tiles of proven planes, or all; return what was seen, and what is unchecked.

    Raises `Lie` for the first statement that is false, InputError where there is none.
    """
    from scanengine.inference.rechecking import Recheck, recheck

    if bounds is None or not bounds.tiles:
        raise InputError(
            'there are no proven regions to go over: a scan with profile = "proven", of parameters alone, has them'
        )
    problem = scan.problem
    polynomial, parameters = problem.squares_for("a proof"), problem.definition.parameters
    axes = problem.coordinates.axes
    names = [axis.name for axis in axes]
    lower, upper = np.array(polynomial.scaled([axis.values[[0, -1]] for axis in axes])).T
    check = Recheck(polynomial, lower, upper)
    best = parameters.coordinates(np.array([result.best_fit[name] for name in names]))
    at_best = check.chi2_at((best - polynomial.centre) / polynomial.half_width)
    least = bounds.minimum[0]
    unchecked = ["the proven ends of intervals"]
    if least > at_best:
        raise Lie(f"the lowest chi2 is said to be at least {least:.10g}, and is {at_best:.10g} at the best fit")
    holds = least <= 0.0 or check.is_above(lower[:0], lower[:0], [], least - _SAME_MINIMUM * (1.0 + least))
    if holds is False:
        raise Lie(f"the lowest chi2 is said to be at least {least:.10g}, and is lower")
    if holds is None:
        unchecked.append(f"that chi2 is nowhere below {least:.10g}, which would take too many boxes")

    def shown(region: ProvenRegion) -> list[int]:
        return [names.index(name) for name in region.axes]

    def scaled(region: ProvenRegion, ends: FloatArray) -> FloatArray:
        own, at = shown(region), np.array([axis.values[0] for axis in problem.definition.axes])
        at[own] = ends
        found = (parameters.coordinates(at)[own] - polynomial.centre[own]) / polynomial.half_width[own]
        return np.asarray(np.clip(found, lower[own], upper[own]))

    levels = [0.01 * level for level in bounds.confidence_levels]
    regions = [region for region in result.proven_regions(levels) if len(region.axes) == 2]
    found = recheck(check, regions, scaled, shown, bounds.minimum, number, at_best)
    if found.false is not None:
        raise Lie(found.false)
    if found.undecided:
        unchecked.append(f"{found.undecided:,} more statements about tiles, which would take too many boxes")
    return [f"{found.confirmed:,} statements about proven tiles are confirmed by interval arithmetic"], unchecked
