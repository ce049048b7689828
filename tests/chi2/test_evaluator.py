"""What a scan asks of evaluators."""

from __future__ import annotations

import pytest

import scanengine
from scanengine.chi2.evaluator import Cost

POISSON = "statistic.kind=poisson"
NO_SYSTEMATIC = "experiments.Ne.systematic=0"
DIRECT = "physics.evaluation=direct"


@pytest.mark.parametrize(
    ("override", "cost", "is_squares"),
    [
        ([], Cost.POLYNOMIALS, True),
        ([POISSON, NO_SYSTEMATIC], Cost.POLYNOMIALS, False),
        ([DIRECT], Cost.INTEGRALS, False),
    ],
)
def test_what_evaluators_can_do(override: list[str], cost: Cost, is_squares: bool) -> None:
    few = [f"axes.{name}.points=3" for name in ("eps_ee_uV", "eps_ee_dV")]
    problem = scanengine.load("scholberg2006/fig07", [*few, *override]).problem
    assert problem.evaluator.cost is cost
    assert (problem.squares is not None) is is_squares
    assert problem.compiled is not is_squares
    if not is_squares:
        with pytest.raises(scanengine.InputError, match=r"^a thing needs a Gaussian chi2"):
            problem.squares_for("a thing")
