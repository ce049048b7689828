"""Signal templates: what they make of calculated responses, and what these were when a template was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scanengine.definition import Definition, Physics, signal_numbers
from scanengine.definition.identity import leaves
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.terms.interactions import standard_model_point
from scanengine.response.response import Response

Integrate = Callable[[Definition], tuple[Response, ...]]
"""Returns the responses of a definition."""

_LOST = 1e-2
"""The largest fraction of a signal that may move to bins in which a template has no counts."""


def like_templates(definition: Definition, found: list[Response], integrate: Integrate) -> list[Response]:
    """Return responses of which those of nuclei in experiments with a template are scaled to it.

    Raises InputError as `changed_reference` and `_scale_of` do.
    """
    for experiment in definition.experiments:
        if experiment.signal_template is None:
            continue
        scaled = (experiment.name, "nucleus")
        own = [response for response in found if (response.experiment, response.recoil) == scaled]
        scale = template_scale(definition, experiment, own, integrate)
        shaped = iter(response.scaled(scale) for response in own)
        found = [next(shaped) if (each.experiment, each.recoil) == scaled else each for each in found]
    return found


def template_scale(
    definition: Definition, experiment: Experiment, own: Sequence[Response], integrate: Integrate
) -> FloatArray:
    """Return by what the counts (energies, 1, times) of an experiment are multiplied to be those of its template,
    (energies, extra bins, times), of its responses without it.
    """
    now = then = _standard_model(own, definition.physics)
    other = changed_reference(definition, experiment)
    if other is not None:
        then = _standard_model(integrate(other), other.physics)
    assert experiment.signal_template is not None
    return _scale_of(experiment, experiment.signal_template, then, now)


def changed_reference(definition: Definition, experiment: Experiment) -> Definition | None:
    """Return a definition of one experiment as its signal template was made, or None if nothing has changed.

    A template without a reference, as that of an experiment made by hand, is good for what there is. Raises InputError
    if something has changed that the reference does not name, and that would cancel.
    """
    reference = definition.template_references.get(experiment.name)
    if reference is None:
        return None
    now, then = signal_numbers(experiment, definition.source_of(experiment), definition.physics), reference.numbers()
    changed = [
        key
        for key in dict.fromkeys((*now, *then))
        if dict(leaves(key, now.get(key))) != dict(leaves(key, then.get(key)))
    ]
    for key in changed:
        if key not in reference.keys:
            raise InputError(
                f"experiments.{experiment.name}: {key} is not what the signal template was made with, and would cancel "
                f"in it: {key} in experiments.{experiment.name}.template_reference would say what that was, if it is a "
                "key there; give a new signal_template"
            )
    if not changed:
        return None
    made = replace(reference.experiment, source=reference.source, signal_template=None, recoils=("nucleus",))
    return replace(definition, experiments=(made,), physics=reference.physics, template_references={})


def _standard_model(found: Sequence[Response], physics: Physics) -> FloatArray:
    """Return the Standard Model's counts (energies, 1, times) of an experiment, one time where none is calculated."""
    theta = standard_model_point(physics)
    counts = np.sum([response.counts(theta) for response in found], axis=0)
    return np.asarray(counts.reshape(found[0].binning.shape[0], 1, -1))


def _scale_of(experiment: Experiment, template: FloatArray, then: FloatArray, now: FloatArray) -> FloatArray:
    """Return what makes of the counts that the template of an experiment was made with those (bins,) of the template.

    `then` and `now` (energies, 1, times) are the Standard Model's counts, calculated with what the template was made
    with and with what there is. A bin's counts are those of its energy, and of its time where that was calculated,
    in proportion. Raises InputError if the template has counts where the calculation had none, or none where it has
    some now.
    """
    binning = experiment.binning
    energies, _, times = then.shape
    wanted = template.reshape(energies, -1, times)
    beyond = (wanted > 0.0) & (then <= 0.0)
    if np.any(beyond):
        lo, hi = binning.energy_edges[np.argwhere(beyond)[0, 0] :][:2]
        raise InputError(
            f"experiments.{experiment.name}.signal_template: found {wanted[beyond].sum():.3g} counts where the "
            f"response expects none, first in the bin [{lo:g}, {hi:g}] {binning.units}: the two must go together"
        )
    unseen = ~np.any(wanted > 0.0, axis=1, keepdims=True)
    lost = float(now[unseen].sum() / now.sum() - then[unseen].sum() / then.sum())
    if lost > _LOST:
        raise InputError(
            f"experiments.{experiment.name}.signal_template: {lost:.2%} more of the signal would now be in bins in "
            "which the template has no counts to scale: give a new template"
        )
    return np.divide(wanted, then, out=np.zeros_like(wanted), where=wanted > 0.0)
