"""XENONnT's release of 2026, where it lies in the folder that SCANENGINE_DATA names, or beside it."""

from __future__ import annotations

import os
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from scanengine.definition import Definition, read
from scanengine.likelihood.counts import standard_model_counts
from scanengine.response.integrals import responses
from scanengine.scan.problem import Problem

pytestmark = pytest.mark.jit_only

DATA = os.environ.get("SCANENGINE_DATA", "")
FLUX = "source.fluxes_per_cm2_s.B8"


def xenonnt() -> Definition:
    """The runs SR0 and SR1, of E. Aprile et al., Phys. Rev. Lett. 133, 191002 (2024)."""
    folder = next((each for each in (Path(DATA), Path(DATA).parent) if (each / "xenonnt" / "templates").is_dir()), None)
    if not DATA or folder is None:
        pytest.skip("SCANENGINE_DATA names no folder with xenonnt in it or beside it")
    return read("solar/xenonnt-8b", data=folder).only(["SR0", "SR1"])


def test_expected_and_observed_events_are_those_of_the_collaboration() -> None:
    found = xenonnt().inside({FLUX: 5.46e6})
    backgrounds = sum(float(counts.sum()) for each in found.experiments for counts in each.backgrounds.values())
    assert backgrounds == pytest.approx(26.4, abs=0.2)
    assert sum(float(each.data.sum()) for each in found.experiments if each.data is not None) == 37.0
    counts = standard_model_counts(found, responses(found)).reshape(2, 81).sum(axis=1)
    # by exposure, 0.5 keV on, with the response of the release: nothing published to compare with
    assert counts == pytest.approx([3.4364, 6.3378], rel=1e-4)


@pytest.mark.slow
def test_significance_is_that_of_the_collaboration() -> None:
    """2.73 standard deviations, at a flux of 4.7 +3.6 -2.3 10^6 /cm^2/s."""
    chi2 = {
        flux: Problem(xenonnt().inside({FLUX: flux})).chi2(np.zeros(0)) for flux in (1.0, 2.4e6, 4.7e6, 5.5e6, 8.3e6)
    }
    assert sqrt(chi2[1.0] - chi2[5.5e6]) == pytest.approx(2.73, abs=0.1)
    assert chi2[2.4e6] - chi2[5.5e6] > 0.9
    assert chi2[4.7e6] - chi2[5.5e6] < 0.3
    assert 0.2 < chi2[8.3e6] - chi2[5.5e6] < 1.5


def test_two_counts_of_pandax_have_the_published_flux_within_their_errors() -> None:
    """8.4 +- 3.1 10^6 /cm^2/s, of the collaboration's fit to distributions."""
    problem = Problem(read("solar/pandax4t-8b"))
    chi2 = {flux: problem.chi2(np.array([flux])) for flux in (0.1e6, 2.6e6, 6.1e6, 8.4e6, 9.7e6)}
    assert sqrt(chi2[0.1e6] - chi2[6.1e6]) == pytest.approx(1.76, abs=0.02)
    assert chi2[2.6e6] - chi2[6.1e6] == pytest.approx(1.0, abs=0.03)
    assert chi2[9.7e6] - chi2[6.1e6] == pytest.approx(1.0, abs=0.03)
    assert chi2[8.4e6] - chi2[6.1e6] < 0.5
