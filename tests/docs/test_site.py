"""The documentation site: pages made from the code hold all of it, and every code cell runs."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import typer

from scanengine.cli import app
from scanengine.definition import bundled_scans, schema
from scanengine.inputs.parameters import PARAMETERS
from scanengine.inputs.terms import MEDIATORS, TERMS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if not {"generated", "_build"} & set(path.parts)]
NOTEBOOKS = [path for path in PAGES if "```{code-cell}" in path.read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_interaction_is_there_with_its_parameters_and_its_formula(pages: ModuleType) -> None:
    page = pages.interactions()
    for term in TERMS:
        assert f"\n## {term.name[0].upper()}{term.name[1:]}\n" in page
    for kind in MEDIATORS:
        assert re.search(rf"\n## {kind}", page, re.IGNORECASE), kind
    missing = [name for name in PARAMETERS if f"| `{name}` |" not in page and name != "mu_nu"]
    assert not missing
    assert page.count("```text\n\n") == 0


def test_every_key_is_there_with_an_example_that_is_toml(pages: ModuleType) -> None:
    page, whole = pages.scan_file(), schema()
    for name, table in {"": whole, **whole["$defs"]}.items():
        for key, about in table.get("properties", {}).items():
            assert f"| `{key}` |" in page
            written = tomllib.loads(pages.example(name, key, about))
            assert list(written) == [key]
            assert name == "" or pages.fits(written[key], about), (name, key)


def test_every_command_and_every_bundled_scan_is_there(pages: ModuleType) -> None:
    names = getattr(typer.main.get_command(app), "commands", {})
    page = pages.commands()
    assert [name for name in names if f"## `scanengine {name}`" not in page] == []
    assert "`--json`" in page
    listed = pages.bundled()
    assert [name for name in bundled_scans() if f"| `{name}` |" not in listed] == []


def test_pages_made_from_the_code_are_those_that_others_lead_to(pages: ModuleType, tmp_path: Path) -> None:
    pages.write(tmp_path)
    named = {name for page in PAGES for name in re.findall(r"generated/([\w-]+)", page.read_text(encoding="utf-8"))}
    assert named == {page.stem for page in tmp_path.iterdir()}


def test_commands_have_the_options_that_are_written() -> None:
    verbs = getattr(typer.main.get_command(app), "commands", {})
    lines = [
        line.partition("scanengine ")[2]
        for text in map(Path.read_text, [DOCS.parent / "README.md", *PAGES])
        for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if re.match(r"(\$ )?(srun |mpiexec .*)?scanengine [a-z]", line)
    ]
    assert len(lines) > 40
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[0] in verbs, line
        known = {option for parameter in verbs[words[0]].params for option in parameter.opts + parameter.secondary_opts}
        for word in words[1:]:
            assert not word.startswith("--") or word.partition("=")[0] in known | {"--help"}, line


def test_every_page_is_in_the_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    found = {str(path.relative_to(DOCS).with_suffix("")) for path in PAGES} - {"index"}
    assert found == {line for line in index.splitlines() if line in found}


def test_every_picture_is_there() -> None:
    for path in PAGES:
        for picture in re.findall(r"```\{image\} (\S+)", path.read_text(encoding="utf-8")):
            assert (path.parent / picture).is_file(), picture


@pytest.mark.slow
@pytest.mark.jit_only
@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda path: str(path.relative_to(DOCS)))
def test_every_code_cell_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"```\{code-cell\} python3\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        if "IPython" not in code:  # which comes with the tools that build the site
            exec(compile(code, str(page), "exec"), names)
