"""How pseudo-experiments scatter: as what chi2 is the likelihood of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scanengine.api import Scan
from scanengine.errors import InputError
from scanengine.inference.expectations import OfOneLikelihood
from scanengine.inference.pseudo_experiments import PseudoExperiments
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

AXIS = {"mu_nu": {"min": 0.0, "max": 60.0, "points": 3}}
NUMBER = 200_000


def counting(statistic: Any, data: float = 40.0, **nuisance: Any) -> PseudoExperiments:
    """One count of a signal over a background of 30, and perhaps a nuisance of it."""
    table = experiment(
        target="Ne20",
        mass_kg=1.0,
        recoil_window_keV=[1.0, 50.0],
        channels={"all": ["nu_mu"]},
        backgrounds=[{"name": "b", "counts": [30.0]}],
        data={"counts": [data]},
        statistic=statistic,
    )
    nuisances = [{"name": "b", "background": ["A.b"], **nuisance}] if nuisance else []
    scan = Scan(definition([table], axes=AXIS, nuisances=nuisances))
    return PseudoExperiments(
        OfOneLikelihood(scan.likelihood, scan.definition.parameters), np.array(AXIS_VALUES)[:, None]
    )


AXIS_VALUES = [0.0, 30.0, 60.0]


def test_counts_have_the_mean_and_the_variance_of_poisson() -> None:
    counts = counting("poisson").draw(0, NUMBER, np.random.default_rng(1)).counts[:, 0]
    assert counts.mean() > 30.0
    assert counts.var() == pytest.approx(counts.mean(), rel=0.015)


def test_an_error_with_two_sides_is_normal_on_either() -> None:
    """The data lie below the expectation with sigma_above, since the expectation is above them then."""
    made = counting({"kind": "gaussian", "sigma_above": 8.0, "sigma_below": 2.0})
    drawn = made.draw(0, NUMBER, np.random.default_rng(1)).residuals[:, 0]
    centre = made.draw(0, 1, _Still()).residuals[0, 0]  # type: ignore[arg-type]
    away = 8.0 * (drawn - centre)
    low, high = away[away < 0.0], away[away > 0.0]
    assert low.size / NUMBER == pytest.approx(0.8, abs=0.005)
    assert np.sqrt(np.mean(low**2)) == pytest.approx(8.0, rel=0.01)
    assert np.sqrt(np.mean(high**2)) == pytest.approx(2.0, rel=0.01)


class _Still:
    """Random numbers that do not scatter."""

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.zeros(size)

    random = standard_normal

    def poisson(self, mean: np.ndarray[Any, Any], size: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.broadcast_to(mean, size)


def test_a_gaussian_pull_was_measured_with_a_unit_error() -> None:
    made = counting("poisson", data=60.0, width=0.2)
    measured = made.draw(0, NUMBER, np.random.default_rng(2)).measured[:, 0]
    assert measured.mean() > 0.5  # the background that the data ask for
    assert measured.std() == pytest.approx(1.0, rel=0.01)


def test_a_logarithmic_pull_was_measured_by_a_poisson_count() -> None:
    """1 + w z is a count times w^2, with the expectation (1 + x) / w^2."""
    width = 0.25
    made = counting("poisson", data=60.0, width=width, pull="log")
    measured = made.draw(0, NUMBER, np.random.default_rng(2)).measured[:, 0]
    counts = (1.0 + width * measured) / width**2
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    assert counts.mean() > 17.0  # 16 of no change
    assert counts.var() == pytest.approx(counts.mean(), rel=0.02)


def test_a_background_below_zero_has_no_pseudo_experiments() -> None:
    with pytest.raises(InputError, match=r"experiments\.A: at some values of the axes the best fit to the data has"):
        counting("poisson", data=0.0, width=5.0)
