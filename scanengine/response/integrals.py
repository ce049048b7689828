"""Responses: the counts per unit of each coupling product, integrated once for every experiment, channel, bin and
flavour.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from scanengine.definition import Definition, Physics
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.couplings import WEAK_COUPLINGS, magnetic_coupling, nucleon_couplings
from scanengine.inputs.detectors import Binning, Experiment
from scanengine.inputs.parameters import PARAMETER_INDEX
from scanengine.inputs.sources import Spectrum
from scanengine.response.recoils import InnerGrid, Recoils, inner_grid, outer_panels
from scanengine.response.reconstructed import ReconstructedRecoils
from scanengine.response.references import changed_reference

__all__ = ["INTERPRETED_PANELS", "TERMS", "Recoils", "Response", "inner_grid", "outer_panels", "responses"]

WEAK_PP, WEAK_PN, WEAK_NN, MAGNETIC = range(4)
TERMS = ("weak_pp", "weak_pn", "weak_nn", "magnetic")

_LOST = 1e-2
"""The largest fraction of a signal that may move to bins in which a template has no counts."""

INTERPRETED_PANELS = 300
"""Number of panels that Python integrates in the time Numba takes to import; compiling takes thirty times longer."""


@dataclass(frozen=True, eq=False)
class Response:
    """What one flavour contributes to one channel of one experiment.

    integrals (bins, 4) in counts: with p_b, n_b the nucleon couplings to final family b and mu in 1e-10 mu_B,

        N = weak_pp sum_b p_b^2 + 2 weak_pn sum_b p_b n_b + weak_nn sum_b n_b^2 + magnetic mu^2.
    """

    experiment: str
    channel: str
    flavour: str
    binning: Binning
    integrals: FloatArray

    def counts(self, theta: FloatArray, couplings: str) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        one_theta = np.concatenate((np.ones((*theta.shape[:-1], 1)), theta), axis=-1)
        nucleons = np.einsum("fct,...t->...fc", nucleon_couplings(self.flavour, WEAK_COUPLINGS[couplings]), one_theta)
        p, n = nucleons[..., 0], nucleons[..., 1]
        mu = one_theta @ magnetic_coupling(self.flavour)
        products = np.stack(((p * p).sum(-1), 2.0 * (p * n).sum(-1), (n * n).sum(-1), mu * mu), axis=-1)
        return np.asarray(products @ self.integrals.T)


def responses(definition: Definition, threads: int = 1) -> tuple[Response, ...]:
    """Integrate every (experiment, channel, flavour) of a definition, bin by bin.

    Each relative accuracy is better than 1e-9 (adaptive Gauss-Kronrod between all kinks); of bins in a reconstructed
    quantity, if they hold more than 1e-10 of the experiment's counts. Raises RunError if an integral does not converge,
    which no formula or table that the definition accepts is known to cause.
    """
    grids: dict[Spectrum, InnerGrid] = {}
    keys: list[tuple[str, str]] = []
    recoils: list[Recoils | ReconstructedRecoils] = []
    for experiment in definition.experiments:
        spectra = {flavour: definition.source_of(experiment).spectra[flavour] for flavour in experiment.flavours}
        grids |= {spectrum: inner_grid(spectrum) for spectrum in spectra.values() if spectrum not in grids}
        keys += [(experiment.name, flavour) for flavour in spectra]
        if experiment.reconstruction is not None:
            recoils.append(ReconstructedRecoils.of(experiment, experiment.reconstruction, spectra, grids))
        else:
            recoils += [Recoils.of(experiment, spectrum, grids[spectrum]) for spectrum in spectra.values()]
    compiled = sum(each.panels for each in recoils) > INTERPRETED_PANELS

    def integrate(each: Recoils | ReconstructedRecoils) -> FloatArray:
        integrals = each.integrals(definition.physics, compiled=compiled)
        return integrals if integrals.ndim == 3 else integrals[None]

    if compiled:
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(integrate, recoils))
    else:
        results = [integrate(each) for each in recoils]
    by_flavour = dict(zip(keys, (each for result in results for each in result), strict=True))
    found = [
        Response(experiment.name, channel, flavour, experiment.binning, integrals)
        for experiment in definition.experiments
        for channel, flavours in experiment.channels.items()
        for flavour in flavours
        for integrals in [_at_detector(definition, experiment, flavour, by_flavour[experiment.name, flavour])]
    ]
    return tuple(_like_templates(definition, found, threads))


def _like_templates(definition: Definition, found: list[Response], threads: int) -> list[Response]:
    """Return responses of which those of experiments with a template are scaled to it.

    Raises InputError as `changed_reference` and `_like_template` do.
    """
    for experiment in definition.experiments:
        if experiment.signal_template is None:
            continue
        own = [response for response in found if response.experiment == experiment.name]
        now = then = _standard_model(own, definition.physics)
        other = changed_reference(definition, experiment)
        if other is not None:
            then = _standard_model(responses(other, threads), other.physics)
        shaped = iter(_like_template(own, experiment.signal_template, then, now))
        found = [next(shaped) if response.experiment == experiment.name else response for response in found]
    return found


def _at_detector(definition: Definition, experiment: Experiment, flavour: str, integrals: FloatArray) -> FloatArray:
    """Return the integrals (bins, 4) at the detector's place, in its bins of energy and time, from those at the
    source's reference distance in bins of energy.
    """
    diluted = integrals * (definition.source_of(experiment).reference_distance_m / experiment.distance_m) ** 2
    if experiment.timing is None or not experiment.timing.shares:
        return diluted
    shares = experiment.timing.of(flavour)
    return np.asarray(diluted[:, None, :] * shares[:, None]).reshape(-1, len(TERMS))


def _standard_model(found: Sequence[Response], physics: Physics) -> FloatArray:
    """Return the Standard Model's counts (energies, 1, times) of an experiment, one time where none is calculated."""
    theta = np.zeros(len(PARAMETER_INDEX))
    theta[PARAMETER_INDEX["sin2_theta_w"]] = physics.sin2_theta_w
    counts = np.sum([response.counts(theta, physics.couplings) for response in found], axis=0)
    return np.asarray(counts.reshape(found[0].binning.shape[0], 1, -1))


