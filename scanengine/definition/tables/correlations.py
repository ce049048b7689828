"""The key `correlations` of a scan file: pairs of nuisances that are not known independently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.inputs.nuisances import Correlation, Nuisance

_FORM = 'it must be two nuisances and their correlation, such as ["a", "b", 0.5]'
_SINGULAR = 1e-9
"""Correlations with an eigenvalue below this cannot be told from nuisances that are one."""


def build_correlations(raw: object, nuisances: Sequence[Nuisance], report: Report) -> tuple[Correlation, ...]:
    """Return the correlations without faults, after adding the faults of all."""
    path: KeyPath = ("correlations",)
    if not isinstance(raw, list):
        report.add(path, f'found {written(raw)}, it must be a list of pairs, such as [["a", "b", 0.5]]')
        return ()
    known = {nuisance.name: nuisance for nuisance in nuisances}
    found: list[Correlation] = []
    for position, item in enumerate(raw):
        fault = _fault(item, known, found)
        if fault:
            report.add((*path, position), fault)
        else:
            found.append(Correlation(item[0], item[1], float(item[2])))
    if len(found) == len(raw) and found:
        names = list(dict.fromkeys(name for each in found for name in (each.first, each.second)))
        matrix = np.eye(len(names))
        for each in found:
            i, j = names.index(each.first), names.index(each.second)
            matrix[i, j] = matrix[j, i] = each.value
        least = float(np.linalg.eigvalsh(matrix)[0])
        if least < _SINGULAR:
            report.add(
                path,
                f"the correlations of {listed(names)} have an eigenvalue of {least:.2g}, all must be positive: no "
                "quantities can be correlated like this; use smaller correlations",
            )
    return tuple(found)


def _fault(item: object, known: dict[str, Nuisance], before: Sequence[Correlation]) -> str | None:
    """Return what is wrong with one correlation, if anything is."""
    if not isinstance(item, list) or len(item) != 3 or not all(isinstance(name, str) for name in item[:2]):
        return f"found {written(item)}, {_FORM}"
    first, second, value = item
    for name in (first, second):
        if name not in known:
            return f"unknown nuisance {quoted(name)}, " + (
                nearest_or_all(name, known) if known else "there is no table [[nuisances]] without faults"
            )
        if known[name].pull == "log":
            return f"{quoted(name)} has a logarithmic pull, which is that of a count of its own: it has no correlations"
        if known[name].free:
            return f"{quoted(name)} has no width: only what is known of a nuisance can be correlated with another"
    if first == second:
        return f"found {quoted(first)} twice: a nuisance is correlated with others"
    if any({first, second} == {each.first, each.second} for each in before):
        return f"found {quoted(first)} and {quoted(second)} a second time"
    number = finite(value)
    if number is None or not -1.0 < number < 1.0:
        return f"found {written(value)}, a correlation lies between -1 and 1, both excluded"
    return None
