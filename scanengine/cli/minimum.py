"""What is told of a minimum: its place, its nuisances, how well it fits, and how far it was checked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanengine.api import Result, Scan
    from scanengine.grid.profiles import Fit

_SAME_CHI2 = 1e-6


def print_best_fit(result: Result) -> None:
    """Print the global minimum and where it lies; `print_fit` says what its nuisances are."""
    from scanengine.api.words import quantity
    from scanengine.cli.words import chi2_of

    print(f"best fit: chi2 = {chi2_of(result.minimum)} at")
    for axis in result.axes:
        value = result.best_fit[axis.name]
        at_end = value in axis.values[[0, -1]] and not axis.is_natural_end(value)
        end = "  (at the end of its axis: the minimum may lie beyond)" if at_end else ""
        print(f"  {axis.name} = {quantity(value, axis.units, 6)}{end}")


def goodness_of_fit(chi2: float, dof: int) -> float | None:
    """Return how probable a chi2 as high as this is; None without degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(dof, chi2)) if dof > 0 else None


def print_fit_of(result: Result) -> None:
    """Print nuisances and goodness of fit of a result's best fit, under a heading, where there are any."""
    if result.fit.nuisances or result.fit.negative or result.fit.dof is not None:
        print("at the best fit:")
        print_fit(result.minimum, result.fit)


def print_fit(chi2: float, fit: Fit) -> None:
    """Print the nuisances of a minimum, and how well it fits if there are data."""
    for nuisance in fit.nuisances:
        known = "free" if nuisance.free else f"pull {round(nuisance.pull, 3) + 0.0:+.3f}"
        print(f"  nuisance {nuisance.name} = {nuisance.value + 0.0:.4g} ({known})")
    for background in fit.negative:
        where = f"in {background.bins} bin{'s' if background.bins > 1 else ''}"
        print(
            f"  background {background.name} = {background.counts:.4g} counts in all, below zero {where}: "
            "nonnegative = true in its table prevents this"
        )
    if fit.dof is not None:
        from scanengine.grid.profiles import FEW_COUNTS

        probability = goodness_of_fit(chi2, fit.dof)
        words = "" if probability is None else f", p-value {probability:.3g}"
        if words and fit.few_counts:
            bins = "bin expects" if fit.few_counts == 1 else "bins expect"
            words += f" if counts were many; {fit.few_counts} {bins} fewer than {FEW_COUNTS:g}"
        print(
            f"  goodness of fit: chi2 = {chi2:.6g} for {fit.dof} degree{'' if fit.dof == 1 else 's'} of freedom{words}"
        )


def fit_record(chi2: float, fit: Fit) -> dict[str, Any]:
    """Return what is printed of a minimum apart from its position, for JSON, without missing entries."""
    record: dict[str, Any] = {}
    if fit.dof is not None:
        record |= {"dof": fit.dof, "p_value": goodness_of_fit(chi2, fit.dof)}
        if fit.few_counts:
            record["bins_of_few_counts"] = fit.few_counts
    if fit.nuisances:
        record["nuisances"] = [nuisance._asdict() for nuisance in fit.nuisances]
    if fit.negative:
        record["negative_backgrounds"] = [background._asdict() for background in fit.negative]
    return record


def note_degeneracy(scan: Scan, result: Result) -> None:
    """Print a note if the Standard Model, from which Asimov data come, fits as well as the best fit."""
    standard_model = scan.standard_model
    inside = all(
        axis.name in standard_model and axis.values[0] <= standard_model[axis.name] <= axis.values[-1]
        for axis in result.axes
    )
    apart = any(abs(result.best_fit[name] - value) > 1e-9 for name, value in standard_model.items())
    if inside and apart and abs(scan.chi2() - result.minimum) < _SAME_CHI2:
        print("  the Standard Model fits equally well: there are several equal minima, and the first is shown")


def tell_of_checks(result: Result) -> None:
    """Print how many cells of searched exact planes were checked, and warn where the final checks found lower chi2."""
    if result.checked:
        planes = "one plane" if len(result.checked) == 1 else f"{len(result.checked)} planes"
        cells = sum(result.profile(*pair).chi2.size for pair in result.checked)
        found = "see the warnings" if result.doubtful else "found no lower chi2 (not a proof that there is none)"
        print(f"exact profiles: minimised by local searches in {planes}; final checks from random points in", end=" ")
        print(f"{sum(result.checked.values()):,} of {cells:,} cells, {found}")
    for (x, y), cells in result.doubtful.items():
        a_cell = "one cell" if cells == 1 else f"{cells} cells"
        print(
            f"warning: the exact profile of {x} and {y} may be too high in places: in {a_cell} the final checks still "
            "found lower chi2; use more points on the axes that are profiled over",
            file=sys.stderr,
        )
