"""What a result says of its profiles: how they came about, and what is proven of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from scanengine.api.numbers import DEFAULT_LEVELS, Numbers
from scanengine.grid.arguments import confidence_level, confidence_levels
from scanengine.grid.axes import FloatArray

if TYPE_CHECKING:
    from scanengine.inference.decided import Decided
    from scanengine.inference.proven_regions import ProvenRegion


class Proven:
    """The part of `Result` that tells how profiles came about, and what is proven of them."""

    _numbers: Numbers

    @property
    def doubtful(self) -> dict[tuple[str, str], int]:
        """Exact planes that may be too high in places: the number of cells where the final checks found lower chi2."""
        return dict(self._numbers.best.doubtful)

    @property
    def checked(self) -> dict[tuple[str, str], int]:
        """The exact planes that were searched: how many cells were searched once more at the end, from random places.

        Where chi2 was found lower is in `doubtful`; that it was found nowhere is no proof that no cell is too high.
        """
        return dict(self._numbers.best.checked)

    @property
    def status(self) -> Literal["proven", "found", "grid"]:
        """How the profiles came about: minimised with a lower bound in each cell, by searches, or on the grid alone."""
        if self._numbers.exact is None:
            return "grid"
        return "found" if self._numbers.best.bounds is None else "proven"

    def lower_bound(self, *names: str) -> FloatArray:
        """Return a proven lower bound of `profile(*names)`, of the same shape, at each of its points.

        Raises InputError unless the scan asked for it with `output.profile = "proven"`.
        """
        return self._numbers.lower_bound(names)

    def decided(self, cl: float | Sequence[float] = DEFAULT_LEVELS) -> list[Decided]:
        """Return how many cells of each proven plane and line lie below and above confidence levels.

        The levels are those of two parameters for planes, of one for lines. Nothing where the scan did not ask for
        proven profiles.
        """
        from scanengine.inference.decided import decide

        levels, bounds = confidence_levels(cl), self._numbers.best.bounds
        if bounds is None:
            return []
        over: list[tuple[str, ...]] = [*bounds.planes, *((name,) for name in bounds.lines)]
        return [
            decide(names, level, self._numbers.profile(names).chi2, self.lower_bound(*names), bounds)
            for names in over
            for level in levels
        ]

    def proven_region(self, *names: str, cl: float = 0.90) -> ProvenRegion:
        """Return what is proven of the allowed region of two parameters (2 dof), or of the values of one (1 dof).

        That is by tiles, and holds between the points of the profile, too. Raises InputError where there are none:
        scans with `output.profile = "proven"` have them, decided at `output.confidence_levels`.
        """
        return self._numbers.proven_region(names, confidence_level(cl))

    def proven_regions(self, cl: float | Sequence[float] = DEFAULT_LEVELS) -> list[ProvenRegion]:
        """Return what is proven of the regions of all planes and lines at those of some levels that were decided."""
        bounds = self._numbers.best.bounds
        if bounds is None:
            return []
        decided = [level for level in confidence_levels(cl) if bounds.were_decided_at(level)]
        return [self.proven_region(*names, cl=level) for names in bounds.tiles for level in decided]
