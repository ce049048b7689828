"""The page on the architecture tells of the code as it is."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LIBRARY = ROOT / "scanengine"


@pytest.mark.skipif(sys.gettrace() is not None, reason="a scan is followed by the hook that a debugger or coverage has")
def test_the_picture_shows_the_calls_that_a_scan_makes() -> None:
    spec = importlib.util.spec_from_file_location("flow", ROOT / "docs" / "flow.py")
    assert spec is not None
    assert spec.loader is not None
    flow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(flow)
    steps = flow.follow()
    missing = {step.__name__ for step in flow.STEPS} - {step.name.rpartition(".")[2] for step in steps}
    assert not missing
    shown = (ROOT / "docs" / "figures" / "flow.svg").read_text(encoding="utf-8")
    assert shown == flow.drawn(steps), "the flow has changed: python docs/flow.py draws it anew"


def test_every_folder_has_its_line() -> None:
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    told = {
        name
        for line in PAGE.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)/`", line.split("|")[1])
    }
    assert told == folders


def test_what_is_named_is_there() -> None:
    """Paths with a slash from the library's or the repository's folder, and in the table files of the folder."""
    for path in re.findall(r"`([\w/]+/[\w/.]*)`", PAGE):
        assert (LIBRARY / path).exists() or (ROOT / path).exists() or list(LIBRARY.glob(f"*/{path}")), path
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            folders, contents = line.strip("| ").split(" | ", 1)
            folder = LIBRARY / re.findall(r"`([\w/]+?)/?`", folders)[0]
            for name in re.findall(r"`(\w+)`", contents):
                known = (
                    (folder / f"{name}.py").exists()
                    or name in (LIBRARY / "__init__.py").read_text("utf-8")
                    or (LIBRARY / name).exists()
                )
                assert known, (folder.name, name)
