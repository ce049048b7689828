"""Spectra of channels: what stands in each bin of energy."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.api import Scan
from scanengine.inference.spectra import finite_edges
from tests.likelihood.test_constraints import DATA, FALLING, FALLING_KNOWN, FLAT, FLUX, scan_of
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only


def test_signal_and_backgrounds_are_as_the_nuisances_are_fitted() -> None:
    scan = Scan(scan_of([FLUX, FALLING_KNOWN]))
    first, second = scan.spectra(eps_ee_uV=0.1)
    z = {each.name: each.pull for each in scan.fit_at(eps_ee_uV=0.1).nuisances}
    bare = Scan(scan_of([])).likelihood.counts(scan.problem.theta(eps_ee_uV=0.1))
    assert first.data.tolist() == DATA["A"]
    assert first.backgrounds["flat"] == pytest.approx(FLAT)
    assert first.backgrounds["falling"] == pytest.approx(FALLING * (1.0 + 0.5 * z["falling"]), rel=1e-6)
    assert first.signal == pytest.approx(bare[:4] * (1.0 + 0.1 * z["flux"]), rel=1e-6)
    assert second.signal == pytest.approx(bare[4:] * (1.0 + 0.1 * z["flux"]), rel=1e-6)
    assert second.backgrounds == {}
    assert first.sigma == pytest.approx(np.sqrt(DATA["A"]))
    assert first.pulls == pytest.approx((first.data - first.total) / np.sqrt(DATA["A"]))
    assert first.reference == pytest.approx(scan.likelihood.expected[:4])
    assert (first.experiment, first.channel, first.units, first.asimov) == ("A", "all", "keV", False)
    assert first.edges.tolist() == [5.0, 8.0, 12.0, 18.0, 30.0]


def test_bins_of_time_are_added_up() -> None:
    timed = {
        "bins_us": [0.0, 1.0, 6.0],
        "prompt": {"kind": "gaussian", "mean_us": 0.5, "width_us": 0.15},
        "delayed": {"kind": "gaussian", "mean_us": 0.5, "width_us": 0.15},
    }
    keys = {"recoil_window_keV": None, "recoil_bins_keV": [10.0, 20.0, 40.0], "channels": {"all": ["nu_mu", "nu_e"]}}
    axes = {"mu_nu": {"min": 0.0, "max": 5.0, "points": 3}}
    one = Scan(definition([experiment(**keys)], axes=axes)).spectra()
    two = Scan(definition([experiment(**keys, time=timed)], axes=axes)).spectra()
    assert two[0].edges.tolist() == [10.0, 20.0, 40.0]
    assert two[0].signal.size == 2
    assert np.all(two[0].signal < one[0].signal)
    assert two[0].signal / one[0].signal == pytest.approx([0.93, 0.93], abs=0.07)
    assert two[0].asimov
    assert two[0].sigma == pytest.approx(np.sqrt(two[0].data))


def test_an_open_bin_is_drawn_as_wide_as_the_one_below() -> None:
    assert finite_edges(np.array([1.0, 3.0, np.inf])).tolist() == [1.0, 3.0, 5.0]
    assert finite_edges(np.array([10.0, np.inf])).tolist() == [10.0, 15.0]
