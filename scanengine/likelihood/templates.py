"""The expected counts of every cell as templates: nominal, and the change per standard deviation of each nuisance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.nuisances import Nuisance, Shape
from scanengine.likelihood.counts import Cell, cells_of
from scanengine.response.integrals import KnownRecoils, responses
from scanengine.response.response import Response


@dataclass(frozen=True, eq=False)
class Templates:
    """Counts that are linear in signals and in nuisance parameters z, in standard deviations.

    Template c of a cell is constant[c] + sum_s factors[c, s] signal_s: `constant` (templates, cells) and `factors`
    (templates, signals, cells), where the first signal is the nominal one and the others are those at +1 or -1 standard
    deviation of a response. The counts are template 0 plus, for each nuisance k, z_k times template 1 + k, or
    `below[k]` where z_k < 0. The z of correlated nuisances are in `steps` (nuisances,) of so many standard deviations,
    see `constraints`; of all others these are one.
    """

    constant: FloatArray
    factors: FloatArray
    below: NDArray[np.int64]
    steps: FloatArray

    def of_signals(self, signals: FloatArray) -> FloatArray:
        """Return the templates (..., templates, cells) of signals (..., signals, cells)."""
        return np.asarray(np.einsum("csb,...sb->...cb", self.factors, signals) + self.constant)

    def of_polynomials(self, signals: FloatArray) -> FloatArray:
        """Return the templates (monomials, templates, cells) of signals (monomials, signals, cells), constant first."""
        coefficients = np.asarray(np.einsum("csb,msb->mcb", self.factors, signals))
        coefficients[0] += self.constant
        return coefficients

    def weights(self, z: FloatArray) -> FloatArray:
        """Return the factors (templates,) with which the templates add up to the counts at z (nuisances,)."""
        weights = np.zeros(len(self.constant))
        weights[0] = 1.0
        weights[np.where(z >= 0.0, np.arange(1, 1 + z.size), self.below)] = z
        return weights

    @property
    def depend_on_signals(self) -> NDArray[np.bool_]:
        """Which nuisances change the counts by what depends on the scanned parameters (nuisances,)."""
        touched = np.any(self.factors != 0.0, axis=(1, 2))
        return np.asarray(touched[1 : 1 + self.below.size] | touched[self.below])

    @property
    def two_sided(self) -> NDArray[np.bool_]:
        """Which nuisances have another template below zero than above (nuisances,)."""
        return np.asarray(self.below != np.arange(1, 1 + self.below.size))


def varied_responses(
    definition: Definition, nominal: Sequence[Response], threads: int, known: KnownRecoils | None = None
) -> list[tuple[Response, ...]]:
    """Return all responses with those experiments varied that a nuisance changes, above and then below for each such
    nuisance; what is `known` is not laid out again.
    """
    found = []
    for nuisance in definition.nuisances:
        for sign in ("plus", "minus") if nuisance.responses else ():
            varied = {each.plus.name: getattr(each, sign) for each in nuisance.responses}
            integrated = iter(responses(replace(definition, experiments=tuple(varied.values())), threads, known))
            by_key = {response.key: response for response in integrated}
            found.append(tuple(by_key.get(response.key, response) for response in nominal))
    return found


@dataclass(frozen=True, eq=False)
class Counts:
    """What a definition expects in its cells: which bin each is of its experiment, and the nominal signal (cells,)."""

    cells: Sequence[Cell]
    bins: NDArray[np.intp]
    signal: FloatArray
    experiments: Sequence[Experiment]

    @classmethod
    def everywhere(cls, definition: Definition, responses: Sequence[Response], signal: FloatArray) -> Counts:
        """Return the counts of all bins, in the order of the responses, with a signal (bins,) in them."""
        cells = list(cells_of(responses))
        first: dict[tuple[str, str], int] = {}
        for i, cell in enumerate(cells):
            first.setdefault((cell.experiment, cell.channel), i)
        bins = np.array([i - first[cell.experiment, cell.channel] for i, cell in enumerate(cells)])
        return cls(cells, bins, signal, definition.experiments)

    def only(self, kept: NDArray[np.intp]) -> Counts:
        """Return the counts of some of the cells."""
        return Counts([self.cells[i] for i in kept], self.bins[kept], self.signal[kept], self.experiments)

    def data(self, expected: FloatArray) -> FloatArray:
        """Return what was seen (cells,), or for experiments without data what is expected (cells,)."""
        data = expected.copy()
        for experiment in self.experiments:
            if experiment.data is not None:
                inside = self.of(experiment.name) > 0.0
                data[inside] = self.in_cells(experiment.name, experiment.data)[inside]
        return data

    def in_cells(self, experiment: str, values: FloatArray) -> FloatArray:
        """Return values (bins,) of an experiment in all cells (cells,), zero in those of others."""
        inside = self._experiments == experiment
        found = np.zeros(inside.size)
        found[inside] = values[self.bins[inside]]
        return found

    def nominal_signal(self, experiment: str) -> FloatArray:
        """Return the Standard Model's signal (cells,) of an experiment, as the shapes of that signal take it: of a
        template what it was made with.
        """
        (chosen,) = (each for each in self.experiments if each.name == experiment)
        if chosen.signal_template is None:
            return self.of(experiment) * self.signal
        return self.in_cells(experiment, chosen.signal_template)

    def background(self, experiment: str, name: str) -> FloatArray:
        """Return a background of an experiment (cells,)."""
        (chosen,) = (each for each in self.experiments if each.name == experiment)
        return self.in_cells(experiment, chosen.backgrounds[name])

    def background_change(self, nuisance: Nuisance, experiment: str, name: str, side: str) -> FloatArray:
        """Return the change of a background (cells,) per standard deviation of a nuisance, on the "plus" or the "minus"
        side.
        """
        nominal = self.background(experiment, name)
        change = np.zeros(len(self.cells))
        if (experiment, name) in nuisance.backgrounds:
            change += nuisance.width_on(side) * nominal
        for shape in nuisance.shapes:
            if (shape.experiment, shape.background) == (experiment, name):
                change += _shape_change(nuisance.name, shape, self, nominal, side)
        return change

    def background_at(self, nuisances: Sequence[Nuisance], z: FloatArray, experiment: str, name: str) -> FloatArray:
        """Return a background (cells,) at z (nuisances,) in standard deviations."""
        found = self.background(experiment, name)
        for nuisance, pull in zip(nuisances, z.tolist(), strict=True):
            found = found + pull * self.background_change(
                nuisance, experiment, name, "plus" if pull >= 0.0 else "minus"
            )
        return found

    @property
    def total_background(self) -> FloatArray:
        """All backgrounds of all experiments (cells,)."""
        every = [self.background(each.name, name) for each in self.experiments for name in each.backgrounds]
        return np.sum(every, axis=0) if every else np.zeros(len(self.cells))

    @property
    def has_background(self) -> NDArray[np.bool_]:
        """Whether any background is not zero (cells,); several may cancel."""
        every = [self.background(each.name, name) for each in self.experiments for name in each.backgrounds]
        return np.any(np.array(every) != 0.0, axis=0) if every else np.zeros(len(self.cells), dtype=np.bool_)

    def of(self, experiment: str) -> FloatArray:
        """Return 1 in the cells of an experiment and 0 elsewhere (cells,)."""
        return np.asarray(self._experiments == experiment, dtype=np.float64)

    @cached_property
    def _experiments(self) -> NDArray[np.str_]:
        """The experiment of each cell (cells,), by its name."""
        return np.array([cell.experiment for cell in self.cells], dtype=np.str_)


def data_steps(nuisances: Sequence[Nuisance], counts: Counts) -> FloatArray:
    """Return for each free nuisance how far the data let it move, roughly, in its widths; 1 for the others.

    The nuisance would be found to 1 / sqrt(sum_b change_b^2 / expected_b) by counts with Poisson errors.
    """
    expected = counts.signal + np.abs(counts.total_background)
    steps = np.ones(len(nuisances))
    for k, nuisance in enumerate(nuisances):
        if nuisance.free:
            change = sum((counts.of(name) * counts.signal for name in nuisance.signals), np.zeros(expected.size))
            change += sum((counts.background(*pair) for pair in nuisance.backgrounds), np.zeros(expected.size))
            seen = np.flatnonzero(change)
            weight = float(np.sum(change[seen] ** 2 / np.maximum(expected, np.abs(change))[seen]))
            steps[k] = 1.0 / (np.sqrt(weight) * nuisance.width) if weight > 0.0 else 1.0
    return steps


def build_templates(nuisances: Sequence[Nuisance], counts: Counts, steps: FloatArray) -> Templates:
    """Return the templates of nuisances, of which the signals are ordered as by `varied_responses`.

    steps (nuisances,) are how many standard deviations each nuisance is counted in.

    Raises InputError if a shape has no counts, or a nuisance changes none.
    """
    cells, signals = len(counts.cells), 1 + 2 * sum(bool(nuisance.responses) for nuisance in nuisances)
    constant, factors = [counts.total_background], [np.zeros((signals, cells))]
    factors[0][0] = 1.0
    below: list[int] = []
    extra: list[tuple[FloatArray, FloatArray]] = []
    varied = 1
    for number, nuisance in enumerate(nuisances):
        sides = [
            tuple(steps[number] * part for part in _change(nuisance, counts, signals, side, varied))
            for side in ("plus", "minus")
        ]
        varied += 2 * bool(nuisance.responses)
        if not any(np.any(part) for side in sides for part in side):
            raise InputError(
                f"nuisances.{nuisance.name}: it changes no count that is compared with data; "
                "leave it out, or name a signal or background that has counts"
            )
        constant.append(sides[0][0])
        factors.append(sides[0][1])
        same = all(np.array_equal(a, b) for a, b in zip(*sides, strict=True))
        below.append(1 + number if same else 1 + len(nuisances) + len(extra))
        extra += [] if same else [sides[1]]
    constant += [side[0] for side in extra]
    factors += [side[1] for side in extra]
    return Templates(np.array(constant), np.array(factors), np.array(below, dtype=np.int64), steps)


def _change(nuisance: Nuisance, counts: Counts, signals: int, side: str, varied: int) -> tuple[FloatArray, FloatArray]:
    """Return constant (cells,) and factors (signals, cells) of the change per standard deviation on one side."""
    cells = len(counts.cells)
    constant, factors = np.zeros(cells), np.zeros((signals, cells))
    for experiment in nuisance.signals:
        factors[0] += nuisance.width_on(side) * counts.of(experiment)
    touched = dict.fromkeys(
        [*nuisance.backgrounds, *((each.experiment, each.background) for each in nuisance.shapes if each.background)]
    )
    for experiment, background in touched:
        constant += counts.background_change(nuisance, experiment, str(background), side)
    for each in nuisance.responses:
        inside = counts.of(each.plus.name)
        sign = 1.0 if side == "plus" else -1.0
        factors[varied + (side == "minus")] += sign * inside
        factors[0] -= sign * inside
    for shape in nuisance.shapes:
        if shape.background is None:
            nominal = counts.nominal_signal(shape.experiment)
            change = _shape_change(nuisance.name, shape, counts, nominal, side)
            # where the Standard Model has no counts there is nothing that scales with the parameters
            scales = nominal > 0.0
            factors[0] += np.divide(change, nominal, out=np.zeros(cells), where=scales)
            constant += np.where(scales, 0.0, change)
    return constant, factors


def _shape_change(name: str, shape: Shape, counts: Counts, nominal: FloatArray, side: str) -> FloatArray:
    """Return the change of counts (cells,) per standard deviation, on one side."""
    above = side == "plus" or shape.minus is None
    given = shape.plus if above else shape.minus
    assert given is not None
    template = counts.in_cells(shape.experiment, given)
    if shape.normalised:
        total, wanted = float(template.sum()), float(nominal.sum())
        if not total * wanted > 0.0:
            raise InputError(
                f"nuisances.{name}: the shape for {shape.experiment} has {total:g} counts in all bins compared, "
                f"and cannot be scaled to {wanted:g} counts; normalised = false uses it unscaled"
            )
        template *= wanted / total
    return template - nominal if above else nominal - template
