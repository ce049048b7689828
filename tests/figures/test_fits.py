"""Figures of a fit: spectra, pulls, impacts, correlations."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from scanengine import figures
from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.inference.joint import JointFit
from scanengine.inference.spectra import Spectrum
from scanengine.inputs.parameters import PARAMETERS
from tests.figures.test_figures import image


def fit() -> JointFit:
    known = PARAMETERS["sin2_theta_w"]
    axis = Axis(known.name, np.linspace(0.0, 0.5, 11), known.units, known.long_name, known.symbol)
    correlation = np.array([[1.0, -0.7, 0.2, 0.0], [-0.7, 1.0, 0.1, 0.0], [0.2, 0.1, 1.0, -0.4], [0.0, 0.0, -0.4, 1.0]])
    values, errors = np.array([0.23, 0.1, -0.9, 1.4]), np.array([0.02, 0.98, 0.6, 0.3])
    return JointFit((axis,), ("flux", "a_background", "energy scale"), ("mu_nu",), values, errors, correlation)


def spectrum(experiment: str = "A", seen: bool = True) -> Spectrum:
    signal, flat = np.array([30.0, 22.0, 15.0, 9.0]), np.array([12.0, 12.0, 12.0, 12.0])
    data = np.array([45.0, 31.0, 29.0, 18.0])
    backgrounds = {"flat": flat, "neutrons": 0.2 * signal}
    edges = np.array([5.0, 10.0, 20.0, 40.0, np.inf])
    return Spectrum(experiment, "all", "keV", edges, data, np.sqrt(data), signal, backgrounds, signal + 13.0, not seen)


@image
def test_spectrum_with_backgrounds_and_pulls() -> Figure:
    return figures.spectrum([spectrum()], heading=["A detector with 2 backgrounds"])


@image
def test_spectra_of_several_experiments() -> Figure:
    return figures.spectrum([spectrum(name, name != "C") for name in "ABCD"])


@image
def test_spectra_of_single_bins_stand_side_by_side() -> Figure:
    one = np.ones(1)
    edges = np.array([10.0, np.inf])
    each = [
        Spectrum(name, "prompt", "keV", edges, 100.0 * k * one, 10.0 * one, 95.0 * k * one, {}, 100.0 * k * one, True)
        for k, name in enumerate(["Ne", "Ar", "Xe"], 1)
    ]
    return figures.spectrum(each)


@image
def test_pulls_of_nuisances() -> Figure:
    return figures.pulls(fit())


@image
def test_impacts_on_a_parameter() -> Figure:
    return figures.impacts(fit(), "sin2_theta_w")


@image
def test_correlations_of_parameters_and_nuisances() -> Figure:
    return figures.correlation(fit())


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(InputError, match="at least one channel"):
        figures.spectrum([])
    with pytest.raises(InputError, match="not parabolic in 'mu_nu'"):
        figures.impacts(fit(), "mu_nu")
    bare = JointFit((), (), ("mu_nu",), np.zeros(0), np.zeros(0), np.zeros((0, 0)))
    for draw in (figures.pulls, lambda each: figures.impacts(each, "mu_nu")):
        with pytest.raises(InputError, match="no nuisances"):
            draw(bare)
    with pytest.raises(InputError, match="two fitted"):
        figures.correlation(bare)
