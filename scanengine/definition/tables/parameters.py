"""The tables [fixed] and [tied] of a scan file, folded with the axes into one linear map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scanengine.definition.model import ParameterMap
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted
from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import MAGNETIC_MOMENT_OF_ALL, Parameter
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.interactions import physical_parameters, standard_model_point

_TIE = "{ eps_et_uV = 1.0, constant = 0.0 }"
_OF_ALL = MAGNETIC_MOMENT_OF_ALL.name


def read_fixed(raw: object, report: Report) -> dict[str, float]:
    """Return the fixed values; a value with a fault is 0."""
    table = report.table(raw, ("fixed",), "mu_nu = 0.5")
    return {name: report.number(value, ("fixed", name)) for name, value in table.items()}


def read_ties(raw: object, report: Report) -> dict[str, dict[str, float]]:
    """Return the factors and the constant of each tie; a number with a fault is 0."""
    ties = {}
    for name, tie in report.table(raw, ("tied",), f"eps_et_dV = {_TIE}").items():
        terms = report.table(tie, ("tied", name), _TIE)
        if isinstance(tie, dict) and not set(terms) - {"constant"}:
            report.add(
                ("tied", name), f"it depends on no axis: name one, as in {_TIE}; a constant belongs under [fixed]"
            )
        ties[name] = {term: report.number(value, ("tied", name, term)) for term, value in terms.items()}
    return ties


def build_parameters(
    axes: tuple[str, ...],
    fixed: dict[str, float],
    ties: dict[str, dict[str, float]],
    physics: Physics,
    known: Mapping[str, Parameter],
    report: Report,
) -> ParameterMap:
    """Return the map from the axes (all that the file names) to the parameters, after adding faults of names."""
    for table, names, others in (("fixed", fixed, set(axes)), ("tied", ties, {*axes, *fixed})):
        for name in names:
            if name not in known:
                report.add((table, name), f"unknown parameter, {nearest_or_all(name, known)}")
            if name in others:
                where = "an axis" if name in axes else "fixed"
                other = ("axes" if name in axes else "fixed", name)
                report.add((table, name), f"it is {where} too, a parameter is one or the other", other)
    _check_roots(axes, fixed, ties, known, report)
    folding = _Folding(axes, fixed, ties, known, report)
    for name in ties:  # in the order of the file, and those that no parameter needs
        folding.row(name)
    physical = physical_parameters(physics)
    standard_model = standard_model_point(physics)
    matrix = np.zeros((len(physical), 1 + len(axes)))
    for row, parameter, value in zip(matrix, physical, standard_model, strict=True):
        given = folding.standing_for(parameter.name)
        if given is not None:
            row[:] = folding.row(given)
        else:
            row[0] = value
    return ParameterMap(axes, matrix, physical, tuple(name in folding.squared for name in axes))


def _check_roots(
    axes: tuple[str, ...],
    fixed: dict[str, float],
    ties: dict[str, dict[str, float]],
    known: Mapping[str, Parameter],
    report: Report,
) -> None:
    """Add the faults of couplings g beside their g2, and of ties in which g is not a factor times another g."""
    places = dict.fromkeys(axes, "axes") | dict.fromkeys(fixed, "fixed") | dict.fromkeys(ties, "tied")
    roots = {name for name, parameter in known.items() if parameter.root_of is not None}
    for name in roots & set(places):
        square = str(known[name].root_of)
        if square in places:
            message = f"found beside {square}, which is its square: leave out one of them"
            report.add((places[name], name), message, (places[square], square))
        if fixed.get(name, 0.0) < 0.0:
            report.add(
                ("fixed", name), f"found {fixed[name]:g}, a coupling of which only the square counts is not negative"
            )
    for name, tie in ties.items():
        if name in roots:
            wrong = [term for term in tie if term == "constant" or (term in known and term not in roots)]
            if wrong or len(tie) > 1:
                message = (
                    f"{name} enters by its square: it can be tied to one other coupling alone, such as {{ g_b = 2.0 }}"
                )
                report.add(("tied", name), message)
            continue
        for term in roots & set(tie):
            report.add(("tied", name, term), f"{term} enters by its square: use {known[term].root_of} in its place")


class _Folding:
    """Rows of the parameter map by name, following ties to ties.

    A row is that of a parameter, or of the square of a coupling g; `squared` are the axes whose squares rows are of.
    """

    def __init__(
        self,
        axes: tuple[str, ...],
        fixed: dict[str, float],
        ties: dict[str, dict[str, float]],
        known: Mapping[str, Parameter],
        report: Report,
    ) -> None:
        roots = {name: parameter.root_of for name, parameter in known.items() if parameter.root_of is not None}
        self._root_of = {square: name for name, square in roots.items()}
        self._roots = roots.keys()
        of_roots = {term for name in self._roots & set(ties) for term in ties[name]}
        self.squared = {name for name in axes if name in self._roots or (name not in known and name in of_roots)}
        for name in self.squared - self._roots:
            other = next((tie for tie, terms in ties.items() if name in terms and tie not in self._roots), None)
            if other is not None:
                message = f"{name} is tied to couplings too, which enter by their squares: give it an axis of its own"
                report.add(("tied", other, name), message)
        self._rows: dict[str, FloatArray] = {}
        for name, value in fixed.items():
            self._rows[name] = np.zeros(1 + len(axes))
            self._rows[name][0] = value * value if name in self._roots else value
        for index, name in enumerate(axes):
            self._rows[name] = np.zeros(1 + len(axes))
            self._rows[name][1 + index] = 1.0
        self._zero = np.zeros(1 + len(axes))
        self._ties = ties
        self._report = report
        self._following: list[str] = []

    def standing_for(self, name: str) -> str | None:
        """Return the name that sets a parameter: itself, mu_nu for a flavour's magnetic moment, g for g2, or None."""
        other = _OF_ALL if name in MAGNETIC_MOMENT_OF_ALL.stands_for else self._root_of.get(name)
        for candidate in (name,) if other is None else (name, other):
            if candidate in self._rows or candidate in self._ties:
                return candidate
        return None

    def row(self, name: str) -> FloatArray:
        """Return constant and factors (1 + axes) of a name that `standing_for` gave."""
        if name in self._rows:
            return self._rows[name]
        if name in self._following:
            circle = self._following[self._following.index(name) :]
            message = f"tied to itself, {' -> '.join((*circle, name))}: leave out one of these ties"
            self._report.add(("tied", circle[0]), message, *(("tied", link) for link in circle))
            return self._zero
        self._following.append(name)
        total = self._zero.copy()
        for term, factor in self._ties[name].items():
            if term == "constant":
                total[0] += factor
                continue
            given = self.standing_for(term)
            if given is not None:
                total += (factor * factor if name in self._roots else factor) * self.row(given)
            else:
                known = sorted({*self._rows, *self._ties} - {name})
                message = f"{quoted(term)} is neither an axis nor fixed nor tied: {nearest_or_all(term, known)}"
                self._report.add(("tied", name, term), message)
        self._following.pop()
        self._rows[name] = total
        return total
