"""A likelihood file read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scanengine.errors import InputError
from scanengine.export.document import FORMAT, FORMAT_VERSION, Document
from scanengine.export.reader import minimised
from scanengine.grid.arguments import number


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
        """The names of the parameters."""
        return tuple(parameter["name"] for parameter in self.document["parameters"])

    @property
    def nuisances(self) -> tuple[str, ...]:
        """The names of the nuisances."""
        return tuple(nuisance["name"] for nuisance in self.document.get("nuisances", ()))

    def chi2(self, **parameters: float) -> float:
        """Return chi2 at one point, parameters by name; those not named are at the best fit.

        chi2 is a polynomial beyond the ends of the parameters as well. Raises InputError for a name that is none.
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
        return minimised(self.document, {**self.best_fit, **given})

    def __repr__(self) -> str:
        return f"PublishedLikelihood({self.document['title']!r}; parameters: {', '.join(self.parameters)})"


def read_likelihood(path: str | Path) -> PublishedLikelihood:
    """Read a likelihood file, as `Scan.export` writes it. Raises InputError for any other."""
    try:
        document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} is no likelihood file: it is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f'{path} is no likelihood file: its "format" is not "{FORMAT}"')
    if document.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {document.get('format_version')}, and this scanengine reads {FORMAT_VERSION}: "
            "a newer one would do"
        )
    missing = {"title", "parameters", "exponents", "squares", "minimum", "best_fit"} - document.keys()
    if missing:
        raise InputError(f"{path} is damaged: it has no {min(missing)!r}")
    return PublishedLikelihood(document)
