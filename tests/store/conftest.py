from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.results import (
    write_result,
)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "out.h5"
    write_result(path)
    return path
