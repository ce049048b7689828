"""The documentation site: Sphinx with MyST notebooks, whose cells are all run; warnings are errors."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages

import scanengine

project = "scanengine"
author = "The scanengine developers"
copyright = author  # noqa: A001  (Sphinx calls it so)
version = release = scanengine.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "jupyter_execute"]

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_merge_streams = True
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ArrayLike": "ArrayLike", "FloatArray": "FloatArray"}
autodoc_class_signature = "separated"  # how objects are made is no part of the interface
autodoc_default_options = {"members": True, "inherited-members": True, "exclude-members": "count,index,__init__"}

smartquotes = False  # quotes and dashes in text are those of files and commands

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"scanengine {release}"
html_copy_source = False
html_show_sphinx = False


def _as_text(_app: object, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Our docstrings are plain text with code in backticks and examples: nothing in them is markup of another kind."""
    for i, line in enumerate(lines):
        if ">>>" in "".join(lines[: i + 1]):  # the example comes last
            break
        parts = re.split(r"(`+[^`]*`+)", line)
        parts[0::2] = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part) for part in parts[0::2]]
        parts[1::2] = [f"``{part.strip('`')}``" for part in parts[1::2]]
        lines[i] = "".join(parts)


def setup(app: object) -> None:
    """Write the pages that are made from the code, before the others are read."""
    pages.write(Path(__file__).parent / "reference" / "generated")
    app.connect("autodoc-process-docstring", _as_text)  # type: ignore[attr-defined]
