"""What a scan says at points of its axes, one or many: chi2, its gradient, counts, and what samplers call."""

from __future__ import annotations

from typing import overload

from numpy.typing import ArrayLike

from scanengine.api.listed import Counted
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import Fit
from scanengine.inference.spectra import Spectrum
from scanengine.likelihood.counts import Cell, cells_of
from scanengine.scan import points, proofs
from scanengine.scan.cross_section import cross_section_cm2_per_keV
from scanengine.scan.events import events
from scanengine.scan.problem import Problem


class AtPoints:
    """The part of `Scan` that is evaluated at points, given by the names of the axes.

    Axes not named stay at the Standard Model. Arrays of values give arrays of their common shape: thousands of points
    take one call. Raises InputError for a name that is no axis, and for arrays whose shapes do not go together.
    """

    problem: Problem

    @property
    def bins(self) -> tuple[Cell, ...]:
        """What is counted, in the order of `counts`: the bins of each channel of each experiment."""
        return tuple(cells_of(self.problem.responses))

    @overload
    def chi2(self, **axis_values: float) -> float: ...

    @overload
    def chi2(self, **axis_values: ArrayLike) -> FloatArray: ...

    def chi2(self, **axis_values: ArrayLike) -> float | FloatArray:
        """Return chi2 at one point, from the counts themselves, or (...) at many, from polynomials of the axes.

        The two are equal to 1e-10 (1 + chi2).
        """
        return points.chi2(self.problem, axis_values)

    def gradient(self, **axis_values: ArrayLike) -> FloatArray:
        """Return the derivatives (..., axes) of chi2 by the axes, in their order, at one point or at many.

        Raises InputError for a cross-section of one's own, and where an axis is a number of the scan file.
        """
        return points.gradient(self.problem, axis_values)

    def counts(self, **axis_values: ArrayLike) -> FloatArray:
        """Return the expected signal (..., bins) in each of `bins`, without backgrounds, at one point or at many.

        Raises InputError for a cross-section of one's own.
        """
        return points.counts(self.problem, axis_values)

    def log_likelihood(self, places: ArrayLike) -> float | FloatArray:
        """Return -chi2 / 2 at a point (axes,) or at points (n, axes), in the order of the axes: what samplers call.

        It is -inf beyond the ends of the axes. Raises InputError for another shape.
        """
        return points.log_likelihood(self.problem, places)

    def events(self, **axis_values: float) -> Counted:
        """Return the expected counts at one point by flavour: a list that is a table too, `events().to_dataframe()`.

        Raises InputError for a scan with a cross-section of its own, whose counts are not kept apart by flavour.
        """
        return Counted(events(self.problem, axis_values))

    def spectra(self, **axis_values: float) -> list[Spectrum]:
        """Return data, signal and backgrounds in bins of energy, with nuisances fitted at one point; as `events`."""
        return proofs.spectra_at(self.problem, axis_values)

    def cross_section_cm2_per_keV(
        self, experiment: str, flavour: str, E_MeV: float, T_keV: FloatArray, **axis_values: float
    ) -> FloatArray:
        """Return dsigma/dT at recoil energies (n,), per atom of an experiment's target, averaged over its isotopes.

        Zero beyond the largest recoil energy. Raises InputError if there is no such experiment or flavour, or an energy
        is not above zero.
        """
        return cross_section_cm2_per_keV(self.problem, experiment, flavour, E_MeV, T_keV, axis_values)

    def fit_at(self, **axis_values: float) -> Fit:
        """Return the nuisances at one point, and how many degrees of freedom chi2 has if that is the best fit."""
        return self.problem.fit_at(self.problem.point(axis_values))
