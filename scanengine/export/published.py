"""A likelihood file read back."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

from scanengine.errors import InputError
from scanengine.export.document import FORMAT, FORMAT_VERSION, LIST_VERSION, Document
from scanengine.export.reader import minimised
from scanengine.grid.arguments import number

_OF_ONE = ("parameters", "exponents", "squares")


class PublishedLikelihood:
    """chi2 as a likelihood file has it: a function of its parameters, minimised over its nuisances.

    `document` is the file as `json` reads it, `minimum` the lowest chi2 and `best_fit` where it is.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.minimum: float = document["minimum"]
        self.best_fit: dict[str, float] = dict(document["best_fit"])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, numbers of the scan file that are axes first."""
        return (*self.outer, *(parameter["name"] for parameter in self._first["parameters"]))

    @property
    def outer(self) -> dict[str, tuple[float, ...]]:
        """The values of each axis over a number of the scan file, by its key: chi2 is known at these alone."""
        return {axis["name"]: tuple(axis["values"]) for axis in self.document.get("outer", ())}

    @property
    def _first(self) -> Document:
        first: Document = self.document["likelihoods"][0] if "outer" in self.document else self.document
        return first

    @property
    def nuisances(self) -> tuple[str, ...]:
        """The names of the nuisances."""
        return tuple(nuisance["name"] for nuisance in self._first.get("nuisances", ()))

    def chi2(self, **parameters: float) -> float:
        """Return chi2 at one point, parameters by name; those not named are at the best fit.

        chi2 is a polynomial beyond the ends of the parameters as well. Raises InputError for a name that is none, and
        for a value of an `outer` axis that the file does not have.
        """
        return self._minimised(parameters)[0]

    def pulls(self, **parameters: float) -> dict[str, float]:
        """Return the nuisances that chi2 is least at, in standard deviations; parameters as for `chi2`."""
        return dict(zip(self.nuisances, self._minimised(parameters)[1], strict=True))

    def _minimised(self, parameters: dict[str, float]) -> tuple[float, list[float]]:
        unknown = set(parameters) - set(self.parameters)
        if unknown:
            raise InputError(f"{min(unknown)!r} is no parameter of this likelihood: {', '.join(self.parameters)} are")
        given = {name: number(value, name) for name, value in parameters.items()}
        try:
            return minimised(self.document, {**self.best_fit, **given})
        except ValueError as error:
            raise InputError(f"{self.document['title']}: {error}") from None

    def __repr__(self) -> str:
        return f"PublishedLikelihood({self.document['title']!r}; parameters: {', '.join(self.parameters)})"


def read_likelihood(path: str | Path) -> PublishedLikelihood:
    """Read a likelihood file, as `Scan.export` writes it. Raises InputError for any other.

    >>> scan = scanengine.load("scholberg2006/fig08", {"axes": {"mu_nu": {"min": 0, "max": 30, "points": 31}}})
    >>> exported = scan.export("moment.json")
    >>> round(scanengine.read_likelihood("moment.json").chi2(mu_nu=10.0), 3) == round(scan.chi2(mu_nu=10.0), 3)
    True
    """
    try:
        document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} is no likelihood file: it is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f'{path} is no likelihood file: its "format" is not "{FORMAT}"')
    version = document.get("format_version")
    if version not in (FORMAT_VERSION, LIST_VERSION):
        raise InputError(
            f"{path} has format version {version}, and this scanengine reads {FORMAT_VERSION} and {LIST_VERSION}: "
            "a newer one would do"
        )
    own = ("outer", "likelihoods") if version == LIST_VERSION else _OF_ONE
    missing = {"title", "minimum", "best_fit", *own} - document.keys()
    if missing:
        raise InputError(f"{path} is damaged: it has no {min(missing)!r}")
    if version == LIST_VERSION:
        _check_list(document, path)
    return PublishedLikelihood(document)


def _check_list(document: Document, path: str | Path) -> None:
    """Raise InputError unless a file has a likelihood for each value of its outer axes."""
    number, found = prod(len(axis["values"]) for axis in document["outer"]), document["likelihoods"]
    if len(found) != number:
        raise InputError(f"{path} is damaged: it has {len(found)} likelihoods for {number} values of its outer axes")
    missing = next((key for each in found for key in _OF_ONE if key not in each), None)
    if missing is not None:
        raise InputError(f"{path} is damaged: one of its likelihoods has no {missing!r}")
