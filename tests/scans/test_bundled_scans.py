"""What the bundled scans must show: the statements that Scholberg 2006 (S) makes about these figures."""

from __future__ import annotations

import numpy as np
import pytest

import scanengine
from scanengine.definition import bundled_scans
from tests.scan_files import NEED_DATA


@pytest.mark.parametrize("target", ["Ne20", "Ar40", "Ge76", "Xe132"])
def test_bands_have_the_slope_and_the_distance_of_equation_5(target: str) -> None:
    """S5: u = -(A + N)/(A + Z) d, and the same less 2 (Z g_p + N g_n)/(A + Z)."""
    overrides = [f"experiments.Ne.target={target}", "axes.eps_ee_uV={ min = -3.0, max = 3.0, points = 6001 }"]
    scan = scanengine.load("scholberg2006/fig07", [*overrides, "axes.eps_ee_dV={ values = [-0.5, 0.0, 0.5] }"])
    (isotope,) = scan.definition.experiments[0].target.isotopes
    A, Z, N = isotope.A, isotope.Z, isotope.N
    apart = -2.0 * (Z * (0.5 - 2.0 * 0.2312) - 0.5 * N) / (A + Z)
    result = scan.run()
    u = result.axes[0].values
    for d, chi2 in zip((-0.5, 0.0, 0.5), result.chi2.T, strict=True):
        lowest = u[1:-1][(chi2[1:-1] <= chi2[:-2]) & (chi2[1:-1] < chi2[2:])]
        line = -(A + N) / (A + Z) * d
        assert lowest == pytest.approx([line, line + apart], abs=0.001)


def test_one_target_leaves_two_bands_and_two_targets_leave_two_ellipses() -> None:
    neon = scanengine.load("scholberg2006/fig07").run().region(cl=0.90)
    both = scanengine.load("scholberg2006/fig08").run().region(cl=0.90)
    assert len(neon.pieces) == 2
    assert neon.warnings
    assert len(both.pieces) == 2
    assert both.warnings == ()
    assert both.area < 0.5 * neon.area


@pytest.mark.parametrize("name", ["scholberg2006/fig09", "scholberg2006/fig10"])
def test_allowed_couplings_lie_between_two_ellipses(name: str) -> None:
    region = scanengine.load(name).run().region(cl=0.90)
    (piece,) = region.pieces
    assert len(piece.holes) == 1
    assert region.warnings == ()


def test_a_second_target_improves_the_flavour_changing_coupling_only_a_little() -> None:
    """S on Fig. 10: only a small improvement is afforded by measurements with multiple targets."""
    one, two = (scanengine.load(f"scholberg2006/fig{number}").run().limits(cl=0.90)[1] for number in ("09", "10"))
    (alone,), (together,) = one.intervals, two.intervals
    assert alone.hi is not None
    assert together.hi is not None
    assert 0.98 * alone.hi < together.hi < alone.hi


@pytest.mark.slow
@pytest.mark.jit_only
def test_the_main_job_finds_the_standard_model_and_complete_intervals() -> None:
    result = scanengine.load("large/nsi-5d", "output.keep=profiles").run(threads=2)
    assert result.shape == (31,) * 5
    assert result.minimum == pytest.approx(0.0, abs=1e-10)
    assert result.best_fit["sin2_theta_w"] == pytest.approx(0.2312)
    for found in result.limits(cl=0.90):
        (interval,) = found.intervals
        assert interval.hi is not None
        assert interval.lo is not None or found.axis == "mu_nu"
        assert found.warnings == ()
    # chi2 depends on the moment and on the flavour-changing coupling through their squares
    line = result.profile("eps_et_dV").chi2
    assert np.allclose(line, line[::-1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in bundled_scans() if not name.startswith(NEED_DATA)])
def test_every_bundled_scan_states_its_title_and_runs_without_a_word(name: str) -> None:
    scan = scanengine.load(name)
    assert scan.definition.title
    # recoils from 1 keV on, where electrons may say more of a moment than nuclei do
    moments = name in {f"kosmas2015/{figure}-optimistic" for figure in ("fig03", "fig05", "fig06")}
    expected = ["electron recoils"] * moments + ["an upper estimate"] * (name == "mediators/tensor")
    assert len(scan.definition.notes) == len(expected)
    assert all(words in note for words, note in zip(expected, scan.definition.notes, strict=True))


def test_a_limit_falls_with_exposure_until_the_flux_is_what_is_not_known() -> None:
    """Counts grow by eps^2: its limit goes as the fourth root of the exposure while counts are few, in the end not."""
    result = scanengine.load("sensitivity/exposure").run()
    (found,) = scanengine.upper_limits(result, "eps_em_dV", against="experiments.Ar.live_time_yr", cl=0.90)
    slopes = np.diff(np.log(found.upper)) / np.diff(np.log(found.at))
    assert slopes[0] == pytest.approx(-0.25, abs=0.03)
    assert np.all(np.diff(slopes) > -1e-3)
    assert abs(slopes[-1]) < 0.01


@pytest.mark.jit_only
def test_a_lower_threshold_sees_a_smaller_moment() -> None:
    axes = {'axes."experiments.Ge.response.threshold_keVee"': {"values": [0.1, 1.0, 4.0]}}
    result = scanengine.load("sensitivity/threshold", axes).run()
    (found,) = scanengine.upper_limits(result, "mu_nu", against="experiments.Ge.response.threshold_keVee", cl=0.90)
    assert found.upper == pytest.approx([8.73, 16.9, 32.0], rel=0.02)
