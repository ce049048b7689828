"""The tables [fixed] and [tied] of a scan file, folded with the axes into one linear map."""

from __future__ import annotations

import numpy as np

from scanengine.definition.model import ParameterMap
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import nearest_or_all, quoted
from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import FLAVOURS, MAGNETIC_MOMENT_OF_ALL, PARAMETERS, PHYSICAL_PARAMETERS

_TIE = "{ eps_et_uV = 1.0, constant = 0.0 }"
_OF_ALL = MAGNETIC_MOMENT_OF_ALL.name
_MAGNETIC = frozenset(f"mu_{flavour}" for flavour in FLAVOURS)


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
    sin2_theta_w: float,
    report: Report,
) -> ParameterMap:
    """Return the map from the axes (all that the file names) to the parameters, after adding faults of names."""
    for table, names, others in (("fixed", fixed, set(axes)), ("tied", ties, {*axes, *fixed})):
        for name in names:
            if name not in PARAMETERS:
                report.add((table, name), f"unknown parameter, {nearest_or_all(name, PARAMETERS)}")
            if name in others:
                where = "an axis" if name in axes else "fixed"
                other = ("axes" if name in axes else "fixed", name)
                report.add((table, name), f"it is {where} too, a parameter is one or the other", other)
    folding = _Folding(axes, fixed, ties, report)
    for name in ties:  # in the order of the file, and those that no parameter needs
        folding.row(name)
    matrix = np.zeros((len(PHYSICAL_PARAMETERS), 1 + len(axes)))
    for row, parameter in zip(matrix, PHYSICAL_PARAMETERS, strict=True):
        given = folding.standing_for(parameter.name)
        if given is not None:
            row[:] = folding.row(given)
        elif parameter.name == "sin2_theta_w":
            row[0] = sin2_theta_w
    return ParameterMap(axes, matrix)


class _Folding:
    """Rows of the parameter map by name, following ties to ties."""

    def __init__(
        self, axes: tuple[str, ...], fixed: dict[str, float], ties: dict[str, dict[str, float]], report: Report
    ) -> None:
        self._rows: dict[str, FloatArray] = {}
        for name, value in fixed.items():
            self._rows[name] = np.zeros(1 + len(axes))
            self._rows[name][0] = value
        for index, name in enumerate(axes):
            self._rows[name] = np.zeros(1 + len(axes))
            self._rows[name][1 + index] = 1.0
        self._zero = np.zeros(1 + len(axes))
        self._ties = ties
        self._report = report
        self._following: list[str] = []

    def standing_for(self, name: str) -> str | None:
        """Return the name that sets a parameter: itself, mu_nu for a flavour's magnetic moment, or None."""
        for candidate in (name, _OF_ALL) if name in _MAGNETIC else (name,):
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
                total += factor * self.row(given)
            else:
                known = sorted({*self._rows, *self._ties} - {name})
                message = f"{quoted(term)} is neither an axis nor fixed nor tied: {nearest_or_all(term, known)}"
                self._report.add(("tied", name, term), message)
        self._following.pop()
        self._rows[name] = total
        return total
