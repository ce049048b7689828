"""Pages of the reference that are made from the code: keys of the scan file, commands, interactions, bundled scans."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer

from scanengine.cli import app
from scanengine.definition import bundled_scans, schema
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.terms import MEDIATORS, TERMS
from scanengine.inputs.terms.term import Term

Schema = Mapping[str, Any]

_schema = cache(schema)


def write(folder: Path) -> None:
    """Write all pages into a folder; those that are the same already are left as they are."""
    folder.mkdir(exist_ok=True)
    made = {
        "scan-file.md": scan_file(),
        "commands.md": commands(),
        "interactions.md": interactions(),
        "bundled-scans.md": bundled(),
    }
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def scan_file() -> str:
    """Return the page of all keys of a scan file, each with its units, default and an example."""
    whole = _schema()
    parts = ["# Every key of the scan file", _INTRODUCTION]
    parts += ["## Top level", _table(whole, "")]
    for name, inner in whole["properties"].items():
        if inner.get("properties"):
            parts += [f"## `[{name}]`", inner.get("description", ""), _table(inner, name)]
    for name, table in whole["$defs"].items():
        parts += [f"(table-{name.lower()})=\n## {_title(name)}", table.get("description", ""), _table(table, name)]
    return "\n\n".join(part for part in parts if part) + "\n"


_INTRODUCTION = """A scan file is [TOML](https://toml.io). Units are in the names of keys or in their descriptions.
`scanengine schema` prints the same as a JSON schema, for editors."""


def _title(name: str) -> str:
    """Return the name of a table of the schema as words: "ExperimentTable" is "experiment"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Table")).lower()
    for plain, written in _NAMES.items():
        words = words.replace(plain, written)
    return words[0].upper() + words[1:]


_NAMES = {
    "bcs": "BCS",
    "helm": "Helm",
    "klein nystrand": "Klein-Nystrand",
    "fermi": "Fermi",
    "lindhard": "Lindhard",
    "poisson": "Poisson",
    "gaussian": "Gaussian",
}


def _table(table: Schema, name: str) -> str:
    """Return the keys of a table, one line each."""
    rows = ["| key | value | meaning and example |", "|---|---|---|"]
    needed = table.get("required", [])
    for key, about in table.get("properties", {}).items():
        default = "required" if key in needed else _default(about)
        value = f"{_kind(about)}; {default}" if default else _kind(about)
        written = f"`{example(name, key, about)}`".replace("|", "\\|")
        meaning = "<br>".join(filter(None, [_escaped(about.get("description", "")), written]))
        rows.append(f"| `{key}` | {value} | {meaning} |")
    return "\n".join(rows) if len(rows) > 2 else ""


def _default(about: Schema) -> str:
    return f"default `{_toml(about['default'])}`" if about.get("default", "") not in ("", {}, [], None) else ""


def _escaped(text: str) -> str:
    return re.sub(r"([|<>*_{}\\$\[\]])", r"\\\1", text).replace("\n", " ")


def _kind(about: Schema) -> str:
    """Return what a value may be, with links to the tables it may be."""
    if "$ref" in about:
        name = about["$ref"].split("/")[-1]
        title = _title(name)
        return f"[{title if title.startswith(tuple(_NAMES.values())) else title.lower()}](#table-{name.lower()})"
    if "enum" in about:
        return ", ".join(f'`"{each}"`' for each in about["enum"])
    if "const" in about:
        return f'`"{about["const"]}"`'
    if "anyOf" in about:
        kinds = list(dict.fromkeys(_kind(each) for each in about["anyOf"]))
        alone = [kind for kind in kinds if not kind.startswith("table of ")]
        return " or ".join(alone if kinds == alone else [*alone, _table_of(kinds, alone)])
    kinds = {"integer": "whole number", "string": "text", "boolean": "true or false"} | _SEVERAL
    kind = about.get("type", "value")
    inner = about.get("items") or about.get("additionalProperties")
    if kind in ("array", "object") and isinstance(inner, Mapping):
        return f"{kinds[kind]} of {_kind(inner)}{'s' if _kind(inner) == 'number' else ''}"
    return kinds.get(kind, str(kind))


def _table_of(kinds: list[str], alone: list[str]) -> str:
    """Return how a table of values by name is called: of what a value may be alone, in few words."""
    (table,) = [kind for kind in kinds if kind not in alone]
    return "a table of these" if table == f"table of {' or '.join(alone)}" else table


_SEVERAL = {"array": "list", "object": "table"}


def example(table: str, key: str, about: Schema) -> str:
    """Return how a key is written: as in reference/examples.toml, in a bundled scan, or as the schema allows alone."""
    if table == "" and key in _TABLES:
        return _TABLES[key]
    own = _examples().get(table or "top", {})
    return f"{key} = {_toml(own[key] if key in own else _found(key, about))}"


@cache
def _examples() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "reference" / "examples.toml").read_text(encoding="utf-8"))


_TABLES = {
    "set": "[set]",
    "source": "[source]",
    "sources": "[sources.reactor]",
    "physics": "[physics]",
    "mediators": "[mediators.zp]",
    "experiments": "[[experiments]]",
    "statistic": "[statistic]",
    "nuisances": "[[nuisances]]",
    "axes": "[axes]",
    "fixed": "[fixed]",
    "tied": "[tied]",
    "output": "[output]",
}


