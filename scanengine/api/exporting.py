"""What is taken away from a scan: its likelihood, as a file and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanengine import explorer, export
from scanengine.errors import InputError
from scanengine.export import Document, PublishedLikelihood
from scanengine.grid.arguments import path
from scanengine.inference.fitting import Minimum
from scanengine.scan.statements import fit, polynomial_likelihood

if TYPE_CHECKING:
    from scanengine.api.scan import Scan

_VANISHING = 1e-9
"""Of chi2: less is rounding."""


def document_of(scan: Scan, *starts: Mapping[str, float]) -> Document:
    """Return a scan's likelihood as `export` writes it, its minima found from these starts and the Standard Model.

    With outer axes there is one at each of their values, and the minima are those at these.
    """
    if scan.definition.outer:
        return _list_of(scan, starts)
    likelihood = polynomial_likelihood(scan.problem, "an export")
    return export.build(scan.definition, likelihood, scan.fit(*starts), scan.standard_model)


def _list_of(scan: Scan, starts: Sequence[Mapping[str, float]]) -> Document:
    problem = scan.problem
    problem.check()
    outer = [axis.name for axis in scan.definition.outer]
    if len(outer) == len(problem.shape):
        raise InputError(
            f"an export needs an axis of a parameter: along {' and '.join(outer)} alone there is no polynomial"
        )
    inner = [{name: value for name, value in start.items() if name not in outer} for start in starts]
    found = []
    for inside in problem.inside.everywhere():
        likelihood = polynomial_likelihood(inside, "an export")
        found.append((inside.definition, likelihood, fit(inside, inner)))
    return export.build_list(scan.definition, found, scan.standard_model)


def export_scan(
    scan: Scan, output: str | Path, starts: tuple[Mapping[str, float], ...], *, overwrite: bool
) -> PublishedLikelihood:
    """Write a scan's likelihood to a file and return it, see `Scan.export`."""
    target = path(output, "the output")
    export.check(target, ".json", overwrite=overwrite)
    document = document_of(scan, *starts)
    export.write(document, target, overwrite=overwrite)
    return PublishedLikelihood(document)


def explorer_of(scan: Scan, *starts: Mapping[str, float]) -> str:
    """Return the page that draws a scan's likelihood, and those of its experiments alone, as HTML."""
    combined = document_of(scan, *starts)
    names = [experiment.name for experiment in scan.definition.experiments]
    alone = {name: _of_experiment(scan.only(name)) for name in names if len(names) > 1}
    return explorer.page(explorer.payload(scan.definition, combined, alone))


def _of_experiment(scan: Scan) -> Document:
    """Return the likelihood of one experiment alone, of which nothing but the lowest chi2 is asked for.

    chi2 is never below zero, so that no search is needed where it vanishes at the Standard Model.
    """
    if scan.definition.outer:
        return document_of(scan)
    standard = dict.fromkeys((axis.name for axis in scan.definition.axes), 0.0) | scan.standard_model
    place = {
        axis.name: min(max(standard[axis.name], float(axis.values[0])), float(axis.values[-1]))
        for axis in scan.definition.axes
    }
    chi2 = scan.chi2(**place)
    if chi2 > _VANISHING:
        return document_of(scan)
    found = Minimum(chi2, place, (), is_parabolic=False, covariance=None, fit=scan.fit_at(**place))
    return export.build(scan.definition, polynomial_likelihood(scan.problem, "an export"), [found], scan.standard_model)


def explore_scan(scan: Scan, output: str | Path, starts: tuple[Mapping[str, float], ...], *, overwrite: bool) -> Path:
    """Write a scan's page to a file and return its path, see `Scan.explore`."""
    target = path(output, "the output")
    export.check(target, ".html", overwrite=overwrite)
    return export.write_text(target, explorer_of(scan, *starts), ".html", overwrite=overwrite)
