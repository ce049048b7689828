"""The exhibits, in the order of the report."""

from __future__ import annotations

from . import electromagnetic, nsi, weak_mixing_angle
from .paper import paper

paper.recipe("fig-sin2", "Weak mixing angle")(weak_mixing_angle.fig_sin2)
paper.recipe("fig-nsi", "Non-standard interactions of ν_e in all targets")(nsi.fig_nsi)
paper.recipe("fig-moments", "Magnetic moments, with and without electrons")(electromagnetic.fig_moments)
paper.recipe("fig-charges", "Electric charges, with and without electrons")(electromagnetic.fig_charges)
paper.recipe("fig-radii", "Charge radii, with and without electrons")(electromagnetic.fig_radii)
