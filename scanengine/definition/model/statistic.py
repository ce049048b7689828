"""How the counts of an experiment are compared with its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from scanengine.grid.axes import FloatArray

StatisticKind = Literal["gaussian", "poisson"]
"""What a scan file may name; `likelihood.rows` says what it makes of counts."""

STATISTICS: tuple[StatisticKind, ...] = get_args(StatisticKind)


@dataclass(frozen=True, eq=False)
class Statistic:
    """How counts are compared with the data.

    Of a Gaussian chi2, the `covariance` (bins, bins) of the data; or their standard deviations (bins,) where the
    expectation lies above and below them. Without either the variance of a bin is its expected count.
    """

    kind: StatisticKind
    covariance: FloatArray | None = None
    sigma_above: FloatArray | None = None
    sigma_below: FloatArray | None = None

    @property
    def is_polynomial(self) -> bool:
        """Whether chi2 is quadratic in the counts."""
        return self.kind == "gaussian" and self.sigma_above is None

    @property
    def is_given(self) -> bool:
        """Whether the uncertainty of the data is, and not taken from the expected counts."""
        return self.covariance is not None or self.sigma_above is not None
