"""A finished scan: its profiles, regions, limits and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from scanengine.api import notebook
from scanengine.api.listed import Limits
from scanengine.api.numbers import DEFAULT_LEVELS, Numbers, two
from scanengine.api.posterior import Posterior
from scanengine.api.proven import Proven
from scanengine.api.sending import Sendable
from scanengine.api.style import Style, look, refuse
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level, confidence_levels
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import Fit, ReducedGrid

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from scanengine.inference.contours import Region


class Result(Proven, Posterior, Sendable):
    """chi2 over a grid, reduced to the profiles of every axis and pair of axes; the grid itself where it was kept.

    `axes` name the dimensions, `path` is the file it is in, if any, and `statistic` "gaussian", "poisson" or "mixed";
    `fit` has the nuisances and the degrees of freedom of the minimum, `targets` say what each experiment's target was
    understood as, `instruction_sets` which instructions of processors a file's numbers were computed with. Profiles
    and the global minimum are the exact ones, between the grid's points, where the scan asked for them with
    `output.profile = "exact"`, and the grid's own otherwise; above `delta_chi2_max` the grid's own are infinite.

    To another process a result goes with all its numbers; one in a file goes as the path and the checksum of that file,
    which is opened there when it is first asked for something: InputError if it has gone or changed.

    >>> result = scanengine.load("scholberg2006/fig08", {"axes": {"mu_nu": {"min": 0, "max": 30, "points": 31}}}).run()
    >>> result.best_fit
    {'mu_nu': 0.0}
    >>> [round(limit.intervals[0].hi, 1) for limit in result.limits(cl=[0.90, 0.95])]
    [10.5, 11.5]
    """

    def __init__(
        self,
        title: str,
        numbers: Numbers,
        *,
        statistic: str,
        fit: Fit | None = None,
        targets: tuple[str, ...] = (),
        instruction_sets: tuple[str, ...] = (),
        path: Path | None = None,
    ) -> None:
        self.title = title
        self.axes = numbers.axes
        self.delta_chi2_max = numbers.delta_chi2_max
        self.path = path
        self.statistic = statistic
        self.fit = fit or Fit()
        self.targets = targets
        self.instruction_sets = instruction_sets
        self._numbers = numbers
        self._origin = numbers.origin

    def __repr__(self) -> str:
        try:
            return self._shown()
        except InputError as error:  # of a file that was sent, and is not here
            return f"Result({error})"

    def _repr_png_(self) -> bytes | None:
        return notebook.result_png(self)

    def _repr_html_(self) -> str:
        return notebook.result_html(self)

    def _shown(self) -> str:
        axes = " x ".join(f"{axis.name} ({axis.values.size})" for axis in self.axes)
        place = ", ".join(f"{name} = {value:.6g}" for name, value in self.best_fit.items())
        kept = "chi2 grid and profiles" if self.has_grid else "profiles"
        if len(self.planes) < comb(len(self.axes), 2):
            kept = f"{len(self.planes)} of {comb(len(self.axes), 2)} planes"
        where = str(self.path) if self.path else "memory"
        return f"Result({self.title!r}: {axes}; {kept} in {where}; minimum {self.minimum:.6g} at {place})"

    @property
    def minimum(self) -> float:
        """The lowest chi2 of the whole grid."""
        return self._numbers.best.minimum

    @property
    def best_fit(self) -> dict[str, float]:
        """Where the minimum lies."""
        return {axis.name: value for axis, value in zip(self.axes, self._numbers.best.best_fit, strict=True)}

    @property
    def planes(self) -> tuple[tuple[str, str], ...]:
        """The pairs of axes whose plane is there, in the axes' order: all, or those that `output.planes` chose."""
        return self._numbers.planes

    @property
    def shown(self) -> tuple[str, ...]:
        """The axes whose profile is there, in order: all, or those in the planes that `output.planes` chose."""
        return self._numbers.shown

    @property
    def has_grid(self) -> bool:
        """Whether chi2 was kept at every grid point, and not only in the profiles."""
        return self._origin.has_grid

    @property
    def own_cross_section(self) -> bool:
        """Whether it was scanned with a given cross-section in place of the standard one; no result holds that."""
        return self._origin.own_cross_section

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of grid points along each axis."""
        return tuple(axis.values.size for axis in self.axes)

    @cached_property
    def definition(self) -> Definition:
        """What the scan file said; read again, with its data files, from the text in the result file."""
        return self._origin.definition()

    @property
    def chi2(self) -> FloatArray:
        """Absolute chi2 on the whole grid; read from the file at every use."""
        return self._numbers.read((slice(None),) * len(self.axes))

    def profile(self, *names: str, thin: bool = False) -> ReducedGrid:
        """Return chi2 over one or two axes, minimised over all others.

        The plane of a scan with two axes is its grid, which may be larger than the memory: `thin` takes only as many of
        its points, evenly, as a figure can show.
        """
        return self._numbers.profile(names, thin=thin)

    def slice(self, *names: str, at: Mapping[str, float]) -> ReducedGrid:
        """Return chi2 over one or two axes at the grid values of others that are nearest to `at`, minimised over the
        rest.

        Raises InputError if only profiles were kept, or `at` lies outside an axis.
        """
        return self._numbers.slice(names, at)

    def drawn(self, *names: str, at: Mapping[str, float] | None = None) -> ReducedGrid:
        """Return what a figure of one or two axes shows: the slice `at` values of others, or the profile."""
        return self.slice(*names, at=at) if at else self.profile(*names, thin=True)

    def region(self, *names: str, cl: float = 0.90, at: Mapping[str, float] | None = None) -> Region:
        """Return the allowed region of two parameters at a confidence level (2 dof): closed, perhaps disconnected
        pieces.

        Without names, those of a scan with two axes, or of the one plane that was chosen. The other axes are minimised
        over, or held at the values `at`.
        """
        from scanengine.inference.contours import region

        level, pair = confidence_level(cl), two(names, self.shown)
        return region(self.slice(*pair, at=at) if at else self.profile(*pair), level)

    def traced_regions(self, cl: float | Sequence[float] = DEFAULT_LEVELS) -> list[Region]:
        """Return the regions of all planes whose borders were traced, at those of some levels where they were.

        Scans with `output.profile = "exact"` or `"proven"` trace them at `output.confidence_levels`.
        """
        found = [self.region(*pair, cl=level) for pair in self._numbers.best.borders for level in confidence_levels(cl)]
        return [each for each in found if each.error is not None]

    def area_error(self, region: Region) -> float | None:
        """Return how far the area of a region may be off by the error of its traced border; None if it has none."""
        return region.area_error([axis for name in region.axes for axis in self.axes if axis.name == name])

    def limits(self, cl: float | Sequence[float] = DEFAULT_LEVELS) -> Limits:
        """Return every parameter's allowed intervals at each confidence level (1 dof), the others minimised over.

        A list that is a table too: `limits().to_dataframe()` has a line for each interval. Where planes were chosen,
        those of the parameters in them.
        """
        from scanengine.inference.intervals import intervals

        levels = confidence_levels(cl)
        found = [intervals(self.profile(name), level) for name in self.shown for level in levels]
        return Limits(found, self.axes, self.best_fit)

    def plot(
        self,
        *names: str,
        cl: float | Sequence[float] = 0.90,
        at: Mapping[str, float] | None = None,
        marginal: bool = False,
        **style: Unpack[Style],
    ) -> Figure:
        """Draw the plane of two parameters, the profile of one, or without names what shows the whole scan.

        That is the profile, the plane, or from three axes on the corner figure of all planes that are there. `at` holds
        other axes at a value; `marginal` draws posterior densities in place of profiles; the other keywords are those
        of `scanengine.plot` for the look.
        """
        from scanengine import figures  # matplotlib takes longer to import than most scans to run

        if marginal:
            if at:
                raise InputError("a marginal is integrated over all other axes: leave out the slice")
            refuse(style, "a marginal")
            shown = names or self.shown
            lines = {name: self.marginal(name) for name in shown}
            if len(shown) == 1:
                return figures.density(lines[shown[0]], confidence_levels(cl))
            planes = {pair: self.marginal(*pair) for pair in ([shown] if len(shown) == 2 else self.planes)}
            return figures.densities(lines, planes, confidence_levels(cl))
        if not names and len(self.shown) > 2:
            if at:
                raise InputError("a corner figure shows profiles only: name one or two axes")
            refuse(style, "a corner figure")
            return figures.corner(
                {name: self.profile(name) for name in self.shown},
                {pair: self.profile(*pair) for pair in self.planes},
                confidence_levels(cl),
                best_fit=self.best_fit,
            )
        grids = {"": self.drawn(*(names or self.shown), at=at)}
        return figures.reduced(grids, confidence_levels(cl), best_fit=self.best_fit, look=look(style))

    def to_xarray(self) -> xarray.Dataset:
        """Return chi2, where it was kept, profiles and marginals as an xarray Dataset, whose coordinates have units."""
        from scanengine.api.labelled import dataset

        chi2 = self.chi2 if self.has_grid else None
        numbers, found = self._numbers, self.marginals
        names = [] if found is None else [*((name,) for name in found.lines), *found.planes]
        densities = [self.marginal(*each) for each in names]
        return dataset(self.title, self.axes, chi2, numbers.best_axes, numbers.best, self.best_fit, densities)
