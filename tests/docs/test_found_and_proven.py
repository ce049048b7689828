"""The example of the page on what is found and what is proven says what it prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "found-and-proven.md"

pytestmark = pytest.mark.jit_only


def test_the_search_is_wrong_and_the_proof_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    promised = [line.split("# ")[1].split(":")[0] for line in code.splitlines() if line.startswith("print")]
    assert printed == promised
