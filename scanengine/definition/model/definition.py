"""A scan, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from scanengine.definition.model.output import Output
from scanengine.definition.model.parameter_map import ParameterMap
from scanengine.definition.model.statistic import Statistic
from scanengine.definition.model.template_reference import TemplateReference
from scanengine.definition.reading.overrides import Override
from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import RECOIL_KINDS
from scanengine.inputs.nuisances import Correlation, Nuisance
from scanengine.inputs.physics import Physics
from scanengine.inputs.sources import Source
from scanengine.inputs.terms.interactions import Interactions

T = TypeVar("T")


class Origin(Protocol):
    """The scan file that a definition was read from, as it was read, and what is chosen of it."""

    def tables(self, more: Sequence[Override] = ()) -> dict[str, Any]:
        """Return the tables of the file with all that was changed of them, and with more changes."""

    def changed(self, changes: Mapping[str, object]) -> Definition:
        """Return what the file defines with other values of keys. Raises DefinitionError with all faults."""

    def inside(self, outer: Mapping[str, float]) -> Definition:
        """Return what the file defines at values of all outer axes, without them. Raises DefinitionError."""

    def only(self, experiments: Sequence[str], channels: Sequence[str]) -> Origin:
        """Return the same file of which only some experiments and channels are meant."""


@dataclass(frozen=True, eq=False)
class Definition:
    """A scan, read and checked.

    `text` is the scan file verbatim, or with what it includes, and `overrides` what `--set` changed of it; `path` is
    where it was read from. `source` is that of the experiments without one of their own. `notes` are words for the user
    about what is legal but may surprise. `statistics` by experiment take the place of `statistic` where they are there.
    `template_references` by experiment are what the signal templates were made with;
    `correlations` are those of nuisances, by their names. `origin` is the scan file as it was read, None of a
    definition that was made or changed in another way than by `at` and `only`.
    """

    title: str
    text: str
    overrides: tuple[str, ...]
    path: Path | None
    source: Source
    physics: Physics
    experiments: tuple[Experiment, ...]
    axes: tuple[Axis, ...]
    parameters: ParameterMap
    statistic: Statistic
    output: Output
    notes: tuple[str, ...] = ()
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    nuisances: tuple[Nuisance, ...] = ()
    template_references: Mapping[str, TemplateReference] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    origin: Origin | None = field(default=None, init=False, repr=False)

    @property
    def outer(self) -> tuple[Axis, ...]:
        """The axes of numbers of the scan file, at each value of which the others are scanned."""
        return tuple(axis for axis in self.axes if axis.is_outer)

    def written(self, key: str, default: float) -> float:
        """Return the number that the scan file has for a key, experiments and nuisances by name; `default` without."""
        found: object = None if self.origin is None else self.origin.tables()
        for part in key.split("."):
            if isinstance(found, list):
                found = next((each for each in found if isinstance(each, dict) and each.get("name") == part), None)
            else:
                found = found.get(part) if isinstance(found, dict) else None
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else default

    def inside(self, outer: Mapping[str, float]) -> Definition:
        """Return the definition at values of all outer axes, by their names, with the other axes alone.

        Raises DefinitionError if the scan file is wrong at these values.
        """
        if self.origin is None:
            raise InputError("this definition is not what a scan file says, which has outer axes: load it from a file")
        return self.origin.inside(outer)

    @property
    def in_coordinates(self) -> Definition:
        """The same scan with the squares of couplings for axes, in which the counts are polynomials."""
        parameters = self.parameters
        if not any(parameters.squared):
            return self
        axes = (
            replace(axis, values=axis.values**2) if squared else axis
            for axis, squared in zip(self.axes, parameters.squared, strict=True)
        )
        return replace(self, axes=tuple(axes), parameters=replace(parameters, squared=()))

    def __getstate__(self) -> dict[str, object]:
        # interactions are made again where it arrives
        return {name: value for name, value in self.__dict__.items() if name != "interactions"}

    @cached_property
    def interactions(self) -> Interactions:
        """The amplitudes of all interactions that the axes, ties and fixed values call for."""
        counted = {recoil for experiment in self.experiments for recoil in experiment.recoils}
        recoils = tuple(recoil for recoil in RECOIL_KINDS if recoil in counted)
        return Interactions(self.physics, self.parameters.used, recoils)

    @property
    def targets(self) -> tuple[str, ...]:
        """What every experiment's target was understood as, in words: its isotopes and their shares.

        Where electrons are counted, it says so.
        """
        words = {1: "; recoils of electrons", 2: "; recoils of nuclei and electrons"}
        return tuple(
            f"{each.name}: target {each.target}{words[len(each.recoils)] if 'electron' in each.recoils else ''}"
            for each in self.experiments
        )

    def source_of(self, experiment: Experiment) -> Source:
        """Return the source whose neutrinos an experiment sees, as they have oscillated on the way to it."""
        return (experiment.source or self.source).at(experiment.distance_m)

    def statistic_of(self, experiment: str) -> Statistic:
        """Return how the counts of an experiment are compared with the data."""
        return self.statistics.get(experiment, self.statistic)

    def at(self, changes: Mapping[str, object] | None = None, /, **keys: object) -> Definition:
        """Return the definition with other values of keys of its scan file, such as {"experiments.Xe.mass_kg": 1000}.

        Keys are those that `--set` takes, experiments and nuisances by name; those without a dot may be given by
        keyword. Values are numbers, texts, booleans, and lists, arrays and dictionaries of these. They are checked with
        all rules of a scan file, of which nothing is read again but tables in files that are new. The result is that of
        the scan file with the same keys set. Raises DefinitionError with all faults, InputError for a definition that
        was not read from a scan file, or was changed since by other means.
        """
        changes = {} if changes is None else changes
        if not isinstance(changes, Mapping):
            raise InputError(f'at takes keys with their values, such as {{"fixed.mu_nu": 10}}: found {changes!r}')
        twice = sorted(set(keys) & set(changes))
        if twice:
            raise InputError(f"at has two values of the key {twice[0]}: give only one")
        if self.origin is None:
            raise InputError(
                "this definition is not what a scan file says, at which its keys could change: "
                "use at on the one that was read from the file, and make other changes afterwards"
            )
        return self.origin.changed({**changes, **keys})

    def only(self, experiments: Sequence[str] = (), channels: Sequence[str] = ()) -> Definition:
        """Return the definition with these experiments alone, and of their channels these alone; all without names.

        Raises InputError if an experiment or a channel is not there.
        """
        kept = chosen(experiments, self.experiments, lambda e: e.name, "experiment")
        if channels:
            kept = [
                replace(e, channels=dict(chosen(channels, list(e.channels.items()), lambda c: c[0], "channel")))
                for e in kept
            ]
        names = {e.name for e in kept}
        nuisances = [left for each in self.nuisances if (left := each.only(names)) is not None]
        fewer = replace(self, experiments=tuple(kept), nuisances=tuple(nuisances))
        return fewer if self.origin is None else fewer.read_from(self.origin.only(experiments, channels))

    def read_from(self, origin: Origin) -> Definition:
        """Return the definition as what was read from a scan file, at which `at` changes keys."""
        definition = replace(self)
        object.__setattr__(definition, "origin", origin)
        return definition


def chosen(names: Sequence[str], among: Sequence[T], name_of: Callable[[T], str], what: str) -> list[T]:
    """Return what has one of these names, in its order, or everything without names.

    Raises InputError if there is none of a name.
    """
    there = {name_of(item): item for item in among}
    missing = [name for name in names if name not in there]
    if missing:
        raise InputError(f"there is no {what} {missing[0]!r}: {', '.join(there)} are there")
    return [item for name, item in there.items() if not names or name in names]
