"""What a scan file means: frozen objects, ready for the likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from scanengine.definition.reading.overrides import applied
from scanengine.definition.reading.parsed import Parsed
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import RECOIL_KINDS
from scanengine.inputs.nuisances import Nuisance
from scanengine.inputs.parameters import PHYSICAL_PARAMETERS
from scanengine.inputs.physics import Physics
from scanengine.inputs.response_matrix import ResponseMatrix
from scanengine.inputs.sources import Source
from scanengine.inputs.terms.interactions import Interactions
from scanengine.inputs.terms.term import Parameter

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Statistic:
    """How counts are compared with the data.

    Of a Gaussian chi2, the `covariance` (bins, bins) of the data; or their standard deviations (bins,) where the
    expectation lies above and below them. Without either the variance of a bin is its expected count.
    """

    kind: Literal["gaussian", "poisson"]
    covariance: FloatArray | None = None
    sigma_above: FloatArray | None = None
    sigma_below: FloatArray | None = None

    @property
    def is_polynomial(self) -> bool:
        """Whether chi2 is quadratic in the counts."""
        return self.kind == "gaussian" and self.sigma_above is None

    @property
    def is_given(self) -> bool:
        """Whether the uncertainty of the data is, and not taken from the expected counts."""
        return self.covariance is not None or self.sigma_above is not None


class Correlation(NamedTuple):
    """How what is known of two nuisances is correlated, in (-1, 1)."""

    first: str
    second: str
    value: float


@dataclass(frozen=True)
class Output:
    """What a result file keeps, in which precision, and whether profiles are also taken between grid points.

    `relative_error` is how far stored numbers may be rounded, None not at all. Above `delta_chi2_max`, if there is one,
    the profiles of the grid's points are infinite. `planes`, if there are any, are the pairs of axes, in their order,
    that profiles are wanted of; without them, all are. Proven profiles are decided at `confidence_levels`, in per cent,
    or enclosed to `enclosure` of 1 + chi2.
    """

    keep: Literal["grid", "profiles"]
    precision: Literal["float64", "float32"]
    profile: Literal["grid", "exact", "proven"] = "grid"
    delta_chi2_max: float | None = None
    compression: Literal["deflate", "none"] = "deflate"
    relative_error: float | None = None
    planes: tuple[tuple[str, str], ...] = ()
    confidence_levels: tuple[float, ...] = ()
    enclosure: float | None = None


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """Physical parameters as linear functions of the scan axes, with fixed values and ties folded in.

    `matrix` has shape (parameters, 1 + axes), its rows in the order of `parameters`: parameter p is matrix[p, 0] +
    sum_i matrix[p, 1 + i] u_i, with u_i the value of axis i, or its square where `squared` (axes,) says so, as of a
    mediator's coupling. Without `squared` none is.
    """

    axes: tuple[str, ...]
    matrix: FloatArray
    parameters: tuple[Parameter, ...] = PHYSICAL_PARAMETERS
    squared: tuple[bool, ...] = ()

    def coordinates(self, axis_values: ArrayLike) -> FloatArray:
        """Return what parameters are linear in (..., axes), of axis values (..., axes)."""
        points = np.asarray(axis_values, dtype=np.float64)
        return np.where(self.squared, points * points, points) if any(self.squared) else points

    def from_coordinates(self, coordinates: FloatArray) -> FloatArray:
        """Return the axis values (..., axes) of coordinates (..., axes), the roots that are not negative of squares."""
        if not any(self.squared):
            return coordinates
        return np.where(self.squared, np.sqrt(np.maximum(coordinates, 0.0)), coordinates)

    def values(self, axis_values: ArrayLike) -> FloatArray:
        """Return the physical parameters (..., parameters) at axis values of shape (..., axes)."""
        points = self.coordinates(axis_values)
        result: FloatArray = self.matrix[:, 0] + points @ self.matrix[:, 1:].T
        return result

    @property
    def used(self) -> frozenset[str]:
        """The parameters, by name, that are not zero at every point."""
        rows = np.flatnonzero(np.any(self.matrix != 0.0, axis=1)).tolist()
        return frozenset(self.parameters[row].name for row in rows)

    def is_even(self, axis: str) -> bool:
        """Whether counts know only the square of an axis: all that it sets enters squared, and is it times a factor."""
        index = self.axes.index(axis)
        if self.squared and self.squared[index]:
            return True
        column = 1 + index
        rows = np.flatnonzero(self.matrix[:, column])
        alone = np.count_nonzero(self.matrix[rows], axis=1) == 1
        return bool(rows.size and np.all(alone) and all(self.parameters[row].squared for row in rows))


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


@dataclass(frozen=True, eq=False)
class Definition:
    """A scan, read and checked.

    `text` is the scan file verbatim, or with what it includes, and `overrides` what `--set` changed of it; `path` is
    where it was read from. `source` is that of the experiments without one of their own. `notes` are words for the user
    about what is legal but may surprise. `statistics` by experiment take the place of `statistic` where they are there.
    `template_references` by experiment are what the signal templates were made with;
    `correlations` are those of nuisances, by their names. `parsed` is the scan file as it was read, None of a
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
    parsed: Parsed | None = field(default=None, init=False, repr=False)

    @property
    def outer(self) -> tuple[Axis, ...]:
        """The axes of numbers of the scan file, at each value of which the others are scanned."""
        return tuple(axis for axis in self.axes if axis.is_outer)

    def written(self, key: str, default: float) -> float:
        """Return the number that the scan file has for a key, experiments and nuisances by name; `default` without."""
        found: object = None if self.parsed is None else applied(self.parsed.raw, self.parsed.overrides)[0]
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
        from scanengine.definition.build import inside  # which makes definitions

        if self.parsed is None:
            raise InputError("this definition is not what a scan file says, which has outer axes: load it from a file")
        return inside(self.parsed, outer)

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

    @property
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
        """Return the definition with other values of keys of its scan file, as {"experiments.Xe.mass_kg": 1000}.

        Keys are those that `--set` takes, experiments and nuisances by name; those without a dot may be given by
        keyword. Values are numbers, texts, booleans, and lists, arrays and dictionaries of these. They are checked with
        all rules of a scan file, of which nothing is read again but tables in files that are new. The result is that of
        the scan file with the same keys set. Raises DefinitionError with all faults, InputError for a definition that
        was not read from a scan file, or was changed since by other means.
        """
        from scanengine.definition.build import changed  # which makes definitions

        changes = {} if changes is None else changes
        if not isinstance(changes, Mapping):
            raise InputError(f'at takes keys with their values, as {{"fixed.mu_nu": 10}}: found {changes!r}')
        twice = sorted(set(keys) & set(changes))
        if twice:
            raise InputError(f"at has two values of the key {twice[0]}: give only one")
        if self.parsed is None:
            raise InputError(
                "this definition is not what a scan file says, at which its keys could change: "
                "use at on the one that was read from the file, and make other changes afterwards"
            )
        return changed(self.parsed, {**changes, **keys})

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
        if self.parsed is None:
            return fewer
        step = tuple(experiments), tuple(channels)
        return fewer.read_from(replace(self.parsed, only=(*self.parsed.only, step)))

    def read_from(self, parsed: Parsed) -> Definition:
        """Return the definition as what was read from a scan file, at which `at` changes keys."""
        definition = replace(self)
        object.__setattr__(definition, "parsed", parsed)
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
