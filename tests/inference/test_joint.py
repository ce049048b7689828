"""Errors, correlations and impacts of parameters and nuisances together, against chi2 that is fitted again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import scanengine.export.reader as plain
from scanengine import export
from scanengine.api import Scan
from scanengine.grid.axes import FloatArray
from tests.likelihood.test_constraints import FALLING_KNOWN, FLAT_KNOWN, FLUX, scan_of

pytestmark = pytest.mark.jit_only

AXES = {"eps_ee_uV": {"min": -0.4, "max": 0.4, "points": 3}}
GIVEN: dict[str, dict[str, Any]] = {
    "poisson": {"nuisances": [FLUX, FALLING_KNOWN]},
    "mixed": {"nuisances": [FLUX | {"pull": "log"}, FALLING_KNOWN], "kinds": ("gaussian", "poisson")},
    "correlated": {
        "nuisances": [FLUX, FALLING_KNOWN, FLAT_KNOWN],
        "correlations": [["flux", "falling", 0.6], ["falling", "flat", -0.7]],
    },
}


def chi2_of(scan: Scan) -> Any:
    """chi2 of (parameter, nuisances), from the exported likelihood."""
    minima = scan.fit()
    document = export.build(scan.definition, scan.likelihood, minima, scan.standard_model)

    def chi2(v: FloatArray) -> float:
        terms = plain.terms_at(document, {"eps_ee_uV": float(v[0])})
        return plain.chi2_at(document, terms, v[1:].tolist())[0]

    return chi2


@pytest.mark.parametrize("name", GIVEN)
def test_covariance_is_the_inverse_of_the_second_derivatives(name: str) -> None:
    scan = Scan(scan_of(**GIVEN[name]))
    fit, chi2 = scan.joint_fit(), chi2_of(scan)
    assert fit.nuisances == tuple(each["name"] for each in GIVEN[name]["nuisances"])
    n = fit.values.size
    steps = 1e-3 * fit.errors
    H = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = steps[i] * np.eye(n)[i], steps[j] * np.eye(n)[j]
            corners = [chi2(fit.values + s * a + t * b) for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            H[i, j] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4.0 * steps[i] * steps[j])
    covariance = 2.0 * np.linalg.inv(H)
    assert fit.errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)
    assert fit.correlation * np.outer(fit.errors, fit.errors) == pytest.approx(covariance, rel=1e-3, abs=1e-6)
    (best, *_) = scan.fit()
    assert best.errors is not None
    assert fit.errors[0] == pytest.approx(best.errors["eps_ee_uV"], rel=1e-4)


def test_an_impact_is_the_shift_of_a_fit_with_the_nuisance_moved() -> None:
    scan = Scan(scan_of(**GIVEN["poisson"]))
    fit, chi2 = scan.joint_fit(), chi2_of(scan)
    for k, impact in enumerate(fit.impacts("eps_ee_uV").tolist()):
        moved = []
        for sign in (1.0, -1.0):
            at = fit.values[1 + k] + sign * 0.05 * fit.errors[1 + k]

            def held(v: FloatArray, k: int = k, at: float = at) -> float:
                return float(chi2(np.insert(v, 1 + k, at)))

            start = np.delete(fit.values, 1 + k)
            found = minimize(held, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
            moved.append(float(found.x[0]))
        assert (moved[0] - moved[1]) / 0.1 == pytest.approx(impact, rel=2e-2)


def test_a_parameter_at_an_end_is_held() -> None:
    data = {"A": [300.0, 252.0, 130.0, 122.0], "B": [130.0, 112.0, 60.0, 90.0]}
    fit = Scan(scan_of([FLUX], data=data)).joint_fit()
    assert fit.held == ("eps_ee_uV",)
    assert fit.axes == ()
    assert fit.errors.shape == (1,)
