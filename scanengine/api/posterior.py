"""What a result says of the posterior density of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scanengine.api.listed import CredibleLimits
from scanengine.api.numbers import DEFAULT_LEVELS, Numbers, two
from scanengine.grid.arguments import confidence_level, confidence_levels
from scanengine.grid.marginals import Marginal, Marginals

if TYPE_CHECKING:
    from scanengine.inference.credible import CredibleRegion


class Posterior:
    """The part of `Result` that is a posterior density, where the scan was run with `output.marginals`."""

    _numbers: Numbers

    @property
    def marginals(self) -> Marginals | None:
        """All posterior densities that were kept, None unless the scan was asked for them with `output.marginals`."""
        return self._numbers.of_grid.marginals

    def marginal(self, *names: str) -> Marginal:
        """Return the posterior density of one axis or two, exp(-chi2 / 2) integrated over all others.

        The prior is flat in each axis as the scan file has it, and zero beyond its ends; nuisances are minimised over,
        as they are everywhere. Raises InputError unless the scan was run with `output.marginals = true`, and where chi2
        is lost in rounding.
        """
        from scanengine.inference.caveats import check_density

        found = self._numbers.marginal(names)
        check_density(self._numbers.profile(names))
        return found

    def credible_intervals(self, cl: float | Sequence[float] = DEFAULT_LEVELS) -> CredibleLimits:
        """Return where the posterior density of every parameter is highest, to hold each share `cl` of it.

        A list that is a table too, as `limits()`. Raises InputError as `marginal` does.
        """
        from scanengine.inference.credible import credible_intervals

        levels = confidence_levels(cl)
        found = [credible_intervals(self.marginal(name), level) for name in self._numbers.shown for level in levels]
        return CredibleLimits(found, self._numbers.axes)

    def credible_region(self, *names: str, cl: float = 0.90) -> CredibleRegion:
        """Return the smallest region of two parameters that holds a share `cl` of the posterior.

        Without names, those of a scan with two axes, or of the one plane that was chosen. Raises InputError as
        `marginal` does.
        """
        from scanengine.inference.credible import credible_region

        return credible_region(self.marginal(*two(names, self._numbers.shown)), confidence_level(cl))