def _like_template(
    found: Sequence[Response], template: FloatArray, then: FloatArray, now: FloatArray
) -> list[Response]:
    """Return the responses of one experiment such that what it was made with gives the counts (bins,) of a template.

    `then` and `now` (energies, 1, times) are the Standard Model's counts, calculated with what the template was made
    with and with what there is. A bin's integrals are those of its energy, and of its time where that was calculated,
    in proportion. Raises InputError if the template has counts where the calculation had none, or none where it has
    some now.
    """
    binning = found[0].binning
    energies, _, times = then.shape
    wanted = template.reshape(energies, -1, times)
    beyond = (wanted > 0.0) & (then <= 0.0)
    if np.any(beyond):
        lo, hi = binning.energy_edges[np.argwhere(beyond)[0, 0] :][:2]
        raise InputError(
            f"experiments.{found[0].experiment}.signal_template: found {wanted[beyond].sum():.3g} counts where the "
            f"response expects none, first in the bin [{lo:g}, {hi:g}] {binning.units}: the two must go together"
        )
    unseen = ~np.any(wanted > 0.0, axis=1, keepdims=True)
    lost = float(now[unseen].sum() / now.sum() - then[unseen].sum() / then.sum())
    if lost > _LOST:
        raise InputError(
            f"experiments.{found[0].experiment}.signal_template: {lost:.2%} more of the signal would now be in bins in "
            "which the template has no counts to scale: give a new template"
        )
    scale = np.divide(wanted, then, out=np.zeros_like(wanted), where=wanted > 0.0)
    return [
        replace(
            response,
            integrals=(scale[..., None] * response.integrals.reshape(energies, 1, times, -1)).reshape(binning.size, -1),
        )
        for response in found
    ]
