"""Where an interruption waits: the code that must not be left half way is named by file and function."""

from __future__ import annotations

import weakref

from scanengine.cli import interrupts
from scanengine.scan import to_file
from scanengine.store import GridWriter
from scanengine.store.disk import committed


def test_what_must_not_be_interrupted_lies_where_it_is_said_to() -> None:
    files = {committed.__file__, weakref.__file__}
    assert {file for file in files if file.endswith(interrupts.FILES)} == files
    assert "_interruptible" in vars(to_file)
    assert "discard" in vars(GridWriter)
