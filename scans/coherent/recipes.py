"""The fits to COHERENT's data, in the order of the report."""

from __future__ import annotations

from . import (
    calibrated,
    electromagnetic,
    mediators,
    momentum_transfer,
    neutron_radius,
    nsi,
    radius_angle,
    signal,
    spectra,
    weak_mixing_angle,
)
from .paper import paper

paper.recipe("signals", "Expected and fitted counts")(signal.signals)
paper.recipe("fig-spectra", "Spectra: data and fits")(spectra.fig_spectra)
paper.recipe("fig-sin2", "Weak mixing angle, and goodness of fit")(weak_mixing_angle.fig_sin2)
paper.recipe("fig-sin2-q", "Weak mixing angle against momentum transfer")(momentum_transfer.fig_sin2_q)
paper.recipe("fig-nsi", "Non-standard interactions of ν_e")(nsi.fig_nsi)
paper.recipe("fig-calibrated", "An interval by pseudo-experiments")(calibrated.fig_calibrated)
paper.recipe("fig-neutrons", "Radius of the neutrons")(neutron_radius.fig_radius)
paper.recipe("fig-moments", "Magnetic moments")(electromagnetic.fig_moments)
paper.recipe("fig-radii", "Charge radii")(electromagnetic.fig_radii)
paper.recipe("fig-radius-angle", "Radius of the neutrons and weak mixing angle")(radius_angle.fig_radius_and_angle)
paper.recipe("fig-mediators", "Light mediators")(mediators.fig_mediators)
