"""What becomes of the numbers of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Output:
    """What a result file keeps, in which precision, and whether profiles are also taken between grid points.

    `relative_error` is how far stored numbers may be rounded, None not at all. Above `delta_chi2_max`, if there is one,
    the profiles of the grid's points are infinite. `planes`, if there are any, are the pairs of axes, in their order,
    that profiles are wanted of; without them, all are. Borders are traced at `confidence_levels`, in
    per cent, if there are any, and proven profiles decided at these,
    or enclosed to `enclosure` of 1 + chi2, and planes by tiles, so many along each axis where they are finest.
    `marginals` asks for posterior densities as well.
    """

    keep: Literal["grid", "profiles"]
    precision: Literal["float64", "float32"]
    profile: Literal["grid", "exact", "proven"] = "grid"
    delta_chi2_max: float | None = None
    compression: Literal["deflate", "none"] = "deflate"
    relative_error: float | None = None
    planes: tuple[tuple[str, str], ...] = ()
    confidence_levels: tuple[float, ...] = ()
    enclosure: float | None = None
    tiles: int | None = None
    marginals: bool = False
