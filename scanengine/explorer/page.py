"""The page of the explorer: its parts, and the likelihoods, put into one file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from scanengine.definition import Definition
from scanengine.definition.reading.overrides import Override
from scanengine.definition.reading.toml import as_toml, as_toml_key, as_toml_value
from scanengine.explorer.typeset import Run, runs
from scanengine.export import Document
from scanengine.grid.axes import Axis
from scanengine.inference.levels import delta_chi2

LEVELS = (0.6827, 0.90, 0.95)
SCRIPTS = ("polynomials.js", "minimise.js", "planes.js", "contours.js", "figure.js", "saving.js", "app.js")
_UNITS = {"1": "", "1e-10 mu_B": r"10^{-10}\,\mu_B", "1e-32 cm^2": r"10^{-32}\,cm^2", "1e-12 e": r"10^{-12}\,e"}


def payload(definition: Definition, combined: Document, experiments: Mapping[str, Document]) -> dict[str, Any]:
    """Return what a page draws: the likelihood of all experiments and those of each alone, by name."""
    return {
        "combined": combined,
        "experiments": [{"name": name, "likelihood": each} for name, each in experiments.items()],
        "symbols": {axis.name: _symbol(axis) for axis in definition.axes},
        "units": {axis.name: _units(axis.units) for axis in definition.axes},
        "levels": [{"cl": 100.0 * cl, "one": delta_chi2(cl, 1), "two": delta_chi2(cl, 2)} for cl in LEVELS],
        "scan_file": scan_file(definition),
    }


def scan_file(definition: Definition) -> dict[str, Any]:
    """Return the parts of a scan file: text without axes and fixed values, and these by name.

    Axes and fixed values are lines of TOML; "free" are axes that no fixed value can take the place of, since they are
    no parameters but names that ties use. The text has marks, "outer" by name, where values of outer axes belong.
    """
    from scanengine.inputs.parameters import PARAMETERS

    if definition.origin is None:
        return {}
    marks = {axis.name: f"@{axis.name}@" for axis in definition.outer}
    set_to_marks = [Override(tuple(name.split(".")), mark, f"{name}={mark}", name) for name, mark in marks.items()]
    raw = definition.origin.tables(set_to_marks)
    axes, fixed = raw.pop("axes", {}), raw.pop("fixed", {})
    axes = {name: table for name, table in axes.items() if name not in marks}
    known = {*PARAMETERS, *(parameter.name for parameter in definition.parameters.parameters)}
    return {
        "base": as_toml(raw),
        "axes": {name: f"{as_toml_key(name)} = {as_toml_value(table)}" for name, table in axes.items()},
        "fixed": [f"{as_toml_key(name)} = {as_toml_value(value)}" for name, value in fixed.items()],
        "free": [name for name in axes if name not in known],
        "outer": {name: as_toml_value(mark) for name, mark in marks.items()},
    }


def page(given: Mapping[str, Any]) -> str:
    """Return the HTML of the explorer of a payload."""
    from scanengine import __version__

    here = files("scanengine.explorer")
    sources = [files("scanengine.export").joinpath("reader.js"), *(here.joinpath(name) for name in SCRIPTS)]
    styles = {name: here.joinpath(f"{name}.css").read_text("utf-8") for name in ("figure", "dark", "page")}
    # in a script element nothing but "</" and "<!--" ends what is meant as text
    data = json.dumps({**given, "styles": styles}, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "version": escape(__version__),
        "title": escape(given["combined"]["title"] or "A likelihood"),
        "page_css": styles["page"],
        "payload": data,
        "scripts": "\n".join(source.read_text("utf-8") for source in sources),
    }
    text = here.joinpath("page.html").read_text("utf-8")
    return _filled(text, parts)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Return a template with its {{ names }} replaced, each part as it is."""
    pieces = template.split("{{ ")
    return pieces[0] + "".join(parts[name] + rest for name, rest in (piece.split(" }}", 1) for piece in pieces[1:]))


def _symbol(axis: Axis) -> Sequence[Run]:
    return runs(axis.symbol) if axis.symbol else [Run(axis.name, "")]


def _units(units: str) -> Sequence[Run]:
    known = _UNITS.get(units)
    return [Run(units, "")] if known is None else runs(known) if known else []
