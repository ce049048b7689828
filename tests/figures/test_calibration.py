"""Figures of calibrations: their looks, what they say, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from scanengine.errors import InputError
from scanengine.figures import calibration
from scanengine.grid.axes import FloatArray
from scanengine.grid.calibration import Calibration
from tests.figures.test_figures import axis, image

LEVELS = (0.6827, 0.90)


def found(delta_chi2: FloatArray, heights: tuple[FloatArray, FloatArray], *names: str) -> Calibration:
    sizes = delta_chi2.shape
    axes = tuple(axis(name, 0.0 if name == "mu_nu" else -1.0, 1.0, n) for name, n in zip(names, sizes, strict=True))
    critical = np.array(heights)
    return Calibration(axes, delta_chi2, LEVELS, critical, 0.01 * critical, 10_000, 1)


def moment() -> Calibration:
    """A moment that ends at zero: critical values rise from half of their experiments' to all."""
    mu = np.linspace(0.0, 1.0, 41)
    rise = 1.0 - np.exp(-((mu / 0.3) ** 2))
    return found(8.0 * mu**4, (0.22 + 0.78 * rise, 1.64 + 1.07 * rise), "mu_nu")


def bands() -> Calibration:
    """One count, of two couplings: bands, which Wilks' theorem of two degrees of freedom joins."""
    x = np.linspace(-1.0, 1.0, 61)
    along = x[:, None] + x[None, :]
    delta = 3.2 * (along**2 - 0.4) ** 2 / 0.16
    return found(delta, (np.full((61, 61), 1.0), np.full((61, 61), 2.7)), "eps_ee_uV", "eps_ee_dV")


@image
def test_critical_values_of_a_moment() -> Figure:
    return calibration(moment())


@image
def test_calibrated_bands_of_two_couplings() -> Figure:
    return calibration(bands())


def test_it_says_what_is_allowed_and_by_how_many_pseudo_experiments() -> None:
    title = calibration(moment(), [0.90]).legends[0].get_title().get_text()
    assert title.startswith(r"90% C.L.: $\mu_\nu < {0.")
    assert "10,000 pseudo-experiments at each of 41 points" in title
    title = calibration(bands()).legends[0].get_title().get_text()
    assert r"90% C.L.: critical $\Delta\chi^2 = 2.70$ to $2.70$ (Wilks, 2 dof: $4.61$)" in title
    assert r"at each of 61 $\times$ 61 points" in title


def test_the_shaded_interval_ends_where_delta_chi2_crosses_the_critical_values() -> None:
    made = moment()
    ((low, high),) = made.intervals(0.90)
    assert low is None
    assert high is not None
    assert np.interp(high, made.axes[0].values, made.delta_chi2 - made.of(0.90)) == pytest.approx(0.0, abs=1e-9)
    spans = [patch.get_extents().x1 for patch in calibration(made, [0.90]).axes[0].patches]
    edge = calibration(made, [0.90]).axes[0].transData.transform((high, 0.0))[0]
    assert spans[0] == pytest.approx(edge, abs=0.5)


def test_a_level_that_was_not_calibrated_is_refused() -> None:
    with pytest.raises(InputError, match=r"95% C\.L\. was not calibrated, but 68\.27%, 90%: calibrate it with --cl"):
        calibration(moment(), [0.95])
