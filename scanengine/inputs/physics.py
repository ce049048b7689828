"""Choices of the cross-section, as a scan file makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scanengine.inputs.mediators import Mediator
from scanengine.inputs.spins import NuclearSpin

Couplings = Literal["tree", "pdg2012", "radiative2020", "radiative2023"]
ChargeRadius = Literal["kosmas2015", "form-factor"]


@dataclass(frozen=True)
class Physics:
    """Choices of the cross-section, and how a scan evaluates counts: "direct" is one double integral per grid point.

    `mediators` bring interactions of their own. `axial` are the spins of those nuclei, by isotope, whose axial
    scattering is counted.
    """

    couplings: Couplings
    sin2_theta_w: float
    kinematics: Literal["leading", "full"]
    magnetic_moment: Literal["leading", "full"]
    magnetic_form_factor: bool
    evaluation: Literal["polynomial", "direct"] = "polynomial"
    charge_radius: ChargeRadius = "kosmas2015"
    mediators: tuple[Mediator, ...] = ()
    axial: Mapping[str, NuclearSpin] = field(default_factory=dict)
