"""What the signal template of an experiment was made with."""

from __future__ import annotations

from dataclasses import dataclass

from scanengine.inputs.detectors import Experiment
from scanengine.inputs.physics import Physics
from scanengine.inputs.response_matrix import ResponseMatrix
from scanengine.inputs.sources import Source


@dataclass(frozen=True, eq=False)
class TemplateReference:
    """What the signal template of an experiment was made with: an experiment, its source and the physics.

    `keys` are those of [experiments.template_reference] that are given: what the counts change by where these numbers
    change. Of all others the template is only good for the numbers that it was made with.
    """

    experiment: Experiment
    source: Source
    physics: Physics
    keys: frozenset[str] = frozenset()

    def numbers(self) -> dict[str, object]:
        """Return all that the calculated signal depends on where parameters are those of the Standard Model, by key.

        The keys are those of [experiments.template_reference], as far as it has them.
        """
        return signal_numbers(self.experiment, self.source.at(self.experiment.distance_m), self.physics)


def signal_numbers(experiment: Experiment, source: Source, physics: Physics) -> dict[str, object]:
    """Return all that the Standard Model's signal in an experiment is calculated from, by key."""
    numbers: dict[str, object] = {
        "sin2_theta_w": physics.sin2_theta_w,
        "couplings": physics.couplings,
        "kinematics": physics.kinematics,
        "source": source,
        "target": experiment.target,
        "mass_kg": experiment.mass_kg,
        "live_time_s": experiment.live_time_s,
        "distance_m": experiment.distance_m,
        "efficiency": experiment.efficiency,
        "form_factor": {str(isotope): experiment.form_factors(isotope) for isotope in experiment.target.isotopes},
        "channels": experiment.channels,
        "time": experiment.timing,
    }
    response = experiment.reconstruction
    if response is None:
        return numbers | {"bins": experiment.bin_edges_keV}
    if isinstance(response, ResponseMatrix):
        return numbers | {"response": response}
    return numbers | {
        "quenching": response.quenching,
        "light_yield_PE_per_keVee": response.light_yield,
        "resolution": response.resolution,
        "response_efficiency": response.efficiency,
        "recoil_threshold_keV": float(experiment.bin_edges_keV[0]),
        "bins": response.edges,
    }
