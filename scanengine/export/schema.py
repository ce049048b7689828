"""The JSON schema of a likelihood file."""

from __future__ import annotations

from typing import Any

from scanengine.export.document import FORMAT, FORMAT_VERSION, LIST_VERSION

_NUMBER: dict[str, Any] = {"type": "number"}
_TEXT: dict[str, Any] = {"type": "string"}
_NUMBERS: dict[str, Any] = {"type": "array", "items": _NUMBER}
_PLACE: dict[str, Any] = {"type": "object", "additionalProperties": _NUMBER}


def _rows(description: str) -> dict[str, Any]:
    return {"type": "array", "items": _NUMBERS, "description": description}


def _table(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


_CHANGES = _table(
    {
        "squares": _rows("Change of each square's root, coefficients of the monomials."),
        "counts": _rows("Change of each Poisson count, coefficients of the monomials."),
    },
    description="What one standard deviation of the nuisance changes.",
)

_PARAMETER = _table(
    {
        "name": _TEXT,
        "units": {"type": "string", "description": '"1" of a pure number.'},
        "long_name": _TEXT,
        "centre": _NUMBER,
        "half_width": {"type": "number", "exclusiveMinimum": 0},
        "min": {"type": "number", "description": "Lower end of the axis."},
        "max": {"type": "number", "description": "Upper end of the axis."},
        "spacing": {"enum": ["linear", "log"], "description": "How the axis is drawn."},
    },
    {"squared": {"const": True, "description": "x^2 takes the place of x, as of a mediator's coupling."}},
    description="A parameter x, which enters as t = (x - centre) / half_width.",
)

_NUISANCE = _table(
    {
        "name": _TEXT,
        "width": {"type": "number", "description": "One standard deviation."},
        "pull": {"enum": ["gaussian", "log"]},
        "above": _CHANGES,
    },
    {
        "width_below": {"type": "number", "description": "One standard deviation below zero, where it is another."},
        "below": {**_CHANGES, "description": "What it changes below zero, where that is something else."},
    },
    description='A nuisance z, in standard deviations; a "log" pull adds 2 (y - ln(1 + y)) / width^2, y = width z.',
)

_BIN = _table(
    {
        "experiment": _TEXT,
        "channel": _TEXT,
        "energy": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
        "units": _TEXT,
        "signal": {**_NUMBERS, "description": "Expected signal, coefficients of the monomials."},
        "background": _NUMBER,
        "data": _NUMBER,
        "sigma": {"type": "number", "description": "Standard deviation of the data, without common errors."},
        "asimov": {"type": "boolean", "description": "Whether the data are the Standard Model's own expectation."},
        "statistic": {"enum": ["gaussian", "poisson"], "description": "Poisson bins are those of `poisson`, in order."},
    },
    {"time_us": {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}},
    description="What is expected in a bin, and what was seen; chi2 does not need it.",
)


_OUTER = _table(
    {
        "name": {"type": "string", "description": "The key of the scan file, with dots."},
        "units": {"type": "string", "description": '"1" of a pure number.'},
        "long_name": _TEXT,
        "values": {**_NUMBERS, "minItems": 2},
        "spacing": {"enum": ["linear", "log"], "description": "How the axis is drawn."},
    },
    description="A number of the scan file that is an axis, at each of whose values there is another likelihood.",
)


def _heading(version: int) -> dict[str, Any]:
    return {
        "format": {"const": FORMAT},
        "format_version": {"const": version},
        "scanengine_version": _TEXT,
        "title": _TEXT,
        "definition": {"type": "string", "description": "The scan file, verbatim."},
        "definition_overrides": {"type": "array", "items": _TEXT},
        "standard_model": _PLACE,
    }


_FOUND: dict[str, Any] = {
    "minimum": {"type": "number", "description": "The lowest chi2 within the parameters' ends."},
    "best_fit": _PLACE,
    "minima": {"type": "array", "items": _table({"chi2": _NUMBER, "at": _PLACE})},
}

_LIKELIHOOD: dict[str, Any] = {
    "parameters": {"type": "array", "items": _PARAMETER, "minItems": 1},
    "exponents": {
        "type": "array",
        "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "description": "Of each monomial, the power of each parameter's t; the first are zeros.",
    },
    "squares": _rows("Coefficients of the monomials; chi2 has the square of each sum."),
    "bins": {"type": "array", "items": _BIN},
}

_IN_SOME: dict[str, Any] = {
    "weights": _rows("Of each square, its weight above zero and below; 1 where the key is missing."),
    "poisson": _table(
        {
            "counts": _rows("Expected signal in each bin, coefficients of the monomials."),
            "background": _NUMBERS,
            "data": _NUMBERS,
        },
        description="chi2 has 2 (N - n + n ln(n / N)) of the counts N and the data n of each bin.",
    ),
    "nuisances": {"type": "array", "items": _NUISANCE},
    "pulls": _rows("Coefficients of the nuisances; chi2 has the square of each sum."),
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a likelihood file."""
    likelihoods = {
        "type": "array",
        "items": _table(_LIKELIHOOD | _FOUND, _IN_SOME),
        "description": "The likelihood at each point of the outer axes; the last of these runs fastest.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A likelihood of scanengine",
        "oneOf": [
            _table(_heading(FORMAT_VERSION) | _FOUND | _LIKELIHOOD, _IN_SOME),
            _table(
                _heading(LIST_VERSION)
                | _FOUND
                | {"outer": {"type": "array", "items": _OUTER, "minItems": 1}, "likelihoods": likelihoods}
            ),
        ],
    }