def _found(key: str, about: Schema) -> Any:
    """Return the shortest value that a key has in a bundled scan and the schema allows here; else the one it allows.

    Raises KeyError for a key with neither, which needs an example of its own.
    """
    found = [value for name, value in _uses() if name == key and value not in ({}, [], "")]
    short = [value for value in found if len(_toml(value)) <= 60 and fits(value, about)]
    if short:
        return min(short, key=lambda value: len(_toml(value)))
    if "const" in about or "enum" in about:
        return about.get("const", about.get("enum", [""])[-1])
    if _kind(about) == "true or false":
        return not about.get("default")
    if about.get("default") in (None, "", [], {}):
        raise KeyError(f"{key} is in no bundled scan: give it an example in reference/examples.toml")
    return about["default"]


def fits(value: Any, about: Schema | bool) -> bool:
    """Whether a schema allows a value."""
    if isinstance(about, bool) or not about.keys() & {"$ref", "anyOf", "const", "enum", "type"}:
        return about is not False
    if "$ref" in about:
        return fits(value, _schema()["$defs"][about["$ref"].split("/")[-1]])
    if "anyOf" in about:
        return any(fits(value, each) for each in about["anyOf"])
    if "const" in about or "enum" in about:
        return value in about.get("enum", [about.get("const")])
    if isinstance(value, Mapping):
        keys, others = about.get("properties", {}), about.get("additionalProperties", False)
        return (
            about.get("type") == "object"
            and set(about.get("required", [])) <= value.keys()
            and all(fits(each, keys.get(key, others)) for key, each in value.items())
        )
    if isinstance(value, list):
        return about.get("type") == "array" and all(fits(each, about.get("items", {})) for each in value)
    return isinstance(value, _PLAIN.get(about.get("type", ""), ())) and isinstance(value, bool) == (
        about.get("type") == "boolean"
    )


_PLAIN = {"integer": int, "number": (int, float), "string": str, "boolean": bool}


@cache
def _uses() -> list[tuple[str, Any]]:
    texts = [path.read_text(encoding="utf-8") for path in bundled_scans().values()]
    return [each for text in texts for each in _walk(tomllib.loads(text))]


def _walk(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name, inner
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, float) and not 1e-4 < abs(value) < 1e5 and value:
        return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:g}")
    return json.dumps(value) if isinstance(value, str | bool) else f"{value!r}"


def commands() -> str:
    """Return the page of all commands with their arguments and options."""
    group = typer.main.get_command(app)
    parts = ["# Command line", "`scanengine COMMAND --help` prints the same."]
    for name, command in sorted(getattr(group, "commands", {}).items()):
        parts += [f"## `scanengine {name}`", _escaped(inspect.cleandoc(command.help or ""))]
        rows = ["| argument or option | meaning |", "|---|---|"]
        for parameter in command.params:
            if parameter.name in ("help", "install_completion", "show_completion"):
                continue
            is_option = parameter.param_type_name == "option"
            written = ", ".join(parameter.opts) if is_option else str(parameter.metavar or parameter.name).upper()
            metavar = f" {parameter.metavar}" if is_option and parameter.metavar else ""
            shown = f"{written}{metavar}".replace("|", "\\|")
            rows.append(f"| `{shown}` | {_escaped(getattr(parameter, 'help', None) or '')} |")
        if len(rows) > 2:
            parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


_OF_INTERACTIONS = """A rate is the sum of the interactions below. Each is a file of `scanengine/inputs/terms/`, from
which this page is made. The parameters can be scanned (`[axes]`), fixed (`[fixed]`) or given as linear functions of
axes (`[tied]`); those of a mediator come where a scan file has a table `[mediators.NAME]`, here with `zp` for NAME."""


def interactions() -> str:
    """Return the page of all interactions, each as its file describes it, with its parameters."""
    parts = [
        "# Interactions",
        _OF_INTERACTIONS,
    ]
    parts += [_interaction(term) for term in TERMS]
    parts += [_interaction(MEDIATORS[kind](Mediator("zp", kind, 10.0))) for kind in MEDIATORS]  # type: ignore[arg-type]
    return "\n\n".join(parts) + "\n"


def _interaction(term: Term) -> str:
    about = inspect.getmodule(term.couplings)
    title = term.name.removesuffix(" zp")
    words = inspect.cleandoc((about.__doc__ if about else "") or "")
    lines = [f"## {title[0].upper()}{title[1:]}", f"```text\n{words}\n```", f"Reference: {term.reference}."]
    if term.parameters:
        rows = [f"| `{p.name}` | {p.units} | {_escaped(p.long_name)} |" for p in term.parameters]
        lines.append("\n".join(["| parameter | units | |", "|---|---|---|", *rows]))
    return "\n\n".join(lines)


def bundled() -> str:
    """Return the page of the scans that come with the package."""
    rows = ["| name | title | data |", "|---|---|---|"]
    for name, path in bundled_scans().items():
        text = path.read_text(encoding="utf-8")
        needs = "needs a [data release](../data.md)" if "{data}" in text else ""
        rows.append(f"| `{name}` | {_escaped(tomllib.loads(text)['title'])} | {needs} |")
    about = "`scanengine run NAME` runs one, wherever you are; `scanengine list` prints this list."
    return "\n\n".join(["# Bundled scans", about, "\n".join(rows)]) + "\n"
