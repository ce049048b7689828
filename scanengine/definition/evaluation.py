"""What a scan file may ask of chi2 where the counts are no polynomials, or chi2 is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scanengine.definition.model import Statistic
from scanengine.definition.reading.report import Report
from scanengine.inputs.nuisances import Nuisance


class Evaluation(NamedTuple):
    """What a scan file asks of chi2: exact or proven profiles, by their name, a grid that is stored, tiles that are
    skipped above a Delta chi2, direct integrals in place of the polynomial, and the statistic of most experiments, None
    if it has a fault.
    """

    exact: str | None
    stored: bool
    delta_chi2_max: float | None
    direct: bool
    kind: str | None


_EVALUATION = ("physics", "evaluation")
_PROFILE, _SKIPPING = ("output", "profile"), ("output", "delta_chi2_max")
_POLYNOMIAL = 'physics.evaluation = "polynomial"'
_GAUSSIAN = 'statistic.kind = "gaussian"'


def check_evaluation(
    asked: Evaluation,
    statistics: Mapping[str, Statistic],
    nuisances: Sequence[Nuisance],
    report: Report,
) -> None:
    """Add the faults of all that needs the counts as polynomials, or chi2 as one, where they are none."""
    if asked.direct:
        _check_direct(asked, nuisances, report)
    if asked.kind == "poisson":
        _check_poisson(asked, report)
    if asked.stored and asked.delta_chi2_max is not None:
        report.add(
            _SKIPPING,
            f'found {asked.delta_chi2_max:g}, but a stored grid is complete: use keep = "profiles", or leave this out',
            ("output", "keep"),
        )
    if asked.kind != "poisson":
        _check_polynomial(asked, statistics, nuisances, report)


def _check_direct(asked: Evaluation, nuisances: Sequence[Nuisance], report: Report) -> None:
    """Add the faults of what direct evaluation does without: polynomials, and the responses in their integrals."""
    if asked.exact:
        message = f'found "{asked.exact}", which needs the polynomial: use profile = "grid" or {_POLYNOMIAL}'
        report.add(_PROFILE, message, _EVALUATION)
    if asked.delta_chi2_max is not None:
        message = f"found {asked.delta_chi2_max:g}, which needs the polynomial: use {_POLYNOMIAL}, or leave this out"
        report.add(_SKIPPING, message, _EVALUATION)
    for index, nuisance in enumerate(nuisances):
        if nuisance.responses:
            message = f"it varies a response, which needs the polynomial: use {_POLYNOMIAL}"
            report.add(("nuisances", index), message, _EVALUATION)


def _check_poisson(asked: Evaluation, report: Report) -> None:
    """Add the faults of what has no minimum in closed form, of a Poisson likelihood."""
    if asked.exact:
        message = f'found "{asked.exact}", which needs a Gaussian chi2: use profile = "grid" or {_GAUSSIAN}'
        report.add(_PROFILE, message, ("statistic", "kind"))


def _check_polynomial(
    asked: Evaluation, statistics: Mapping[str, Statistic], nuisances: Sequence[Nuisance], report: Report
) -> None:
    """Add the fault of exact profiles where chi2 is no polynomial, though [statistic] is Gaussian."""
    other = [name for name, each in statistics.items() if not each.is_polynomial]
    bent = [each.name for each in nuisances if each.touches_signal or not each.is_linear]
    if other:
        why = f"the statistic of {other[0]} is not Gaussian with one covariance"
    elif bent:
        why = f"the nuisance {bent[0]} changes a signal, or counts in another way than linearly"
    else:
        return
    if asked.exact:
        report.add(_PROFILE, f"found it where chi2 is no polynomial, as {why}: leave it out")
