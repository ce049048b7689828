"""What signal templates were made with, beside what a definition has now."""

from __future__ import annotations

from dataclasses import replace

from scanengine.definition import Definition, signal_numbers
from scanengine.definition.identity import leaves
from scanengine.errors import InputError
from scanengine.inputs.detectors import Experiment


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
